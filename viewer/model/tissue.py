"""Where the breast is in a slice, coarsely: so that text keeps off it, and air is known also where no tag states it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import PixelFormat
from viewer.model.resample import Frame, Pyramid, halve

Mask = npt.NDArray[np.bool_]

LONGEST_SIDE = 160
"""Cells along the longer side of the mask, at most: 2 mm of breast each, a line of text is coarser."""
FAINTEST_TISSUE = 0.02
"""Share of the value range that tissue differs from air at least."""
AIR_SPREADS = 3.0
"""Standard deviations above the median of what lies outside the breast that still count as air."""
TISSUE_PERCENTILE = 1.0
"""Share of the breast's darkest pixels, in percent, that may look like air at most."""


@dataclass(frozen=True)
class Tissue:
    """The breast's outline in one image.

    Attributes
    ----------
    mask : bool (rows, columns) of a coarse grid; True where there is breast.
    to_stored : cell centres -> stored pixels.
    air : inclusive range of stored values that the air takes, or None where there is no air.
    """

    mask: Mask
    to_stored: PlaneMap
    air: tuple[int, int] | None

    def touches(self, to_screen: PlaneMap, top: float, left: float, bottom: float, right: float) -> bool:
        """Whether a screen rectangle covers any breast; ``to_screen`` maps stored pixels to the screen."""
        return self.on_screen(to_screen)(top, left, bottom, right)

    def on_screen(self, to_screen: PlaneMap) -> Callable[[float, float, float, float], bool]:
        """Return :meth:`touches` for one map, for asking about many rectangles."""
        to_cells = (to_screen @ self.to_stored).inverse()

        def touches(top: float, left: float, bottom: float, right: float) -> bool:
            cells = to_cells.apply([[top, left], [bottom, right]])
            low = np.floor(cells.min(axis=0)).astype(int)
            high = np.ceil(cells.max(axis=0)).astype(int) + 1
            (row0, col0), (row1, col1) = np.maximum(low, 0), np.maximum(high, 0)
            return bool(self.mask[row0:row1, col0:col1].any())

        return touches


def find_tissue(pyramid: Pyramid, pixel: PixelFormat) -> Tissue:
    """Return the largest connected region that is not air.

    Otsu's threshold parts dark from bright; the air's own spread then says how close to it the skin may come.
    """
    import cv2

    frame, level = _small(pyramid)
    to_stored = PlaneMap.resampling(0.5**level, 0.5**level).inverse()
    values = frame.astype(np.float32) * (-1.0 if pixel.inverted else 1.0)
    low, high = (float(value) for value in np.percentile(values, (0.1, 99.9)))
    if high <= low:
        return Tissue(np.zeros(values.shape, np.bool_), to_stored, None)
    scaled = np.clip((values - low) * (255.0 / (high - low)), 0, 255).astype(np.uint8)
    between, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    air = scaled[scaled <= between].astype(np.float32)
    # the median, not the mean: dark skin in the air's class would pull a mean up and hide itself
    limit = float(np.median(air)) + max(3.0 * _spread(air), 255.0 * FAINTEST_TISSUE)
    mask = _largest(scaled > min(limit, between))
    return Tissue(mask, to_stored, _air_values(frame, mask, pixel))


def _small(pyramid: Pyramid) -> tuple[Frame, int]:
    fits = (level for level, frame in enumerate(pyramid) if max(frame.shape) <= LONGEST_SIDE)
    level = next(fits, len(pyramid) - 1)
    frame = pyramid[level]
    while max(frame.shape) > LONGEST_SIDE:
        frame, level = halve(frame), level + 1
    return frame, level


def _spread(values: npt.NDArray[np.float32]) -> float:
    """Return the standard deviation estimated from the quartile below the median, where no tissue is."""
    lower, middle = np.percentile(values, (16.0, 50.0))
    return float(middle - lower)


def _largest(mask: npt.NDArray[np.bool_]) -> Mask:
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return np.zeros(mask.shape, np.bool_)
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    found: Mask = np.asarray(labels == best, np.bool_)
    return found


def _air_values(frame: Frame, mask: Mask, pixel: PixelFormat) -> tuple[int, int] | None:
    """Return the values of what lies clear of the breast; bright labels and markers there are left out."""
    import cv2

    grown = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    outside = frame[~grown]
    if outside.size <= frame.size // 100:
        return None
    sign = -1.0 if pixel.inverted else 1.0
    air = outside.astype(np.float32) * sign
    edge = float(np.median(air)) + AIR_SPREADS * _spread(air)
    tissue = frame[mask].astype(np.float32) * sign
    if tissue.size:
        # film labels, markers and a fogged border are part of what lies outside: they must not take tissue with them
        edge = min(edge, float(np.percentile(tissue, TISSUE_PERCENTILE)))
    levels = 1 << pixel.bits_stored
    lowest = -levels // 2 if pixel.signed else 0
    edge_value = int(np.floor(edge)) * int(sign)
    return (edge_value, lowest + levels - 1) if pixel.inverted else (lowest, edge_value)
