"""How steady a result is: the same image again, moved by a slice or by two pixels of the network's input.

Nothing that a reader can see changes by such a shift, so neither should the score or the place of the map's peak. The
range of scores and the drift of the peaks say how much of a result hangs on the grid that it was computed on.
Imports no torch: the window asks for the shifts, the worker runs them (:mod:`gmic_core.inference.reruns`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.inference.reader import Frame, Reader
from gmic_core.types import Finding, ImageResult

SHIFT_PIXELS = 2
"""Pixels of the network's input by which its window is moved."""
STEADY_RANGE = 0.10
"""A result whose scores stay within this range ..."""
STEADY_DRIFT_CELLS = 1.5
"""... and whose peak stays within so many cells of the map, so that it may fall on a neighbouring one, ..."""
STEADY_DRIFT_SLICES = 10
"""... and within so many slices, the depth that a network keeps free around a patch, is called steady. All three are
conventions of this program, not measured limits."""


@dataclass(frozen=True)
class Shift:
    """One way to move the grid: whole slices, and pixels of the network's input down and across."""

    slices: int = 0
    rows: int = 0
    columns: int = 0

    def __str__(self) -> str:
        """Return e.g. ``+1 slice`` or ``-2 pixels across``."""
        if self.slices:
            return f"{self.slices:+d} slice"
        return f"{self.rows:+d} pixels down" if self.rows else f"{self.columns:+d} pixels across"


def shifts_for(image: MammoImage) -> tuple[Shift, ...]:
    """Return the shifts that an image is run with: one slice to either side where it has several, two pixels around."""
    steps = (-SHIFT_PIXELS, SHIFT_PIXELS)
    in_depth = tuple(Shift(slices=step) for step in (-1, 1)) if image.frames > 1 else ()
    return (*in_depth, *(Shift(rows=step) for step in steps), *(Shift(columns=step) for step in steps))


@dataclass(frozen=True)
class Peak:
    """Where a class map is highest: slice, and row and column in stored pixels."""

    slice_index: int
    row: float
    column: float
    value: float


@dataclass(frozen=True)
class ShiftOutcome:
    """What became of a result under one shift.

    Attributes
    ----------
    y : (benign, malignant).
    peaks : (benign, malignant) in the slices of the image as stored; None where a map is empty.
    """

    shift: Shift
    y: tuple[float, float]
    peaks: tuple[Peak | None, Peak | None]


@dataclass(frozen=True)
class Stability:
    """Range of the scores of one class and drift of its peak, over the unshifted result and all shifts.

    Attributes
    ----------
    lowest, highest : scores.
    drift : the farthest that the peak moved within the slice, in mm, in stored pixels where the spacing is unknown;
        NaN without a peak.
    drift_slices : the farthest that it moved in depth.
    in_mm : whether ``drift`` is in mm.
    cell : the longer side of a cell of the map, in the unit of ``drift``.
    """

    lowest: float
    highest: float
    drift: float
    drift_slices: int
    in_mm: bool
    cell: float

    @property
    def range(self) -> float:
        """Highest minus lowest score."""
        return self.highest - self.lowest

    @property
    def steady(self) -> bool:
        """Whether score and peak hardly move, as this program calls it."""
        jumped = self.drift > STEADY_DRIFT_CELLS * self.cell or self.drift_slices > STEADY_DRIFT_SLICES
        return self.range <= STEADY_RANGE and not jumped


class ShiftedReader:
    """Gives slice k + n for slice k; beyond the ends the last one is repeated."""

    def __init__(self, reader: Reader, slices: int) -> None:
        self._reader, self._slices = reader, slices

    def _index(self, image: MammoImage, slice_index: int) -> int:
        return min(max(slice_index + self._slices, 0), image.frames - 1)

    def read(self, image: MammoImage, slice_index: int) -> Frame:
        """Return (rows, columns)."""
        return self._reader.read(image, self._index(image, slice_index))

    def submit(self, image: MammoImage, slice_index: int) -> Future[Frame]:
        """Ask for (rows, columns)."""
        return self._reader.submit(image, self._index(image, slice_index))


def outcome(shift: Shift, result: ImageResult) -> ShiftOutcome:
    """Return what a shifted result says, its slices counted as the image's own."""
    peaks = [peak_of(result, finding) for finding in Finding]
    last = len(result.saliency) - 1
    moved = [peak and replace(peak, slice_index=min(max(peak.slice_index + shift.slices, 0), last)) for peak in peaks]
    return ShiftOutcome(shift, result.y, (moved[Finding.BENIGN], moved[Finding.MALIGNANT]))


def peak_of(result: ImageResult, finding: Finding) -> Peak | None:
    """Return where a class map is highest, the first of equal places; None for a map that is nowhere above 0."""
    values = result.saliency[:, finding]
    index = np.unravel_index(int(values.argmax()), values.shape)
    highest = float(values[index])
    if highest <= 0.0:
        return None
    row, column = PlaneMap(result.saliency_to_stored).apply([float(index[1]), float(index[2])])
    return Peak(int(index[0]), float(row), float(column), highest)


def stability(image: MammoImage, base: ImageResult, outcomes: Sequence[ShiftOutcome], finding: Finding) -> Stability:
    """Return how steady a class is over a result and its shifted runs."""
    scores = [base.y[finding], *(one.y[finding] for one in outcomes)]
    home = peak_of(base, finding)
    peaks = [peak for one in outcomes if (peak := one.peaks[finding]) is not None]
    rows_mm, columns_mm = image.spacing_mm or (1.0, 1.0)
    drifts = [math.hypot((p.row - home.row) * rows_mm, (p.column - home.column) * columns_mm) for p in peaks if home]
    depths = [abs(peak.slice_index - home.slice_index) for peak in peaks if home]
    sides = base.saliency_to_stored[:2, :2] * [[rows_mm], [columns_mm]]  # a cell down and a cell across, as columns
    return Stability(
        min(scores),
        max(scores),
        _largest(drifts),
        max(depths, default=0),
        in_mm=image.spacing_mm is not None,
        cell=float(np.hypot(*sides).max()),
    )


def _largest(values: Iterable[float]) -> float:
    return max(values, default=math.nan)
