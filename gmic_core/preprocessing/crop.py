"""The breast in an image: its mask, its box with a margin, and its outermost points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import InferenceError
from gmic_core.exam.geometry import Box
from gmic_core.preprocessing.masks import Mask, fill_holes, opened_component

OPENING = 100
"""Erosions and dilations with the cross that cut labels and thin borders off the breast (published)."""
BUFFER = 50
"""Pixels left around the breast at the top, at the bottom and on the nipple's side (published)."""
SKIP_TOP = 3
"""The nipple is looked for below the first 1/3 of the crop: above it, arm and pectoral muscle may reach further."""


@dataclass(frozen=True)
class BreastCrop:
    """Where the breast is in an image that faces right.

    Attributes
    ----------
    box : half-open crop window in image pixels, buffer included; its left edge is the breast's first column.
    mask : bool (rows, columns) of the whole image, the breast.
    rightmost : last column that the breast reaches below the top third of the crop, in crop pixels.
    rightmost_rows : first and last row of the breast in that column, in crop pixels.
    bottommost : last row of the breast in crop pixels.
    bottommost_columns : first and last column of the breast in that row, in crop pixels.
    opening : erosions that were applied, :data:`OPENING` unless the breast is small.
    """

    box: Box
    mask: Mask
    rightmost: int
    rightmost_rows: tuple[int, int]
    bottommost: int
    bottommost_columns: tuple[int, int]
    opening: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the crop in the image."""
        row0, col0, row1, col1 = self.box
        return slice(row0, row1), slice(col0, col1)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the crop."""
        row0, col0, row1, col1 = self.box
        return row1 - row0, col1 - col0


def crop_breast(
    image: npt.NDArray[Any], threshold: float = 0, *, filled: bool = False, buffer: int = BUFFER
) -> BreastCrop:
    """Find the breast.

    Parameters
    ----------
    image : (rows, columns), facing right, air is 0; of a volume the maximum over its slices.
    threshold : pixels above it may be breast: 0 for images, 100 for maximum projections of volumes.
    filled : whether holes in the mask are filled first (volumes).

    Raises
    ------
    InferenceError
        If no pixel lies above the threshold.
    """
    mask = np.asarray(image > threshold, np.bool_)
    if not mask.any():
        raise InferenceError(f"No pixel is brighter than {threshold}: the image holds no breast or is damaged.")
    component, opening = opened_component(fill_holes(mask) if filled else mask, OPENING)
    rows, columns = _extent(component, 1), _extent(component, 0)
    height, width = component.shape
    box = (max(rows[0] - buffer, 0), columns[0], min(rows[1] + 1 + buffer, height), min(columns[1] + 1 + buffer, width))
    inside = component[box[0] : box[2], box[1] : box[3]]
    skipped = len(inside) // SKIP_TOP
    below = inside[skipped:] if inside[skipped:].any() else inside
    offset = len(inside) - len(below)
    rightmost = _extent(below, 0)[1]
    tip = np.flatnonzero(below[:, rightmost]) + offset
    bottommost = rows[1] - box[0]
    foot = np.flatnonzero(inside[bottommost])
    return BreastCrop(
        box=box,
        mask=component,
        rightmost=rightmost,
        rightmost_rows=(int(tip[0]), int(tip[-1])),
        bottommost=bottommost,
        bottommost_columns=(int(foot[0]), int(foot[-1])),
        opening=opening,
    )


def _extent(mask: Mask, axis: int) -> tuple[int, int]:
    """Return the first and last index with anything in it, looking along ``axis``."""
    used = np.flatnonzero(mask.any(axis=axis))
    return int(used[0]), int(used[-1])
