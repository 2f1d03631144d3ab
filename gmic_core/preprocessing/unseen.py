"""What a network's window leaves out: breast, and anything else in the image that is as bright as tissue.

The counts are made on the maximum over the slices, turned to face right but not resized: pixels are stored pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.coverage import Coverage, StoredBox, Structure
from gmic_core.exam.geometry import Box, NetworkWindow
from gmic_core.preprocessing.masks import Mask
from gmic_core.preprocessing.scale import Scale

LEAST_PIXELS = 9
"""A structure that lies apart has so many pixels at least: 3x3, about 0.2 to 0.3 mm. Hot pixels, salt noise and what
compression leaves in the air come in ones to fours; the smallest dot that somebody may have meant is larger."""
LEAST_ATTACHED = 0.001
"""Share of the breast from which tissue that the window cuts off is listed as a structure: the published window ends
within a column of the nipple's tip, so a sliver is cut off of every breast that is wider. It is counted anyway."""
TISSUE_LEVEL = 0.05
"""A pixel is as bright as tissue above this share of the breast's median. Where air is not exactly 0 (noise, lossy
compression) the published threshold, "above 0", would join the whole image to the breast."""
GAP = 32
"""Structures apart from the breast whose boxes are no further from each other, in stored pixels, count as one: 2 to 3
mm, more than between the letters of a side marker. Otherwise a dot would be lost in a list of letters."""
MAX_JOINED = 200
"""Of so many structures, the largest, neighbours are looked for: time grows with the square of their number."""
MAX_STRUCTURES = 20
"""Structures that are listed; the rest is only counted, so that a noisy image cannot fill a result."""
STEP = 4
"""The median of the breast is that of every so many-th row and column: it is needed to a few per cent only."""

_AROUND = 8
"""OpenCV's name for all eight neighbours."""


@dataclass(frozen=True)
class _Regions:
    """Bright regions outside, the largest first, boxes in the facing image.

    Attributes
    ----------
    tissue : pixels outside that are connected with the breast but no part of its mask.
    """

    structures: tuple[Structure, ...]
    total: int
    tissue: int


NOTHING = _Regions((), 0, 0)


def measure_coverage(
    facing: npt.NDArray[Any],
    mask: Mask,
    crop_box: Box,
    window: NetworkWindow,
    scale: Scale,
    *,
    threshold: float,
    frames: int,
) -> Coverage:
    """Count what lies outside of what a network sees.

    Parameters
    ----------
    facing : (rows, columns), maximum over the slices of the intensities, facing right, not resized.
    mask : bool (rows, columns) of the *resized* facing image, the breast.
    crop_box : half open, in the resized facing image; what lies outside is 0 for the network.
    threshold : intensities above it may be breast.
    frames : slices that the maximum was taken over.
    """
    breast = _resized(mask, scale)
    seen = _seen(crop_box, window, scale)
    inside = (slice(seen[0], seen[2]), slice(seen[1], seen[3]))
    pixels = int(np.count_nonzero(breast))
    cut = pixels - int(np.count_nonzero(breast[inside]))
    regions = _regions(facing, breast, inside, threshold)
    to_stored = window.orientation.plane_map(*window.stored_shape).inverse()

    def stored(box: StoredBox) -> StoredBox:
        row0, col0, row1, col1 = (round(value) for value in to_stored.apply_box(box))
        return row0, col0, row1, col1

    structures = tuple(Structure(*stored(one.box), one.pixels, one.attached) for one in regions.structures)
    return Coverage(stored(seen), pixels, cut, regions.tissue, structures, regions.total, frames > 1)


def _resized(mask: Mask, scale: Scale) -> Mask:
    """Return a mask of the resized image in the image's own pixels."""
    if not scale.changes:
        return mask
    rows, columns = scale.source
    back = cv2.resize(mask.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST)
    return np.asarray(back, np.bool_)


def _seen(crop_box: Box, window: NetworkWindow, scale: Scale) -> StoredBox:
    """Return the pixels of the facing image whose centre lies in window and crop; an empty box where none does."""
    first = max(window.row0, crop_box[0]), max(window.col0, crop_box[1])
    last = min(window.row0 + window.rows, crop_box[2]), min(window.col0 + window.columns, crop_box[3])
    edges = []
    for axis in (0, 1):
        low, high = (int(np.ceil(edge / scale.factors[axis] - 0.5)) for edge in (first[axis], last[axis]))
        low = min(max(low, 0), scale.source[axis])
        edges.append((low, min(max(high, low), scale.source[axis])))
    return edges[0][0], edges[1][0], edges[0][1], edges[1][1]


def _regions(facing: npt.NDArray[Any], breast: Mask, inside: tuple[slice, slice], threshold: float) -> _Regions:
    """Return the bright regions outside of what was seen."""
    bright = np.asarray(facing > _tissue_level(facing, breast, threshold), np.uint8)
    outside = bright.copy()
    outside[inside] = 0
    if not outside.any():
        return NOTHING
    where = outside > 0
    _, whole = cv2.connectedComponents(bright, connectivity=_AROUND)
    of_breast = np.bincount(whole[breast], minlength=int(whole.max()) + 1) > 0
    of_breast[0] = False  # what is dark is nobody's
    count, parts, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=_AROUND)
    attached = np.zeros(count, np.bool_)
    attached[parts[where]] = of_breast[whole[where]]  # a part lies in one region as a whole
    tissue = int(np.count_nonzero(of_breast[whole[where]] & ~breast[where]))
    kept = _large(stats[:, cv2.CC_STAT_AREA], attached, int(np.count_nonzero(breast)))
    found = [_structure(stats[label], attached=bool(attached[label])) for label in kept[:MAX_JOINED]]
    joined = _joined(found)
    return _Regions(tuple(joined[:MAX_STRUCTURES]), len(kept) - len(found) + len(joined), tissue)


def _tissue_level(facing: npt.NDArray[Any], breast: Mask, threshold: float) -> float:
    """Return the intensity above which a pixel is as bright as tissue."""
    sample = facing[::STEP, ::STEP][breast[::STEP, ::STEP]]
    return max(threshold, TISSUE_LEVEL * float(np.median(sample)) if sample.size else 0.0)


def _large(areas: npt.NDArray[Any], attached: Mask, breast_pixels: int) -> npt.NDArray[np.int64]:
    """Return the labels of regions that are large enough to be told, the largest first; label 0 is what is dark."""
    least = np.where(attached, max(LEAST_PIXELS, LEAST_ATTACHED * breast_pixels), LEAST_PIXELS)
    kept = np.flatnonzero((areas >= least) & (np.arange(len(areas)) > 0))
    return np.asarray(kept[np.argsort(-areas[kept], kind="stable")], np.int64)


def _joined(found: list[Structure]) -> list[Structure]:
    """Return structures, the largest first, those apart from the breast that are near each other as one."""
    whole: list[Structure] = []
    for one in found:
        grown = one
        while (other := next((near for near in whole if _are_near(near, grown)), None)) is not None:
            whole.remove(other)
            grown = _union(other, grown)
        whole.append(grown)
    return sorted(whole, key=lambda one: -one.pixels)


def _are_near(one: Structure, other: Structure) -> bool:
    if one.attached or other.attached:
        return False
    rows = max(one.row0, other.row0) - min(one.row1, other.row1)
    columns = max(one.col0, other.col0) - min(one.col1, other.col1)
    return max(rows, columns) <= GAP


def _union(one: Structure, other: Structure) -> Structure:
    return Structure(
        min(one.row0, other.row0),
        min(one.col0, other.col0),
        max(one.row1, other.row1),
        max(one.col1, other.col1),
        one.pixels + other.pixels,
        attached=False,
    )


def _structure(stats: npt.NDArray[Any], *, attached: bool) -> Structure:
    """Return one region from OpenCV's (left, top, width, height, area)."""
    left, top, width, height, area = (int(value) for value in stats)
    return Structure(top, left, top + height, left + width, area, attached)
