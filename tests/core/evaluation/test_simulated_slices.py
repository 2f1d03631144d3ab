"""Short volumes of digital breasts, simulated for real at a quarter of the resolution."""

from __future__ import annotations

import numpy as np

from gmic_core.evaluation.digital import DigitalOptions, plan_unseen, truth_of
from gmic_core.evaluation.simulated_slices import run_of_slices, simulate_slices
from gmic_core.phantom.spec import make_exam_spec
from gmic_core.training.data.digital import BreastOptions
from gmic_core.types import Finding, Modality

SEED = 3_000_000  # divisible by three: a malignant one
OPTIONS = BreastOptions(modalities=("DBT",), size="small")


def test_a_short_volume_shows_its_malignant_finding() -> None:
    options = DigitalOptions(size="small", slices=5, thickness_mm=(30, 34))
    plan = plan_unseen(SEED, options)
    assert plan.kinds[0].startswith("malignant")
    made = simulate_slices(plan, OPTIONS, 5)
    (labelled,) = made.images
    image = labelled.image
    assert (image.modality, image.frames, image.view) == (Modality.DBT, 5, plan.views[0])
    frames = np.asarray([labelled.frames[k] for k in range(5)])
    assert frames.shape == (5, image.rows, image.columns)
    assert frames.max() > 200
    truth = truth_of(labelled, made.findings)
    (lesion, *_) = truth.of_class(Finding.MALIGNANT)
    assert lesion.slices[0] <= 2 < lesion.slices[1]  # it passes through the middle of the run
    row, column = (round(value) for value in lesion.centre)
    assert frames[2, row, column] > 0  # the truth lies on the breast, not beside it


def test_a_normal_breast_is_cut_anywhere_but_always_the_same() -> None:
    spec = make_exam_spec(SEED + 2, thickness_mm=40, size="small").breasts[0]
    run = run_of_slices(spec, (), 6, "CC")
    assert run == run_of_slices(spec, (), 6, "CC")
    assert len(run) == 6
    assert 0 <= run.start < run.stop <= 46
    assert run_of_slices(spec, (), 200, "CC") == range(46)
