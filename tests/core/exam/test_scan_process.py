"""Scanning in a child process: same result, progress, cancel, and a child that dies or hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gmic_core.errors import CancelledError, ExamError
from gmic_core.exam.scan import scan
from gmic_core.exam.scan_process import ScanProcess
from tests.helpers.breasts import breast
from tests.helpers.dicom_files import write_exam, write_mg


@pytest.fixture(scope="module")
def process():
    process = ScanProcess()
    yield process
    process.close()


def test_same_result_as_in_process(process: ScanProcess, tmp_path: Path) -> None:
    write_exam(tmp_path, 24, 16, modalities=("FFDM", "DBT"), slices=2)
    calls: list[tuple[int, int]] = []
    result = process.scan([tmp_path], progress=lambda done, total: calls.append((done, total)))
    assert result == scan([tmp_path])
    assert calls == [(0, 8), (8, 8)]


def test_cancel(process: ScanProcess, tmp_path: Path) -> None:
    template = write_mg(tmp_path / "a.dcm", breast(8, 8)).read_bytes()
    for number in range(1500):
        (tmp_path / f"{number}.dcm").write_bytes(template)
    started = time.perf_counter()
    with pytest.raises(CancelledError):
        process.scan([tmp_path], cancelled=lambda: True)
    assert time.perf_counter() - started < 3.0
    assert process.scan([tmp_path / "a.dcm"]).exams  # it goes on


def test_killed_child_is_replaced(process: ScanProcess, tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(8, 8))
    process.scan([path])
    first = process.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=5)
    assert process.scan([path]).exams
    assert process.process_id != first


def test_child_that_keeps_dying_is_given_up(tmp_path: Path) -> None:
    process = ScanProcess()

    def kill() -> bool:
        assert process.process_id is not None
        os.kill(process.process_id, signal.SIGKILL)
        return False

    try:
        with pytest.raises(ExamError, match=r"stopped unexpectedly \(exit code -9\)"):
            process.scan([tmp_path], cancelled=kill)
    finally:
        process.close()


def test_stopped_child_is_given_up(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(8, 8))
    process = ScanProcess()
    try:
        process.scan([path])
        process._stall = 0.5
        assert process.process_id is not None
        os.kill(process.process_id, signal.SIGSTOP)
        with pytest.raises(ExamError, match="no progress"):
            process.scan([path])
        process._stall = 30.0
        assert process.scan([path]).exams
    finally:
        process.close()


def test_close_leaves_nothing(tmp_path: Path) -> None:
    process = ScanProcess()
    process.scan([write_mg(tmp_path / "a.dcm", breast(8, 8))])
    pid = process.process_id
    process.close()
    assert pid is not None
    assert not psutil.pid_exists(pid)
    with pytest.raises(CancelledError):
        process.scan([tmp_path])


_PARENT = """
import os, sys
from gmic_core.exam.scan_process import ScanProcess
if __name__ == "__main__":
    process = ScanProcess()
    process.scan([sys.argv[1]])
    print(process.process_id, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    root = Path(__file__).parents[3]
    env = os.environ | {"PYTHONPATH": str(root)}
    ran = subprocess.run([sys.executable, script, tmp_path], env=env, capture_output=True, text=True, check=False)
    child = int(ran.stdout)
    assert ran.stderr == ""
    deadline = time.monotonic() + 5.0
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
