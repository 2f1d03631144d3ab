"""The breast that is simulated: outline, tissue and lesions of one compressed view.

Everything here faces right (chest wall on column 0), lateral side up in CC and head up in MLO, whatever the side;
:mod:`gmic_core.phantom.imaging` turns it. Lengths are in mm; volumes have the axes (slice, row, column).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.errors import GmicError
from gmic_core.phantom.fields import Volume, smoothstep
from gmic_core.types import Laterality

Plane = npt.NDArray[np.float32]

MAX_TISSUE_VOXELS = 32_000_000
"""Tissue is computed on a grid of at most this many voxels (128 MB each); images are interpolated from it."""


@dataclass(frozen=True)
class Lesion:
    """One lesion: where it is and what it looks like.

    Attributes
    ----------
    row, column, slice_index : centre in pixels of the stored DBT volume.
    radius_mm : radius of its core.
    """

    kind: Literal["spiculated", "smooth"]
    row: float
    column: float
    slice_index: int
    radius_mm: float


@dataclass(frozen=True)
class BreastSpec:
    """What is to be simulated.

    Attributes
    ----------
    seed : same seed, same breast.
    slices, rows, columns : size of the DBT volume; slices are 1 mm apart.
    spacing_mm : pixel spacing of the DBT volume.
    with_lesions : whether the breast holds a spiculated and a smooth mass.
    """

    seed: int
    slices: int = 24
    rows: int = 1200
    columns: int = 960
    laterality: Laterality = Laterality.R
    view: str = "CC"
    spacing_mm: float = 0.1
    with_lesions: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.view not in ("CC", "MLO"):
            raise GmicError(f"View {self.view} cannot be simulated; use CC or MLO.")
        if self.slices < 1 or min(self.rows, self.columns) < 64 or self.spacing_mm <= 0:
            raise GmicError("A simulated breast needs at least 1 slice, 64 x 64 pixels and a positive pixel spacing.")

    @property
    def height_mm(self) -> float:
        """Height of the field of view."""
        return self.rows * self.spacing_mm

    @property
    def width_mm(self) -> float:
        """Width of the field of view."""
        return self.columns * self.spacing_mm

    @property
    def step(self) -> int:
        """Pixels per tissue voxel in the plane."""
        step = 2
        while self.slices * (self.rows // step) * (self.columns // step) > MAX_TISSUE_VOXELS:
            step += 1
        return step

    @property
    def tissue_shape(self) -> tuple[int, int, int]:
        """Size of the tissue grid."""
        return self.slices, -(-self.rows // self.step), -(-self.columns // self.step)

    @property
    def tissue_spacing(self) -> tuple[float, float, float]:
        """Millimetres per voxel of the tissue grid."""
        return 1.0, self.step * self.spacing_mm, self.step * self.spacing_mm

    def rng(self, purpose: int) -> np.random.Generator:
        """Return the random numbers for one purpose; adding a purpose leaves the others as they were."""
        side = 0 if self.laterality is Laterality.L else 1
        return np.random.default_rng([self.seed, side, 0 if self.view == "CC" else 1, purpose])


@dataclass(frozen=True)
class Outline:
    """The outline of the compressed breast in a field of view.

    Attributes
    ----------
    nipple : (row, column) in mm.
    edge : (rows,) float32, distance of the skin from the chest wall at rows ``row_mm``; 0 outside the breast.
    """

    nipple: tuple[float, float]
    row_mm: Plane
    edge: Plane

    def mask(self, rows: int, columns: int, width_mm: float) -> npt.NDArray[np.uint8]:
        """Return where the breast is, on a grid of the whole field of view."""
        height = float(self.row_mm[-1] + self.row_mm[0])
        row = (np.arange(rows, dtype=np.float32) + 0.5) * (height / rows)
        column = (np.arange(columns, dtype=np.float32) + 0.5) * (width_mm / columns)
        edge = np.interp(row, self.row_mm, self.edge)
        inside: npt.NDArray[np.uint8] = (column[None, :] < edge[:, None]).astype(np.uint8)
        return inside

    def depth(self, rows: int, columns: int, width_mm: float) -> Plane:
        """Return the distance to the skin in mm, 0 outside; the image's own edges are no skin."""
        mask = self.mask(rows, columns, width_mm)
        border = rows // 4
        wide = cv2.copyMakeBorder(mask, border, border, border, 1, cv2.BORDER_REPLICATE)
        pixels = cv2.distanceTransform(wide, cv2.DIST_L2, 5)[border : border + rows, border : border + columns]
        depth: Plane = (np.maximum(pixels - 0.5, 0.0) * mask * np.float32(width_mm / columns)).astype(np.float32)
        return depth


def make_outline(spec: BreastSpec) -> Outline:
    """Return the outline of this breast; MLO runs up into the axilla, CC closes at both ends."""
    rng = spec.rng(1)
    height, width = spec.height_mm, spec.width_mm
    row = (np.arange(4096, dtype=np.float32) + 0.5) * np.float32(height / 4096)
    reach = width * rng.uniform(0.80, 0.86)
    if spec.view == "CC":
        nipple_row = height * rng.uniform(0.48, 0.52)
        top, bottom = height * rng.uniform(0.03, 0.05), height * rng.uniform(0.93, 0.96)
        up = reach * _bulge((nipple_row - row) / (nipple_row - top), 2.2, 0.62)
    else:
        nipple_row = height * rng.uniform(0.60, 0.64)
        bottom = height * rng.uniform(0.95, 0.97)
        axilla = width * rng.uniform(0.40, 0.46)
        t = np.clip((nipple_row - row) / (nipple_row * 1.12), 0.0, 1.0)
        up = axilla + (reach - axilla) * (0.5 + 0.5 * np.cos(np.pi * t**1.15))
    down = reach * _bulge((row - nipple_row) / (bottom - nipple_row), 2.3, 0.60)
    edge = np.where(row < nipple_row, up, down).astype(np.float32)
    nipple_size = min(5.0, 0.05 * width)
    edge += np.float32(0.9 * nipple_size) * np.exp(-((np.abs(row - nipple_row) / nipple_size) ** 4)) * (edge > 0)
    return Outline((nipple_row, float(reach)), row, edge)


def _bulge(t: Plane, power: float, root: float) -> Plane:
    """Return a rounded profile: 1 at t = 0, 0 at |t| >= 1."""
    out: Plane = np.maximum(1.0 - np.clip(t, 0.0, 1.0) ** power, 0.0) ** root
    return out


def slice_inset(spec: BreastSpec) -> Plane:
    """Return, for each slice, how far inside the outline its own edge is: the compressed breast bulges.

    Shape (slices,), mm. The free edge is a half circle over the whole thickness.
    """
    bulge = min(0.5 * spec.slices, 0.16 * spec.width_mm)
    height = (np.arange(spec.slices, dtype=np.float32) + 0.5) / np.float32(0.5 * spec.slices) - 1.0
    inset: Plane = bulge * (1.0 - np.sqrt(np.maximum(1.0 - height**2, 0.0)))
    return inset


def parenchyma_weight(spec: BreastSpec, outline: Outline, depth: Plane) -> Plane:
    """Return how likely each place of the plane is glandular: a fan behind the nipple, fat under the skin."""
    row, column = _grid_mm(spec)
    nipple_row, reach = outline.nipple
    up = 0.06 * spec.height_mm  # most of it lies in the upper outer quadrant
    across = (row - (nipple_row - up)) / (0.26 * spec.height_mm)
    along = (column - 0.56 * reach) / (0.34 * reach)
    weight = np.exp(-(across**2) - along**2)
    toward_nipple = np.exp(-(((row - nipple_row) / (0.09 * spec.height_mm)) ** 2)) * smoothstep(
        column / reach, 0.5, 0.8
    )
    subcutaneous = smoothstep(depth, 0.03 * spec.width_mm, 0.11 * spec.width_mm)
    out: Plane = ((weight + 0.5 * toward_nipple) * subcutaneous).astype(np.float32)
    return out


def pectoral_weight(spec: BreastSpec) -> Plane:
    """Return 1 in the pectoral muscle (MLO only), 0 elsewhere: a wedge from the upper chest-wall corner."""
    row, column = _grid_mm(spec)
    if spec.view != "MLO":
        return np.zeros(np.broadcast_shapes(row.shape, column.shape), np.float32)
    length, base = 0.62 * spec.height_mm, 0.34 * spec.width_mm
    t = np.clip(row / length, 0.0, 1.0)
    border = base * (1.0 - t) * (1.0 + 0.35 * t)  # slightly convex, as in a relaxed muscle
    return smoothstep((border - column).astype(np.float32), -1.5, 2.5) * smoothstep(border / base, 0.0, 0.25)


def _grid_mm(spec: BreastSpec) -> tuple[Plane, Plane]:
    _, rows, columns = spec.tissue_shape
    step = spec.tissue_spacing[1]
    row = ((np.arange(rows, dtype=np.float32) + 0.5) * np.float32(step))[:, None]
    column = ((np.arange(columns, dtype=np.float32) + 0.5) * np.float32(step))[None, :]
    return row, column


def slice_masks(spec: BreastSpec, depth: Plane) -> Volume:
    """Return the share of breast in every voxel, from the outline's depth map and the bulge of the free edge."""
    inset = slice_inset(spec)[:, None, None]
    out: Volume = np.clip((depth[None] - inset) / np.float32(0.25) + 0.5, 0.0, 1.0) * (depth > 0)[None]
    return out.astype(np.float32)
