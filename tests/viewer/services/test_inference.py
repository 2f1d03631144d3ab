"""The real worker process: streaming, bad jobs, cancel, violent ends, kept results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from tests.conftest import ROOT
from viewer.model.session import Session
from viewer.services.inference import InferenceClient
from viewer.services.protocol import Failed, Told
from viewer.services.store import ResultStore

WEIGHTS = {"gmic2d": ("random:0",), "gmic3d": ("random:0",), "gmic2d_park": ("random:0",)}


class Bench:
    """A session with a client on it, and what the reader was told."""

    def __init__(self, post, exam, folder) -> None:
        self.post, self.exam = post, exam
        self.session = Session()
        self.session.open_exam(exam)
        self.store = ResultStore(folder)
        self.client = InferenceClient(self.session, self.store, post)
        self.notices: list[tuple[str, str]] = []
        self.slices: list[int] = []
        self.session.notice.connect(lambda level, text: self.notices.append((level, text)))
        self.session.results.slice_arrived.connect(lambda _uid, k: self.slices.append(k))

    def status(self, image) -> str:
        entry = self.session.results.get(image.sop_uid)
        return entry.status if entry else "none"

    def wait(self, image, *statuses: str, timeout: float = 90.0) -> None:
        self.post.run_until(lambda: self.status(image) in statuses, timeout)


@pytest.fixture
def bench(post, exam, tmp_path):
    bench = Bench(post, exam, tmp_path / "home")
    yield bench
    bench.client.close()
    assert bench.client.worker_pid is None
    assert [p for p in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(p.cmdline())] == []


def images_of(exam, modality):
    return [image for image in exam.images if image.modality == modality]


def test_an_exam_from_start_to_kept_results(bench, post, exam, tmp_path):
    (dbt,) = images_of(exam, "DBT")
    missing = []  # slices of the volume not computed yet, whenever one has come

    def look(uid: str, _k: int) -> None:
        entry = bench.session.results.get(uid)
        missing.append(int(np.isnan(entry.saliency[:, 0, 0, 0]).sum()))

    bench.session.results.slice_arrived.connect(look)
    bench.client.submit(exam.images, WEIGHTS, "cpu")
    for image in exam.images:
        bench.wait(image, "done")
    entry = bench.session.results.get(dbt.sop_uid)
    assert sorted(missing, reverse=True)[:8] == [7, 6, 5, 4, 3, 2, 1, 0]  # the volume's maps came one by one
    assert entry.untrained
    assert entry.result.provenance.weights == "random:0"
    assert entry.result.saliency.shape[0] == 8
    assert sum(roi.attention for roi in entry.result.rois) == pytest.approx(1.0, abs=1e-5)
    assert bench.session.ai.state == "idle"
    assert bench.session.ai.device == "cpu"

    # the exam is opened again: results are there without a worker
    bench.session.open_exam(exam)
    bench.client.restore(exam.images, WEIGHTS)
    for image in exam.images:
        bench.wait(image, "done", timeout=5)
    restored = bench.session.results.get(dbt.sop_uid).result
    np.testing.assert_array_equal(restored.saliency, entry.result.saliency)
    # with other weights they are not
    bench.session.open_exam(exam)
    seen = []
    bench.client.restore(exam.images, {**WEIGHTS, "gmic2d": ("random:1",)}, lambda: seen.append(True))
    post.run_until(lambda: bool(seen), 5)
    assert [bench.status(image) for image in images_of(exam, "FFDM")] == ["none", "none"]
    assert bench.status(dbt) == "done"


def test_bad_jobs_end_as_reasons_and_the_worker_lives(bench, exam):
    good, bad = images_of(exam, "FFDM")
    bad.files[0].write_bytes(b"no picture any more")
    other = replace(good, sop_uid="1.2.3", modality="OTHER")
    bench.session.open_exam(replace(exam, images=(good, bad, other)))
    bench.client.submit([other, bad, good], {**WEIGHTS}, "cpu")
    assert "No network takes images of the kind OTHER" in bench.session.results.get("1.2.3").message
    bench.wait(good, "done")
    assert bench.status(bad) == "failed"
    pid = bench.client.worker_pid
    bench.client.submit([good], {"gmic2d": ("no-such-weights",)}, "cpu")
    bench.wait(good, "failed")
    assert "neither stored weights" in bench.session.results.get(good.sop_uid).message
    bench.client.submit([good], {}, "cpu")
    assert "No weights are chosen for gmic2d" in bench.session.results.get(good.sop_uid).message
    assert bench.client.worker_pid == pid


def test_cancel_takes_effect_at_once_and_within_two_seconds_in_the_worker(bench, exam):
    (dbt,) = images_of(exam, "DBT")
    flat = images_of(exam, "FFDM")[0]
    bench.client.submit([dbt, flat], WEIGHTS, "cpu")
    bench.wait(dbt, "running")
    started = time.monotonic()
    bench.client.cancel()
    assert bench.status(dbt) == "cancelled"
    assert bench.status(flat) == "cancelled"
    bench.post.run_until(lambda: bench.session.ai.state == "idle", 10)
    assert time.monotonic() - started < 4.0  # two for the asking, the rest for a new process on a busy machine
    assert bench.session.results.get(dbt.sop_uid).saliency is None
    bench.client.submit([flat], WEIGHTS, "cpu")
    bench.wait(flat, "done")


def test_a_killed_worker_is_restarted_and_the_queue_goes_on(bench, exam):
    first, flat = images_of(exam, "FFDM")
    bench.client.submit([first, flat], WEIGHTS, "cpu")
    bench.wait(first, "running")
    os.kill(bench.client.worker_pid, signal.SIGKILL)
    bench.wait(first, "failed")
    assert "stopped unexpectedly (exit code -9)" in bench.session.results.get(first.sop_uid).message
    level, text = bench.notices[-1]
    assert level == "error"
    assert f"{first.label} was not finished: press R to run it again" in text
    bench.wait(flat, "done")


def test_a_worker_that_keeps_dying_is_given_up_until_asked(bench, exam):
    flat = images_of(exam, "FFDM")[0]
    bench.client.start()
    for _ in range(3):
        bench.post.run_until(lambda: bench.client.worker_pid is not None)
        pid = bench.client.worker_pid
        os.kill(pid, signal.SIGKILL)
        bench.post.run_until(lambda pid=pid: bench.client.worker_pid != pid)
    assert bench.session.ai.state == "dead"
    assert "stopped 3 times in a row" in bench.session.ai.message
    bench.client.restart()
    bench.client.submit([flat], WEIGHTS, "cpu")
    bench.wait(flat, "done")


def test_words_of_an_earlier_process_or_job_are_dropped(bench, exam):
    flat = images_of(exam, "FFDM")[0]
    bench.client.submit([flat], WEIGHTS, "cpu")
    bench.client._apply(object(), Failed("job-1", flat.sop_uid, "from a process that was replaced"))
    assert bench.status(flat) in ("queued", "running")
    bench.client._apply(bench.client._link, Failed("job-0", flat.sop_uid, "of a stale job"))
    assert bench.status(flat) in ("queued", "running")
    bench.wait(flat, "done")
    result = bench.session.results.get(flat.sop_uid).result
    bench.session.open_exam(exam)
    from gmic_core.inference.events import ImageFinished

    bench.client._apply(bench.client._link, Told("job-1", ImageFinished(result)))
    assert bench.status(flat) == "none"


def test_the_worker_ends_when_the_window_is_killed(tmp_path):
    script = tmp_path / "window.py"
    script.write_text(
        "import sys, time\n"
        "from viewer.services.worker_link import WorkerLink\n"
        "if __name__ == '__main__':\n"
        "    link = WorkerLink(lambda l, m: print(l.process.pid, flush=True), lambda l, c: None)\n"
        "    time.sleep(60)\n"
    )
    window = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert window.stdout is not None
    pid = int(window.stdout.readline())
    window.kill()
    window.wait()
    window.stdout.close()
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert not psutil.pid_exists(pid)


def test_the_window_side_imports_no_torch():
    code = (
        "import sys, viewer.services.inference, viewer.services.loader, viewer.services.scanner; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
