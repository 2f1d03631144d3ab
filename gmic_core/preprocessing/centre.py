"""Where the centre of the network's window goes so that it holds as much of the breast as possible."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import CRANIOCAUDAL_VIEWS
from gmic_core.preprocessing.crop import BreastCrop
from gmic_core.types import Laterality


def is_craniocaudal(view: str | None) -> bool:
    """Whether a view is placed by the rule for CC; all others follow the rule for MLO."""
    return view in CRANIOCAUDAL_VIEWS


def optimal_centre(
    cropped: npt.NDArray[Any],
    crop: BreastCrop,
    view: str | None,
    window: tuple[int, int],
    *,
    far_edge: bool = False,
) -> tuple[int, int]:
    """Return the (row, column) of the window's centre in pixels of the crop; may be negative.

    CC: the nipple's tip ends the window, the row catches the most non-zero pixels. MLO: the lower end of the breast
    ends the window, because the upper end runs into the arm.

    Parameters
    ----------
    cropped : (rows, columns) pixels of the crop, air is 0; of a volume the maximum over its slices.
    crop : of :func:`~gmic_core.preprocessing.crop.crop_breast`.
    window : (rows, columns) of the network's input.
    far_edge : take the tip's distance as the published code measures it in images that face left: as a count from
        the right edge, one more than the index of the same column. See :func:`measured_from_far_edge`.
    """
    rows, columns = window
    rightmost = crop.rightmost + (1 if far_edge else 0)
    column = rightmost - columns // 2 - 1
    if is_craniocaudal(view):
        return _fullest_row(cropped, column, window), column
    reached = np.flatnonzero((cropped[:, -columns:] > 0).any(axis=1))
    bottom = min(crop.bottommost, int(reached[-1])) if len(reached) else crop.bottommost
    return bottom - rows // 2 - 1, column


def measured_from_far_edge(laterality: Laterality) -> bool:
    """Whether a side is measured from the right edge (parameter ``far_edge`` of :func:`optimal_centre`).

    The published windows of right breasts, which their files store facing left, lie one column further from the
    chest wall than those of left breasts. The networks were trained on that, so the side decides here, and one
    breast gives the same window however its file happens to be turned.
    """
    return laterality is Laterality.R


def _fullest_row(cropped: npt.NDArray[Any], column: int, window: tuple[int, int]) -> int:
    """Return the centre row whose window holds the most non-zero pixels; of equals the one nearest the middle."""
    rows, columns = window
    height = len(cropped)
    middle = height // 2
    if height < rows:
        return middle
    left = max(column - columns // 2, 0)
    counts = np.count_nonzero(cropped[:, left : left + columns], axis=1)  # (rows,)
    before = np.concatenate([[0], np.cumsum(counts)])  # (rows + 1,)
    starts = np.arange(height - rows + 1)
    held = before[starts + rows] - before[starts]
    best = starts[held == held.max()] + rows // 2
    return int(best[np.argmin(np.abs(best - middle))])
