"""Highlighted slices and breast scores, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gmic_core.inference.highlights import highlighted_slices, peak_slices
from gmic_core.inference.scores import breast_scores
from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi


def result(side: str | None, view: str, y: tuple[float, float], modality: str = "FFDM", untrained: bool = False):
    provenance = Provenance("gmic2d", "w", "00", untrained, "", "1", "float32", "cpu", 1.0, "", "")
    return ImageResult(
        f"{side}{view}{modality}", Modality(modality), Laterality(side) if side else None, view, y, y, y, (),
        np.zeros((1, 2, 2, 2), np.float16), np.eye(3), np.eye(3), (4, 4), np.zeros((1, 2), np.float32), 0.0, provenance,
    )  # fmt: skip


def test_peaks_of_a_profile():
    profile = np.zeros(20)
    profile[[4, 5, 6]] = 0.3, 0.8, 0.3
    profile[12] = 0.5
    profile[14] = 0.45  # within three slices of a higher one
    profile[18] = 0.3  # less than half of the maximum
    assert peak_slices(profile) == (5, 12)


def test_a_plateau_counts_once_and_silence_not_at_all():
    assert peak_slices(np.array([0.0, 0.5, 0.5, 0.5, 0.0])) == (1,)
    assert peak_slices(np.full(10, 0.01)) == ()
    assert peak_slices(np.array([])) == ()
    assert peak_slices(np.array([np.nan, 0.4, np.nan])) == (1,)


def test_patches_and_both_classes_are_highlighted():
    profile = np.zeros((10, 2))
    profile[2, 0] = profile[7, 1] = 0.9
    rois = (Roi(4, 0, 0, 8, 8, 0.7), Roi(7, 0, 0, 8, 8, 0.3))
    assert highlighted_slices(profile, rois) == (2, 4, 7)


def test_a_breast_is_the_mean_of_its_two_views():
    left = [result("L", "CC", (0.1, 0.2)), result("L", "MLO", (0.3, 0.6))]
    scores = breast_scores([*left, result("R", "CC", (0.5, 0.5))])
    assert [(s.laterality, s.views, s.complete) for s in scores] == [
        ("R", ("CC",), False),
        ("L", ("CC", "MLO"), True),
    ]
    assert scores[1].y == pytest.approx((0.2, 0.4))


def test_several_images_of_a_view_count_as_one_view():
    scores = breast_scores([result("L", "CC", (0, 0.2)), result("L", "CC", (0, 0.4)), result("L", "MLO", (0, 0.9))])
    assert scores[0].y == pytest.approx((0.0, 0.6))


def test_modalities_stay_apart_and_odd_images_do_not_count():
    scores = breast_scores(
        [
            result("L", "CC", (0.1, 0.2)),
            result("L", "CC", (0.9, 0.8), "DBT", untrained=True),
            result("L", "ML", (1.0, 1.0)),
            result(None, "CC", (1.0, 1.0)),
            result("L", "MLO", (float("nan"), 0.5)),
        ]
    )
    assert [(s.modality, s.y, s.untrained) for s in scores] == [("DBT", (0.9, 0.8), True), ("FFDM", (0.1, 0.2), False)]
