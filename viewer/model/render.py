"""The painter's arithmetic: pixels of one viewport from a slice, a look-up table and the saliency. No Qt.

Only what is on screen is computed (``docs/architecture.md``, "How a frame gets on screen"): the visible part of the
right pyramid level goes through one affine (:mod:`viewer.model.resample`), then through the VOI look-up table, then the
overlay is laid on it (:mod:`viewer.model.overlay_paint`). Interpolation comes before the table, in stored values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box, PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.exam.voi import auto_window, default_window, stored_to_gray
from viewer.model.kept_pixels import KeptPixels
from viewer.model.overlay_paint import OverlayLayer, Painted
from viewer.model.placement import image_orientation, image_spacing
from viewer.model.resample import (
    EDGE,
    NEAREST_FROM,
    Frame,
    Pyramid,
    build_pyramid,
    magnification,
    pick_level,
    sample_values,
    screen_region,
    warp,
)
from viewer.model.tissue import BORDER, CLEAR, Tissue

__all__ = ["OverlayLayer", "build_pyramid", "render", "sample_values", "thumbnail"]

Pixels = npt.NDArray[np.uint8]
OPAQUE_BLACK = np.frombuffer(bytes((0, 0, 0, 255)), np.uint32)[0]
"""A pixel (blue, green, red, alpha) as the processor reads it in one go."""


def render(
    pyramid: Pyramid,
    stored_to_screen: PlaneMap,
    width: int,
    height: int,
    lut: Pixels,
    *,
    air: tuple[int, int] | None = None,
    tissue: Tissue | None = None,
    overlay: OverlayLayer | None = None,
    kept: KeptPixels | None = None,
) -> Pixels:
    """Return the pixels of a viewport.

    Parameters
    ----------
    pyramid : the slice as stored and its halvings (:func:`build_pyramid`).
    stored_to_screen : stored pixels -> device pixels (row, column) of the viewport.
    width, height : size of the viewport in device pixels.
    lut : grey value of every stored value (:func:`gmic_core.exam.voi.stored_to_gray`, which keeps air black); for
        signed pixels index 0 belongs to the lowest one.
    air : inclusive range of stored values that are black whatever the table says, for images whose air is noise.
    tissue : where breast and air are: the air is black whatever the table says, nothing inside the breast is.
    overlay : saliency to lay over the image.
    kept : what the same viewport resampled last; what has not changed since is taken from there.

    Returns
    -------
    uint8 (height, width, 4), BGRA in memory (``QImage.Format_RGB32`` on little-endian machines), alpha 255; pure black
    where there is no image.
    """
    import cv2

    region = screen_region(stored_to_screen, pyramid[0].shape[:2], width, height)
    if region is None:
        return _black(width, height, (0, 0, 0, 0))
    kept = kept or KeptPixels()
    gray = _gray(pyramid, stored_to_screen, region, lut, air, tissue, kept)
    over = kept.overlay(overlay, stored_to_screen, region) if overlay else None
    canvas = _black(width, height, region)
    rows, cols = slice(region[0], region[2]), slice(region[1], region[3])
    if over is not None:
        _let_through(gray, region, over)
    cv2.cvtColor(gray, cv2.COLOR_GRAY2BGRA, dst=canvas[rows, cols])
    if over is not None:
        under = canvas[over.box[0] : over.box[2], over.box[1] : over.box[3]]
        cv2.add(under, over.colours, dst=under)  # saturating: alpha is 255 already and stays so
    return canvas


def thumbnail(image: MammoImage, frame: Frame, size: tuple[int, int], lut: Pixels | None = None) -> Pixels:
    """Return a slice hung upright, as large as fits into ``size`` = (width, height): uint8 (h, w, 4) BGRA.

    Parameters
    ----------
    lut : table to show it by; None takes the file's own window, or one made from these pixels.
    """
    if lut is None:
        lut = stored_to_gray(image, None, default_window(image) or auto_window(frame, image.pixel))
    turn = image_orientation(image)
    row_mm, col_mm = image_spacing(image)
    tall, wide = image.rows * row_mm, image.columns * col_mm
    box_wide, box_tall = turn.shape(*size[::-1])[::-1]  # a box for the picture before it is turned
    scale = min(box_wide / wide, box_tall / tall)
    rows, cols = max(round(tall * scale), 1), max(round(wide * scale), 1)
    resize = PlaneMap.resampling(rows / image.rows, cols / image.columns)
    height, width = turn.shape(rows, cols)
    return render(build_pyramid(frame, 0), turn.plane_map(rows, cols) @ resize, width, height, lut)


def _gray(
    pyramid: Pyramid,
    stored_to_screen: PlaneMap,
    region: Box,
    lut: Pixels,
    air: tuple[int, int] | None,
    tissue: Tissue | None,
    kept: KeptPixels,
) -> Pixels:
    """Return the grey values of a screen region that lies on the image."""
    import cv2

    nearest = magnification(stored_to_screen) >= NEAREST_FROM - EDGE
    frame, to_screen = pick_level(pyramid, stored_to_screen)
    sampled = kept.sampled(frame, to_screen, region, nearest=nearest)
    if tissue is not None and not tissue.has_noise:
        air = tissue.air  # one value: the table does it at no cost
    gray = np.asarray(cv2.LUT(sampled, _table(lut, frame.dtype, air)), np.uint8)
    if tissue is not None and tissue.has_noise:
        zones = warp(tissue.zones, stored_to_screen @ tissue.to_stored, region, nearest=True)
        zero = 1 << (8 * frame.dtype.itemsize - 1) if frame.dtype.kind == "i" else 0
        for values, zone in ((tissue.air, BORDER), (tissue.far, CLEAR)):
            if values is not None:
                noise = cv2.inRange(sampled, float(values[0] + zero), float(values[1] + zero))
                noise = cv2.bitwise_and(noise, cv2.inRange(zones, float(zone), 255.0))
                gray = np.asarray(cv2.subtract(gray, noise), np.uint8)  # saturating: 255 off any grey level is black
    return gray


def _table(lut: Pixels, dtype: np.dtype[np.generic], air: tuple[int, int] | None) -> Pixels:
    """Return the table for exactly the values that the pixels' type can hold; missing ends repeat the last entry.

    A decoder may hand out 8-bit pixels of a file that allocates 16, or the other way round.
    """
    count = 1 << (8 * dtype.itemsize)
    zero = count // 2 if dtype.kind == "i" else 0  # index 0 of a signed table is its lowest value
    surplus = len(lut) - count
    below = surplus // 2 if zero else 0
    if surplus >= 0:
        table = lut[below : below + count]
    else:
        table = np.pad(lut, (-below, below - surplus), mode="edge")
    if air is not None:
        table = table.copy()
        table[max(air[0] + zero, 0) : max(air[1] + zero + 1, 0)] = 0
    return table


def _let_through(gray: Pixels, region: Box, over: Painted) -> None:
    """Darken the grey values of ``region`` by what the overlay does not let through."""
    import cv2

    row, col = over.box[0] - region[0], over.box[1] - region[1]
    under = gray[row : row + over.through.shape[0], col : col + over.through.shape[1]]
    cv2.multiply(under, over.through, dst=under, scale=1.0 / 255.0)


def _black(width: int, height: int, inside: Box) -> Pixels:
    """Return an opaque black picture whose rectangle ``inside`` is left to be painted."""
    canvas = np.empty((height, width), np.uint32)  # a pixel in one go: byte by byte takes ten times as long
    row0, col0, row1, col1 = inside
    for outside in (canvas[:row0], canvas[row1:], canvas[row0:row1, :col0], canvas[row0:row1, col1:]):
        outside[...] = OPAQUE_BLACK
    return canvas.view(np.uint8).reshape(height, width, 4)
