"""The map between the neutral breast and a compressed view: one to one, so both views share their anatomy.

The neutral breast is half an ellipsoid on a round base: depth A, radius R. A row of the view is a plane of the neutral
breast, which makes sampling fast. CC: rows run from lateral to medial, z from inferior to superior. MLO: turned by 45
degrees; rows run from superior-lateral (axilla) to inferior-medial, z from inferior-lateral to superior-medial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.outline import BodySize, Outline
from gmic_core.phantom.spec import ViewName

Array = npt.NDArray[np.float64]

MLO_ANGLE_DEG = 45.0
_EDGE = 1e-6
"""Keeps the border of the ellipsoid, where a direction vanishes, away from a division by zero."""


@dataclass(frozen=True)
class NeutralShape:
    """The half ellipsoid: depth from the chest wall to the nipple, radius of its round base, in mm."""

    depth_mm: float
    radius_mm: float


def neutral_shape(size: BodySize) -> NeutralShape:
    """Return the breast before compression; it has about the volume of the compressed one."""
    return NeutralShape(size.reach_mm / size.spread, size.half_mm / size.spread)


def turn(view: ViewName) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the view's directions ``along`` the rows' axis and ``across`` it (z), as (lateral, superior)."""
    angle = np.deg2rad(MLO_ANGLE_DEG if view == "MLO" else 0.0)
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return (-cos, -sin), (-sin, cos)


@dataclass(frozen=True)
class Compression:
    """The map of one view; points are (n, 3) float64."""

    shape: NeutralShape
    outline: Outline

    def to_neutral(self, points: npt.ArrayLike) -> Array:
        """Return (depth, lateral, superior) of points (z, y, x) inside the breast."""
        z, y, x = np.asarray(points, np.float64).reshape(-1, 3).T
        ratio = self.outline.ratio(y)
        depth, scale = self.plane(ratio, x, np.maximum(self.outline.edge_at(y), _EDGE))
        half = np.maximum(self._half(y, x), _EDGE)
        across = (z - 0.5 * self.outline.size.thickness_mm) / half * scale
        along = self.shape.radius_mm * ratio
        (al, as_), (cl, cs) = turn(self.outline.view)
        return np.stack([depth, al * along + cl * across, as_ * along + cs * across], axis=1)

    def to_view(self, neutral: npt.ArrayLike) -> Array:
        """Return (z, y, x) of points (depth, lateral, superior) inside the breast."""
        depth, lateral, superior = np.asarray(neutral, np.float64).reshape(-1, 3).T
        (al, as_), (cl, cs) = turn(self.outline.view)
        along, across = al * lateral + as_ * superior, cl * lateral + cs * superior
        ratio = np.clip(along / self.shape.radius_mm, -1.0, 1.0)
        y = self.outline.row(ratio)
        q = np.sqrt(np.maximum(1.0 - ratio * ratio, _EDGE))
        xi = np.clip(depth / (self.shape.depth_mm * q), 0.0, 1.0)
        x = xi * np.maximum(self.outline.edge_at(y), _EDGE)
        scale = self.shape.radius_mm * q * np.sqrt(np.maximum(1.0 - xi * xi, _EDGE))
        z = 0.5 * self.outline.size.thickness_mm + across / scale * np.maximum(self._half(y, x), _EDGE)
        return np.stack([z, y, x], axis=1)

    def plane(self, ratio: Array, x: Array, edge: Array) -> tuple[Array, Array]:
        """Return depth, and ``across`` of the breast's upper surface, both mm, of places in the plane of the view.

        Parameters
        ----------
        ratio : n of the row; ``edge`` its outline.
        """
        q = np.sqrt(np.maximum(1.0 - ratio * ratio, _EDGE))
        xi = np.clip(x / edge, 0.0, 1.0)
        return self.shape.depth_mm * xi * q, self.shape.radius_mm * q * np.sqrt(np.maximum(1.0 - xi * xi, _EDGE))

    def _half(self, y: Array, x: Array) -> Array:
        return self.outline.half_thickness(self.outline.depth_at(y, x))
