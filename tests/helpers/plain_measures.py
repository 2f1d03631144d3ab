"""Measures of a map against a mask by plain numpy, pixel by pixel: what the program's figures are checked with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from gmic_core.comparison.measures import FIGURES, Measures
from gmic_core.types import Finding, ImageResult


def upsampled(result: ImageResult, finding: Finding, shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """Return the saliency of every stored pixel, (slices, rows, columns): that of the cell in which its centre lies."""
    inverse = np.linalg.inv(result.saliency_to_stored)
    rows, columns = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    places = inverse @ np.stack([rows.ravel(), columns.ravel(), np.ones(rows.size)])
    cells = np.floor(places[:2] + 0.5 + 1e-9).astype(int).reshape(2, *shape[1:])
    h, w = result.saliency.shape[2:]
    inside = (cells >= 0).all(axis=0) & (cells[0] < h) & (cells[1] < w)
    cells = np.where(inside, cells, 0)
    maps = result.saliency[:, finding].astype(np.float32)
    return np.where(inside, maps[:, cells[0], cells[1]], np.float32(0))


def plain(values: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], coverage: float) -> Measures:
    """Return the figures of a map and a mask of one shape; the patch coverage is given."""
    a, m = values.astype(np.float64).ravel(), mask.ravel()
    levels = np.unique(a)
    over = [a >= level for level in levels]
    dice = np.array([2.0 * (o & m).sum() / (o.sum() + m.sum()) for o in over])
    iou = np.array([(o & m).sum() / (o | m).sum() for o in over])
    best = len(levels) - 1 - int(np.argmax(dice[::-1]))
    return Measures(
        2.0 * (a * m).sum() / (a.sum() + m.sum()), dice[best], levels[best], iou.max(), average_precision_score(m, a),
        roc_auc_score(m, a), float(a.max() > 0 and m[a == a.max()].any()), coverage,
    )  # fmt: skip


def covered(result: ImageResult, mask: npt.NDArray[np.bool_], *, deep: bool) -> float:
    """Return the share of the projected mask inside the patches; ``deep``: only of those on a slice that it reaches."""
    flat, inside = mask.any(axis=0), np.zeros(mask.shape[1:], bool)
    for roi in result.rois:
        first, last = np.flatnonzero(mask.any(axis=(1, 2)))[[0, -1]]
        if not deep or first <= roi.slice_index <= last:
            inside[max(roi.row0, 0) : max(roi.row1, 0), max(roi.col0, 0) : max(roi.col1, 0)] = True
    return float((flat & inside).sum() / flat.sum())


def same(found: Measures, expected: Measures) -> None:
    """Assert that all figures agree to 1e-6."""
    for name in FIGURES:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0, atol=1e-6, err_msg=name)
