"""Where the breast is in a slice, coarsely: so that text keeps off it, and air is known also where no tag states it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import PixelFormat
from gmic_core.exam.voi import air_is_high
from viewer.model.resample import Frame, Pyramid, halve

Mask = npt.NDArray[np.bool_]
ValueRange = tuple[int, int]

LONGEST_SIDE = 160
"""Cells along the longer side of the mask, at most: 2 mm of breast each, a line of text is coarser."""
FAINTEST_TISSUE = 0.02
"""Share of the value range that tissue differs from air at least."""
AIR_SPREADS = 3.0
"""Standard deviations above the median of what lies outside the breast that still count as air anywhere."""
FAR_SPREADS = 8.0
"""The same clear of the breast, where nothing else is that dark: noise must not sparkle in an inverted picture."""
PEAK_WIDTH, PEAK_HEIGHT = 13, 2.0
"""Air is a peak among the dark values: in so many of 256 levels are so many times more pixels than if they were spread
evenly. A ramp, a test pattern and a crop full of tissue have none."""
RAGGED_SHARE = 0.02
"""Share of the air that may differ from its usual value (labels) before that is noise."""
TISSUE_PERCENTILE = 1.0
"""Share of the breast's darkest pixels, in percent, that may look like air at most."""
FAR_PERCENTILE = 5.0
"""The same for the air clear of the breast."""
BORDER_CELLS = 1
"""Cells inside and outside the outline in which skin and air meet."""
INSIDE, BORDER, CLEAR = 0, 128, 255
"""Zones of an image: nothing is air, the values of :attr:`Tissue.air` are, the values of :attr:`Tissue.far` are."""
LARGEST_HOLE = 0.02
"""Share of the image up to which a dark place all around which is breast belongs to the breast (fat, a cyst of oil)."""
SAMPLES = 400
"""Rows and columns at most that the noise of the air is measured on; averaged pixels would be too smooth."""


@dataclass(frozen=True)
class Tissue:
    """The breast's outline in one image.

    Attributes
    ----------
    mask : bool (rows, columns) of a coarse grid; True where there is breast.
    to_stored : cell centres -> stored pixels.
    air : inclusive range of stored values that are air outside and along the outline, or None where there is no air.
    far : the wider range that is air clear of the breast; as ``air`` where the air has no noise.
    """

    mask: Mask
    to_stored: PlaneMap
    air: ValueRange | None
    far: ValueRange | None = None

    @property
    def has_noise(self) -> bool:
        """Whether the air has more than one value."""
        return self.far is not None and self.far[0] != self.far[1]

    @cached_property
    def zones(self) -> npt.NDArray[np.uint8]:
        """Zone of every cell of ``mask``: uint8 (rows, columns) of :data:`INSIDE`, :data:`BORDER`, :data:`CLEAR`."""
        import cv2

        breast, kernel = self.mask.astype(np.uint8), np.ones((2 * BORDER_CELLS + 1,) * 2, np.uint8)
        # beyond the edge of the image the breast goes on: the chest wall is no outline
        inside = cv2.erode(breast, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
        zones = np.full(breast.shape, BORDER, np.uint8)
        zones[inside > 0] = INSIDE
        zones[np.asarray(cv2.dilate(breast, kernel)) == 0] = CLEAR
        return zones

    def touches(self, to_screen: PlaneMap, top: float, left: float, bottom: float, right: float) -> bool:
        """Whether a screen rectangle covers any breast; ``to_screen`` maps stored pixels to the screen."""
        return self.on_screen(to_screen)(top, left, bottom, right)

    def on_screen(self, to_screen: PlaneMap) -> Callable[[float, float, float, float], bool]:
        """Return :meth:`touches` for one map, for asking about many rectangles."""
        (a, b, c), (d, e, f) = (to_screen @ self.to_stored).inverse().matrix[:2].tolist()

        def touches(top: float, left: float, bottom: float, right: float) -> bool:
            # plain numbers: this is asked forty times per picture, and an array of two points costs ten times as much
            rows = (a * top + b * left + c, a * bottom + b * right + c)
            cols = (d * top + e * left + f, d * bottom + e * right + f)
            row0, col0 = max(math.floor(min(rows)), 0), max(math.floor(min(cols)), 0)
            row1, col1 = max(math.ceil(max(rows)) + 1, 0), max(math.ceil(max(cols)) + 1, 0)
            return bool(self.mask[row0:row1, col0:col1].any())

        return touches


def find_tissue(pyramid: Pyramid, pixel: PixelFormat) -> Tissue:
    """Return the largest connected region that is not air.

    Otsu's threshold parts dark from bright; the air's own spread then says how close to it the skin may come.
    """
    import cv2

    frame, level = _small(pyramid)
    to_stored = PlaneMap.resampling(0.5**level, 0.5**level).inverse()
    sign = -1.0 if air_is_high(pixel) else 1.0
    values = frame.astype(np.float32) * sign
    low, high = _percentiles(values, 0.1, 99.9)
    if high <= low:
        return Tissue(np.zeros(values.shape, np.bool_), to_stored, None)
    scaled = np.clip((values - low) * (255.0 / (high - low)), 0, 255).astype(np.uint8)
    between, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    air = scaled[scaled <= between].astype(np.float32)
    # the median, not the mean: dark skin in the air's class would pull a mean up and hide itself
    if not _has_peak(air, between):
        return Tissue(_filled(_largest(scaled > between)), to_stored, None)
    limit = float(np.median(air)) + max(3.0 * _spread(air), 255.0 * FAINTEST_TISSUE)
    mask = _largest(scaled > min(limit, between))
    return Tissue(_filled(mask), to_stored, *_air_values(pyramid[0], mask, pixel, sign))


def _has_peak(dark: npt.NDArray[np.float32], end: float) -> bool:
    """Whether the dark values, scaled to 0..``end``, crowd somewhere."""
    counts = np.bincount(dark.astype(np.int64), minlength=PEAK_WIDTH)
    highest = np.convolve(counts, np.ones(PEAK_WIDTH), "valid").max()
    return bool(highest > PEAK_HEIGHT * dark.size * PEAK_WIDTH / max(end + 1, PEAK_WIDTH))


def _small(pyramid: Pyramid) -> tuple[Frame, int]:
    fits = (level for level, frame in enumerate(pyramid) if max(frame.shape) <= LONGEST_SIDE)
    level = next(fits, len(pyramid) - 1)
    frame = pyramid[level]
    while max(frame.shape) > LONGEST_SIDE:
        frame, level = halve(frame), level + 1
    return frame, level


def _percentiles(values: npt.NDArray[np.float32], *percents: float) -> tuple[float, ...]:
    """Return percentiles as ``numpy.percentile`` does, which imports ``numpy.ma`` first: 0.1 s of the first paint."""
    places = [percent / 100.0 * (values.size - 1) for percent in percents]
    corners = sorted({corner for place in places for corner in (math.floor(place), math.ceil(place))})
    ordered = np.partition(values, corners, axis=None)
    return tuple(float(np.interp(place, corners, ordered[corners])) for place in places)


def _spread(values: npt.NDArray[np.float32]) -> float:
    """Return the standard deviation estimated from the quartile below the median, where no tissue is."""
    lower, middle = _percentiles(values, 16.0, 50.0)
    return middle - lower


def _largest(mask: npt.NDArray[np.bool_]) -> Mask:
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return np.zeros(mask.shape, np.bool_)
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    found: Mask = np.asarray(labels == best, np.bool_)
    return found


def _filled(mask: Mask) -> Mask:
    """Return the mask with its small holes closed."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    rows, columns = mask.shape
    left, top, wide, tall, area = stats.T
    enclosed = (left > 0) & (top > 0) & (left + wide < columns) & (top + tall < rows)
    holes = np.flatnonzero(enclosed & (area <= LARGEST_HOLE * mask.size) & (np.arange(count) > 0))
    return mask | np.isin(labels, holes)


def _air_values(
    frame: Frame, mask: Mask, pixel: PixelFormat, sign: float
) -> tuple[ValueRange | None, ValueRange | None]:
    """Return the values of air (anywhere, clear of the breast); bright labels and markers are left out.

    Parameters
    ----------
    frame : stored pixels at full resolution.
    sign : -1 where air has the highest values.
    """
    import cv2

    step = max(max(frame.shape) // SAMPLES, 1)
    sample = frame[::step, ::step].astype(np.float32) * sign
    breast = cv2.resize(mask.astype(np.uint8), sample.shape[::-1], interpolation=cv2.INTER_NEAREST)
    reach = 1 + round(5 * max(sample.shape) / max(mask.shape))  # two cells and a half each way
    air = sample[cv2.dilate(breast, np.ones((reach, reach), np.uint8)) == 0]
    if air.size <= sample.size // 100:
        return None, None
    lower, middle, upper = _percentiles(air, 16.0, 50.0, 84.0)
    edge = middle + AIR_SPREADS * (middle - lower)
    far = middle + FAR_SPREADS * max(middle - lower, upper - middle)
    rest = air[air != middle]
    if lower == upper and rest.size > RAGGED_SHARE * air.size:  # flat margins around an air that is not
        lower, middle = _percentiles(rest, 16.0, 50.0)
        far = middle + FAR_SPREADS * (middle - lower)
    tissue = sample[breast > 0]
    if tissue.size:
        # film labels, markers and a fogged border are part of what lies outside: they must not take tissue with them
        least, usual = _percentiles(tissue, TISSUE_PERCENTILE, FAR_PERCENTILE)
        edge, far = min(edge, least), min(far, usual)
    return _stored_range(edge, pixel, sign), _stored_range(max(far, edge), pixel, sign)


def _stored_range(edge: float, pixel: PixelFormat, sign: float) -> ValueRange:
    levels = 1 << pixel.bits_stored
    lowest = -levels // 2 if pixel.signed else 0
    value = int(np.floor(edge)) * int(sign)
    return (value, lowest + levels - 1) if sign < 0 else (lowest, value)
