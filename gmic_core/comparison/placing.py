"""Saliency laid on the pixels of a segmentation: strips of pixels on which the map is constant.

Nearest-neighbour upsampling without upsampling: a pixel has the value of the cell in which its centre lies, so counting
the pixels of each rectangle gives the very numbers of the upsampled map. Pixels that no cell covers have saliency 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gmic_core.errors import CancelledError, SegmentationError
from gmic_core.evaluation.cells import Grid, SaliencyMap, align, strip_starts

FloatArray = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]

LARGE = 4_000_000
"""Cells above which it is worth looking for equal neighbours: maps that were upsampled before they were saved."""
_SNAP = 1e-4

Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class PlacedMap:
    """A map of one class on the pixels of an image.

    Attributes
    ----------
    grid : rectangles of pixels on which the map is constant on every slice, (a, b) of them.
    values : float32 (slices, a, b); 0 where no cell covers a rectangle.
    """

    grid: Grid
    values: Values

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns) of the image."""
        return len(self.values), *self.grid.shape

    @cached_property
    def projected(self) -> Values:
        """Maximum along the slices, (a, b)."""
        return np.asarray(self.values.max(axis=0))

    def upsampled(self, slice_index: int | None = None) -> Values:
        """Return one slice, or the projection, at the pixels of the image, (rows, columns)."""
        plane = self.projected if slice_index is None else self.values[slice_index]
        rows = np.diff(np.append(self.grid.row_starts, self.grid.shape[0]))
        columns = np.diff(np.append(self.grid.column_starts, self.grid.shape[1]))
        return np.asarray(np.repeat(np.repeat(plane, rows, axis=0), columns, axis=1))


def place(
    values: npt.NDArray[np.floating], to_pixels: FloatArray, shape: tuple[int, int], cancelled: Cancelled | None = None
) -> PlacedMap:
    """Lay a map on an image.

    Parameters
    ----------
    values : (slices, h, w), as many slices as the image has, in its order.
    to_pixels : float64 (3, 3) from a cell centre (row, column, 1) to a pixel of the image.
    shape : (rows, columns) of the image.

    Raises
    ------
    EvaluationError, SegmentationError
        If the map is not laid along rows and columns, or has values that are no numbers.
    CancelledError
        If ``cancelled`` said so.
    """
    cells = np.asarray(values, np.float32)
    for plane in cells:
        _continue(cancelled)
        if not np.isfinite(plane).all():
            raise SegmentationError("The saliency has values that are no numbers (NaN or infinite); make it again.")
    a = align(SaliencyMap(cells[:, None], snapped(to_pixels)), shape)
    row_starts, column_starts = strip_starts(a.row_cells[None]), strip_starts(a.column_cells[None])
    rows, columns = a.row_cells[row_starts], a.column_cells[column_starts]
    seen = (rows >= 0)[:, None] & (columns >= 0)[None, :]
    own = _taken(np.asarray(a.values, np.float32)[:, 0], rows, columns)
    if not seen.all():
        own = np.where(seen, own, np.float32(0))
    placed = PlacedMap(Grid(row_starts, column_starts, shape, seen), own)
    return merged(placed, cancelled) if own.size > LARGE else placed


def snapped(matrix: FloatArray) -> FloatArray:
    """Return a map whose numbers are eighths where single precision can only just tell: files keep no more digits."""
    eighths = np.round(matrix * 8.0) / 8.0
    return np.where(np.abs(matrix - eighths) < _SNAP, eighths, matrix)


def _taken(values: Values, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Values:
    """Return the cells of each rectangle; without a copy where they are all cells in order."""
    for axis, wanted in ((1, rows), (2, columns)):
        count = values.shape[axis]
        if np.array_equal(wanted, np.arange(count)):
            continue
        if np.array_equal(wanted, np.arange(count)[::-1]):
            values = np.flip(values, axis)
        else:
            values = np.take(values, np.maximum(wanted, 0), axis=axis)
    return values


def merged(placed: PlacedMap, cancelled: Cancelled | None = None) -> PlacedMap:
    """Return the same map with neighbouring strips joined that are equal on every slice."""
    grid, values = placed.grid, placed.values
    row_changes, column_changes = np.zeros(values.shape[1] - 1, bool), np.zeros(values.shape[2] - 1, bool)
    for plane in values:
        _continue(cancelled)
        row_changes |= (plane[1:] != plane[:-1]).any(axis=1)
        column_changes |= (plane[:, 1:] != plane[:, :-1]).any(axis=0)
    rows = np.flatnonzero(np.append(True, row_changes))
    columns = np.flatnonzero(np.append(True, column_changes))
    if rows.size == values.shape[1] and columns.size == values.shape[2]:
        return placed
    small = np.ascontiguousarray(values[:, rows[:, None], columns])
    # equal values, seen or not: outside the map saliency is 0 too
    return PlacedMap(
        Grid(grid.row_starts[rows], grid.column_starts[columns], grid.shape, np.ones(small.shape[1:], bool)), small
    )


def _continue(cancelled: Cancelled | None) -> None:
    if cancelled is not None and cancelled():
        raise CancelledError("The comparison was cancelled.")
