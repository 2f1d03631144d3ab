"""The brush: which voxels a ball, disc, box or square covers while it moves from one place to another.

A voxel belongs to a stroke when its centre does. Rows are cut analytically: a moving disc covers one stretch of
columns in each row, so that a brush of 30 mm costs no more than filling what it covers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box
from viewer.model.annotation.ball import DeepSlices
from viewer.model.annotation.edits import Edit, Patch, Plane, uniform_patch
from viewer.model.annotation.label_map import LabelMap

Point = tuple[float, float]
Mask = npt.NDArray[np.bool_]
SIZES_MM = (0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0)
"""Diameters that keys step through."""


@dataclass(frozen=True)
class Brush:
    """What is painted with.

    Attributes
    ----------
    size_mm : diameter, or edge of a square one.
    square : a square, or a cube, instead of a disc or a ball.
    deep : whether it reaches into the slices before and after.
    """

    size_mm: float = 5.0
    square: bool = False
    deep: bool = False

    def stepped(self, step: int) -> float:
        """Return the next larger (+1) or smaller (-1) size; the ends stay."""
        if step > 0:
            return next((size for size in SIZES_MM if size > self.size_mm + 1e-9), SIZES_MM[-1])
        return next((size for size in reversed(SIZES_MM) if size < self.size_mm - 1e-9), SIZES_MM[0])

    def radii(self, slice_mm: float) -> Iterator[tuple[int, float]]:
        """Yield the offset in slices and the radius in mm there, the middle first."""
        radius = self.size_mm / 2.0
        yield 0, radius
        reach = math.floor(radius / slice_mm + 1e-9) if self.deep else 0
        for away in range(1, reach + 1):
            here = radius if self.square else math.sqrt(max(radius**2 - (away * slice_mm) ** 2, 0.0))
            yield -away, here
            yield away, here


@dataclass(frozen=True)
class Ink:
    """What a stroke does to the voxels that it covers.

    Attributes
    ----------
    label : what they become.
    over : the only label that is painted over; None: any.
    """

    label: int
    over: int | None = None


class Stroke:
    """One stroke, from press to release; what it covers on the slice that is seen is in the map at once.

    Parameters
    ----------
    spacing_mm : between slices, rows and columns.
    slice_index : the slice that the annotator sees.
    """

    def __init__(
        self, target: LabelMap, slice_index: int, brush: Brush, ink: Ink, spacing_mm: tuple[float, float, float]
    ) -> None:
        self._map, self._index, self._brush, self._ink, self._spacing = target, slice_index, brush, ink, spacing_mm
        self._patches: list[Patch] = []
        self._at: Point | None = None
        reached = [(slice_index + away, radius) for away, radius in brush.radii(spacing_mm[0])]
        self._radius = reached[0][1]
        others = [(index, radius) for index, radius in reached[1:] if 0 <= index < target.shape[0]]
        self._deep = DeepSlices(target, [] if brush.square else others, spacing_mm[1:])
        self._cube = [index for index, _ in others] if brush.square else []

    def to(self, point: Point, deep: int | None = None) -> Box | None:
        """Go on to a stored place (row, column); return the box (row0, col0, row1, col1) that this covers.

        Parameters
        ----------
        deep : how many of the slices that are not seen a ball paints now; None: all. The others follow, in turn, with
            the next places and at the end: many slices at every movement of the mouse would hold up what is seen.
        """
        start, self._at = self._at or point, point
        shape = (self._map.shape[1], self._map.shape[2])
        found = swept(start, point, self._radius, self._spacing[1:], shape, square=self._brush.square)
        if found is not None:
            for index in (self._index, *self._cube):
                self._paint(index, *found)
        self._deep.add(start, point)
        self._catch_up(len(self._deep) if deep is None else min(deep, len(self._deep)))
        return _box(start, point, [self._radius / mm for mm in self._spacing[1:]], shape)

    def _catch_up(self, slices: int) -> None:
        """Paint on the slices that wait longest what they missed."""
        for _ in range(slices):
            missed = self._deep.next()
            if missed is not None:
                self._paint(*missed)

    def _paint(self, index: int, corner: tuple[int, int], mask: Mask) -> None:
        patch = covered(self._map, index, corner, mask, self._ink)
        if patch is not None:
            patch.write(self._map.touch(index, patch.box, self._ink.label))
            self._patches.append(patch)

    def end(self) -> Edit:
        """Return what was changed; it is in the map and counted."""
        self._catch_up(len(self._deep))
        edit = Edit(tuple(self._patches))
        self._map.count(edit)
        return edit

    def drop(self) -> None:
        """Take everything back."""
        back = Edit(tuple(self._patches)).inverted()
        for patch in back.patches:
            patch.write(self._map.touch(patch.slice_index, patch.box, 0))


def covered(target: LabelMap, index: int, corner: tuple[int, int], mask: Mask, ink: Ink) -> Patch | None:
    """Return what ink changes in a slice where a mask (rows, columns) lies with its first pixel at ``corner``."""
    rows, columns = mask.shape
    plane = target.plane(index)
    if plane is None:
        before: Plane = np.zeros(mask.shape, np.uint8)
    else:
        before = plane[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns]
    wanted = mask & (before != ink.label) if ink.over is None else mask & (before == ink.over)
    if ink.over == ink.label:
        return None
    # a brush that moves on changes a crescent: only what changes is looked at, not all that is covered
    return uniform_patch(index, corner, wanted, before, ink.label)


def swept(
    start: Point, end: Point, radius_mm: float, spacing_mm: tuple[float, float], shape: tuple[int, int], *, square: bool
) -> tuple[tuple[int, int], Mask] | None:
    """Return the first pixel and the mask of what a brush covers on its way, cut to the image; None: nothing.

    A brush smaller than a pixel covers the pixels under its centre.
    """
    reach = [radius_mm / mm for mm in spacing_mm]
    box = _box(start, end, reach, shape)
    if box is None:
        return None
    rows = np.arange(box[0], box[2], dtype=np.float64)
    if square:
        left, right = _square_stretch(rows, start, end, reach)
    else:
        left, right = _disc_stretch(rows, start, end, radius_mm, spacing_mm)
    columns = np.arange(box[1], box[3], dtype=np.float64)
    mask = (columns >= left[:, None]) & (columns <= right[:, None])
    for row, column in (start, end):
        at = (round(row) - box[0], round(column) - box[1])
        if 0 <= at[0] < mask.shape[0] and 0 <= at[1] < mask.shape[1]:
            mask[at] = True
    return (box[0], box[1]), mask


def _box(start: Point, end: Point, reach: list[float], shape: tuple[int, int]) -> Box | None:
    low = [math.floor(min(a, b) - r) for a, b, r in zip(start, end, reach, strict=True)]
    high = [math.ceil(max(a, b) + r) + 1 for a, b, r in zip(start, end, reach, strict=True)]
    row0, col0 = max(low[0], 0), max(low[1], 0)
    row1, col1 = min(high[0], shape[0]), min(high[1], shape[1])
    return (row0, col0, row1, col1) if row0 < row1 and col0 < col1 else None


Stretch = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""(first, last) column, float64 (rows,), of what is covered in each row; first > last: nothing."""


def _disc_stretch(
    rows: npt.NDArray[np.float64], start: Point, end: Point, radius: float, spacing: tuple[float, float]
) -> Stretch:
    """Return the stretch of two discs and the band between them, which together have no dent."""
    y = rows * spacing[0]
    (y0, x0), (y1, x1) = ((p[0] * spacing[0], p[1] * spacing[1]) for p in (start, end))
    stretches = [_chord(y, y0, x0, radius), _chord(y, y1, x1, radius)]
    length = math.hypot(y1 - y0, x1 - x0)
    if length > 0:
        off_y, off_x = (x1 - x0) / length * radius, -(y1 - y0) / length * radius
        one = [(y0 + off_y, x0 + off_x), (y1 + off_y, x1 + off_x)]
        other = [(y1 - off_y, x1 - off_x), (y0 - off_y, x0 - off_x)]
        stretches.append(_convex(y, one + other))
    return _union(stretches, spacing[1])


def _square_stretch(rows: npt.NDArray[np.float64], start: Point, end: Point, reach: list[float]) -> Stretch:
    """Return the stretch of a square that moves: the hull of its corners at both ends."""
    ends = [[(p[0] + sy * reach[0], p[1] + sx * reach[1]) for sy, sx in _CORNERS] for p in (start, end)]
    pieces = [_convex(rows, ends[0]), _convex(rows, ends[1])]
    for k in range(4):  # what each edge sweeps
        nxt = (k + 1) % 4
        pieces.append(_convex(rows, [ends[0][k], ends[0][nxt], ends[1][nxt], ends[1][k]]))
    return _union(pieces, 1.0)


_CORNERS = ((-1, -1), (-1, 1), (1, 1), (1, -1))
_SLACK = 1e-9


def _chord(y: npt.NDArray[np.float64], y0: float, x0: float, radius: float) -> Stretch:
    inside = radius**2 - (y - y0) ** 2
    half = np.sqrt(np.maximum(inside, 0.0))
    return np.where(inside >= -_SLACK, x0 - half, np.inf), np.where(inside >= -_SLACK, x0 + half, -np.inf)


def _convex(y: npt.NDArray[np.float64], corners: list[Point]) -> Stretch:
    """Return where rows cross a convex figure."""
    low, high = np.full(y.shape, np.inf), np.full(y.shape, -np.inf)
    for (ya, xa), (yb, xb) in zip(corners, corners[1:] + corners[:1], strict=True):
        within = (y >= min(ya, yb) - _SLACK) & (y <= max(ya, yb) + _SLACK)
        flat = abs(yb - ya) < _SLACK
        for x in (np.full(y.shape, xa), np.full(y.shape, xb)) if flat else (xa + (y - ya) * ((xb - xa) / (yb - ya)),):
            low, high = np.where(within, np.minimum(low, x), low), np.where(within, np.maximum(high, x), high)
    return low, high


def _union(stretches: list[Stretch], column_mm: float) -> Stretch:
    low = np.minimum.reduce([low for low, _ in stretches])
    high = np.maximum.reduce([high for _, high in stretches])
    return low / column_mm - _SLACK, high / column_mm + _SLACK
