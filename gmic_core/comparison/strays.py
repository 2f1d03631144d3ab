"""False positives of a painted map: connected regions above a threshold that share no pixel with a lesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.comparison.placing import PlacedMap

MOST = 200
"""Regions that are told one by one; at a threshold near 0 a noisy map has thousands."""
_TOUCHING = np.ones((3, 3, 3))


@dataclass(frozen=True)
class Stray:
    """A painted region on no lesion.

    Attributes
    ----------
    score : its highest saliency.
    at : slice where that is reached.
    slices : half-open range.
    box : half-open (row0, col0, row1, col1) in pixels of the image.
    """

    score: float
    at: int
    slices: tuple[int, int]
    box: tuple[int, int, int, int]


def strays(
    placed: PlacedMap, touched: npt.NDArray[np.bool_], threshold: float, most: int = MOST
) -> tuple[tuple[Stray, ...], int]:
    """Return the regions of (saliency > threshold) that touch no lesion, the highest first, and how many there are.

    Parameters
    ----------
    touched : bool (slices, a, b), cells that hold a lesion pixel.
    threshold : as an overlay takes it, in single precision.
    most : no more regions than this are returned.
    """
    over = placed.values > np.float32(threshold)
    numbered, count = ndimage.label(over, _TOUCHING)
    alone = np.ones(count + 1, bool)
    alone[0] = False
    alone[np.unique(numbered[touched & over])] = False
    numbers = np.flatnonzero(alone)
    if not numbers.size:
        return (), 0
    scores = np.asarray(ndimage.maximum(placed.values, numbered, numbers), np.float64)
    boxes = ndimage.find_objects(numbered)
    best = np.argsort(-scores, kind="stable")[:most]
    return tuple(_stray(placed, numbered, boxes[numbers[k] - 1], int(numbers[k])) for k in best), int(numbers.size)


def _stray(placed: PlacedMap, numbered: npt.NDArray[np.integer], at: tuple[slice, slice, slice], number: int) -> Stray:
    inside = np.where(numbered[at] == number, placed.values[at], -np.inf)
    peak = int(inside.max(axis=(1, 2)).argmax())
    rows = np.append(placed.grid.row_starts, placed.grid.shape[0])
    columns = np.append(placed.grid.column_starts, placed.grid.shape[1])
    box = (
        int(rows[at[1].start]), int(columns[at[2].start]), int(rows[at[1].stop]), int(columns[at[2].stop]),
    )  # fmt: skip
    return Stray(float(inside.max()), at[0].start + peak, (at[0].start, at[0].stop), box)
