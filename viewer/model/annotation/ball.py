"""The slices that a ball reaches beside the one that is seen: worked out together, painted a few at a time.

A ball of 30 mm reaches thirty slices. What it covers on each of them at a movement of the mouse is worked out for all
at once; the labels are written slice by slice, in turn, so that no movement waits for all of them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box
from viewer.model.annotation.label_map import LabelMap

Point = tuple[float, float]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_SLACK = 1e-9


@dataclass(frozen=True, eq=False)
class Way:
    """What a ball covers on its way from one place to another.

    Attributes
    ----------
    row0 : stored row of the first entry of the tables.
    first, last : int64 (slices, rows): columns that are covered; first > last: none.
    """

    row0: int
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


def way_of_ball(start: Point, end: Point, radii: Floats, spacing: tuple[float, float], shape: tuple[int, int]) -> Way:
    """Return which columns discs of several radii (mm) cover in each row while they move; cut to the image.

    As with :func:`viewer.model.annotation.brush.swept`, a pixel is covered when its centre is, and those under the
    places themselves always are.
    """
    reach = float(radii.max()) / spacing[0]
    row0 = max(math.floor(min(start[0], end[0]) - reach), 0)
    row1 = min(math.ceil(max(start[0], end[0]) + reach) + 1, shape[0])
    y, radius = np.arange(row0, max(row1, row0)) * spacing[0], radii[:, None]
    (y0, x0), (y1, x1) = ((place[0] * spacing[0], place[1] * spacing[1]) for place in (start, end))
    low, high = np.full((len(radii), y.size), np.inf), np.full((len(radii), y.size), -np.inf)
    for down, right in {(y0, x0), (y1, x1)}:
        inside = radius**2 - (y - down) ** 2
        half = np.where(inside >= -_SLACK, np.sqrt(np.maximum(inside, 0.0)), -np.inf)
        low, high = np.minimum(low, right - half), np.maximum(high, right + half)
    length = math.hypot(y1 - y0, x1 - x0)
    if abs(y1 - y0) > _SLACK:  # else the discs alone leave a dent that is no row wide
        for side in (radius, -radius):  # the two lines that touch both discs
            ya, xa = y0 + (x1 - x0) / length * side, x0 - (y1 - y0) / length * side
            x = xa + (y - ya) * ((x1 - x0) / (y1 - y0))
            within = (y >= np.minimum(ya, ya + y1 - y0) - _SLACK) & (y <= np.maximum(ya, ya + y1 - y0) + _SLACK)
            low, high = np.where(within, np.minimum(low, x), low), np.where(within, np.maximum(high, x), high)
    elif length > 0:
        flat = np.abs(y - y0) <= radius + _SLACK
        low = np.where(flat, np.minimum(low, min(x0, x1)), low)
        high = np.where(flat, np.maximum(high, max(x0, x1)), high)
    return _in_image(row0, low / spacing[1] - _SLACK, high / spacing[1] + _SLACK, (start, end), shape[1])


def _in_image(row0: int, low: Floats, high: Floats, places: tuple[Point, Point], columns: int) -> Way:
    first = np.ceil(np.clip(low, 0, columns)).astype(np.int64)
    last = np.floor(np.clip(high, -1, columns - 1)).astype(np.int64)
    for row, column in places:
        at, here = round(row) - row0, round(column)
        if 0 <= at < first.shape[1] and 0 <= here < columns:
            first[:, at], last[:, at] = np.minimum(first[:, at], here), np.maximum(last[:, at], here)
    return Way(row0, first, last)


class DeepSlices:
    """Slices that wait for what a stroke painted on them.

    Parameters
    ----------
    slices : index and radius in mm of each.
    """

    def __init__(self, target: LabelMap, slices: list[tuple[int, float]], spacing: tuple[float, float]) -> None:
        self._map, self._spacing = target, spacing
        self._radii = np.array([radius for _, radius in slices])
        self._turns = deque((at, index, 0) for at, (index, _) in enumerate(slices))
        self._ways: deque[Way] = deque()
        self._gone = 0  # ways that every slice has

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, start: Point, end: Point) -> None:
        """Go from one stored place to another."""
        if self._turns:
            shape = (self._map.shape[1], self._map.shape[2])
            self._ways.append(way_of_ball(start, end, self._radii, self._spacing, shape))

    def next(self) -> tuple[int, tuple[int, int], Mask] | None:
        """Return slice, first pixel and mask of what the slice that waits longest has missed; None: nothing."""
        at, index, done = self._turns.popleft()
        total = self._gone + len(self._ways)
        found = _together([self._ways[k - self._gone] for k in range(done, total)], at)
        self._turns.append((at, index, total))
        behind = min(turn[2] for turn in self._turns)
        for _ in range(behind - self._gone):
            self._ways.popleft()
        self._gone = behind
        return (index, *found) if found is not None else None


def _together(ways: list[Way], at: int) -> tuple[tuple[int, int], Mask] | None:
    """Return first pixel and mask of several ways on one slice."""
    stretches = list(_stretches(ways, at))
    if not stretches:
        return None
    box = _around(stretches)
    # +1 where a stretch begins, -1 after its end: the sum along a row is how many stretches cover a pixel
    steps = np.zeros((box[2] - box[0], box[3] - box[1] + 1), np.int16)
    for row0, first, last in stretches:
        rows = np.arange(row0 - box[0], row0 - box[0] + first.size)
        covers = first <= last
        steps[rows[covers], first[covers] - box[1]] += 1
        steps[rows[covers], last[covers] + 1 - box[1]] -= 1
    return (box[0], box[1]), np.cumsum(steps[:, :-1], axis=1, dtype=np.int16) > 0


Stretches = tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _stretches(ways: list[Way], at: int) -> Iterator[Stretches]:
    """Yield first row, first and last columns of each way on one slice, cut to the rows that it covers."""
    for way in ways:
        rows = np.flatnonzero(way.first[at] <= way.last[at])
        if rows.size:
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            yield way.row0 + part.start, way.first[at, part], way.last[at, part]


def _around(stretches: list[Stretches]) -> Box:
    """Return a box that holds all of them; rows between the first and the last one may be empty."""
    return (
        min(row0 for row0, _, _ in stretches),
        int(min(first.min() for _, first, _ in stretches)),
        max(row0 + first.size for row0, first, _ in stretches),
        int(max(last.max() for _, _, last in stretches)) + 1,
    )
