"""Trials beside results: only their own job speaks for them, and they go when their result goes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gmic_core.exam.model import MammoImage
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import Shift, ShiftOutcome
from gmic_core.inference.whatif import Reduced
from gmic_core.types import Finding, ImageResult, Modality
from tests.helpers.panel_fakes import make_image, make_result
from viewer.model.results import ResultsModel
from viewer.model.trials import Experiment, Steadiness, TrialsModel, WhatIf

PLACE = Occlusion(100, 50, 200, 150, 0, 8)


@pytest.fixture
def image() -> MammoImage:
    return make_image(modality=Modality.DBT, frames=9)


@pytest.fixture
def base(image: MammoImage) -> ImageResult:
    result = make_result(image)
    return dataclasses.replace(result, spread=(result.saliency / 4).astype(np.float16))


@pytest.fixture
def trials(base: ImageResult) -> TrialsModel:
    results = ResultsModel()
    results.restore(base)
    trials = TrialsModel(results)
    trials.results = results  # type: ignore[attr-defined]
    return trials


def entry(trials: TrialsModel, base: ImageResult):
    return trials.results.get(base.sop_uid)  # type: ignore[attr-defined]


def occluded(base: ImageResult) -> ImageResult:
    return dataclasses.replace(base, y=(0.1, 0.3), saliency=(base.saliency / 2).astype(np.float16))


def test_an_experiment_shows_its_own_map_and_leaves_the_result_alone(trials, image, base) -> None:
    trials.begin(Experiment("trial-1", image, base, occlusion=PLACE))
    assert [one.job_id for one in trials.pending] == ["trial-1"]
    trials.progress("trial-1", "occluded", 3, 9)
    assert (trials.experiment(image.sop_uid).status, trials.experiment(image.sop_uid).done) == ("running", 3)
    assert trials.shown(entry(trials, base)) == "result"
    trials.occluded("trial-1", occluded(base))
    assert trials.maps(entry(trials, base)) == ("result", "spread", "after", "change")
    assert trials.shown(entry(trials, base)) == "after"
    np.testing.assert_array_equal(trials.cells(entry(trials, base), 4), occluded(base).saliency[4])
    trials.show_map("change")
    np.testing.assert_allclose(trials.cells(entry(trials, base), 4), base.saliency[4] / 2, atol=1e-3)
    assert (trials.experiment(image.sop_uid).change <= 0).all()
    trials.show_map("spread")
    np.testing.assert_array_equal(trials.cells(entry(trials, base), 4), base.spread[4])
    assert entry(trials, base).result is base
    trials.forget(Experiment, image.sop_uid)
    assert trials.shown(entry(trials, base)) == "spread"
    trials.show_map("after")
    assert trials.shown(entry(trials, base)) == "result"
    np.testing.assert_array_equal(trials.cells(entry(trials, base), 4), base.saliency[4])


def test_words_of_other_jobs_and_of_ended_trials_change_nothing(trials, image, base) -> None:
    trials.begin(Experiment("trial-1", image, base, occlusion=PLACE))
    trials.begin(Experiment("trial-2", image, base, occlusion=PLACE))
    trials.occluded("trial-1", occluded(base))
    trials.failed("trial-1", "stale")
    assert trials.experiment(image.sop_uid).status == "waiting"
    trials.failed("trial-2", "Cancelled.", cancelled=True)
    trials.occluded("trial-2", occluded(base))
    assert trials.experiment(image.sop_uid).status == "cancelled"
    assert trials.experiment(image.sop_uid).result is None


def test_an_experiment_by_other_weights_is_refused(trials, image, base) -> None:
    trials.begin(Experiment("trial-1", image, base, occlusion=PLACE))
    other = dataclasses.replace(base, provenance=dataclasses.replace(base.provenance, weights_sha256="e" * 64))
    trials.occluded("trial-1", other)
    assert trials.experiment(image.sop_uid).status == "failed"
    assert "run it again first" in trials.experiment(image.sop_uid).message


def test_everything_goes_with_the_result_that_it_hangs_on(trials, image, base) -> None:
    trials.begin(Experiment("trial-1", image, base, occlusion=PLACE))
    trials.occluded("trial-1", occluded(base))
    trials.begin(WhatIf("what-if-1", image, base, keep=(False, True)))
    trials.begin(Steadiness("trial-2", image, base, shifts=(Shift(rows=2),)))
    changes: list[int] = []
    trials.changed.connect(lambda: changes.append(1))
    trials.results.expect("job-1", (image.sop_uid,))
    assert changes == [1]
    assert trials.experiment(image.sop_uid) is None
    assert trials.what_if(image.sop_uid) is None
    assert trials.steadiness(image.sop_uid) is None
    assert trials.map == "result"


def test_stability_grows_with_each_shifted_run(trials, image, base) -> None:
    shifts = (Shift(slices=1), Shift(rows=2))
    trials.begin(Steadiness("trial-1", image, base, shifts=shifts))
    trials.shifted("trial-1", ShiftOutcome(shifts[0], (0.12, 0.66), (None, None)))
    steadiness = trials.steadiness(image.sop_uid)
    assert steadiness.pending
    trials.shifted("trial-1", ShiftOutcome(shifts[1], (0.12, 0.80), (None, None)))
    assert steadiness.status == "done"
    found = steadiness.of(Finding.MALIGNANT)
    assert (found.lowest, found.highest) == (0.66, 0.80)
    assert not found.steady


def test_scores_without_patches_are_kept_apart(trials, image, base) -> None:
    trials.begin(WhatIf("what-if-1", image, base, keep=(True, False)))
    assert trials.pending == ()  # answered beside whatever runs
    trials.rescored("what-if-1", Reduced((0.1, 0.2), (0.0, 0.1), (1.0, 0.0)))
    assert trials.what_if(image.sop_uid).reduced.y == (0.1, 0.2)


def test_drawing_begins_and_ends(trials, image, base) -> None:
    assert not trials.escape()
    trials.set_drawing(True)
    trials.set_draft(image.sop_uid, PLACE)
    assert trials.escape()
    assert (trials.drawing, trials.draft) == (False, None)
    trials.set_drawing(True)
    trials.begin(Experiment("trial-1", image, base, occlusion=PLACE))
    assert not trials.drawing


def test_another_exam_clears_everything(trials, image, base) -> None:
    trials.begin(Experiment("trial-1", image, base, occlusion=PLACE))
    trials.results.clear()
    assert trials.experiment(image.sop_uid) is None
