"""Where the voxels of a tomosynthesis volume lie: one system in mm for volume, saliency, patches and cursor.

Conventions
-----------
* ``world`` is (z, y, x) in mm. y runs down and x to the right of the image as it hangs, z away from the reader, who
  looks at the hung slice: a right-handed system, so the breast is never mirrored in depth.
* (y, x) are the *view mm* of :mod:`gmic_core.exam.geometry` (down from the image's middle, depth from the chest wall),
  with x = depth for a left breast and x = -depth for a right one. Images of other modalities share them.
* z = 0 is slice 0. ``away`` says whether the following slices lie behind or before it (from Image Position (Patient);
  a file that states no positions counts as "behind").
* Voxels are the hung slices, reduced in plane by area averaging to a stated number; slices are never reduced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Orientation, PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.types import Laterality
from viewer.model.placement import image_laterality, image_orientation, image_spacing, view_mm_map
from viewer.model.resample import Frame, build_pyramid

FloatArray = npt.NDArray[np.float64]
World = tuple[float, float, float]
"""(z, y, x) in mm."""
Box = tuple[World, World]
"""Lowest and highest corner in mm."""

BUDGET_VOXELS = 20 << 20
"""Voxels of a volume: 40 MiB of stored values and 20 MiB of grey values, a third to a sixteenth of what is decoded."""


@dataclass(frozen=True)
class VolumeGrid:
    """The voxels of one volume.

    Attributes
    ----------
    shape : (slices, rows, columns) of the reduced, hung slices, in the order of the file's slices.
    spacing : (z, y, x) distance of voxel centres in mm, all positive.
    origin : world place of voxel (0, 0, 0).
    away : +1 where the next slice lies behind, -1 where it lies before the one before it.
    turn : stored -> hung.
    calibrated : False where the file states no pixel spacing or slice distance; proportions are a guess then.
    """

    shape: tuple[int, int, int]
    spacing: World
    origin: World
    away: int
    turn: Orientation
    calibrated: bool

    @property
    def to_world(self) -> FloatArray:
        """Map (slice, row, column, 1) of the voxels to (z, y, x, 1) in mm, float64 (4, 4)."""
        matrix = np.diag([self.away * self.spacing[0], self.spacing[1], self.spacing[2], 1.0])
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def bounds(self) -> Box:
        """The volume's lowest and highest corner in mm, outer edges of the voxels included."""
        return self.box_of((0, 0, 0), self.shape)

    def box_of(self, first: tuple[int, int, int], end: tuple[int, int, int]) -> Box:
        """Return the box in mm of the voxels from ``first`` up to, and without, ``end`` (slice, row, column)."""
        corners = np.array([[*(n - 0.5 for n in first), 1.0], [*(n - 0.5 for n in end), 1.0]]) @ self.to_world.T
        low, high = corners[:, :3].min(axis=0), corners[:, :3].max(axis=0)
        return _triple(low), _triple(high)

    def z_of(self, slice_index: float) -> float:
        """Return the height of a slice in mm."""
        return self.origin[0] + self.away * self.spacing[0] * slice_index

    def slice_at(self, z: float) -> int:
        """Return the slice nearest to a height; beyond the ends the first or the last one."""
        index = round((z - self.origin[0]) / (self.away * self.spacing[0]))
        return min(max(index, 0), self.shape[0] - 1)

    def voxels_at(self, places: npt.ArrayLike) -> FloatArray:
        """Return the voxel coordinates (slice, row, column) of world places (..., 3)."""
        steps = np.array([self.away * self.spacing[0], self.spacing[1], self.spacing[2]])
        found: FloatArray = (np.asarray(places, np.float64) - np.asarray(self.origin)) / steps
        return found


def middle(box: Box) -> World:
    """Return the middle of a box in mm."""
    return _triple((np.asarray(box[0]) + np.asarray(box[1])) / 2.0)


def _triple(values: npt.ArrayLike) -> World:
    z, y, x = (float(value) for value in np.asarray(values))
    return z, y, x


def stored_to_plane(image: MammoImage) -> PlaneMap:
    """Return stored pixels (row, column) -> (y, x) in mm of the world."""
    return PlaneMap.scale_offset(1.0, _depth_direction(image), 0.0, 0.0) @ view_mm_map(image)


def _depth_direction(image: MammoImage) -> float:
    """Return +1 where depth from the chest wall grows to the right of the hung image, else -1."""
    return 1.0 if image_laterality(image) is Laterality.L else -1.0


def world_to_view_mm(image: MammoImage, place: tuple[float, float]) -> tuple[float, float]:
    """Return (down, depth) in view mm of (y, x) in the world."""
    return place[0], place[1] * _depth_direction(image)


def view_mm_to_world(image: MammoImage, at: tuple[float, float]) -> tuple[float, float]:
    """Return (y, x) in the world of (down, depth) in view mm."""
    return at[0], at[1] * _depth_direction(image)


def slices_run_away(image: MammoImage) -> int:
    """Return +1 where slices follow each other away from the reader, -1 where they come nearer.

    The hung image's right and down, in patient coordinates, span the direction away from the reader (their vector
    product); the file says in which direction the slices go (PS3.3 C.7.6.2.1.1).
    """
    if image.plane is None:
        return 1
    to_stored = image_orientation(image).inverse()
    rows, cols = image_orientation(image).shape(image.rows, image.columns)
    matrix = to_stored.plane_map(rows, cols).matrix
    axes = np.array([image.plane.along_rows, image.plane.along_columns])  # of increasing row, of increasing column
    down, right = matrix[:2, 0] @ axes, matrix[:2, 1] @ axes
    return -1 if float(np.cross(right, down) @ np.asarray(image.plane.along_slices)) < 0.0 else 1


def volume_grid(image: MammoImage, budget: int = BUDGET_VOXELS) -> VolumeGrid:
    """Return the voxels for an image of several slices, as fine as the budget allows and never finer than stored."""
    turn = image_orientation(image)
    rows, cols = turn.shape(image.rows, image.columns)
    reduce = max(math.sqrt(image.frames * rows * cols / budget), 1.0)
    fewer = (max(int(rows / reduce), 1), max(int(cols / reduce), 1))
    row_mm, col_mm = image_spacing(image)
    if turn.transpose:
        row_mm, col_mm = col_mm, row_mm
    step = image.slice_spacing_mm or 1.0
    spacing = (step, row_mm * rows / fewer[0], col_mm * cols / fewer[1])
    hung_to_plane = stored_to_plane(image) @ turn.plane_map(image.rows, image.columns).inverse()
    first = hung_to_plane.apply(PlaneMap.resampling(rows / fewer[0], cols / fewer[1]).apply([0.0, 0.0]))
    calibrated = image.spacing_mm is not None and image.slice_spacing_mm is not None
    origin = (0.0, float(first[0]), float(first[1]))
    return VolumeGrid((image.frames, *fewer), spacing, origin, slices_run_away(image), turn, calibrated)


def reduced(frame: Frame, grid: VolumeGrid) -> Frame:
    """Return one stored slice hung and reduced to the grid's (rows, columns), in its own kind of number."""
    import cv2

    hung = grid.turn.apply(build_pyramid(frame, 0)[0])
    size = (grid.shape[2], grid.shape[1])
    if hung.shape[::-1] == size:
        return np.ascontiguousarray(hung)
    small: Frame = cv2.resize(np.ascontiguousarray(hung), size, interpolation=cv2.INTER_AREA)
    return small
