"""Filtered back-projection of tomosynthesis projections to slices.

The filter follows Mertelmeier et al., SPIE 6142:61420F (2006): a ramp along the tube's way that undoes the double
wedge which a limited angle measures, a spectral window against noise, and a slice thickness window; but the lowest
frequencies keep the gain of plain back-projection, as clinical images do. What lies outside a slice is blurred along
the tube's way and fine structures leave repeated shadows there: nothing of that is painted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from gmic_core.phantom.geometry import PixelAxes, pixels_to_pixels, plane_to_detector, source_at
from gmic_core.phantom.projection import Detector
from gmic_core.phantom.spec import DBT_SLICE_MM, Plate

Plane = npt.NDArray[np.float32]

RAMP_LIMIT = 0.35
"""The ramp ends at this share of the projections' Nyquist frequency; a Hann window closes the rest."""
PADDING_MM = 40.0


def filtered(projection: Plane, pixel_mm: float, angle_deg: float, half_angle_deg: float, thickness_mm: float) -> Plane:
    """Return one projection ready for back-projection: mm of fibroglandular tissue become a share of it per slice.

    Parameters
    ----------
    projection : (rows, columns) mm of fibroglandular tissue along each ray; rows run along the tube's way.
    """
    rows = projection.shape[0]
    pad = int(PADDING_MM / pixel_mm)
    length = fft.next_fast_len(rows + 2 * pad, real=True)
    padded = np.pad(projection, ((pad, length - rows - pad), (0, 0)), mode="edge")
    gain = _gain(np.abs(fft.rfftfreq(length, pixel_mm)), pixel_mm, angle_deg, half_angle_deg, thickness_mm)
    spectrum = fft.rfft(padded, axis=0, workers=-1)
    spectrum *= gain.astype(np.float32)[:, None]
    out = fft.irfft(spectrum, n=length, axis=0, workers=-1)[pad : pad + rows]
    return np.ascontiguousarray(out, np.float32)


def _gain(
    frequency: npt.NDArray[np.float64], pixel_mm: float, angle_deg: float, half_angle_deg: float, thickness_mm: float
) -> npt.NDArray[np.float64]:
    nyquist = 0.5 / pixel_mm
    # the wedge holds 2 f tan(angle) of the frequencies across slices; all of 1 / slice thickness at most
    ramp = np.minimum(2.0 * frequency * np.tan(np.deg2rad(half_angle_deg)), 1.0 / DBT_SLICE_MM)
    gain = np.maximum(ramp, 1.0 / thickness_mm)
    window = 0.5 + 0.5 * np.cos(
        np.pi * np.clip((frequency - RAMP_LIMIT * nyquist) / ((1.0 - RAMP_LIMIT) * nyquist), 0, 1)
    )
    across = frequency * np.tan(np.deg2rad(abs(angle_deg)))
    slice_window = 0.5 + 0.5 * np.cos(np.pi * np.clip(across * DBT_SLICE_MM, 0, 1))
    out: npt.NDArray[np.float64] = gain * window * slice_window
    return out


def back_project(
    projections: Sequence[Plane],
    angles_deg: Sequence[float],
    detector: Detector,
    plate: Plate,
    heights: Sequence[float],
    columns: int,
) -> Iterator[Plane]:
    """Yield slices (rows of the plate's volume, ``columns``) at ``heights`` (mm above the support), float32.

    Magnification is undone: pixel (r, c) of every slice lies over the same point of the support.
    """
    rows = plate.dbt[0]
    axes = PixelAxes.from_corner(plate.dbt_mm)
    part = np.empty((rows, columns), np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for height in heights:
        total = np.zeros((rows, columns), np.float32)
        for projection, angle in zip(projections, angles_deg, strict=True):
            affine = plane_to_detector(height, source_at(angle, plate))
            back = pixels_to_pixels(affine, axes, detector.axes)
            cv2.warpAffine(projection, back, (columns, rows), part, flags, cv2.BORDER_REPLICATE)
            cv2.accumulate(part, total)
        total /= np.float32(len(projections))
        yield total
