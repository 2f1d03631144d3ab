"""Curves over thresholds: a map is sorted once, then every lesion, class and threshold costs next to nothing.

Two ways to the same numbers. :class:`Ranked` holds all distinct values of a map of cells. A map with hundreds of
millions of values of its own (a volume at full resolution) is streamed slice by slice: every figure changes only at
values that lie on the lesion, so pixels are counted above those, just above those, and at the steps of a slider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gmic_core.comparison.placing import Cancelled, PlacedMap
from gmic_core.errors import CancelledError
from gmic_core.evaluation.localisation import ThresholdCurve
from gmic_core.evaluation.truth import Lesion

FloatArray = npt.NDArray[np.float64]
ProgressCall = Callable[[int, int], object]

IN_MEMORY = 8_000_000
"""Cells that are sorted as a whole; more are streamed."""
STEPS = tuple(float(np.float32(k / 1000)) for k in range(1001))
"""Thresholds of a slider, in the precision of maps; streamed curves know them exactly."""


@dataclass(frozen=True)
class LesionCurve:
    """One lesion, or all of a class, against one map.

    Attributes
    ----------
    curve : counts at descending thresholds.
    saliency : sum of the map over all pixels.
    saliency_inside : sum of the map over lesion pixels.
    """

    curve: ThresholdCurve
    saliency: float
    saliency_inside: float

    @property
    def soft_dice(self) -> float:
        """2 sum(A M) / (sum A + sum M); NaN where the denominator is not positive."""
        below = self.saliency + self.curve.lesion
        return 2.0 * self.saliency_inside / below if below > 0 else float("nan")


@dataclass(frozen=True)
class Ranked:
    """A map of cells, sorted.

    Attributes
    ----------
    thresholds : float64 (k,), distinct values, descending.
    predicted : float64 (k,), pixels at or above each.
    place : int (n,), which threshold the value of each cell is.
    values : float64 (n,), the cells.
    saliency : sum over all pixels.
    """

    thresholds: FloatArray
    predicted: FloatArray
    place: npt.NDArray[np.int64]
    values: FloatArray
    saliency: float

    @classmethod
    def of(cls, values: npt.ArrayLike, pixels: npt.ArrayLike) -> Ranked:
        """Sort cells.

        Parameters
        ----------
        values, pixels : (...), saliency of each cell and the pixels that it covers.
        """
        v, n = np.asarray(values, np.float64).ravel(), np.asarray(pixels, np.float64).ravel()
        ascending, place = np.unique(v, return_inverse=True)
        counts = np.bincount(place.ravel(), n, ascending.size)
        return cls(ascending[::-1], np.cumsum(counts[::-1]), ascending.size - 1 - place.ravel(), v, float(np.dot(v, n)))

    def against(self, lesion: npt.NDArray[np.integer]) -> LesionCurve:
        """Return the curve of a lesion.

        Parameters
        ----------
        lesion : (...), lesion pixels of each cell.
        """
        flat = lesion.ravel()
        cells = np.flatnonzero(flat)
        count = flat[cells].astype(np.float64)
        hit = np.asarray(np.cumsum(np.bincount(self.place[cells], count, self.thresholds.size)), np.float64)
        curve = ThresholdCurve(self.thresholds, self.predicted, hit, float(count.sum()), float(self.predicted[-1]))
        return LesionCurve(curve, self.saliency, float(np.dot(self.values[cells], count)))


class RankedMap:
    """A placed map, ready to be asked about lesions; projection and volume are sorted when first asked for."""

    def __init__(self, placed: PlacedMap) -> None:
        self.placed = placed

    @cached_property
    def _projection(self) -> Ranked:
        return Ranked.of(self.placed.projected, self.placed.grid.pixels)

    @cached_property
    def _volume(self) -> Ranked:
        pixels = np.broadcast_to(self.placed.grid.pixels, self.placed.values.shape)
        return Ranked.of(self.placed.values, pixels)

    def projected(self, lesions: Sequence[Lesion]) -> LesionCurve:
        """Return the curve of lesions together, map and lesions projected along the slices.

        Parameters
        ----------
        lesions : at least one.
        """
        whole = union(lesions)
        return self._projection.against(self.placed.grid.count(np.asarray(whole.layers.any(axis=0)), whole.corner))

    def volume(
        self, lesions: Sequence[Lesion], progress: ProgressCall | None = None, cancelled: Cancelled | None = None
    ) -> LesionCurve:
        """Return the curve of lesions together on all slices.

        Parameters
        ----------
        progress : called with steps done and steps in all, where the map is streamed.

        Raises
        ------
        CancelledError
            If ``cancelled`` said so.
        """
        whole = union(lesions)
        if self.placed.values.size > IN_MEMORY:
            return streamed(self.placed, whole, progress, cancelled)
        counts = np.zeros(self.placed.values.shape, np.int32)
        for k, plane in _layers(self.placed, whole):
            counts[k] = plane
        return self._volume.against(counts)


def streamed(
    placed: PlacedMap, lesion: Lesion, progress: ProgressCall | None = None, cancelled: Cancelled | None = None
) -> LesionCurve:
    """Return the curve of a lesion in a map that is too large to be sorted as a whole."""
    inside = [(placed.values[k][plane > 0], plane[plane > 0]) for k, plane in _layers(placed, lesion)]
    values = np.concatenate([v for v, _ in inside]).astype(np.float64)
    count = np.concatenate([n for _, n in inside]).astype(np.float64)
    own, place = np.unique(values, return_inverse=True)
    highest = float(placed.values.max())
    levels = np.unique(np.concatenate([own, np.nextafter(own, np.inf), STEPS, [highest]]))
    predicted, saliency = _counted(placed, levels, progress, cancelled)
    hit = np.zeros(levels.size)
    hit[np.searchsorted(levels, own)] = np.bincount(place, count, own.size)
    hit = np.cumsum(hit[::-1])[::-1]
    some = predicted > 0
    curve = ThresholdCurve(
        levels[some][::-1], predicted[some][::-1], hit[some][::-1], float(count.sum()), float(np.prod(placed.shape))
    )
    return LesionCurve(_complete(curve), saliency, float(np.dot(values, count)))


def _counted(
    placed: PlacedMap, levels: FloatArray, progress: ProgressCall | None, cancelled: Cancelled | None
) -> tuple[FloatArray, float]:
    """Return the pixels at or above each ascending level, and the sum of the map."""
    pixels = placed.grid.pixels.ravel().astype(np.float64)
    alike = bool((pixels == 1.0).all())
    predicted, saliency = np.zeros(levels.size), 0.0
    for k, plane in enumerate(placed.values):
        if cancelled is not None and cancelled():
            raise CancelledError("The comparison was cancelled.")
        flat = plane.ravel()
        saliency += float(np.dot(flat.astype(np.float64), pixels))
        if alike:  # single pixels: a plain sort is several times faster than one that carries weights along
            predicted += flat.size - np.searchsorted(np.sort(flat).astype(np.float64), levels)
        else:
            order = np.argsort(flat, kind="stable")
            above = np.append(np.cumsum(pixels[order][::-1])[::-1], 0.0)
            predicted += above[np.searchsorted(flat[order].astype(np.float64), levels)]
        if progress is not None:
            progress(k + 1, len(placed.values))
    return predicted, saliency


def _complete(curve: ThresholdCurve) -> ThresholdCurve:
    """Return the curve with its last point, where every pixel counts: what lies below all lesion values."""
    if curve.predicted[-1] == curve.pixels:
        return curve
    lowest = min(float(curve.thresholds[-1]), 0.0)
    return ThresholdCurve(
        np.append(curve.thresholds, np.nextafter(lowest, -np.inf)),
        np.append(curve.predicted, curve.pixels),
        np.append(curve.hit, curve.lesion),
        curve.lesion,
        curve.pixels,
    )


def _layers(placed: PlacedMap, lesion: Lesion) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Yield the slices that a lesion reaches, and its pixels in each rectangle there."""
    for k, layer in enumerate(lesion.layers, start=lesion.slices[0]):
        if layer.any():
            yield k, placed.grid.count(layer, lesion.corner)


def union(lesions: Sequence[Lesion]) -> Lesion:
    """Return lesions as one; voxels that two of them share count once."""
    if len(lesions) == 1:
        return lesions[0]
    first, last = min(v.slices[0] for v in lesions), max(v.slices[1] for v in lesions)
    row0, col0 = (min(v.corner[axis] for v in lesions) for axis in (0, 1))
    row1 = max(v.corner[0] + v.layers.shape[1] for v in lesions)
    col1 = max(v.corner[1] + v.layers.shape[2] for v in lesions)
    voxels = np.zeros((last - first, row1 - row0, col1 - col0), bool)
    for v in lesions:
        k, row, column = v.slices[0] - first, v.corner[0] - row0, v.corner[1] - col0
        depth, rows, columns = v.layers.shape
        voxels[k : k + depth, row : row + rows, column : column + columns] |= v.layers
    return Lesion(lesions[0].finding, (row0, col0), (first, last), voxels)
