"""The saliency over the image: colour-mapped at the network's resolution, laid through the image's own affine.

Colours are premultiplied with their alpha *before* they are enlarged, so a finding fades into the image without a dark
rim and its middle stays where the cell is. The cells are never enlarged as numbers, except for contours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box, PlaneMap
from gmic_core.types import Finding
from viewer.model.colormaps import line_rgb, rgba
from viewer.model.overlays import OverlaySettings
from viewer.model.resample import intersection, magnification, screen_region, warp

Pixels = npt.NDArray[np.uint8]
AnyUint = TypeVar("AnyUint", np.uint8, np.uint16)

CONTOUR_PIXELS = 2
"""Width of a contour in device pixels; it lies inside the finding."""
SAMPLES_PER_CELL, LARGEST_STEP = 3, 8
"""How coarsely a saliency cell may be sampled before the plain enlargement."""
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
    sampled, step = _sampled(bgra, to_screen, box)
    through = np.ascontiguousarray(255 - sampled[..., 3])
    return _enlarged(sampled, step, box), _enlarged(through, step, box)


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
        interpolated = _enlarged(*_sampled(fine, to_screen, box), box)
        above = cv2.compare(interpolated, settings.threshold(finding) * FINE, cv2.CMP_GT)
        line = cv2.subtract(above, cv2.erode(above, kernel))
        code = int(finding) + 1
        codes = cv2.max(codes, line & np.uint8(code))
        palette[:, code] = (*line_rgb(finding)[::-1], 255)
    colours = cv2.merge([cv2.LUT(codes, channel) for channel in palette])
    return np.asarray(colours, np.uint8), np.asarray(cv2.compare(codes, 0, cv2.CMP_EQ), np.uint8)


def _sampled(cells: npt.NDArray[AnyUint], to_screen: PlaneMap, box: Box) -> tuple[npt.NDArray[AnyUint], int]:
    """Return linearly interpolated cells at every n-th screen pixel of ``box``, by the exact affine, and that n.

    A cell covers many screen pixels, so sampling some of them and enlarging the rest plainly (:func:`_enlarged`)
    differs from the full affine by a grey level or two along the bends between cells, and takes a third of the time.
    """
    step = int(min(max(magnification(to_screen) // SAMPLES_PER_CELL, 1), LARGEST_STEP))
    coarse = PlaneMap.resampling(1.0 / step, 1.0 / step) @ PlaneMap.scale_offset(1.0, 1.0, -box[0], -box[1])
    size = (0, 0, -(-(box[2] - box[0]) // step), -(-(box[3] - box[1]) // step))
    return np.asarray(warp(cells, coarse @ to_screen, size), cells.dtype), step


def _enlarged(sampled: npt.NDArray[AnyUint], step: int, box: Box) -> npt.NDArray[AnyUint]:
    """Return ``sampled`` at every screen pixel of ``box``."""
    import cv2

    rows, cols = box[2] - box[0], box[3] - box[1]
    size = (sampled.shape[1] * step, sampled.shape[0] * step)
    full = sampled if step == 1 else cv2.resize(sampled, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(full[:rows, :cols], sampled.dtype)


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
