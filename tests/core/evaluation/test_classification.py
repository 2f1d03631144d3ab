"""Curves, operating points and intervals against scikit-learn and against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, matthews_corrcoef, roc_auc_score, roc_curve

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.bootstrap import STATISTICS, Statistic, curve_intervals, mean_interval
from gmic_core.evaluation.classification import area_under_roc, average_precision, curve, operating_point

TOLERANCE = 1e-6


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of both classes, and scores with many ties."""
    size = draw(st.integers(4, 60))
    labels = np.array(draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    labels[:2] = 0, 1
    scores = np.array(draw(st.lists(st.integers(0, 12), min_size=size, max_size=size))) / 12
    return labels, scores


@settings(max_examples=25, deadline=None)
@given(scored())
def test_areas_equal_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    c = curve(labels, scores)
    assert area_under_roc(c) == pytest.approx(roc_auc_score(labels, scores), abs=TOLERANCE)
    assert average_precision(c) == pytest.approx(average_precision_score(labels, scores), abs=TOLERANCE)


@settings(max_examples=25, deadline=None)
@given(scored())
def test_operating_point_equals_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    point = operating_point(curve(labels, scores))
    fpr, tpr, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    fpr, tpr, thresholds = fpr[1:], tpr[1:], thresholds[1:]  # the first one calls nobody positive
    nearest = np.abs(tpr - 0.9).min()
    assert abs(point.sensitivity - 0.9) == pytest.approx(nearest, abs=TOLERANCE)
    best = (1 - fpr[np.abs(tpr - point.sensitivity) < 1e-9]).max()
    assert point.specificity == pytest.approx(best, abs=TOLERANCE)
    said = scores >= point.threshold
    assert point.matthews == pytest.approx(matthews_corrcoef(labels, said), abs=TOLERANCE)


@settings(max_examples=15, deadline=None)
@given(scored(), st.integers(0, 2**16))
def test_weights_equal_repeated_cases(case: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    labels, scores = case
    times = np.random.default_rng(seed).integers(0, 4, labels.size)
    times[:2] = np.maximum(times[:2], 1)
    repeated = curve(np.repeat(labels, times), np.repeat(scores, times))
    weighted = curve(labels, scores, times)
    assert area_under_roc(weighted) == pytest.approx(area_under_roc(repeated), abs=1e-12)
    assert operating_point(weighted).matthews == pytest.approx(operating_point(repeated).matthews, abs=1e-12)


def test_equally_near_thresholds_take_the_more_specific_one() -> None:
    """Sensitivities 0.88 and 0.92 are both 0.02 from 0.9, but not in binary fractions."""
    labels = np.array([1] * 25 + [0] * 4)
    scores = np.concatenate([np.full(22, 0.9), [0.6], np.full(2, 0.1), [0.7, 0.5, 0.5, 0.2]])
    point = operating_point(curve(labels, scores))
    assert (point.threshold, point.sensitivity, point.specificity) == (0.9, 0.88, 1.0)


def test_a_case_worked_out_by_hand() -> None:
    labels = [1, 1, 1, 1, 0, 0, 0, 0]
    scores = [0.9, 0.8, 0.7, 0.3, 0.6, 0.3, 0.2, 0.1]
    c = curve(labels, scores)
    assert area_under_roc(c) == pytest.approx((4 + 4 + 4 + 2.5) / 16)
    point = operating_point(c, 0.75)
    assert (point.threshold, point.sensitivity, point.specificity) == (0.7, 0.75, 1.0)
    assert point.matthews == pytest.approx(12 / np.sqrt(3 * 4 * 4 * 5))


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([1, 1], [0.1, 0.2], "no negative case"),
        ([0, 0], [0.1, 0.2], "no positive case"),
        ([], [], "no labelled case"),
        ([0, 2], [0.1, 0.2], "neither 0 nor 1"),
        ([0, 1], [0.1, float("nan")], "not a finite number"),
        ([0, 1], [0.1], "2 labels for 1 scores"),
    ],
)
def test_what_makes_no_curve_is_said(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        curve(labels, scores)


def test_intervals_are_those_of_drawn_cases() -> None:
    """The same draws, made the slow way: scikit-learn on the drawn cases."""
    rng = np.random.default_rng(3)
    labels = rng.random(40) < 0.3
    scores = np.round(rng.random(40) + 0.3 * labels, 2)
    found = curve_intervals(labels, scores, seed=11, iterations=200)
    order = np.argsort(-scores, kind="stable")
    slow = np.random.default_rng(11)
    areas, specificities = [], []
    for _ in range(200):
        drawn = order[slow.integers(0, 40, 40)]
        y, s = labels[drawn], scores[drawn]
        if not 0 < y.sum() < y.size:
            continue
        areas.append(roc_auc_score(y, s))
        fpr, tpr, _ = roc_curve(y, s, drop_intermediate=False)
        fpr, tpr = fpr[1:], tpr[1:]
        nearest = np.abs(tpr - 0.9).min()
        if nearest <= 0.025 + 1e-9:
            at = tpr[np.abs(np.abs(tpr - 0.9) - nearest) < 1e-9].min()
            specificities.append(1 - fpr[np.abs(tpr - at) < 1e-9].min())
    auc, specificity = found["auc"], found["specificity_at_90"]
    assert auc.used == len(areas)
    np.testing.assert_allclose([auc.low, auc.high], np.percentile(areas, [2.5, 97.5]), atol=TOLERANCE)
    assert 0 < specificity.used == len(specificities) < 200
    np.testing.assert_allclose(
        [specificity.low, specificity.high], np.percentile(specificities, [2.5, 97.5]), atol=TOLERANCE
    )
    assert auc.value == pytest.approx(roc_auc_score(labels, scores), abs=TOLERANCE)


def test_a_draw_exactly_at_the_slack_counts() -> None:
    """With eight positives 7/8 = 0.875 is 2.5 points from 90 %; in binary fractions it is a little more."""
    labels = np.array([1] * 8 + [0] * 8)
    found = curve_intervals(
        labels, np.linspace(1, 0, 16), {"s": Statistic(lambda c: operating_point(c).sensitivity, at_sensitivity=True)}
    )
    assert found["s"].value == 0.875
    assert found["s"].used > 100
    assert 0.875 <= found["s"].low
    assert found["s"].high <= 0.925


def test_no_usable_draw_leaves_the_bounds_open() -> None:
    found = curve_intervals([1, 0, 0, 0], [0.9, 0.1, 0.2, 0.3], iterations=50)
    assert found["specificity_at_90"].used == 0
    assert np.isnan(found["specificity_at_90"].low)
    assert found["auc"].value == 1.0
    assert set(found) == set(STATISTICS)


def test_same_seed_same_interval() -> None:
    labels, scores = [0, 1] * 20, np.linspace(0, 1, 40)
    assert curve_intervals(labels, scores, seed=1) == curve_intervals(labels, scores, seed=1)
    assert curve_intervals(labels, scores, seed=1) != curve_intervals(labels, scores, seed=2)


def test_means_leave_nan_out() -> None:
    found = mean_interval([0.2, float("nan"), 0.4], iterations=500)
    assert found.value == pytest.approx(0.3)
    assert (found.low, found.high) == (0.2, 0.4)
    with pytest.raises(EvaluationError, match="nothing to average"):
        mean_interval([float("nan")])
