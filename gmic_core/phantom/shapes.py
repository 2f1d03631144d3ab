"""How findings are drawn: the same shape in both views, on grids coarser than its finest part.

A shape is a function of the offset from its centre in the breast's own axes (depth, lateral, superior); a view turns
offsets by the angle of its compression and leaves the shape as it is. Edges are sampled between voxel centres, and
strands thinner than a voxel give it their share of its volume, so that what is projected does not depend on the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.spec import ViewName
from gmic_core.phantom.view_tissue import Grid, Volume

Points = npt.NDArray[np.floating]
Window = tuple[slice, slice, slice]
Level = Callable[[Points], Points]
"""From offsets (..., 3) in mm to how deep they lie inside the shape, in mm; negative outside."""

_HALF = float(np.sqrt(0.5))
NEUTRAL_FROM_VIEW: dict[ViewName, npt.NDArray[np.float64]] = {
    # offsets (z, y, x) -> (depth, lateral, superior); CC: y runs medially, z up
    "CC": np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]),
    # MLO, 45 degrees: y runs from the axilla down and medially, z up and medially
    "MLO": np.array([[0.0, 0.0, 1.0], [-_HALF, -_HALF, 0.0], [_HALF, -_HALF, 0.0]]),
}
"""Orthogonal: the transpose turns neutral offsets into view offsets."""

FINEST_SAMPLE_MM = 0.3
"""Edges are sampled at least this densely along each axis."""


def to_neutral(view: ViewName, offsets: npt.NDArray[np.floating]) -> Points:
    """Turn offsets (..., 3) in (z, y, x) into (depth, lateral, superior)."""
    return (offsets @ NEUTRAL_FROM_VIEW[view].T).astype(np.float32)


def to_view(view: ViewName, offsets: npt.NDArray[np.floating]) -> Points:
    """Turn offsets (..., 3) in (depth, lateral, superior) into (z, y, x)."""
    return (offsets @ NEUTRAL_FROM_VIEW[view]).astype(np.float32)


@dataclass(frozen=True)
class Pose:
    """Where a finding stands in one view: ``centre`` is (z, y, x) in mm."""

    view: ViewName
    centre: tuple[float, float, float]


@dataclass(frozen=True)
class Strands:
    """Fine tubes as many small parts: offset (n, 3) in the breast's axes, mm, and volume (n,) in cubic mm."""

    points: Points
    volumes: npt.NDArray[np.float32]


def window_around(grid: Grid, centre: tuple[float, float, float], reach_mm: float) -> Window:
    """Return the part of a grid within ``reach_mm`` of a point along every axis; may be empty."""
    parts = []
    for axis in range(3):
        first = (centre[axis] - reach_mm - grid.origin[axis]) / grid.spacing[axis]
        last = (centre[axis] + reach_mm - grid.origin[axis]) / grid.spacing[axis]
        parts.append(slice(max(int(np.floor(first)), 0), max(min(int(np.ceil(last)) + 1, grid.shape[axis]), 0)))
    return (parts[0], parts[1], parts[2])


def part_of(grid: Grid, window: Window) -> Grid:
    """Return the grid of a window of another grid."""
    z, y, x = (max(one.stop - one.start, 0) for one in window)
    first = [o + one.start * s for o, one, s in zip(grid.origin, window, grid.spacing, strict=True)]
    return Grid((z, y, x), grid.spacing, (first[0], first[1], first[2]))


def offsets_of(grid: Grid, pose: Pose) -> Points:
    """Return the offset (layers, rows, columns, 3) of every voxel from the finding, in the breast's axes."""
    axes = [grid.axis(a) - np.float32(pose.centre[a]) for a in range(3)]
    return to_neutral(pose.view, np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))


def share_of(level: Level, grid: Grid, pose: Pose, soft_mm: float = 0.0) -> Volume:
    """Return the share (0..1) of every voxel that a shape fills.

    Parameters
    ----------
    soft_mm : width over which the edge fades; 0 is sharp, and then only the voxels blur it.
    """
    counts = [min(max(int(np.ceil(step / FINEST_SAMPLE_MM)), 1), 6) for step in grid.spacing]
    edge = max(soft_mm, 0.5 * max(step / n for step, n in zip(grid.spacing, counts, strict=True)))
    offsets = offsets_of(grid, pose)
    depth = level(offsets)
    share = (depth > 0.0).astype(np.float32)
    border = np.abs(depth) < 0.75 * edge + 0.75 * float(np.linalg.norm(grid.spacing))  # the rest is full or empty
    near, total = offsets[border], np.zeros(int(border.sum()), np.float32)
    for number in np.ndindex(*counts):
        shift = [((i + 0.5) / n - 0.5) * s for i, n, s in zip(number, counts, grid.spacing, strict=True)]
        total += np.clip(0.5 + level(near + to_neutral(pose.view, np.array(shift))) / np.float32(edge), 0.0, 1.0)
    share[border] = total / np.float32(np.prod(counts))
    return share


def strand_share(strands: Strands, grid: Grid, pose: Pose) -> Volume:
    """Return the share (0..1) of every voxel that strands fill, however thin they are."""
    total = np.zeros(grid.shape, np.float64)
    index = (to_view(pose.view, strands.points) + np.asarray(pose.centre) - np.asarray(grid.origin)) / grid.spacing
    low = np.floor(index).astype(np.intp)
    rest = index - low
    for corner in np.ndindex(2, 2, 2):  # trilinear: a strand between two voxels belongs to both
        at = low + corner
        weight = np.prod(np.where(np.asarray(corner) == 1, rest, 1.0 - rest), axis=1) * strands.volumes
        held = np.all((at >= 0) & (at < grid.shape), axis=1)
        np.add.at(total, tuple(at[held].T), weight[held])
    return np.clip(total / np.prod(grid.spacing), 0.0, 1.0).astype(np.float32)


def tube(points: Points, radii: npt.NDArray[np.floating], rng: np.random.Generator, filling: int = 6) -> Strands:
    """Fill a tube around a path (n, 3) in mm with parts, ``filling`` per point of the path."""
    step = float(np.linalg.norm(np.diff(points, axis=0), axis=1).mean()) if len(points) > 1 else 0.1
    around = rng.standard_normal((len(points), filling, 3))
    around /= np.maximum(np.linalg.norm(around, axis=-1, keepdims=True), 1e-9)
    around *= np.cbrt(rng.random((len(points), filling, 1))) * np.asarray(radii)[:, None, None]
    volume = np.repeat(np.pi * np.asarray(radii) ** 2 * step / filling, filling)
    return Strands((points[:, None, :] + around).reshape(-1, 3).astype(np.float32), volume.astype(np.float32))


def join(strands: list[Strands]) -> Strands:
    """Return many strands as one."""
    if not strands:
        return Strands(np.zeros((0, 3), np.float32), np.zeros(0, np.float32))
    return Strands(np.concatenate([s.points for s in strands]), np.concatenate([s.volumes for s in strands]))


def directions(rng: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    """Return unit vectors (count, 3), spread evenly over the sphere and jittered: no gaps, no pattern."""
    number = np.arange(count) + 0.5
    polar, around = np.arccos(1.0 - 2.0 * number / count), np.pi * (1.0 + np.sqrt(5.0)) * number
    vectors = np.stack([np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1)
    turned, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    vectors = vectors @ turned + rng.normal(0.0, 0.6 / np.sqrt(count), (count, 3))
    unit: npt.NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


@dataclass(frozen=True)
class Bumps:
    """A radius that depends on the direction: 1 and bumps; ``sharpness`` is how narrow each bump is."""

    axes: npt.NDArray[np.float64]
    heights: npt.NDArray[np.float64]
    sharpness: float

    @staticmethod
    def drawn(rng: np.random.Generator, count: int, height: float, sharpness: float) -> Bumps:
        """Draw ``count`` bumps and dents with this standard deviation of height."""
        return Bumps(directions(rng, count), rng.normal(0.0, height, count), sharpness)

    def radius(self, offsets: Points) -> Points:
        """Return the relative radius in the direction of offsets (..., 3)."""
        length = np.maximum(np.linalg.norm(offsets, axis=-1, keepdims=True), 1e-6)
        unit = (offsets / length).astype(np.float32)
        total = np.ones(offsets.shape[:-1], np.float32)
        for axis, height in zip(self.axes.astype(np.float32), self.heights, strict=True):
            total += np.float32(height) * np.exp(np.float32(self.sharpness) * (unit @ axis - np.float32(1.0)))
        return np.maximum(total, np.float32(0.35))

    def range(self) -> tuple[float, float]:
        """Return the radius of the ball of the same volume, and the largest radius."""
        radii = self.radius(directions(np.random.default_rng(0), 2000).astype(np.float32))
        return float(np.cbrt(np.mean(radii**3))), float(radii.max())


@dataclass(frozen=True)
class Waves:
    """Random waves of unit variance: noise that is known at every point, so both views cut the same lump."""

    vectors: npt.NDArray[np.float64]
    phases: npt.NDArray[np.float64]

    @staticmethod
    def drawn(rng: np.random.Generator, count: int, lengths_mm: tuple[float, float]) -> Waves:
        """Draw waves with wavelengths in this range."""
        lengths = np.exp(rng.uniform(np.log(lengths_mm[0]), np.log(lengths_mm[1]), count))
        return Waves(directions(rng, count) * (2.0 * np.pi / lengths)[:, None], rng.uniform(0.0, 2.0 * np.pi, count))

    def at(self, offsets: Points) -> Points:
        """Return the noise at offsets (..., 3) in mm."""
        total = np.zeros(offsets.shape[:-1], np.float32)
        for vector, phase in zip(self.vectors.astype(np.float32), self.phases, strict=True):
            total += np.cos(offsets @ vector + np.float32(phase))
        return total * np.float32(np.sqrt(2.0 / len(self.phases)))
