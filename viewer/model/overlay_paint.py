"""The saliency over the image: colour-mapped at the network's resolution, laid through the image's own affine.

Colours are premultiplied with their alpha *before* they are enlarged, so a finding fades into the image without a dark
rim and its middle stays where the cell is. The cells are never enlarged as numbers, except for contours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box, PlaneMap
from gmic_core.types import Finding
from viewer.model.colormaps import line_rgb, rgba
from viewer.model.overlays import OverlaySettings
from viewer.model.resample import intersection, screen_region, warp

Pixels = npt.NDArray[np.uint8]
AnyUint = TypeVar("AnyUint", np.uint8, np.uint16)

CONTOUR_PIXELS = 2
"""Width of a contour in device pixels; it lies inside the finding."""
RESIZED_CELLS = (4.0, 100.0)
"""Device pixels along a cell between which cells are enlarged by resizing."""
FINE = 65535
"""Steps of the saliency when its contour is computed in integers."""
HATCH_PERIOD, HATCH_GAP = 14, 4
"""Untrained noise is painted in diagonal stripes: one period in device pixels, of which the gap stays empty."""


@dataclass(frozen=True)
class OverlayLayer:
    """What to lay over one slice.

    Attributes
    ----------
    cells : saliency 0..1, shape (2, h, w), float16 or float32, channel order ``CLASSES``; NaN: not computed.
    to_stored : cell centres -> stored pixels.
    settings : switches, thresholds, opacity.
    untrained : random weights: the overlay is hatched, in every crop and screenshot of it.
    """

    cells: npt.NDArray[np.floating]
    to_stored: PlaneMap
    settings: OverlaySettings
    untrained: bool = False


@dataclass(frozen=True)
class Painted:
    """An overlay ready to be laid over grey pixels.

    Attributes
    ----------
    box : screen rectangle (row0, col0, row1, col1).
    colours : uint8 (rows, columns, 4) BGRA, premultiplied; the alpha channel means nothing to the painter.
    through : uint8 (rows, columns), how much of the image shows, 0..255.
    """

    box: Box
    colours: Pixels
    through: Pixels


def overlay_pixels(layer: OverlayLayer, stored_to_screen: PlaneMap, image_region: Box) -> Painted | None:
    """Return the overlay as it lies on the screen; None when nothing is to be seen.

    Parameters
    ----------
    image_region : screen pixels (row0, col0, row1, col1) that the image covers; nothing is painted outside of it.
    """
    findings = [finding for finding in Finding if layer.settings.shows(finding)]
    values = np.nan_to_num(np.asarray(layer.cells, np.float32), nan=0.0)
    over = [values[finding] > layer.settings.threshold(finding) for finding in findings]
    part = _used_part(np.any(over, axis=0)) if over else None
    if part is None:
        return None
    top, left, bottom, right = part
    to_screen = stored_to_screen @ layer.to_stored @ PlaneMap.scale_offset(1.0, 1.0, top, left)
    values = values[:, top:bottom, left:right]
    covered = screen_region(to_screen, values.shape[1:], image_region[3], image_region[2])
    box = intersection(covered, image_region) if covered else None
    if box is None:
        return None
    paint = _contours if layer.settings.contour else _filled
    colours, through = paint(values, findings, layer.settings, to_screen, box)
    return _hatched(box, colours, through) if layer.untrained else Painted(box, colours, through)


def _used_part(over: npt.NDArray[np.bool_]) -> Box | None:
    """Return the cells (row0, col0, row1, col1) that show something, with one cell around them to fade out in."""
    rows, cols = np.flatnonzero(over.any(axis=1)), np.flatnonzero(over.any(axis=0))
    if not rows.size:
        return None
    height, width = over.shape
    return (
        max(int(rows[0]) - 1, 0),
        max(int(cols[0]) - 1, 0),
        min(int(rows[-1]) + 2, height),
        min(int(cols[-1]) + 2, width),
    )


def _filled(
    values: npt.NDArray[np.float32], findings: list[Finding], settings: OverlaySettings, to_screen: PlaneMap, box: Box
) -> tuple[Pixels, Pixels]:
    """Colour the cells, malignant over benign, and enlarge the colours."""
    cells = np.zeros((*values.shape[1:], 4), np.float32)
    for finding in findings:  # benign first: a malignant finding is never hidden under a benign one
        upper = rgba(finding, values[finding], settings.threshold(finding), settings.opacity).astype(np.float32)
        cells = upper + cells * (1.0 - upper[..., 3:] / 255.0)
    bgra = np.ascontiguousarray(np.rint(cells).astype(np.uint8)[..., [2, 1, 0, 3]])
    return _enlarged(bgra, to_screen, box), _enlarged(255 - bgra[..., 3], to_screen, box)


def _contours(
    values: npt.NDArray[np.float32], findings: list[Finding], settings: OverlaySettings, to_screen: PlaneMap, box: Box
) -> tuple[Pixels, Pixels]:
    """Draw the line where the interpolated saliency crosses the threshold, malignant over benign."""
    import cv2

    kernel = np.ones((2 * CONTOUR_PIXELS + 1,) * 2, np.uint8)
    palette = np.zeros((4, 256), np.uint8)
    codes = np.zeros((box[2] - box[0], box[3] - box[1]), np.uint8)
    for finding in findings:
        fine = np.rint(values[finding] * FINE).astype(np.uint16)
        above = cv2.compare(_enlarged(fine, to_screen, box), settings.threshold(finding) * FINE, cv2.CMP_GT)
        line = cv2.subtract(above, cv2.erode(above, kernel))
        code = int(finding) + 1
        codes = cv2.max(codes, line & np.uint8(code))
        palette[:, code] = (*line_rgb(finding)[::-1], 255)
    colours = cv2.merge([cv2.LUT(codes, channel) for channel in palette])
    return np.asarray(colours, np.uint8), np.asarray(cv2.compare(codes, 0, cv2.CMP_EQ), np.uint8)


def _enlarged(cells: npt.NDArray[AnyUint], to_screen: PlaneMap, box: Box) -> npt.NDArray[AnyUint]:
    """Return linearly interpolated cells (rows, columns[, channels]) at every screen pixel of ``box``.

    Plain resizing takes a third of the time of an affine. Its scale is exact, but it begins at a whole pixel: cells lie
    up to half a device pixel off, of the many that they cover. Tiny and huge cells go through the exact affine.
    """
    size = np.abs(to_screen.matrix[:2, :2]).max(axis=0)
    if size.min() < RESIZED_CELLS[0] or size.max() > RESIZED_CELLS[1]:
        return np.asarray(warp(cells, to_screen, box), cells.dtype)
    upright, matrix = _upright(cells, to_screen)
    border = [(1, 1), (1, 1), (0, 0)][: cells.ndim]  # rounding to a whole pixel may ask for one beyond the edge
    upright = np.pad(upright, border, mode="edge")
    rows = _span(box[0], box[2], matrix[0, 0], matrix[0, 2] - matrix[0, 0], upright.shape[0])
    cols = _span(box[1], box[3], matrix[1, 1], matrix[1, 2] - matrix[1, 1], upright.shape[1])
    return _resized(upright, matrix, rows, cols)


def _upright(cells: npt.NDArray[AnyUint], to_screen: PlaneMap) -> tuple[npt.NDArray[AnyUint], npt.NDArray[np.float64]]:
    """Return the cells turned as they lie on the screen, and the map of the turned ones: scales and offsets only."""
    matrix = to_screen.matrix.copy()
    if abs(matrix[0, 1]) > abs(matrix[0, 0]):
        cells, matrix = cells.swapaxes(0, 1), matrix[:, [1, 0, 2]]
    for axis in (0, 1):
        if matrix[axis, axis] < 0:
            cells = np.flip(cells, axis)
            matrix[axis, 2] += matrix[axis, axis] * (cells.shape[axis] - 1)
            matrix[axis, axis] *= -1.0
    return cells, matrix


@dataclass(frozen=True)
class _Span:
    """Along one axis: the cells to resize, and which pixels of the outcome are wanted."""

    cells: slice
    pixels: slice


def _span(first: int, last: int, scale: float, offset: float, count: int) -> _Span:
    """Return what screen pixels ``first`` .. ``last`` need; cell i is centred at ``scale * i + offset``."""
    low = max(math.floor((first - offset) / scale) - 1, 0)
    high = min(math.ceil((last - offset) / scale) + 2, count)
    start = round(offset + scale * (low - 0.5) + 0.5)  # screen pixel of the first one that comes out
    return _Span(slice(low, high), slice(first - start, last - start))


def _resized(
    cells: npt.NDArray[AnyUint], matrix: npt.NDArray[np.float64], rows: _Span, cols: _Span
) -> npt.NDArray[AnyUint]:
    import cv2

    part = np.ascontiguousarray(cells[rows.cells, cols.cells])
    full = cv2.resize(part, None, fx=matrix[1, 1], fy=matrix[0, 0], interpolation=cv2.INTER_LINEAR)
    return np.asarray(full[rows.pixels, cols.pixels], cells.dtype)


def _hatched(box: Box, colours: Pixels, through: Pixels) -> Painted:
    """Cut diagonal gaps that stand still on the screen while the overlay changes from slice to slice."""
    import cv2

    rows, cols = slice(box[0], box[2]), slice(box[1], box[3])
    stripes, gaps = _hatch(1 << (box[2] - 1).bit_length(), 1 << (box[3] - 1).bit_length())
    return Painted(
        box,
        np.asarray(cv2.bitwise_and(colours, stripes[rows, cols]), np.uint8),
        np.asarray(cv2.bitwise_or(through, gaps[rows, cols]), np.uint8),
    )


@lru_cache(maxsize=2)
def _hatch(rows: int, cols: int) -> tuple[Pixels, Pixels]:
    """Return masks of at least the viewport's size: 255 in all four channels of the stripes, 255 in the gaps."""
    row, col = np.ogrid[:rows, :cols]
    gaps = np.where((row + col) % HATCH_PERIOD < HATCH_GAP, 255, 0).astype(np.uint8)
    return np.repeat(255 - gaps[..., None], 4, axis=2), gaps
