"""Scanning in the background, with the real reading process and with one that the test steers."""

from __future__ import annotations

import threading
import time

import pytest

from gmic_core.errors import CancelledError, ExamError
from gmic_core.exam.model import ScanResult
from tests.viewer.services.bench import spawned
from viewer.services.scanner import ScanService


class SteeredProcess:
    """Scans when the test lets it."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.scanned: list[list[str]] = []
        self.error: Exception | None = None

    def scan(self, paths, *, progress=None, cancelled=None):
        self.scanned.append([path.name for path in paths])
        progress(1, 2)
        while not self.go.wait(0.01):
            if cancelled():
                raise CancelledError("stopped")
        if self.error is not None:
            raise self.error
        return ScanResult()

    def close(self) -> None:
        self.go.set()


class Told(list):
    """What the service told, and on which thread."""

    def scan(self, service, *names, folder) -> None:
        service.scan(
            [folder / name for name in names],
            lambda done, total: self.append(("progress", names, done, total)),
            lambda found: self.append(("done", names, len(found.exams))),
            lambda text: self.append(("failed", names, text)),
        )

    def ends(self) -> list[tuple]:
        return [entry for entry in self if entry[0] != "progress"]


def test_a_folder_becomes_exams(exam, post, tmp_path):
    service, told = ScanService(post), Told()
    told.scan(service, "exam", folder=tmp_path)
    assert service.busy
    post.run_until(lambda: told.ends() != [])
    assert told.ends() == [("done", ("exam",), 1)]
    assert told[-2][0] == "progress"
    assert not service.busy
    service.close()
    assert spawned() == []


def test_cancel_stops_what_runs_and_waits_but_nothing_that_comes_after(post, tmp_path):
    process, told = SteeredProcess(), Told()
    service = ScanService(post, process)
    told.scan(service, "one", folder=tmp_path)
    told.scan(service, "two", folder=tmp_path)
    service.cancel()
    told.scan(service, "three", folder=tmp_path)  # asked for before the first one noticed
    post.run_until(lambda: len(told.ends()) == 2, 5)
    process.go.set()
    post.run_until(lambda: len(told.ends()) == 3, 5)
    assert told.ends() == [
        ("failed", ("one",), "Cancelled."),
        ("failed", ("two",), "Cancelled."),
        ("done", ("three",), 0),
    ]
    assert ["two"] not in process.scanned
    service.close()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ExamError("The folder is gone."), "The folder is gone."),
        (RuntimeError("a bug"), "Reading failed unexpectedly (RuntimeError); the log has the details."),
    ],
)
def test_a_failure_is_told_and_the_next_scan_runs(post, tmp_path, error, text):
    process, told = SteeredProcess(), Told()
    process.go.set()
    process.error = error
    service = ScanService(post, process)
    told.scan(service, "one", folder=tmp_path)
    post.run_until(lambda: told.ends() != [], 5)
    assert told.ends() == [("failed", ("one",), text)]
    process.error = None
    told.scan(service, "two", folder=tmp_path)
    post.run_until(lambda: len(told.ends()) == 2, 5)
    assert told.ends()[1] == ("done", ("two",), 0)
    service.close()


def test_closing_in_the_middle_leaves_nothing(post, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(300):
        (folder / f"{n}.dcm").write_bytes(b"\0" * 200)
    service = ScanService(post)
    service.scan([folder], lambda *_: None, lambda _: None, lambda _: None)
    begin = time.monotonic()
    service.close()
    assert time.monotonic() - begin < 5.0
    assert spawned() == []
