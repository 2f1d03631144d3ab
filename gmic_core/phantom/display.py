"""From what was measured to what is stored: images for presentation of 10 (slices, synthetic) and 12 bits (FFDM)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint16]

AIR = 0
FINE_MM = 0.8
"""Half the width of what counts as fine detail in the synthetic image."""
BANDS_MM = ((0.35, 1.2), (1.2, 4.0))
"""Bands of coarser structures, as standard deviations of two Gaussians."""
COARSE_PIXEL_MM = 0.4
GHOST_MM = 1.5
"""How far the ghosts of a bright grain reach in slices near its own."""


def tone(value: Plane, low: float, high: float, top: int) -> Plane:
    """Map the share of fibroglandular tissue to stored values: ``low`` at 0, ``high`` at 1, bending towards ``top``."""
    straight = np.float32(low) + np.float32(high - low) * value
    knee = np.float32(high)
    room = np.float32(top - high)
    over = np.maximum(straight - knee, 0.0)
    under = np.minimum(straight, knee)
    foot = np.float32(0.5 * low)
    below = np.maximum(foot - under, 0.0)
    out: Plane = np.maximum(under, foot) - foot * (below / (below + foot)) + room * (over / (over + room))
    return out


def stored(levels: Plane, breast: Plane, top: int) -> Image:
    """Return stored values: air is exactly 0 where ``breast`` (0..1) is 0, the breast at least 1."""
    value = np.clip(np.rint(levels * breast), 1, top)
    out: Image = np.where(breast > 0, value, AIR).astype(np.uint16)
    return out


def sharpened(plane: Plane, pixel_mm: float, sigma_mm: float, amount: float) -> Plane:
    """Return ``plane`` with detail finer than ``sigma_mm`` raised."""
    smooth = cv2.GaussianBlur(plane, (0, 0), sigma_mm / pixel_mm)
    out: Plane = plane + np.float32(amount) * (plane - smooth)
    return out


class Synthesis:
    """The synthetic 2D image, gathered slice by slice: their mean and, band by band, what stands out in any.

    Slices have no magnification, so the image shows every structure over its true place, unlike a full-field mammogram.
    """

    def __init__(self, shape: tuple[int, int], pixel_mm: float) -> None:
        """Start with no slices."""
        self._shape, self._pixel_mm = shape, pixel_mm
        self._step = max(int(COARSE_PIXEL_MM / pixel_mm), 1)
        coarse = tuple(-(-size // self._step) for size in shape)
        self._sum = np.zeros(shape, np.float32)
        self._fine = np.zeros(shape, np.float32)
        self._bands = np.zeros((len(BANDS_MM), *coarse), np.float32)
        self._count = 0

    def add(self, plane: Plane) -> None:
        """Take one slice, (rows, columns) share of fibroglandular tissue."""
        cv2.accumulate(plane, self._sum)
        # noise must not win a maximum: only what survives a little smoothing takes part
        calm = cv2.GaussianBlur(plane, (0, 0), 0.10 / self._pixel_mm + 0.3)
        size = 2 * int(FINE_MM / self._pixel_mm) + 1
        calm -= cv2.blur(plane, (size, size))
        np.maximum(self._fine, calm, out=self._fine)
        rows, columns = self._bands.shape[1:]
        small = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA)
        unit = self._pixel_mm * self._step
        for band, (low, high) in zip(self._bands, BANDS_MM, strict=True):
            stands = cv2.GaussianBlur(small, (0, 0), max(low / unit, 0.3)) - cv2.GaussianBlur(
                small, (0, 0), high / unit
            )
            np.maximum(band, stands, out=band)
        self._count += 1

    def image(self, mean: float, bands: tuple[float, ...], fine: float) -> Plane:
        """Return the weighted sum of the mean, the bands of :data:`BANDS_MM` and fine detail."""
        out: Plane = np.float32(mean) * self._sum / np.float32(max(self._count, 1))
        for weight, band in zip(bands, self._bands, strict=True):
            over = np.maximum(band - np.float32(np.median(band)), 0.0)
            out += np.float32(weight) * cv2.resize(over, self._shape[::-1], interpolation=cv2.INTER_CUBIC)
        out += np.float32(fine) * self._detail()
        return out

    def _detail(self) -> Plane:
        """Return fine detail above noise, and above the ghosts that the slices around a bright grain leave near it."""
        floor = np.full_like(self._fine, 1.4 * float(np.median(self._fine)))
        reach = 2 * int(GHOST_MM / self._pixel_mm) + 1
        np.maximum(floor, np.float32(0.5) * cv2.dilate(self._fine, np.ones((reach, reach), np.uint8)), out=floor)
        detail: Plane = np.maximum(self._fine - floor, 0.0)
        return detail
