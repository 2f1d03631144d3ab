"""Projections of a compressed breast: line integrals, blur and quantum noise (Beer-Lambert).

A plane parallel to the detector is projected by a cone beam as a scaled and shifted copy of itself, so a projection is
a sum of layers, each resampled once; nothing else is approximated but the way's obliquity (cos 7.5 degrees = 0.99).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.phantom.attenuation import Technique
from gmic_core.phantom.geometry import (
    SUPPORT_TO_DETECTOR_MM,
    PixelAxes,
    Source,
    pixels_to_pixels,
    plane_to_detector,
    project,
    source_at,
)
from gmic_core.phantom.spec import Plate
from gmic_core.phantom.view_tissue import Calcification, Grid, ViewTissue

Plane = npt.NDArray[np.float32]

LAYER_MM = 1.0
"""Layers are joined up to this thickness: the shift within one is under half a detector pixel at 7.5 degrees."""
DETECTOR_SIGMA_MM = 0.05
"""Blur of an amorphous selenium detector (MTF 0.5 near 4 cycles per mm)."""
FOCUS_SIGMA_MM = 0.06
"""Blur along the tube's way: focal spot and motion during a pulse, at the breast's middle."""


@dataclass(frozen=True)
class Detector:
    """A pixel grid in the detector plane: pixel edges start at the corner of the plate."""

    rows: int
    columns: int
    pixel_mm: float

    @property
    def axes(self) -> PixelAxes:
        """The grid's size and place."""
        return PixelAxes.from_corner(self.pixel_mm)


class Projector:
    """Line integrals of one compressed view; holds the layers, so that many angles share their making."""

    def __init__(self, tissue: ViewTissue, plate: Plate) -> None:
        """Join thin layers of ``tissue``."""
        self._plate = plate
        self._calcifications = tissue.calcifications
        self._dense = _joined(tissue.dense, tissue.grid)
        self._inside = _joined(tissue.inside, tissue.inside_grid)

    def dense_mm(self, angle_deg: float, detector: Detector) -> Plane:
        """Return mm of fibroglandular tissue (fat = 0) along each ray, (rows, columns)."""
        return _sum_layers(*self._dense, source_at(angle_deg, self._plate), detector)

    def breast_mm(self, angle_deg: float, detector: Detector) -> Plane:
        """Return mm of breast along each ray, (rows, columns)."""
        coarse = 8
        small = Detector(-(-detector.rows // coarse), -(-detector.columns // coarse), coarse * detector.pixel_mm)
        plane = _sum_layers(*self._inside, source_at(angle_deg, self._plate), small)
        return _enlarge(plane, detector.rows, detector.columns, coarse)

    def mineral_mm(self, angle_deg: float, detector: Detector) -> Plane:
        """Return mm of hydroxyapatite along each ray, (rows, columns)."""
        out = np.zeros((detector.rows, detector.columns), np.float32)
        source = source_at(angle_deg, self._plate)
        for grain in self._calcifications:
            _add_grain(out, grain, project([grain.centre], angle_deg, self._plate)[0], source, detector)
        return out


def expose(
    projector: Projector,
    angle_deg: float,
    detector: Detector,
    technique: Technique,
    thickness_mm: float,
    rng: np.random.Generator,
) -> tuple[Plane, Plane]:
    """Return one measured projection and the breast's thickness in it.

    Returns
    -------
    excess : (rows, columns) float32; attenuation above that of fat, in mm of fibroglandular tissue, blurred and noisy.
    breast : (rows, columns) float32; mm of breast along the ray.
    """
    breast = projector.breast_mm(angle_deg, detector)
    excess = technique.contrast * projector.dense_mm(angle_deg, detector)
    excess += technique.mineral * projector.mineral_mm(angle_deg, detector)
    sigma = DETECTOR_SIGMA_MM / detector.pixel_mm
    along = np.hypot(DETECTOR_SIGMA_MM, FOCUS_SIGMA_MM) / detector.pixel_mm
    excess = cv2.GaussianBlur(excess, (0, 0), sigmaX=max(sigma, 0.05), sigmaY=max(float(along), 0.05))
    fat = technique.fat * breast
    counts = np.float32(technique.quanta(detector.pixel_mm, thickness_mm)) * np.exp(-(fat + excess))
    noise = rng.standard_normal(counts.shape, dtype=np.float32)
    measured = 1.0 + noise * np.sqrt((1.0 + np.float32(technique.scatter)) / np.maximum(counts, 1.0))
    excess -= np.log(np.maximum(measured, 0.05))
    excess /= np.float32(technique.contrast)
    return excess, breast


def _joined(volume: npt.NDArray[np.float32], grid: Grid) -> tuple[npt.NDArray[np.float32], Grid]:
    """Sum neighbouring layers; returns mm of tissue per layer."""
    step = grid.spacing[0]
    count = max(round(LAYER_MM / step), 1)
    groups = -(-volume.shape[0] // count)
    out = np.zeros((groups, *volume.shape[1:]), np.float32)
    for number in range(volume.shape[0]):
        cv2.accumulate(volume[number], out[number // count])
    out *= np.float32(step)
    first = grid.origin[0] + 0.5 * (count - 1) * step
    joined = Grid((groups, *grid.shape[1:]), (count * step, *grid.spacing[1:]), (first, *grid.origin[1:]))
    return out, joined


def _sum_layers(layers: npt.NDArray[np.float32], grid: Grid, source: Source, detector: Detector) -> Plane:
    total = np.zeros((detector.rows, detector.columns), np.float32)
    columns = _reached_columns(grid, source, detector)
    part = np.zeros((detector.rows, columns), np.float32)
    warped = np.empty_like(part)
    axes = PixelAxes(grid.spacing[2], grid.origin[2], grid.origin[1])
    for height, layer in zip(grid.axis(0), layers, strict=True):
        forward = pixels_to_pixels(plane_to_detector(float(height), source), axes, detector.axes)
        # replicated: tissue goes on beyond the chest wall and the upper edge
        cv2.warpAffine(layer, forward, (columns, detector.rows), warped, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
        cv2.accumulate(warped, part)
    total[:, :columns] = part
    return total


def _reached_columns(grid: Grid, source: Source, detector: Detector) -> int:
    """Return how many detector columns the tissue can reach."""
    top = float(grid.axis(0)[-1])
    reach = (grid.origin[2] + grid.shape[2] * grid.spacing[2]) * source.magnification(top)
    return int(np.clip(np.ceil(reach / detector.pixel_mm) + 1, 1, detector.columns))


def _enlarge(plane: Plane, rows: int, columns: int, factor: int) -> Plane:
    """Interpolate to pixels ``factor`` times finer, edges aligned."""
    back = np.array([[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out: Plane = cv2.warpAffine(plane, back, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return out


def _add_grain(
    out: Plane, grain: Calcification, place: npt.NDArray[np.float64], source: Source, detector: Detector
) -> None:
    """Add the way through one ellipsoid, averaged over each pixel (4 x 4 rays)."""
    scale = source.magnification(grain.centre[0])
    slope = (source.y - grain.centre[1]) / (source.z + SUPPORT_TO_DETECTOR_MM)
    rz, ry, rx = grain.radii
    radius_y, radius_x = scale * float(np.hypot(ry, rz * slope)), scale * rx
    way = 2.0 * rz * ry / float(np.hypot(ry, rz * slope))  # keeps the volume
    pixel = detector.pixel_mm
    reach = np.array([radius_y, radius_x])
    low = np.floor((place - reach) / pixel).astype(int)
    high = np.ceil((place + reach) / pixel).astype(int) + 1
    row0, col0 = max(low[0], 0), max(low[1], 0)
    row1, col1 = min(high[0], detector.rows), min(high[1], detector.columns)
    if row1 <= row0 or col1 <= col0:
        return
    fine = (np.arange(4) + 0.5) / 4
    y = ((np.arange(row0, row1)[:, None] + fine).ravel() * pixel - place[0]) / radius_y
    x = ((np.arange(col0, col1)[:, None] + fine).ravel() * pixel - place[1]) / radius_x
    rays = np.sqrt(np.maximum(1.0 - y[:, None] ** 2 - x[None, :] ** 2, 0.0))
    mean = rays.reshape(row1 - row0, 4, col1 - col0, 4).mean(axis=(1, 3))
    out[row0:row1, col0:col1] += (grain.mineral * way * mean).astype(np.float32)
