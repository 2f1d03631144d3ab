"""The outline of the compressed breast in one view, and how its free edge is rounded over the thickness.

Lengths are mm of the view frame (see :mod:`gmic_core.phantom.spec`). Both views of a breast share one
:class:`BodySize`; the breasts of one woman are alike, so it is drawn from the exam's seed with a little asymmetry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from gmic_core.phantom.spec import BreastSpec, ViewName, stream

Array = npt.NDArray[np.float64]

_EDGE_STEP_MM = 0.25
_DEPTH_STEP_MM = 1.0
_AXILLA_SHARPNESS = 3.0
"""Exponent of the map of the MLO's upper rows: they keep the CC's scale near the nipple, the axilla is drawn out."""


@dataclass(frozen=True)
class BodySize:
    """What both views of a breast have in common.

    Attributes
    ----------
    reach_mm : from the chest wall to the nipple's base, compressed.
    half_mm : half the width of the compressed breast at the chest wall, CC.
    thickness_mm : between detector cover and paddle.
    """

    reach_mm: float
    half_mm: float
    thickness_mm: float

    @property
    def spread(self) -> float:
        """How much longer the compressed breast is than the neutral one, in the plane; the volume is kept."""
        return float(np.clip((1.5 * self.half_mm / self.thickness_mm) ** (1.0 / 3.0), 1.0, 1.7))

    @property
    def bulge_mm(self) -> float:
        """Width of the rounded free edge, where the breast does not touch the paddle."""
        return min(0.42 * self.thickness_mm, 0.28 * self.reach_mm)


def body_size(spec: BreastSpec) -> BodySize:
    """Return the size of a compressed breast that fits its plate."""
    woman, side = stream(spec.seed, "body"), spec.rng("body")
    reach = spec.plate.width_mm * woman.uniform(0.42, 0.66) * side.uniform(0.97, 1.03)
    half = spec.plate.height_mm * woman.uniform(0.36, 0.45) * side.uniform(0.98, 1.02)
    return BodySize(float(reach), float(half), float(spec.thickness_mm))


@dataclass(frozen=True)
class Outline:
    """The outline of one view.

    Attributes
    ----------
    nipple_row, reach_mm : base of the nipple, y and x.
    up_mm, down_mm : scale of the rows above and below the nipple; a CC ends there, an MLO runs on above.
    rows, edge : the largest x of the breast at each y, 0 where there is none.
    depths : distance to the outline in the plane (1 mm grid from y = x = 0), 0 outside.
    """

    view: ViewName
    size: BodySize
    nipple_row: float
    reach_mm: float
    up_mm: float
    down_mm: float
    rows: Array
    edge: Array
    depths: Array

    def edge_at(self, y: Array) -> Array:
        """Return the largest x of the breast at rows y, mm."""
        return np.interp(y, self.rows, self.edge)

    def depth_at(self, y: Array, x: Array) -> Array:
        """Return the distance to the outline in the plane, mm; 0 outside."""
        where = np.broadcast_arrays(y / _DEPTH_STEP_MM, x / _DEPTH_STEP_MM)
        found: Array = ndimage.map_coordinates(self.depths, np.stack(where), order=1, mode="nearest")
        return found

    def half_thickness(self, depth: Array, skin_mm: float = 0.0) -> Array:
        """Return half the local thickness where the outline is ``depth`` mm away: the free edge is a half ellipse.

        Parameters
        ----------
        skin_mm : the same for the surface this far under the skin's.
        """
        bulge = self.size.bulge_mm - skin_mm
        rest = np.clip(1.0 - (depth - skin_mm) / bulge, 0.0, 1.0)
        out: Array = (0.5 * self.size.thickness_mm - skin_mm) * np.sqrt(1.0 - rest * rest)
        return out

    def ratio(self, y: Array) -> Array:
        """Return n in -1..1: where a row lies between the upper (lateral) and the lower (medial) end of the breast."""
        up = np.clip((self.nipple_row - y) / self.up_mm, 0.0, None)
        down = np.clip((y - self.nipple_row) / self.down_mm, 0.0, 1.0)
        if self.view == "MLO":
            up = up / (1.0 + up**_AXILLA_SHARPNESS) ** (1.0 / _AXILLA_SHARPNESS)
        return down - np.minimum(up, 1.0)

    def row(self, ratio: Array) -> Array:
        """Return y of ratios n, the inverse of :meth:`ratio`."""
        up, down = np.clip(-ratio, 0.0, 0.9999), np.clip(ratio, 0.0, 1.0)
        if self.view == "MLO":
            up = up / (1.0 - up**_AXILLA_SHARPNESS) ** (1.0 / _AXILLA_SHARPNESS)
        return self.nipple_row + down * self.down_mm - up * self.up_mm


def make_outline(spec: BreastSpec, view: ViewName) -> Outline:
    """Return the outline of one view of a breast."""
    size, rng, height = body_size(spec), spec.rng("outline", view), spec.plate.height_mm
    rows = np.arange(-40.0, height + 40.0, _EDGE_STEP_MM)
    reach = size.reach_mm
    if view == "CC":
        nipple_row = height * rng.uniform(0.47, 0.53)
        up = down = min(size.half_mm, nipple_row - 4.0, height - 4.0 - nipple_row)
        power, root = rng.uniform(2.1, 2.4), rng.uniform(0.56, 0.64)
        edge = reach * _bulge((rows - nipple_row) / up, power, root)
    else:
        reach *= rng.uniform(0.98, 1.05)
        nipple_row = height * rng.uniform(0.56, 0.64)
        up, down = size.half_mm, min(0.92 * size.half_mm, height * 0.975 - nipple_row)
        edge = _mlo_edge(rows, nipple_row, reach, down, rng)
    depths = _depths(rows, edge, height, reach)
    return Outline(view, size, float(nipple_row), float(reach), float(up), float(down), rows, edge, depths)


def _mlo_edge(rows: Array, nipple_row: float, reach: float, down: float, rng: np.random.Generator) -> Array:
    """Return the outline from the axilla over the nipple to the fold under the breast."""
    axilla = reach * rng.uniform(0.42, 0.54)
    t = np.clip((nipple_row - rows) / (nipple_row * rng.uniform(1.02, 1.15)), 0.0, 1.0)
    upper = axilla + (reach - axilla) * (0.5 + 0.5 * np.cos(np.pi * t ** rng.uniform(1.12, 1.25)))
    lower = reach * _bulge((rows - nipple_row) / down, rng.uniform(2.1, 2.4), rng.uniform(0.56, 0.64))
    return np.where(rows < nipple_row, upper, lower)


def _bulge(t: Array, power: float, root: float) -> Array:
    """Return a rounded profile: 1 at t = 0, 0 at |t| >= 1."""
    return np.maximum(1.0 - np.clip(np.abs(t), 0.0, 1.0) ** power, 0.0) ** root


def _depths(rows: Array, edge: Array, height: float, reach: float) -> Array:
    """Return the distance to the outline on the depth grid, from points on the curve (no steps of a pixel mask)."""
    inside = np.flatnonzero(edge > 0)
    first, last = max(int(inside[0]) - 1, 0), min(int(inside[-1]) + 1, len(rows) - 1)
    y, x = rows[first : last + 1], edge[first : last + 1]
    fine = np.linspace(0.0, 1.0, 5)[:-1]
    curve = np.concatenate([np.stack([y[:-1] + f * np.diff(y), x[:-1] + f * np.diff(x)], axis=1) for f in fine])
    grid_y = np.arange(0.0, height + 2.0, _DEPTH_STEP_MM)
    grid_x = np.arange(0.0, reach + 4.0, _DEPTH_STEP_MM)
    points = np.stack(np.meshgrid(grid_y, grid_x, indexing="ij"), axis=-1)
    distance, _ = cKDTree(curve).query(points.reshape(-1, 2))
    within = grid_x[None, :] < np.interp(grid_y, rows, edge)[:, None]
    # negative outside: interpolated, the outline is then where the distance crosses zero, not where the grid ends
    signed: Array = np.where(within, 1.0, -1.0) * np.reshape(distance, within.shape)
    return signed
