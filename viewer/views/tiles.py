"""Small pictures of images and patches, hung upright, with the window that the reader has chosen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from gmic_core.exam import voi
from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import VoiTable, VoiWindow
from viewer.model.placement import image_orientation
from viewer.model.render import render
from viewer.model.resample import Pyramid
from viewer.model.viewstate import ImageState

Box = tuple[float, float, float, float]
TileKey = tuple[str, VoiWindow | VoiTable | None, bool]


def tile_key(state: ImageState) -> TileKey:
    """Return what the grey values of a tile depend on; a tile with another key is out of date."""
    return (state.image.sop_uid, state.current_window, state.inverted)


def box_to_tile(state: ImageState, box: Box, width: int, height: int) -> PlaneMap:
    """Return stored pixels -> pixels of a tile that shows a half-open stored box as large as fits, in its middle."""
    image = state.image
    turn = image_orientation(image).plane_map(image.rows, image.columns)
    row0, col0, row1, col1 = turn.apply_box(box)
    scale = min(height / (row1 - row0), width / (col1 - col0))
    top = (height - scale * (row1 - row0)) / 2 + scale * (0.5 - row0) - 0.5
    left = (width - scale * (col1 - col0)) / 2 + scale * (0.5 - col0) - 0.5
    return PlaneMap.scale_offset(scale, scale, top, left) @ turn


def tile(state: ImageState, slice_index: int, pyramid: Pyramid, box: Box, width: int, height: int) -> QImage:
    """Return a stored box of a slice as a picture of ``width`` x ``height`` pixels; black where there is no image."""
    image = state.image
    window = state.current_window
    if window is None:
        window = voi.default_window(image, slice_index) or voi.auto_window(
            pyramid[min(1, len(pyramid) - 1)], image.pixel
        )
    lut = voi.stored_to_gray(image, slice_index, window, state.inverted)
    pixels = render(pyramid, box_to_tile(state, box, width, height), width, height, lut)
    return _to_image(pixels)


def thumbnail(state: ImageState, pyramid: Pyramid, width: int, height: int) -> QImage:
    """Return the whole image as a small picture."""
    image = state.image
    return tile(state, image.frames // 2, pyramid, (0, 0, image.rows, image.columns), width, height)


def _to_image(pixels: npt.NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    # copy(): the QImage must not outlive the array whose memory it reads
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()
