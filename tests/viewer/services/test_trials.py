"""Trials through the queue and a worker process that behaves as told: order, answers beside a run, ends."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from gmic_core.errors import InferenceError
from gmic_core.exam.model import Exam, MammoImage
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import shifts_for
from gmic_core.types import Finding, ImageResult, Roi
from tests.helpers import fake_worker
from tests.viewer.services.bench import Bench, spawned

PLACE = Occlusion(100, 40, 180, 120, 0, 0)


@pytest.fixture
def bench(post, exam: Exam, tmp_path):
    bench = Bench(post, exam, tmp_path / "home", main=fake_worker.main)
    yield bench
    bench.client.close()
    assert spawned() == []


def result_of(bench: Bench, image: MammoImage) -> ImageResult:
    """Put a finished result with two patches on the image."""
    plain = fake_worker.fake_result(image, "gmic2d")
    rois = tuple(Roi(0, 10, 10, 60, 60, attention) for attention in (0.75, 0.25))
    result = replace(plain, rois=rois, features=np.zeros((2, 512), np.float32))
    bench.session.results.clear()
    bench.session.results.restore(result)
    return result


def weights(ref: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(("gmic2d", "gmic3d", "gmic2d_park"), (ref,))


def test_an_occlusion_goes_before_what_waits_and_is_no_result(bench: Bench) -> None:
    one, two = bench.images("FFDM")
    result = result_of(bench, one)
    bench.client.submit([two], weights("slow"))
    bench.wait(two, "running")
    bench.client.submit(bench.images("DBT"), weights("ok"))
    bench.client.try_out(one, result, ("ok",), "cpu", PLACE)
    trial = bench.session.trials.experiment(one.sop_uid)
    assert trial.status == "waiting"
    assert bench.client._waiting[0].job_id == trial.job_id
    bench.client.cancel(bench.client._current.job_id)
    bench.post.run_until(lambda: not trial.pending)
    assert (trial.status, trial.result.y) == ("done", (0.1, 0.05))
    assert (trial.stage, trial.done, trial.total) == ("trial", 1, 2)
    assert bench.entry(one).result is result
    for image in bench.images("DBT"):
        bench.wait(image, "done")
    assert bench.store.load(one, "gmic2d", "ok") is None  # and nothing of it is kept


def test_stability_comes_run_by_run(bench: Bench) -> None:
    image = bench.images("FFDM")[0]
    result = result_of(bench, image)
    bench.client.try_out(image, result, ("ok",), "cpu", shifts_for(image))
    trial = bench.session.trials.steadiness(image.sop_uid)
    bench.post.run_until(lambda: not trial.pending)
    assert [str(one.shift) for one in trial.outcomes] == [str(shift) for shift in shifts_for(image)]
    assert trial.of(Finding.MALIGNANT).highest == pytest.approx(0.23)
    bench.wait_state("idle")


def test_patches_left_out_are_scored_outside_the_queue(bench: Bench) -> None:
    one, two = bench.images("FFDM")
    result = result_of(bench, one)
    bench.client.score_without(one, result, ("ok",), "cpu", [True, False])
    trial = bench.session.trials.what_if(one.sop_uid)
    bench.post.run_until(lambda: not trial.pending)
    assert trial.reduced.y == pytest.approx((0.05, 0.1))
    assert trial.reduced.attention == (1.0, 0.0)
    assert bench.session.ai.jobs == ()
    assert bench.status(two) == "none"


def test_results_without_features_say_what_to_do(bench: Bench) -> None:
    image = bench.images("FFDM")[0]
    old = replace(result_of(bench, image), features=None)
    with pytest.raises(InferenceError, match="earlier version"):
        bench.client.score_without(image, old, ("ok",), "cpu", [True, False])
    assert bench.session.trials.what_if(image.sop_uid) is None


def test_a_worker_that_dies_over_a_trial_says_so_and_is_not_asked_again(bench: Bench) -> None:
    one, two = bench.images("FFDM")
    result = result_of(bench, one)
    bench.client.score_without(one, result, ("die",), "cpu", [True, False])
    what_if = bench.session.trials.what_if(one.sop_uid)
    bench.post.run_until(lambda: not what_if.pending)
    assert what_if.message == "The AI process ended before it answered. Try it again."
    bench.client.try_out(one, result, ("slow",), "cpu", PLACE)
    trial = bench.session.trials.experiment(one.sop_uid)
    bench.wait_state("running")
    pid = bench.client.worker_pid
    os.kill(pid, signal.SIGKILL)
    bench.post.run_until(lambda: not trial.pending)
    assert trial.message == "The AI process stopped unexpectedly (exit code -9). Run it again."
    bench.client.submit([two], weights("ok"))
    bench.wait(two, "done")


def test_cancelling_and_leaving_the_exam_stop_a_trial(bench: Bench, exam: Exam) -> None:
    image = bench.images("FFDM")[0]
    result = result_of(bench, image)
    bench.client.try_out(image, result, ("slow",), "cpu", PLACE)
    trial = bench.session.trials.experiment(image.sop_uid)
    bench.wait_state("running")
    bench.client.cancel()
    assert (trial.status, trial.message) == ("cancelled", "Cancelled.")
    bench.wait_state("idle", 5.0)
    bench.client.try_out(image, result_of(bench, image), ("slow",), "cpu", PLACE)
    bench.wait_state("running")
    bench.session.open_exam(exam)
    assert bench.session.trials.experiment(image.sop_uid) is None
    assert bench.status(image) == "none"  # a trial is no run: the image does not wait for it
    bench.wait_state("idle", 5.0)


def test_running_the_image_again_does_not_count_as_the_same_work(bench: Bench) -> None:
    image = bench.images("FFDM")[0]
    bench.client.try_out(image, result_of(bench, image), ("slow",), "cpu", PLACE)
    bench.wait_state("running")
    bench.client.submit([image], weights("ok"))
    bench.wait(image, "done")
    assert bench.session.trials.experiment(image.sop_uid) is None
