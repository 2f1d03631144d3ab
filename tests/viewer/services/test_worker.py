"""The real worker process with the real networks (random weights): streaming, bad files, cancel, ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from gmic_core.errors import ExamError
from gmic_core.inference.occlusion import Occlusion
from tests.viewer.services.bench import Bench, spawned
from viewer.services import worker
from viewer.services.protocol import Ready, Warm

WEIGHTS = {"gmic2d": ("random:0",), "gmic3d": ("random:0",)}
ROOT = Path(__file__).resolve().parents[3]


def test_a_worker_from_its_first_image_to_a_violent_end(post, exam, tmp_path, gmic_home):
    """One process for all of it: importing torch and making random weights takes longer than the rest."""
    bench = Bench(post, exam, tmp_path / "home")
    (dbt,), (broken, _) = bench.images("DBT"), bench.images("FFDM")

    # maps arrive slice by slice, the middle first, while others are still missing
    missing: list[int] = []
    bench.session.results.slice_arrived.connect(
        lambda uid, _k: missing.append(int(np.isnan(bench.session.results.get(uid).saliency[:, 0, 0, 0]).sum()))
    )
    bench.client.submit([dbt], WEIGHTS, "cpu")
    bench.wait(dbt, "done")
    assert missing == list(range(7, -1, -1))
    assert sorted(k for _, k in bench.slices) == list(range(8))
    entry = bench.entry(dbt)
    assert entry.untrained
    assert entry.result.provenance.weights == "random:0"
    assert entry.result.saliency.shape == (8, 2, 33, 21)
    assert sum(roi.attention for roi in entry.result.rois) == pytest.approx(1.0, abs=1e-5)
    assert bench.session.ai.device == "cpu"
    pid = bench.client.worker_pid
    assert psutil.Process(pid).nice() > psutil.Process().nice()  # scrolling comes first

    # bad files and unknown weights end as reasons; the worker lives
    path = broken.files[0].rename(tmp_path / "DOE_JANE.dcm")
    path.write_bytes(b"no picture any more")
    broken = replace(broken, source=replace(broken.source, paths=(path,)))
    bench.session.open_exam(replace(exam, images=(dbt, broken)))
    bench.client.submit([broken], WEIGHTS, "cpu")
    bench.wait(broken, "failed")
    bench.client.submit([broken], {"gmic2d": ("no-such-weights",)}, "cpu")
    bench.wait(broken, "failed")
    assert "neither stored weights" in bench.entry(broken).message
    assert bench.client.worker_pid == pid
    log = (gmic_home / "logs" / "worker.log").read_text()
    assert "job-2 failed: " in log
    assert "DOE_JANE" not in log
    assert broken.sop_uid not in log

    # cancel between slices; what was computed is not kept
    bench.client.submit([dbt], WEIGHTS, "cpu")
    bench.wait(dbt, "running")
    begin = time.monotonic()
    bench.client.cancel()
    assert bench.status(dbt) == "cancelled"
    bench.post.run_until(lambda: bench.session.ai.state == "idle" or bench.client.worker_pid != pid, 10)
    assert time.monotonic() - begin < 2.5  # two seconds, and half a one for a busy machine

    _what_if(bench, dbt, entry.result)
    _edited_on_the_disk(bench, exam, bench.images("FFDM")[1])

    # killed in the middle of a network: told, restarted, run again; its decoder process goes with it
    bench.client.submit([dbt], WEIGHTS, "cpu")
    bench.post.run_until(lambda: len(bench.slices) > 8)
    family = [psutil.Process(bench.client.worker_pid), *psutil.Process(bench.client.worker_pid).children()]
    assert len(family) == 2
    os.kill(family[0].pid, signal.SIGKILL)
    bench.post.run_until(lambda: bench.notices != [] and "exit code -9" in bench.notices[-1][1])
    _, alive = psutil.wait_procs(family[1:], timeout=5)
    assert alive == []
    bench.wait(dbt, "done")  # a new process went on with what the old one left
    assert bench.entry(dbt).result.y == entry.result.y
    assert bench.client.worker_pid != pid

    begin = time.monotonic()
    bench.client.close()
    assert time.monotonic() - begin < 5.0
    assert spawned() == []
    reopened = Bench(post, exam, tmp_path / "home")
    reopened.client.restore(exam.images, WEIGHTS)
    reopened.wait(dbt, "done", timeout=5)
    assert reopened.entry(dbt).result.y == entry.result.y
    reopened.client.close()


def _what_if(bench, dbt, result):
    """Patches left out are scored beside a run that goes on, and a place is hidden from the network."""
    count = len(result.rois)
    scored = bench.session.trials
    bench.session.results.restore(result)
    bench.session.results.get(dbt.sop_uid).result = result
    bench.client.score_without(dbt, result, ("random:0",), "cpu", [True] * count)
    bench.post.run_until(lambda: scored.what_if(dbt.sop_uid).reduced is not None)
    np.testing.assert_allclose(scored.what_if(dbt.sop_uid).reduced.y, result.y, atol=1e-6)
    other = bench.images("FFDM")[1]  # the first is broken by now
    bench.client.submit([other], {"gmic2d": ("random:0",)}, "cpu")
    bench.wait(other, "running")
    begin = time.monotonic()
    bench.client.score_without(dbt, result, ("random:0",), "cpu", [False] + [True] * (count - 1))
    bench.post.run_until(lambda: scored.what_if(dbt.sop_uid).reduced is not None)
    assert time.monotonic() - begin < 2.0  # half a second on a machine that has nothing else to do
    assert bench.status(other) == "running"
    assert scored.what_if(dbt.sop_uid).reduced.attention[0] == 0.0
    bench.client.cancel()
    bench.wait_state("idle")
    bench.client.try_out(dbt, result, ("random:0",), "cpu", Occlusion(100, 40, 180, 120, 0, 7))
    bench.post.run_until(lambda: not scored.experiment(dbt.sop_uid).pending)
    experiment = scored.experiment(dbt.sop_uid)
    assert experiment.message == ""
    assert experiment.result.y != result.y
    assert bench.entry(dbt).result is result  # what was tried out is not the image's result


def _edited_on_the_disk(bench, exam, image):
    """No result of other pixels than those on screen is shown or kept; opened again, the image has its own."""
    chosen = {"gmic2d": ("random:0",)}
    shown: list[int] = []
    bench.session.open_exam(exam)
    bench.client.restore(exam.images, {}, lambda: shown.append(1))
    bench.post.run_until(lambda: shown != [])
    before, data = image.files[0].stat(), bytearray(image.files[0].read_bytes())
    data[-1000] ^= 1
    image.files[0].write_bytes(bytes(data))
    os.utime(image.files[0], ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nothing had happened
    bench.client.submit([image], chosen, "cpu")
    bench.wait(image, "failed")
    assert bench.entry(image).message == (
        "The files of L-CC FFDM were changed on the disk meanwhile. Open the exam again, then run the AI again."
    )
    bench.session.open_exam(exam)
    bench.client.submit([image], chosen, "cpu")
    bench.wait(image, "done")


WINDOW = """
import sys, time
from viewer.services.worker_link import WorkerLink
if __name__ == '__main__':
    link = WorkerLink(lambda l, m: print(l.process.pid, flush=True), lambda l, c: None)
    {then}
"""


@pytest.mark.parametrize("then", ["time.sleep(60)", "time.sleep(0.5)  # and out, without close()"])
def test_the_worker_ends_with_the_window(tmp_path, then):
    script = tmp_path / "window.py"
    script.write_text(WINDOW.format(then=then))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as window:
        assert window.stdout is not None
        if "60" in then:
            pid = int(window.stdout.readline())
            window.kill()
        else:
            pid = int(window.stdout.readline() or 0)
        assert window.wait(10) == (-9 if "60" in then else 0)
    if psutil.pid_exists(pid):
        psutil.wait_procs([psutil.Process(pid)], timeout=10)
    assert not psutil.pid_exists(pid)


def test_the_window_side_imports_no_torch():
    names = "inference, loader, scanner, store, worker, worker_link, answers, early"
    code = f"import sys; from viewer.services import {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_networks_are_loaded_ahead_and_what_cannot_be_loaded_is_left_to_its_task():
    told: list[Ready] = []
    pipe = SimpleNamespace(send=told.append)
    process = worker._Worker(pipe)
    process._warm(Warm("cpu", (("gmic2d", ("no-such-weights", "random:0")),)))
    assert told == [Ready("cpu")]
    assert [(model, key[:8]) for model, key, _device in process._networks] == [("gmic2d", "random:0")]


def test_the_log_says_where_but_not_what():
    try:
        try:
            raise FileNotFoundError("/data/DOE_JANE/1.dcm")
        except FileNotFoundError as cause:
            raise ExamError("The file DOE_JANE.dcm is gone.") from cause
    except ExamError as error:
        text = worker._where(error)
    assert text.splitlines()[0] == "ExamError"
    assert "test_worker.py" in text
    assert "FileNotFoundError" in text
    assert "DOE" not in text


def test_a_log_that_cannot_be_written_does_not_stop_the_worker(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GMIC_HOME", str(tmp_path / "file"))
    before = list(worker.log.handlers)
    worker._start_log()
    added = [handler for handler in worker.log.handlers if handler not in before]
    assert [type(handler).__name__ for handler in added] == ["NullHandler"]
    worker.log.removeHandler(added[0])
    worker.log.propagate = True
