"""Saliency cells as rectangles of stored pixels: nearest-neighbour upsampling without upsampling.

A stored pixel has the value of the cell in which its centre lies. Along rows and columns apart, that is a table from
pixel to cell, so all pixels fall into rectangles on which every map of the image is constant; it is enough to know how
many pixels and how many lesion pixels each rectangle has. With several maps (test-time augmentation: every one on a
window of its own) the rectangles are those on which all of them are constant, so their mean is exact too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.errors import EvaluationError
from gmic_core.exam.geometry import PlaneMap

IntArray = npt.NDArray[np.int64]
_TIE = 1e-9
"""Pixel centres on the edge of two cells belong to the second one, whatever the last bit of a product says."""


@dataclass(frozen=True)
class SaliencyMap:
    """The maps of one image by one network.

    Attributes
    ----------
    values : float, shape (slices, 2, h, w), channel order :data:`gmic_core.types.CLASSES`.
    to_stored : float64 (3, 3); maps a cell centre (row, column, 1) to stored pixels.
    """

    values: npt.NDArray[np.floating]
    to_stored: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Aligned:
    """A map turned so that its axes run like those of the stored image; cell -1 is outside."""

    values: npt.NDArray[np.floating]  # (slices, 2, cell rows, cell columns)
    row_cells: IntArray  # (rows,)
    column_cells: IntArray  # (columns,)


@dataclass(frozen=True)
class Grid:
    """Rectangles of stored pixels on which all maps of one image are constant.

    Attributes
    ----------
    row_starts, column_starts : first stored row, column of each strip of rectangles, ascending from 0.
    shape : (rows, columns) of the stored image.
    seen : bool (a, b); whether any map covers the rectangle.
    """

    row_starts: IntArray
    column_starts: IntArray
    shape: tuple[int, int]
    seen: npt.NDArray[np.bool_]

    @property
    def pixels(self) -> IntArray:
        """Pixels of each rectangle, (a, b)."""
        rows = np.diff(np.append(self.row_starts, self.shape[0]))
        columns = np.diff(np.append(self.column_starts, self.shape[1]))
        return np.asarray(rows[:, None] * columns[None, :], np.int64)

    def count(self, mask: npt.NDArray[np.bool_], corner: tuple[int, int] = (0, 0)) -> IntArray:
        """Return how many pixels of a mask each rectangle holds, (a, b).

        Parameters
        ----------
        mask : bool (r, c), a part of the stored image whose first pixel is ``corner``.
        """
        if not mask.size:
            return np.zeros((len(self.row_starts), len(self.column_starts)), np.int64)
        above_left = cv2.integral(np.ascontiguousarray(mask).view(np.uint8))  # many times faster than looking pixels up
        row_edges = np.clip(np.append(self.row_starts, self.shape[0]) - corner[0], 0, mask.shape[0])
        column_edges = np.clip(np.append(self.column_starts, self.shape[1]) - corner[1], 0, mask.shape[1])
        corners = above_left[np.ix_(row_edges, column_edges)].astype(np.int64)
        return np.asarray(np.diff(np.diff(corners, axis=0), axis=1), np.int64)


def overlay(maps: Sequence[SaliencyMap], shape: tuple[int, int]) -> tuple[Grid, npt.NDArray[np.float32]]:
    """Return the rectangles of an image and the mean of its maps on them.

    Parameters
    ----------
    shape : (rows, columns) of the stored image.

    Returns
    -------
    The grid, and float32 (slices, 2, a, b): the mean over those maps that cover a rectangle, 0 where none does.

    Raises
    ------
    EvaluationError
        If there is no map, the maps have different slices, or one is not laid along rows and columns.
    """
    if not maps:
        raise EvaluationError("There is no saliency map of this image; predict it again.")
    if len({len(m.values) for m in maps}) > 1:
        raise EvaluationError("The saliency maps of this image have different numbers of slices; predict it again.")
    aligned = [align(m, shape) for m in maps]
    row_starts = strip_starts(np.stack([a.row_cells for a in aligned]))
    column_starts = strip_starts(np.stack([a.column_cells for a in aligned]))
    total = np.zeros((*maps[0].values.shape[:2], len(row_starts), len(column_starts)), np.float32)
    covering = np.zeros(total.shape[2:], np.float32)
    for a in aligned:
        rows, columns = a.row_cells[row_starts], a.column_cells[column_starts]
        inside = (rows >= 0)[:, None] & (columns >= 0)[None, :]
        total += np.where(inside, a.values[:, :, np.maximum(rows, 0)[:, None], np.maximum(columns, 0)], np.float32(0))
        covering += inside
    mean = total / np.maximum(covering, np.float32(1))
    return Grid(row_starts, column_starts, shape, covering > 0), mean.astype(np.float32)


def align(m: SaliencyMap, shape: tuple[int, int]) -> Aligned:
    """Return a map with its axes along those of an image of (rows, columns), and the cell of each row and column.

    Raises
    ------
    EvaluationError
        If it is not laid along rows and columns.
    """
    matrix = PlaneMap(np.asarray(m.to_stored, np.float64)).inverse().matrix
    values = np.asarray(m.values)
    straight = np.allclose(matrix[[0, 1], [1, 0]], 0.0, atol=1e-9)
    crossed = np.allclose(matrix[[0, 1], [0, 1]], 0.0, atol=1e-9)
    if crossed and not straight:  # stored rows run along the map's columns
        matrix, values = matrix[[1, 0, 2]], values.swapaxes(-1, -2)
    elif not straight:
        raise EvaluationError("A saliency map is not laid along rows and columns of its image; predict it again.")
    cells = values.shape[-2:]
    return Aligned(
        values,
        _cells(matrix[0, 0], matrix[0, 2], shape[0], cells[0]),
        _cells(matrix[1, 1], matrix[1, 2], shape[1], cells[1]),
    )


def _cells(scale: float, offset: float, pixels: int, cells: int) -> IntArray:
    """Return the cell of each pixel along one axis, -1 outside."""
    cell = np.floor(scale * np.arange(pixels) + offset + 0.5 + _TIE).astype(np.int64)
    return np.where((cell >= 0) & (cell < cells), cell, -1)


def strip_starts(cells: IntArray) -> IntArray:
    """Return where any of the tables (maps, pixels) changes."""
    changes = (np.diff(cells, axis=1) != 0).any(axis=0)
    return np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(np.int64)
