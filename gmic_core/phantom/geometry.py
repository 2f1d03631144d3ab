"""The geometry of the X-ray system: where a point of the breast falls on the detector.

Hologic Selenia Dimensions: 700 mm from source to detector, 25 mm from detector to breast support, the source above the
chest wall, 15 projections from -7.5 to 7.5 degrees along the chest wall; the centre of rotation lies in the detector
plane (Sechopoulos, Med. Phys. 40:014301 (2013), table I). The detector stands still here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.spec import Plate

SOURCE_TO_DETECTOR_MM = 700.0
SUPPORT_TO_DETECTOR_MM = 25.0
ANGLES_DEG: tuple[float, ...] = tuple(float(angle) for angle in np.linspace(-7.5, 7.5, 15))

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """Where the focal spot stands for one projection, in mm of the view frame; x = 0 is the chest wall."""

    z: float
    y: float

    def magnification(self, z: float) -> float:
        """Return how much larger than itself a plane at height ``z`` appears on the detector."""
        return (self.z + SUPPORT_TO_DETECTOR_MM) / (self.z - z)


def source_at(angle_deg: float, plate: Plate) -> Source:
    """Return the focal spot of the projection at an angle from the vertical."""
    angle = np.deg2rad(angle_deg)
    return Source(
        z=float(SOURCE_TO_DETECTOR_MM * np.cos(angle) - SUPPORT_TO_DETECTOR_MM),
        y=float(0.5 * plate.height_mm + SOURCE_TO_DETECTOR_MM * np.sin(angle)),
    )


def project(points: npt.ArrayLike, angle_deg: float, plate: Plate) -> Points:
    """Return where points fall on the detector.

    Parameters
    ----------
    points : (n, 3), (z, y, x) in mm of the view frame.

    Returns
    -------
    (n, 2), (y, x) in mm from the upper chest-wall corner of the detector.
    """
    z, y, x = np.asarray(points, np.float64).reshape(-1, 3).T
    source = source_at(angle_deg, plate)
    scale = (source.z + SUPPORT_TO_DETECTOR_MM) / (source.z - z)
    return np.stack([source.y + (y - source.y) * scale, x * scale], axis=1)


def plane_to_detector(z: float, source: Source) -> npt.NDArray[np.float64]:
    """Return the (2, 3) affine from (x, y, 1) of the plane at height ``z`` to (x, y) on the detector, mm."""
    scale = source.magnification(z)
    return np.array([[scale, 0.0, 0.0], [0.0, scale, source.y * (1.0 - scale)]])


@dataclass(frozen=True)
class PixelAxes:
    """A pixel grid in a plane: pixel size, and the middle of pixel (0, 0) as x and y, all in mm."""

    step: float
    x: float
    y: float

    @classmethod
    def from_corner(cls, step: float) -> PixelAxes:
        """Return the grid whose first pixel lies in the upper chest-wall corner of the plate."""
        return cls(step, 0.5 * step, 0.5 * step)


def pixels_to_pixels(
    affine_mm: npt.NDArray[np.float64], source: PixelAxes, target: PixelAxes
) -> npt.NDArray[np.float64]:
    """Turn an affine (x, y) -> (x, y) in mm into one between pixel indices (column, row)."""
    linear = affine_mm[:, :2] * (source.step / target.step)
    origin = affine_mm[:, :2] @ np.array([source.x, source.y]) + affine_mm[:, 2]
    shift = (origin - np.array([target.x, target.y])) / target.step
    return np.concatenate([linear, shift[:, None]], axis=1)
