"""Planes through a volume that the machine did not make: across the slices, or tilted.

Reduced voxels are interpolated linearly. The picture says how thick slices smear: tomosynthesis looks from a narrow
fan of angles, so what is sharp within a slice is drawn out over several millimetres across them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from viewer.model.volume_camera import Camera
from viewer.model.volume_grid import Box, FloatArray, World, middle
from viewer.model.volume_project import Stack, Values

PlaneName = Literal["above", "side", "tilted"]
BLUR_NOTE = "Tomosynthesis blurs across its slices: read where a finding lies here, not its shape or its size in depth."


@dataclass(frozen=True)
class Plane:
    """A rectangle in space that is shown flat.

    Attributes
    ----------
    name : ``above`` (upright to the slices, from chest wall to nipple), ``side`` (upright to the slices, along the
        chest wall), ``tilted`` (as the camera looks).
    center : world place (z, y, x) in the middle of the picture.
    down, right : unit directions (z, y, x) of the picture's rows and columns.
    scale : device pixels per mm.
    width, height : device pixels.
    """

    name: PlaneName
    center: World
    down: World
    right: World
    scale: float
    width: int
    height: int

    def places(self) -> FloatArray:
        """Return the world place of every pixel, (height, width, 3)."""
        rows = (np.arange(self.height) - (self.height - 1) / 2.0) / self.scale
        cols = (np.arange(self.width) - (self.width - 1) / 2.0) / self.scale
        found: FloatArray = (
            np.asarray(self.center)
            + rows[:, None, None] * np.asarray(self.down)
            + cols[None, :, None] * np.asarray(self.right)
        )
        return found

    def place_at(self, row: float, column: float) -> World:
        """Return the world place under a device pixel."""
        down, right = (row - (self.height - 1) / 2.0) / self.scale, (column - (self.width - 1) / 2.0) / self.scale
        z, y, x = np.asarray(self.center) + down * np.asarray(self.down) + right * np.asarray(self.right)
        return float(z), float(y), float(x)

    def pixel_of(self, place: npt.ArrayLike) -> tuple[float, float]:
        """Return (row, column) of a world place, projected straight onto the plane."""
        away = np.asarray(place, np.float64) - np.asarray(self.center)
        row = float(away @ np.asarray(self.down)) * self.scale + (self.height - 1) / 2.0
        column = float(away @ np.asarray(self.right)) * self.scale + (self.width - 1) / 2.0
        return row, column


def planes_through(
    cursor: World, box: Box, camera: Camera, sizes: dict[PlaneName, tuple[int, int]], scale: float
) -> tuple[Plane, ...]:
    """Return the three planes through a place; the upright ones show the box, seen as by the presets of the camera.

    Parameters
    ----------
    sizes : (width, height) of each picture in device pixels.
    scale : device pixels per mm, the same for all.
    """
    center, turn = middle(box), camera.rotation
    tilted = _along_picture(cursor, center, turn)
    return (
        Plane("above", (center[0], cursor[1], center[2]), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), scale, *sizes["above"]),
        Plane("side", (center[0], center[1], cursor[2]), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), scale, *sizes["side"]),
        Plane("tilted", tilted, _unit(turn[1]), _unit(turn[2]), scale, *sizes["tilted"]),
    )


def _unit(direction: FloatArray) -> World:
    z, y, x = (float(value) for value in direction)
    return z, y, x


def _along_picture(cursor: World, center: World, turn: FloatArray) -> World:
    """Return the point of the tilted plane through the cursor that lies straight before the volume's middle."""
    depth = float((np.asarray(cursor) - np.asarray(center)) @ turn[0])
    return _unit(np.asarray(center) + depth * turn[0])


def resliced(stack: Stack, plane: Plane) -> Values:
    """Return the stack's values on a plane, (height, width), 0 outside of it, in its own kind of number."""
    from scipy.ndimage import map_coordinates

    to_voxels = np.linalg.inv(stack.to_world)
    voxels = plane.places() @ to_voxels[:3, :3].T + to_voxels[:3, 3]
    found = map_coordinates(stack.values, np.moveaxis(voxels, -1, 0), order=1, mode="constant", cval=0.0)
    return np.asarray(found, stack.values.dtype)


def brightest_along(stack: Stack, start: FloatArray, direction: FloatArray, reach: float, step: float) -> World | None:
    """Return the world place of the largest value on a line through ``start``; None where the line meets nothing.

    Parameters
    ----------
    direction : unit vector (z, y, x).
    reach : mm that the line goes to either side.
    step : mm between samples.
    """
    distances = np.arange(-reach, reach + step, step)
    line = start + distances[:, None] * direction
    to_voxels = np.linalg.inv(stack.to_world)
    voxels = np.rint(line @ to_voxels[:3, :3].T + to_voxels[:3, 3]).astype(int)
    inside = ((voxels >= 0) & (voxels < stack.values.shape)).all(axis=1)
    if not inside.any():
        return None
    line, voxels = line[inside], voxels[inside]
    values = stack.values[tuple(voxels.T)]
    return _unit(line[int(np.argmax(values))]) if values.max() > 0 else None
