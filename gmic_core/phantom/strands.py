"""The thin structures of the neutral breast: Cooper's ligaments (sheets), ducts and vessels (tubes).

Arrays have the axes (along, depth, across) of :class:`NeutralGrid`: along runs from lateral to medial, across from
inferior to superior.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.phantom.compression import NeutralShape
from gmic_core.phantom.fields import Points, Volume, curve, power_law, smoothstep

DUCT_TREES = 14
VESSELS = 9


@dataclass(frozen=True)
class NeutralGrid:
    """A cubic grid over the neutral breast; voxel (0, 0, 0) is centred at (-R, 0, -R) mm."""

    shape: NeutralShape
    spacing: float

    @property
    def voxels(self) -> tuple[int, int, int]:
        """Number of voxels along (along, depth, across)."""
        wide = int(2.0 * self.shape.radius_mm / self.spacing) + 2
        return wide, int(self.shape.depth_mm / self.spacing) + 2, wide

    def index(self, neutral: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return voxel coordinates (n, 3) of points (depth, lateral, superior) in mm."""
        depth, lateral, superior = np.asarray(neutral, np.float64).T
        radius = self.shape.radius_mm
        return np.stack([radius - lateral, depth, superior + radius], axis=1) / self.spacing

    def coarse(self, factor: int) -> tuple[Volume, Volume, Volume]:
        """Return (along/R, depth/A, across/R) of the voxels of :func:`upsample`'s coarse grid, for broadcasting."""
        axes = []
        for axis, count in enumerate(self.voxels):
            middle = (np.arange(-(-count // factor), dtype=np.float32) + np.float32(0.5)) * factor - 0.5
            mm = middle * np.float32(self.spacing)
            scaled = mm / self.shape.depth_mm if axis == 1 else mm / self.shape.radius_mm - 1.0
            axes.append(scaled.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)]))
        return axes[0], axes[1], axes[2]


def upsample(coarse: Volume, shape: tuple[int, int, int], factor: int) -> Volume:
    """Return a volume ``factor`` times finer (cubic), cut to ``shape``."""
    if factor == 1:
        return np.ascontiguousarray(coarse[: shape[0], : shape[1], : shape[2]])
    planes = np.stack([cv2.resize(p, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC) for p in coarse])
    planes = np.ascontiguousarray(planes[:, : shape[1], : shape[2]])
    out = np.empty(shape, np.float32)
    for row in range(shape[1]):
        fine = cv2.resize(
            planes[:, row], (shape[2], len(planes) * factor), interpolation=cv2.INTER_CUBIC
        )  # (along, across): only the along axis grows
        out[:, row] = fine[: shape[0]]
    return out


def noise(
    rng: np.random.Generator, grid: NeutralGrid, beta: float, band_mm: tuple[float, float], samples: float = 4.0
) -> Volume:
    """Return power-law noise on the grid, made on a coarser one where its shortest wavelength allows.

    Parameters
    ----------
    samples : coarse voxels per shortest wavelength.
    """
    factor = max(int(band_mm[0] / (samples * grid.spacing)), 1)
    shape = [-(-count // factor) for count in grid.voxels]
    return upsample(power_law(rng, shape, [grid.spacing * factor] * 3, beta, band_mm), grid.voxels, factor)


def radial_noise(
    rng: np.random.Generator, grid: NeutralGrid, beta: float, band_mm: tuple[float, float], stretch: float
) -> Volume:
    """Return noise whose pattern is drawn out towards the nipple and narrows there, as the breast's lobes do.

    Parameters
    ----------
    stretch : how much longer than wide the pattern is.
    """
    factor = max(int(1.0 / grid.spacing), 1)
    along, depth, across = grid.coarse(factor)
    step, radius = grid.spacing * factor, grid.shape.radius_mm
    back = (np.float32(1.08) - depth) * np.float32(grid.shape.depth_mm)
    run = np.sqrt(back * back + (along * along + across * across) * np.float32(radius**2))
    spread = np.float32(0.95 * radius) / np.maximum(run, 0.15 * radius)
    side = int(2.4 * radius / step)
    length = int(float(run.max()) / (stretch * step)) + 4
    field = power_law(rng, (length, side, side), [step] * 3, beta, band_mm)
    half = 0.5 * side
    found = np.empty(run.shape, np.float32)
    for number, plane in enumerate(found):  # plane by plane: coordinates take six times the memory of the noise
        where = np.broadcast_arrays(
            run[number] / np.float32(stretch * step),
            along[number] * spread[number] * np.float32(radius / step) + half,
            across[0] * spread[number] * np.float32(radius / step) + half,
        )
        ndimage.map_coordinates(field, where, order=1, mode="grid-wrap", output=plane)
    return upsample(found, grid.voxels, factor)


SHEETS = (((9.0, 42.0), 0.048), ((5.5, 20.0), 0.055))
"""Cooper's ligaments: wavelengths in mm of the fields whose zeros they are, and their width in standard deviations."""


def ligaments(rng: np.random.Generator, grid: NeutralGrid) -> tuple[Volume, Volume]:
    """Return a smooth field whose zeros are thin curved sheets, exp(-field**2) being their profile, and their strength.

    The field is that of the nearer of a coarse and a fine family of sheets.
    """
    widen = max(1.3 * grid.spacing, 1.0)  # on a coarse grid sheets are wider, but fainter
    total, product = np.zeros(grid.voxels, np.float32), np.ones(grid.voxels, np.float32)
    for band, width in SHEETS:
        field = noise(rng, grid, 4.2, band)
        field /= np.float32(width * widen)
        product *= field
        field *= field
        total += field
    np.sqrt(total, out=total)
    product /= np.maximum(total, 1e-6, out=total)
    del total, field  # as large as what is returned
    strength = noise(rng, grid, 3.0, (8.0, 50.0))
    for plane in strength:
        plane[...] = smoothstep(plane, -1.9, 1.5)
    strength /= np.float32(widen)
    return product, strength


def duct_paths(rng: np.random.Generator, shape: NeutralShape) -> list[tuple[Points, float]]:
    """Return ducts as (points (n, 3) in mm (depth, lateral, superior), radius): trees that fan out from the nipple."""
    paths: list[tuple[Points, float]] = []
    nipple = np.array([shape.depth_mm - 1.0, 0.0, 0.0], np.float32)
    for _ in range(DUCT_TREES):
        aim = np.array([-1.0, rng.normal(0.16, 0.42), rng.normal(0.10, 0.38)], np.float32)
        trunk = curve(rng, nipple, aim, float(rng.uniform(0.45, 0.8) * shape.depth_mm), 0.03, 0.25)
        paths.append((trunk, 0.55))
        for _ in range(int(rng.integers(2, 5))):
            start = int(len(trunk) * rng.uniform(0.2, 0.75))
            heading = trunk[min(start + 8, len(trunk) - 1)] - trunk[start]
            heading = heading / max(float(np.linalg.norm(heading)), 1e-6) + rng.normal(0, 0.45, 3).astype(np.float32)
            length = float(rng.uniform(0.12, 0.35) * shape.depth_mm)
            paths.append((curve(rng, trunk[start], heading, length, 0.05, 0.25), 0.38))
    return paths


def vessel_paths(rng: np.random.Generator, shape: NeutralShape) -> list[tuple[Points, float]]:
    """Return vessels under the skin that come from the upper outer side and run towards the nipple."""
    paths: list[tuple[Points, float]] = []
    for _ in range(VESSELS):
        angle = rng.normal(np.pi / 4, 1.2)
        out = shape.radius_mm * rng.uniform(0.6, 0.85)
        start = np.array([rng.uniform(2, 10), out * np.cos(angle), out * np.sin(angle)], np.float32)
        aim = np.array([0.8 * shape.depth_mm, 0.0, 0.0], np.float32) - start
        aim[1:] += rng.normal(0, 0.35 * shape.radius_mm, 2).astype(np.float32)
        main = curve(rng, start, aim, float(rng.uniform(0.5, 0.85) * shape.depth_mm), 0.045, 0.25)
        radius = float(rng.uniform(0.5, 1.0))
        paths.append((main, radius))
        for _ in range(int(rng.integers(0, 3))):
            fork = int(len(main) * rng.uniform(0.3, 0.8))
            heading = main[min(fork + 8, len(main) - 1)] - main[fork] + rng.normal(0, 1.0, 3).astype(np.float32)
            length = float(rng.uniform(0.2, 0.4) * shape.depth_mm)
            paths.append((curve(rng, main[fork], heading, length, 0.06, 0.25), 0.65 * radius))
    return paths


def tubes(grid: NeutralGrid, paths: list[tuple[Points, float]], strength: float) -> Volume:
    """Return soft tubes along paths, ``strength`` on their axis; they taper to half their radius."""
    out = np.zeros(grid.voxels, np.float32)
    reach = np.arange(-3, 4)
    stencil = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), axis=-1).reshape(-1, 3)
    for points, radius in paths:
        taper = radius * np.linspace(1.0, 0.5, len(points))
        exact = grid.index(points)
        nearest = np.rint(exact).astype(np.intp)
        index = nearest[:, None, :] + stencil[None]
        distance = np.linalg.norm(index - exact[:, None, :], axis=-1) * grid.spacing
        width = np.maximum(taper, 0.6 * grid.spacing)  # never thinner than the grid shows, but fainter
        value = strength * np.minimum(taper / width, 1.0)[:, None] * np.exp(-((distance / width[:, None]) ** 2))
        inside = np.all((index >= 0) & (index < out.shape), axis=-1)
        np.maximum.at(out, tuple(index[inside].T), value[inside].astype(np.float32))
    return out
