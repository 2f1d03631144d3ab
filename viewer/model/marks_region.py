"""Which pixels lie in a region, and what their values are: mean, standard deviation, area.

The rule
--------
A pixel belongs to a region when its *centre* lies inside. Free-form regions are closed polygons with the even-odd
rule: going along the row to the right of a centre, the outline is crossed an odd number of times. An edge is crossed by
row r when exactly one of its ends has a row greater than r. A centre exactly on a crossing counts as right of it: as
inside on the outline's left border, as outside on its right one. Two regions that share an edge therefore share no
pixel and leave none out. Ellipses take the centres for which (r/a)**2 + (c/b)**2 <= 1 about their middle. Only pixels
of the image count; the area is the number of these pixels times the area of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.exam.model import MammoImage
from gmic_core.exam.voi import modality_values
from viewer.model.marks import Mark, Point, bounds

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """Pixels of an image.

    Attributes
    ----------
    row0, col0 : of the mask's first pixel in the image.
    mask : bool (rows, columns).
    """

    row0: int
    col0: int
    mask: Mask

    @property
    def pixels(self) -> int:
        """How many pixels it has."""
        return int(np.count_nonzero(self.mask))


@dataclass(frozen=True)
class Statistics:
    """Values of a region's pixels after the modality LUT; of pixels that are no padding.

    Attributes
    ----------
    mean, sd : None without any pixel; ``sd`` is of the pixels themselves (divided by their number).
    pixels : of the region; the area is theirs.
    padding : how many of them are padding: left out of mean, sd, lowest and highest.
    area_mm2 : None where the spacing is not known.
    """

    mean: float | None
    sd: float | None
    lowest: float | None
    highest: float | None
    pixels: int
    padding: int
    area_mm2: float | None


def polygon_mask(points: npt.ArrayLike, row0: int, col0: int, rows: int, columns: int) -> Mask:
    """Return which pixel centres lie in a polygon, by the rule of this module.

    Parameters
    ----------
    points : stored (row, column) of the corners, (corners, 2); the last one is joined to the first.
    row0, col0, rows, columns : the window of pixels that is asked about.
    """
    corners = np.asarray(points, np.float64)
    flips = np.zeros((rows, columns + 1), np.int32)
    for (r0, c0), (r1, c1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # rows r with min(r0, r1) <= r < max(r0, r1): exactly one end has a row greater than r
        first = max(int(np.ceil(min(r0, r1))) - row0, 0)
        last = min(int(np.ceil(max(r0, r1))) - row0, rows)
        if first >= last:
            continue
        crossed = np.arange(first, last)
        crossing = c0 + (crossed + row0 - r0) * (c1 - c0) / (r1 - r0)
        begin = np.clip(np.ceil(crossing).astype(np.int64) - col0, 0, columns)
        np.add.at(flips, (crossed, begin), 1)
    inside: Mask = (np.cumsum(flips[:, :columns], axis=1) % 2).astype(np.bool_)
    return inside


def ellipse_mask(mark: Mark, row0: int, col0: int, rows: int, columns: int) -> Mask:
    """Return which pixel centres lie in an ellipse, given by two opposite corners around it."""
    (top, left), (bottom, right) = bounds(mark)
    half_rows, half_cols = (bottom - top) / 2, (right - left) / 2
    if half_rows <= 0 or half_cols <= 0:
        return np.zeros((rows, columns), np.bool_)
    down = (np.arange(row0, row0 + rows) - (top + bottom) / 2) / half_rows
    along = (np.arange(col0, col0 + columns) - (left + right) / 2) / half_cols
    return np.asarray(down[:, None] ** 2 + along[None, :] ** 2 <= 1.0, np.bool_)


def region_of(mark: Mark, rows: int, columns: int) -> Region:
    """Return the pixels of an ellipse or a free-form region in an image of ``rows`` x ``columns``."""
    low, high = bounds(mark)
    (row0, row1), (col0, col1) = _span(low, high, 0, rows), _span(low, high, 1, columns)
    tall, wide = max(row1 - row0, 0), max(col1 - col0, 0)
    if mark.kind == "ellipse":
        return Region(row0, col0, ellipse_mask(mark, row0, col0, tall, wide))
    return Region(row0, col0, polygon_mask(mark.points, row0, col0, tall, wide))


def _span(low: Point, high: Point, axis: int, size: int) -> tuple[int, int]:
    """Return the first pixel and the one after the last whose centres may be inside, along one axis."""
    return max(int(np.ceil(low[axis])), 0), min(int(np.floor(high[axis])) + 1, size)


def statistics(region: Region, frame: npt.NDArray[np.generic], image: MammoImage) -> Statistics:
    """Return mean, standard deviation and area of a region.

    Parameters
    ----------
    frame : stored values of the whole slice, (rows, columns).
    """
    tall, wide = region.mask.shape
    window = frame[region.row0 : region.row0 + tall, region.col0 : region.col0 + wide]
    stored = np.asarray(window[region.mask], np.int64)
    pixels, padding = stored.size, 0
    if image.pixel.padding is not None:
        low, high = min(image.pixel.padding), max(image.pixel.padding)
        is_padding = (stored >= low) & (stored <= high)
        padding, stored = int(np.count_nonzero(is_padding)), stored[~is_padding]
    area = pixels * image.spacing_mm[0] * image.spacing_mm[1] if image.spacing_mm else None
    if stored.size == 0:
        return Statistics(None, None, None, None, pixels, padding, area)
    values = modality_values(stored, image.pixel)
    mean, sd = float(values.mean()), float(values.std())
    return Statistics(mean, sd, float(values.min()), float(values.max()), pixels, padding, area)
