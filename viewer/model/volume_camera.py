"""From where a volume is looked at: parallel projection, so that a millimetre is as long in front as at the back."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from viewer.model.volume_grid import Box, FloatArray, World, middle

STEP_DEGREES = 15.0
"""One press of a rotation key."""
DEGREES_PER_PIXEL = 0.4
MIN_ZOOM, MAX_ZOOM = 0.5, 8.0
MARGIN = 0.94
"""Share of the view that the volume fills, turned as it may be."""


@dataclass(frozen=True)
class Camera:
    """A direction and a zoom.

    Attributes
    ----------
    azimuth : degrees that the breast is turned about the vertical axis, its near side to the left; 0 shows the
        slices as they hang, 90 the breast from the right.
    elevation : degrees that it is tipped afterwards, its near side up; -90..90, -90 shows it from above.
    zoom : 1 shows the whole volume whatever the direction.
    """

    azimuth: float = 0.0
    elevation: float = 0.0
    zoom: float = 1.0

    def turned(self, azimuth: float, elevation: float) -> Camera:
        """Return the camera turned by so many degrees more."""
        around = (self.azimuth + azimuth + 180.0) % 360.0 - 180.0
        return replace(self, azimuth=around, elevation=min(max(self.elevation + elevation, -90.0), 90.0))

    def zoomed(self, factor: float) -> Camera:
        """Return the camera with another magnification."""
        return replace(self, zoom=min(max(self.zoom * factor, MIN_ZOOM), MAX_ZOOM))

    @property
    def rotation(self) -> FloatArray:
        """World (z, y, x) -> (away, down, right) of the screen, float64 (3, 3)."""
        sin_a, cos_a = math.sin(math.radians(self.azimuth)), math.cos(math.radians(self.azimuth))
        sin_e, cos_e = math.sin(math.radians(self.elevation)), math.cos(math.radians(self.elevation))
        about = np.array([[cos_a, 0.0, -sin_a], [0.0, 1.0, 0.0], [sin_a, 0.0, cos_a]])
        tip = np.array([[cos_e, -sin_e, 0.0], [sin_e, cos_e, 0.0], [0.0, 0.0, 1.0]])
        turned: FloatArray = tip @ about
        return turned

    def scale(self, box: Box, width: int, height: int) -> float:
        """Return device pixels per mm: the box fits, however it is turned about one axis; times the zoom."""
        deep, tall, wide = np.asarray(box[1]) - np.asarray(box[0])
        fit = min(width / math.hypot(deep, wide), height / math.hypot(deep, tall))
        return fit * MARGIN * self.zoom


@dataclass(frozen=True)
class View:
    """A camera that looks at a volume through a view of so many device pixels.

    Attributes
    ----------
    matrix : world (z, y, x, 1) -> screen (row, column), pixel centres, float64 (2, 4).
    """

    matrix: FloatArray
    scale: float
    rotation: FloatArray
    center: World
    width: int
    height: int

    def apply(self, places: npt.ArrayLike) -> FloatArray:
        """Map world places (..., 3) to (row, column) of device pixels."""
        points = np.asarray(places, np.float64)
        found: FloatArray = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        return found

    def ray(self, row: float, column: float) -> tuple[FloatArray, FloatArray]:
        """Return (a world place, unit direction away from the reader) of what lies under a device pixel."""
        down = (row - (self.height - 1) / 2.0) / self.scale
        right = (column - (self.width - 1) / 2.0) / self.scale
        start = np.asarray(self.center) + down * self.rotation[1] + right * self.rotation[2]
        return start, self.rotation[0]


def view_of(camera: Camera, box: Box, width: int, height: int) -> View:
    """Return how a camera maps the world to a view of ``width`` x ``height`` device pixels, ``box`` in its middle."""
    scale, rotation, center = camera.scale(box, width, height), camera.rotation, middle(box)
    matrix = np.empty((2, 4))
    matrix[:, :3] = scale * rotation[1:]
    matrix[:, 3] = np.array([(height - 1) / 2.0, (width - 1) / 2.0]) - matrix[:, :3] @ np.asarray(center)
    return View(matrix, scale, rotation, center, width, height)
