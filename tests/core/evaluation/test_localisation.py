"""Figures counted per cell against the same figures of the upsampled map, pixel by pixel."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.cells import SaliencyMap, overlay
from gmic_core.evaluation.localisation import CellCounts, dice_at, figures, threshold_curve
from gmic_core.evaluation.measure import localise
from gmic_core.evaluation.truth import ImageTruth, Lesion, lesions_of, separate
from gmic_core.exam.geometry import ORIENTATIONS, NetworkWindow, Orientation
from gmic_core.types import Finding, Roi

MALIGNANT = {1: Finding.MALIGNANT, 2: Finding.BENIGN}


def placed(
    values: np.ndarray, shape: tuple[int, int], orientation: Orientation = ORIENTATIONS[0], **window: float
) -> SaliencyMap:
    """Lay a map (slices, 2, h, w) on an image of ``shape`` through a network window."""
    rows, columns = int(window.get("rows", shape[0])), int(window.get("columns", shape[1]))
    w = NetworkWindow(
        orientation, shape, window.get("row0", 0.0), window.get("col0", 0.0), rows, columns,
        window.get("row_scale", 1.0), window.get("col_scale", 1.0),
    )  # fmt: skip
    return SaliencyMap(values, w.saliency_to_stored(values.shape[-2:]).matrix)


def upsampled(m: SaliencyMap, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return (slices, 2, rows, columns) and which pixels the map covers: each pixel asks for its own cell."""
    matrix = np.linalg.inv(m.to_stored)
    r, c = np.mgrid[: shape[0], : shape[1]]
    cells = np.floor(np.einsum("ij,jrc->irc", matrix, np.stack([r, c, np.ones_like(r)]))[:2] + 0.5 + 1e-9).astype(int)
    h, w = m.values.shape[-2:]
    inside = (cells[0] >= 0) & (cells[0] < h) & (cells[1] >= 0) & (cells[1] < w)
    values = m.values[:, :, np.clip(cells[0], 0, h - 1), np.clip(cells[1], 0, w - 1)]
    return np.where(inside, values, 0.0), inside


def blob(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint8)
    for label in (1, 2):
        k, r, c = (int(rng.integers(0, edge)) for edge in shape)
        labels[max(k - 1, 0) : k + 2, max(r - 9, 0) : r + 9, max(c - 7, 0) : c + 8] = label
    labels[0, 0, 0] = 1  # label 1 is never hidden by label 2
    return labels


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(ORIENTATIONS), st.integers(1, 4), st.booleans())
def test_figures_equal_those_of_all_pixels(seed: int, orientation: Orientation, slices: int, moved: bool) -> None:
    """Whatever the orientation and the window: partly outside the image, resized, not covering all of it."""
    rng = np.random.default_rng(seed)
    shape = (70, 53)
    values = np.round(rng.random((slices, 2, 6, 5)), 1)
    window = {"rows": 61, "columns": 44, "row0": -7.0, "col0": 9.0, "row_scale": 1.1, "col_scale": 0.9} if moved else {}
    facing = orientation.shape(*shape)
    m = placed(values, shape, orientation, **(window or {"rows": facing[0], "columns": facing[1]}))
    labels = blob((slices, *shape), seed)
    truth = lesions_of(labels, labels.shape, MALIGNANT)
    found = localise([m], [()], truth)["malignant"]
    big, inside = upsampled(m, shape)
    own, mask = big[:, Finding.MALIGNANT], labels == 1
    _same(found.projected, own.max(axis=0), mask.any(axis=0), inside)
    if slices > 1:
        _same(found.volume, own, mask, np.broadcast_to(inside, own.shape))


def _same(found, a: np.ndarray, m: np.ndarray, inside: np.ndarray) -> None:
    counts = inside | m
    a, m = a[counts], m[counts]
    assert (found.pixels, found.lesion) == (m.size, m.sum())
    assert found.soft_dice == pytest.approx(2 * (a * m).sum() / (a.sum() + m.sum()), abs=1e-6)
    assert found.chance == pytest.approx(m.mean())
    assert found.pxap == pytest.approx(average_precision_score(m, a), abs=1e-6)
    if not m.all():
        assert found.pixel_auc == pytest.approx(roc_auc_score(m, a), abs=1e-6)
    dice = {t: 2 * ((a >= t) & m).sum() / ((a >= t).sum() + m.sum()) for t in np.unique(a)}
    assert found.best_dice == pytest.approx(max(dice.values()), abs=1e-6)
    assert dice[min(dice, key=lambda t: abs(t - found.best_threshold))] == pytest.approx(found.best_dice, abs=1e-6)
    at = found.dice[24]  # threshold 0.25: between two values of the map
    assert at == pytest.approx(2 * ((a >= 0.25) & m).sum() / ((a >= 0.25).sum() + m.sum()), abs=1e-6)


def test_upsampling_is_that_of_torch() -> None:
    """``nearest-exact``: a pixel has the value of the cell in which its centre lies."""
    values = np.arange(2 * 67 * 42, dtype=np.float32).reshape(1, 2, 67, 42)
    grid, cells = overlay([placed(values, (2116, 1339))], (2116, 1339))
    ours = np.repeat(np.repeat(cells, np.diff(np.append(grid.row_starts, 2116)), axis=2), _widths(grid), axis=3)
    theirs = torch.nn.functional.interpolate(torch.from_numpy(values), (2116, 1339), mode="nearest-exact")
    np.testing.assert_array_equal(ours, theirs.numpy())


def _widths(grid) -> np.ndarray:
    return np.diff(np.append(grid.column_starts, grid.shape[1]))


def test_the_mean_of_shifted_maps_is_exact() -> None:
    shape = (60, 50)
    rng = np.random.default_rng(5)
    maps = [
        placed(rng.random((2, 2, 5, 4)), shape, rows=40, columns=33, row0=r, col0=c, row_scale=s, col_scale=s)
        for r, c, s in ((0.0, 0.0, 1.0), (6.3, -4.2, 0.93), (11.0, 8.0, 1.13))
    ]
    grid, mean = overlay(maps, shape)
    each = [upsampled(m, shape) for m in maps]
    covering = sum(inside.astype(int) for _, inside in each)
    expected = sum(values for values, _ in each) / np.maximum(covering, 1)
    ours = np.repeat(np.repeat(mean, np.diff(np.append(grid.row_starts, 60)), axis=2), _widths(grid), axis=3)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert grid.pixels.sum() == 60 * 50


def test_a_perfect_map_and_an_empty_one() -> None:
    mask = np.zeros((64, 64), bool)
    mask[16:32, 32:48] = True
    perfect = np.zeros((1, 2, 4, 4))
    perfect[0, Finding.MALIGNANT, 1, 2] = 1.0
    truth = lesions_of([mask.astype(np.uint8)], (1, 64, 64), {1: Finding.MALIGNANT})
    found = localise([placed(perfect, (64, 64))], [()], truth)["malignant"]
    projected = found.projected
    assert (projected.soft_dice, projected.best_dice, projected.pxap, projected.pixel_auc) == (1.0, 1.0, 1.0, 1.0)
    assert found.peak_hit
    assert found.volume is None
    empty = localise([placed(np.zeros((1, 2, 4, 4)), (64, 64))], [()], truth)["malignant"]
    assert empty.projected.pxap == pytest.approx(256 / 4096)  # no better than chance
    assert empty.projected.soft_dice == 0.0
    assert not empty.peak_hit


def test_a_finding_outside_the_window_is_missed() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[:, 30:] = 1
    truth = lesions_of([labels], (1, 40, 40), {1: Finding.MALIGNANT})
    m = placed(np.ones((1, 2, 2, 2)), (40, 40), rows=40, columns=20)
    projected = localise([m], [()], truth)["malignant"].projected
    assert (projected.pixels, projected.lesion) == (40 * 20 + 400, 400)
    assert projected.best_dice == pytest.approx(2 * 400 / (1200 + 400))  # only by calling everything a lesion
    assert projected.soft_dice == 0.0


def test_patches_cover_hit_and_miss() -> None:
    labels = np.zeros((9, 100, 100), np.uint8)
    labels[3:6, 40:60, 40:60] = 1
    truth = lesions_of(labels, labels.shape, {1: Finding.MALIGNANT})
    m = placed(np.ones((9, 2, 4, 4)), (100, 100))
    on, off = Roi(4, 40, 40, 60, 55, 0.2), Roi(8, 40, 50, 60, 70, 0.5)
    far = [Roi(4, 0, 0, 20, 20, 0.3 + k / 10) for k in range(3)]
    found = localise([m], [[on, off]], truth)["malignant"].patches
    assert (found.covered, found.covered_on_slices, found.indicated, found.top_hit) == (1.0, 0.75, 1.0, 1.0)
    crowded = localise([m], [[on, *far]], truth)["malignant"].patches  # the fourth patch by attention
    assert (crowded.covered, crowded.top_hit) == (0.75, 0.0)
    two = localise([m], [[on], [off]], truth)["malignant"].patches  # members are not put together
    assert (two.covered, two.indicated, two.top_hit) == (0.625, 0.5, 0.5)
    none = localise([m], [[]], truth)["malignant"].patches
    assert (none.covered, none.top_hit) == (0.0, 0.0)
    outside = localise([m], [[Roi(4, -30, -30, 60, 60, 1.0)]], truth)["malignant"].patches
    assert outside.covered == 1.0


def test_a_volume_as_large_as_a_real_one_takes_seconds() -> None:
    labels = np.zeros((70, 2457, 1996), np.uint8)
    labels[30:40, 900:1200, 500:800] = 1
    labels[50:60, 1500:1600, 900:1000] = 2
    values = np.random.default_rng(0).random((70, 2, 67, 42)).astype(np.float16)
    m = placed(values, (2457, 1996), rows=2116, columns=1339, row0=170.0)
    started = time.process_time()
    truth = lesions_of(labels, labels.shape, MALIGNANT)
    found = localise([m], [()], truth)
    assert time.process_time() - started < 5
    assert found["malignant"].volume.lesion == 10 * 300 * 300
    assert found["benign"].projected.lesion == 100 * 100


def test_masks_are_taken_apart_into_findings() -> None:
    mask = np.zeros((1, 30, 30), np.uint8)
    mask[0, 2:6, 3:7] = 1
    mask[0, 20:29, 20:25] = 1
    truth = separate(lesions_of(mask, mask.shape, {1: Finding.BENIGN}))
    assert [(lesion.corner, lesion.mask.shape) for lesion in truth.lesions] == [((2, 3), (4, 4)), ((20, 20), (9, 5))]
    assert truth.lesions[0].centre == (3.5, 4.5)
    again = np.zeros((30, 30), bool)
    for lesion in truth.lesions:
        (r, c), (h, w) = lesion.corner, lesion.mask.shape
        again[r : r + h, c : c + w] |= lesion.mask
    np.testing.assert_array_equal(again, mask[0] > 0)


def test_what_does_not_fit_is_said() -> None:
    plane = np.ones((4, 5), np.uint8)
    with pytest.raises(EvaluationError, match="slices of 4x5 pixels, the image of 4x6"):
        lesions_of([plane], (1, 4, 6), {1: Finding.BENIGN})
    with pytest.raises(EvaluationError, match="has 1 slices, the image 2"):
        lesions_of([plane], (2, 4, 5), {1: Finding.BENIGN})
    with pytest.raises(EvaluationError, match="label 1, whose class is not stated"):
        lesions_of([plane], (1, 4, 5), {2: Finding.BENIGN})
    truth = lesions_of([plane], (1, 4, 5), {1: Finding.BENIGN})
    with pytest.raises(EvaluationError, match="no saliency map"):
        localise([], [()], truth)
    with pytest.raises(EvaluationError, match="has 2 slices, the image 1"):
        localise([placed(np.ones((2, 2, 2, 2)), (4, 5))], [()], truth)
    with pytest.raises(EvaluationError, match="not laid along rows and columns"):
        localise([SaliencyMap(np.ones((1, 2, 2, 2)), np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1.0]]))], [()], truth)
    with pytest.raises(EvaluationError, match="values that are no numbers"):
        localise([placed(np.full((1, 2, 2, 2), np.nan), (4, 5))], [()], truth)


def test_no_finding_no_figures() -> None:
    assert localise([placed(np.ones((1, 2, 2, 2)), (4, 5))], [()], ImageTruth((1, 4, 5), ())) == {}


def test_cell_counts_say_what_is_wrong() -> None:
    with pytest.raises(EvaluationError, match="different numbers of cells"):
        CellCounts.of([1.0], [1, 2], [1])
    with pytest.raises(EvaluationError, match="no pixel of this class"):
        CellCounts.of([1.0], [4], [0])


def test_dice_at_thresholds_between_and_beyond_the_values() -> None:
    curve = threshold_curve(CellCounts.of([0.8, 0.4, 0.1], [10, 10, 80], [10, 0, 5]))
    np.testing.assert_allclose(
        dice_at(curve, [0.9, 0.8, 0.5, 0.4, 0.05]), [0.0, 0.8, 0.8, 20 / 35, 30 / 115], atol=1e-12
    )
    assert figures(CellCounts.of([0.5], [4], [4])).pixel_auc != figures(CellCounts.of([0.5], [4], [4])).pixel_auc


def test_lesions_know_where_they_are() -> None:
    layers = np.zeros((2, 3, 3), bool)
    layers[0, 0, 0] = layers[1, 2, 2] = True
    lesion = Lesion(Finding.BENIGN, (10, 20), (5, 7), layers)
    assert lesion.centre == (11.0, 21.0)
    assert lesion.mask.sum() == 2
