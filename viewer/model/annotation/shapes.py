"""Regions that are not painted: the inside of a polygon, and the slices between two that are drawn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viewer.model.annotation.brush import Ink, Mask, Point, covered
from viewer.model.annotation.edits import Edit, Patch
from viewer.model.annotation.label_map import LabelMap


def polygon_mask(points: Sequence[Point], shape: tuple[int, int]) -> tuple[tuple[int, int], Mask] | None:
    """Return the first pixel and the mask (rows, columns) of the pixels whose centres lie in a polygon; None: none do.

    The line closes itself; where it crosses itself, what is enclosed twice is outside (even-odd rule).
    """
    corners = np.asarray(points, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        return None
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, None)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, shape)
    if (low >= high).any():
        return None
    row0, col0, rows, columns = int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])
    toggles = np.zeros((rows, columns + 1), np.uint8)
    for (ya, xa), (yb, xb) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # half open in rows, so that a corner is counted once
        first, last = math.ceil(min(ya, yb)), math.ceil(max(ya, yb))
        y = np.arange(max(first, row0), min(last, row0 + rows))
        if y.size:
            x = xa + (y - ya) * ((xb - xa) / (yb - ya))
            toggles[y - row0, np.clip(np.ceil(x).astype(int) - col0, 0, columns)] ^= 1
    mask = np.bitwise_xor.accumulate(toggles[:, :-1], axis=1).astype(bool)
    return ((row0, col0), mask) if mask.any() else None


def fill_polygon(target: LabelMap, index: int, points: Sequence[Point], ink: Ink) -> Edit:
    """Return the edit, not yet written, that fills a polygon of stored places on a slice."""
    found = polygon_mask(points, (target.shape[1], target.shape[2]))
    patch = covered(target, index, *found, ink) if found is not None else None
    return Edit((patch,) if patch is not None else ())


@dataclass(frozen=True)
class Filled:
    """What filling between slices comes to.

    Attributes
    ----------
    edit : not yet written.
    slices : how many slices were filled.
    alone : outlines on either side of a gap that have none to go with on the other side.
    """

    edit: Edit
    slices: int
    alone: int


def _tell_nobody(_done: int, _total: int) -> None:
    """Where nobody asks how far it is."""


def fill_between(target: LabelMap, ink: Ink, tell: Callable[[int, int], None] = _tell_nobody) -> Filled:
    """Fill the gaps of a label: between two drawn slices its outline changes steadily from one into the other.

    Outlines that lie over each other belong together; so do two that are the only ones of their slices. They are laid
    on each other by their centres, their signed distances are mixed, and the outcome goes where the centre would be.

    Parameters
    ----------
    tell : told before each slice how many of how many are done; what it raises ends the filling.
    """
    drawn = [(index, _cut(target, index, ink.label)) for index in sorted(target.planes)]
    kept = [(index, cut) for index, cut in drawn if cut is not None]
    patches: list[Patch] = []
    filled: set[int] = set()
    alone = 0
    gaps = [pair for pair in itertools.pairwise(kept) if pair[1][0] - pair[0][0] > 1]
    total = sum(last - first - 1 for (first, _), (last, _) in gaps)
    done = 0
    for (first, one), (last, other) in gaps:
        pairs, lonely = _pairs(one, other)
        alone += lonely
        for index in range(first + 1, last):
            tell(done, total)
            done += 1
            share = (index - first) / (last - first)
            changed = [_between(target, index, pair, share, ink) for pair in pairs]
            patches += [patch for patch in changed if patch is not None]
            filled |= {index} if any(changed) else set()
    return Filled(Edit(tuple(patches)), len(filled), alone)


@dataclass(frozen=True, eq=False)
class _Cut:
    """A region: its mask, cut to its box, and the box's first pixel."""

    corner: tuple[int, int]
    mask: Mask

    @property
    def centre(self) -> npt.NDArray[np.float64]:
        middle: npt.NDArray[np.float64] = np.argwhere(self.mask).mean(axis=0) + self.corner
        return middle

    @property
    def end(self) -> tuple[int, int]:
        return self.corner[0] + self.mask.shape[0], self.corner[1] + self.mask.shape[1]


def _cut(target: LabelMap, index: int, label: int) -> _Cut | None:
    plane, box = target.plane(index), target.box(index)
    if plane is None or box is None:
        return None
    return _trimmed(_Cut(box[:2], np.asarray(plane[box[0] : box[2], box[1] : box[3]] == label)))


def _trimmed(cut: _Cut) -> _Cut | None:
    rows, columns = np.flatnonzero(cut.mask.any(axis=1)), np.flatnonzero(cut.mask.any(axis=0))
    if not rows.size:
        return None
    part = cut.mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _Cut((cut.corner[0] + int(rows[0]), cut.corner[1] + int(columns[0])), part)


def _pairs(one: _Cut, other: _Cut) -> tuple[list[tuple[_Cut, _Cut]], int]:
    """Return which outlines of two slices belong together, and how many have no counterpart."""
    from scipy import ndimage

    low = np.minimum(one.corner, other.corner)
    size = np.maximum(one.end, other.end) - low
    corner = (int(low[0]), int(low[1]))
    whole = [_laid(cut, corner, (int(size[0]), int(size[1]))) for cut in (one, other)]
    parts, counts = zip(*(ndimage.label(mask, np.ones((3, 3))) for mask in whole), strict=True)
    if counts == (1, 1):
        return [(one, other)], 0
    # outlines that touch each other through a chain of overlaps are one group: a lesion may split
    groups, total = ndimage.label(whole[0] | whole[1], np.ones((3, 3)))
    pairs, lonely = [], 0
    for group in range(1, total + 1):
        sides = [_trimmed(_Cut(corner, mask & (groups == group))) for mask in whole]
        if sides[0] is not None and sides[1] is not None:
            pairs.append((sides[0], sides[1]))
        else:
            mine = parts[0] if sides[0] is not None else parts[1]
            lonely += len(np.unique(mine[groups == group]))
    return pairs, lonely


def _laid(cut: _Cut, corner: tuple[int, int], size: tuple[int, int]) -> Mask:
    out = np.zeros(size, bool)
    row, column = cut.corner[0] - corner[0], cut.corner[1] - corner[1]
    out[row : row + cut.mask.shape[0], column : column + cut.mask.shape[1]] = cut.mask
    return out


def _between(target: LabelMap, index: int, pair: tuple[_Cut, _Cut], share: float, ink: Ink) -> Patch | None:
    """Return what one slice of a gap gets; ``share`` is how far it lies on the way, 0..1."""
    one, other = pair
    middle = (1.0 - share) * one.centre + share * other.centre
    moved = []
    for cut in pair:
        by = np.rint(middle - cut.centre).astype(int)
        moved.append(_Cut((cut.corner[0] + int(by[0]), cut.corner[1] + int(by[1])), cut.mask))
    low = np.minimum(moved[0].corner, moved[1].corner)
    size = np.maximum(moved[0].end, moved[1].end) - low
    corner, extent = (int(low[0]), int(low[1])), (int(size[0]), int(size[1]))
    far = [_signed(_laid(cut, corner, extent)) for cut in moved]
    mask = (1.0 - share) * far[0] + share * far[1] > 0
    # what was moved may reach beyond the image
    top, left = max(-corner[0], 0), max(-corner[1], 0)
    mask = mask[top : max(target.shape[1] - corner[0], 0), left : max(target.shape[2] - corner[1], 0)]
    if not mask.any():
        return None
    return covered(target, index, (corner[0] + top, corner[1] + left), mask, ink)


def _signed(mask: Mask) -> npt.NDArray[np.float64]:
    """Return the distance to the outline in pixels, positive inside."""
    from scipy import ndimage

    around = np.pad(mask, 1)
    far = ndimage.distance_transform_edt(around) - ndimage.distance_transform_edt(~around)
    inner: npt.NDArray[np.float64] = far[1:-1, 1:-1]
    return inner
