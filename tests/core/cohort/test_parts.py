"""Smaller parts of a cohort run: shares of the machine, progress, the document in pieces, signals."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import pytest

from gmic_core.cohort.plan import Task
from gmic_core.cohort.progress import CohortProgress, images_per_hour
from gmic_core.cohort.results_file import write_results
from gmic_core.cohort.sizing import ahead_bytes, default_workers, memory_warning, threads_each
from gmic_core.cohort.stop import Stop
from gmic_core.inference.document import Refused, Seen, document, head_entries, image_entry, tail_entries
from gmic_core.inference.scores import ImageScore
from tests.core.inference.test_predict import header, prediction

GIB = 1 << 30


@pytest.mark.parametrize(
    ("cores", "memory", "workers"),
    [(1, 8, 1), (2, 24, 1), (8, 64, 2), (16, 128, 4), (16, 8, 2), (128, 512, 8), (8, 1, 1)],
)
def test_default_workers(cores: int, memory: int, workers: int) -> None:
    assert default_workers(cores, memory * GIB) == workers


def test_shares_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [threads_each(8, workers) for workers in (1, 2, 3, 16)] == [8, 4, 2, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads_each(8, 1) == 2
    assert ahead_bytes(24 * GIB, 2) == 768 << 20
    assert ahead_bytes(512 * GIB, 1) == 1 << 30
    assert ahead_bytes(1 * GIB, 8) == 64 << 20
    assert memory_warning(2, 8 * GIB) == ""
    assert memory_warning(8, 6 * GIB) == (
        "8 workers may need 16 GiB of memory, this machine has 6; --workers 3 would fit."
    )


def test_progress_says_rate_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    log, clock = io.StringIO(), [0.0]
    monkeypatch.setattr("sys.stderr", log)
    todo = [Task(at, header("DBT", str(at), frames=frames), str(at), "9", "gmic3d", ("a",), "")
            for at, frames in enumerate((1, 1, 98))]  # fmt: skip
    with CohortProgress(todo, clock=lambda: clock[0]) as progress:
        assert (progress.per_hour, progress.seconds_left) == (0.0, 0.0)
        for at, seconds in enumerate((10.0, 20.0)):
            clock[0] = seconds
            progress.finished(at)
        assert progress.per_hour == pytest.approx(360.0)
        assert progress.seconds_left == pytest.approx(980.0)  # two slices took 20 s, 98 are left
        clock[0] = 1000.0
        progress.finished(2)
        assert progress.per_hour == pytest.approx(10.8)
    said = log.getvalue().splitlines()
    assert said[-1].startswith("100% 3/3 images, 11 images per hour, done about ")
    assert images_per_hour(1234.5) == "1,234 images per hour"
    assert images_per_hour(2.25) == "2.2 images per hour"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_document_in_pieces_is_the_whole_document(tmp_path: Path, count: int) -> None:
    predictions = [prediction(header("DBT", str(at)), str(at // 2)) for at in range(count)]
    refused = [Refused(header("OTHER", "9"), "9", "line\nbreak")]
    rejected = [("ä/b.txt", 'a "document"')]
    names = {p.image.sop_uid: {"benign": "saliency/x.nii.gz"} for p in predictions}
    whole = json.dumps(document(predictions, refused, rejected, names), indent=1, allow_nan=False)
    entries = [image_entry(p, names[p.image.sop_uid]) for p in predictions]
    tail = tail_entries([(p.study_uid, ImageScore.of(p.result)) for p in predictions], refused, rejected)
    path = write_results(tmp_path, head_entries(Seen()), entries, tail)
    assert path.read_text() == whole


def test_the_first_signal_is_noted_and_the_second_one_ends() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Stop() as stop:
        assert not stop.asked
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked
        assert stop.exit_code == 130
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_signals_that_the_caller_ignores_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.asked
    finally:
        signal.signal(signal.SIGHUP, before)
