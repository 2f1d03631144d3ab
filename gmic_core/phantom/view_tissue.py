"""One compressed view as tissue: what the X-rays cross. Axes (z, y, x) of the view frame, see :mod:`spec`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """A regular grid: ``origin`` is the centre of voxel (0, 0, 0), both in (z, y, x) mm."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]

    def axis(self, number: int) -> npt.NDArray[np.float32]:
        """Return the voxel centres along one axis, mm."""
        count, step, first = self.shape[number], self.spacing[number], self.origin[number]
        return (np.arange(count, dtype=np.float32) * np.float32(step) + np.float32(first)).astype(np.float32)


@dataclass(frozen=True)
class Calcification:
    """One calcification: an ellipsoid with its axes along z, y, x.

    Attributes
    ----------
    centre : (z, y, x) in mm.
    radii : (z, y, x) in mm.
    mineral : share of hydroxyapatite by volume, 0..1.
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    mineral: float = 0.6


@dataclass
class ViewTissue:
    """One compressed view.

    Attributes
    ----------
    grid : grid of ``dense``, voxel edges from z = 0 (detector cover) to the thickness, y and x from 0 to the field's
        size or as far as the breast reaches.
    dense : (layers, rows, columns) float32; how far a voxel's attenuation goes from fat (0) to fibroglandular tissue
        (1); carcinoma is a little above 1; 0 outside the breast.
    inside_grid, inside : share of breast (0..1) of every voxel of a coarser grid.
    calcifications : what is finer than the grid.
    nipple : (z, y, x) of the tip of the nipple in mm.
    """

    grid: Grid
    dense: Volume
    inside_grid: Grid
    inside: Volume
    nipple: tuple[float, float, float]
    calcifications: list[Calcification] = field(default_factory=list)
