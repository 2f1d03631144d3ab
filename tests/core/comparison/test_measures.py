"""Figures per cell against numpy and scikit-learn on every pixel; what they say of a perfect and of a mirrored map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from gmic_core.comparison import curves
from gmic_core.comparison.curves import RankedMap
from gmic_core.comparison.measures import FIGURES, Measures, compare
from gmic_core.comparison.placing import PlacedMap, merged, place
from gmic_core.errors import CancelledError, SegmentationError
from gmic_core.evaluation.truth import Lesion
from gmic_core.exam.geometry import PlaneMap
from gmic_core.phantom.truth import dbt_labels
from gmic_core.segmentation.lesions import parts
from gmic_core.types import Finding, Roi
from tests.core.phantom.test_truth import ball
from tests.helpers.plain_breasts import plain_spec

SHAPE = (60, 50)


def by_hand(a: np.ndarray, m: np.ndarray) -> Measures:
    """All figures the slow way, pixel by pixel."""
    a, m = a.astype(np.float64).ravel(), m.ravel()
    thresholds = np.unique(a)[::-1]
    both = np.array([((a >= t) & m).sum() for t in thresholds])
    marked = np.array([(a >= t).sum() for t in thresholds])
    dice = 2 * both / (marked + m.sum())
    return Measures(
        2 * (a * m).sum() / (a.sum() + m.sum()),
        dice.max(),
        thresholds[int(np.argmax(dice))],
        (both / (marked + m.sum() - both)).max(),
        average_precision_score(m, a),
        roc_auc_score(m, a),
        float(a.max() > 0 and m[a == a.max()].any()),
        np.nan,
    )


def same(found: Measures | None, expected: Measures) -> None:
    assert found is not None
    for name in FIGURES:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-9, nan_ok=True), name


def lesions_of(labels: np.ndarray) -> list[Lesion]:
    return [part.lesion(Finding.MALIGNANT) for part in parts(labels)]


def drawn(slices: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = np.zeros((slices, *SHAPE), np.uint8)
    labels[0, 10:25, 8:30] = 1
    k, r, c = (int(rng.integers(0, edge)) for edge in labels.shape)
    labels[k:, r : r + 9, c : c + 8] = 2
    return labels


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.booleans(), st.booleans(), st.booleans())
def test_all_figures_equal_those_of_all_pixels(
    seed: int, slices: int, full: bool, turned: bool, streamed: bool
) -> None:
    """Cells cut by the edges of pixels, windows that leave pixels out or stick out, ties, and maps of every pixel."""
    rng = np.random.default_rng(seed)
    if full:
        values, to_pixels = rng.random((slices, *SHAPE)).round(int(rng.integers(1, 4))), np.eye(3)
    else:
        values = rng.random((slices, 6, 5)).round(1) * (rng.random((slices, 6, 5)) > 0.4)
        rows, columns = rng.uniform(7, 12), rng.uniform(7, 12)
        to_pixels = np.array([[rows, 0.0, rng.uniform(-6, 6)], [0.0, columns, rng.uniform(-6, 6)], [0.0, 0.0, 1.0]])
        if turned:
            to_pixels[1] = [0.0, -columns, 50 - rng.uniform(-6, 6)]
    placed = place(values.astype(np.float32), to_pixels, SHAPE)
    big = upsampled(values.astype(np.float32), to_pixels)
    labels = drawn(slices, seed)
    ranked = RankedMap(placed)
    limit = curves.IN_MEMORY
    curves.IN_MEMORY = 0 if streamed else limit
    try:
        for part in parts(labels):
            found = compare(ranked, [part.lesion(Finding.MALIGNANT)])
            mask = labels == part.label
            same(found.measures, by_hand(big.max(axis=0), mask.any(axis=0)))
            if slices == 1:
                assert found.measures_3d is None
                continue
            same(found.measures_3d, by_hand(big, mask))
            for t in (0.0, 0.1, 0.555, 0.9, 1.0):
                marked = big >= np.float32(t)
                wanted = 2 * (marked & mask).sum() / (marked.sum() + mask.sum())
                assert found.dice_3d(t) == pytest.approx(wanted, abs=1e-9)
        whole = compare(ranked, lesions_of(labels))
        same(whole.measures, by_hand(big.max(axis=0), (labels > 0).any(axis=0)))
    finally:
        curves.IN_MEMORY = limit


def upsampled(values: np.ndarray, to_pixels: np.ndarray) -> np.ndarray:
    """Every pixel asks for its own cell; 0 outside."""
    matrix = np.linalg.inv(to_pixels)
    r, c = np.mgrid[: SHAPE[0], : SHAPE[1]]
    cells = np.floor(np.einsum("ij,jrc->irc", matrix, np.stack([r, c, np.ones_like(r)]))[:2] + 0.5 + 1e-9).astype(int)
    h, w = values.shape[1:]
    inside = (cells[0] >= 0) & (cells[0] < h) & (cells[1] >= 0) & (cells[1] < w)
    return np.where(inside, values[:, np.clip(cells[0], 0, h - 1), np.clip(cells[1], 0, w - 1)], np.float32(0))


@pytest.fixture(scope="module")
def breast_truth() -> np.ndarray:
    """The label map of a digital breast with a mass, (56, 614, 472)."""
    return dbt_labels(plain_spec(thickness=50), [ball(1, (20.0, 100.0, 30.0))])


def test_a_map_equal_to_the_truth_is_perfect(breast_truth: np.ndarray) -> None:
    patch = Roi(22, 0, 0, 614, 472, 1.0)
    found = compare(
        RankedMap(place(breast_truth, np.eye(3), breast_truth.shape[1:])), lesions_of(breast_truth), [[patch]]
    )
    ones = Measures(1, 1, 1, 1, 1, 1, 1, 1)
    assert found.measures == ones
    assert found.measures_3d == ones
    assert found.indicated is True
    assert found.dice(0.5) == found.dice_3d(0.5) == 1.0


def test_its_mirror_image_finds_nothing(breast_truth: np.ndarray) -> None:
    mirrored = breast_truth[:, :, ::-1]
    assert not ((mirrored > 0) & (breast_truth > 0)).any()
    found = compare(RankedMap(place(mirrored, np.eye(3), breast_truth.shape[1:])), lesions_of(breast_truth))
    for m, mask in ((found.measures, breast_truth.any(axis=0)), (found.measures_3d, breast_truth > 0)):
        assert m is not None
        prevalence = float(mask.mean())
        assert m.dice_soft == 0.0
        assert m.pointing_hit == 0.0
        assert m.pxap == pytest.approx(prevalence, rel=1e-9)
        assert m.pixel_auc <= 0.5
        assert m.dice_max_threshold == 0.0, "only a threshold of 0 marks the lesion, with everything else"
        assert m.dice_max == pytest.approx(2 * prevalence / (1 + prevalence))
    for t in (0.001, 0.5, 1.0):
        assert found.dice(t) == found.dice_3d(t) == 0.0


def test_an_empty_map() -> None:
    labels = drawn(1, 3)
    found = compare(
        RankedMap(place(np.zeros((1, 6, 5)), PlaneMap.resampling(10, 10).matrix, SHAPE)), lesions_of(labels)
    )
    share = float((labels > 0).mean())
    m = found.measures
    assert (m.dice_soft, m.pointing_hit, m.pixel_auc) == (0.0, 0.0, 0.5)
    assert m.pxap == pytest.approx(share)
    assert m.dice_max_threshold == 0.0


def test_where_everything_is_lesion_there_is_no_roc_curve() -> None:
    full = np.ones((1, *SHAPE), np.uint8)
    m = compare(RankedMap(place(np.full((1, 1, 1), 0.5), PlaneMap.resampling(60, 50).matrix, SHAPE)), lesions_of(full))
    assert np.isnan(m.measures.pixel_auc)
    assert (m.measures.dice_max, m.measures.dice_soft) == (1.0, pytest.approx(2 / 3))


def test_patches_cover_70_percent() -> None:
    labels = np.zeros((4, *SHAPE), np.uint8)
    labels[1:3, 10:20, 10:20] = 1
    ranked = RankedMap(place(np.zeros((4, 6, 5)), PlaneMap.resampling(10, 10).matrix, SHAPE))
    on, off = Roi(1, 10, 10, 17, 30, 0.6), Roi(3, 10, 10, 20, 15, 0.4)
    one = compare(ranked, lesions_of(labels), [[on, off]])
    assert one.measures.patch_coverage == pytest.approx(0.85)
    assert one.measures_3d is not None
    assert one.measures_3d.patch_coverage == pytest.approx(0.7)
    assert one.indicated is True
    two = compare(ranked, lesions_of(labels), [[off], []])
    assert two.measures.patch_coverage == pytest.approx(0.25)  # the second set of weights chose none
    assert two.indicated is False
    assert compare(ranked, lesions_of(labels)).indicated is None


def test_upsampled_maps_are_folded_again() -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((3, 6, 5)).astype(np.float32)
    full = place(np.repeat(np.repeat(cells, 10, axis=1), 10, axis=2), np.eye(3), SHAPE)
    small = merged(full)
    np.testing.assert_array_equal(small.values, cells)
    assert small.grid.row_starts.tolist() == [0, 10, 20, 30, 40, 50]
    np.testing.assert_array_equal(small.upsampled(2), full.upsampled(2))
    labels = drawn(3, 1)
    same(
        compare(RankedMap(small), lesions_of(labels)).measures_3d,
        compare(RankedMap(full), lesions_of(labels)).measures_3d,
    )


def test_progress_and_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "IN_MEMORY", 0)
    labels = drawn(4, 2)
    ranked = RankedMap(place(np.random.default_rng(0).random((4, *SHAPE)), np.eye(3), SHAPE))
    steps: list[tuple[int, int]] = []
    compare(ranked, lesions_of(labels), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(CancelledError, match=r"The comparison was cancelled\."):
        compare(ranked, lesions_of(labels), cancelled=lambda: True)
    with pytest.raises(CancelledError):
        place(np.zeros((4, 2, 2)), np.eye(3), SHAPE, cancelled=lambda: True)


def test_saliency_that_is_no_number() -> None:
    values = np.zeros((2, 3, 3))
    values[1, 2, 2] = np.nan
    with pytest.raises(SegmentationError, match="values that are no numbers"):
        place(values, np.eye(3), (3, 3))


def test_single_precision_does_not_move_an_edge() -> None:
    """A pixel centre on the edge of two cells belongs to the second one; files keep seven digits."""
    exact = np.array([[2.0, 0, 0.0], [0, 2.0, 0.0], [0, 0, 1.0]])
    noisy = exact * (1 + 1e-7) + 1e-7
    noisy[[0, 1], [1, 0]] = 0.0
    values = np.arange(9.0).reshape(1, 3, 3)
    one, two = place(values, exact, (6, 6)), place(values, np.where(exact != 0, noisy, 0.0), (6, 6))
    np.testing.assert_array_equal(one.upsampled(), two.upsampled())
    assert one.upsampled()[:, 0].tolist() == [0.0, 3.0, 3.0, 6.0, 6.0, 0.0]


def test_the_type_of_a_placed_map() -> None:
    placed = place(np.zeros((2, 3, 4)), PlaneMap.resampling(20, 12.5).matrix, SHAPE)
    assert isinstance(placed, PlacedMap)
    assert placed.shape == (2, 60, 50)
    assert placed.values.dtype == np.float32
