"""A small picture of an image with a segmentation laid on it; all of its slices are seen through."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.segmentation.label_descriptions import default_description
from viewer.commands import Context
from viewer.model.annotation.paint import LabelLayer, lay_labels
from viewer.model.placement import image_orientation
from viewer.model.render import thumbnail

OPACITY = 0.5


def preview(context: Context, image: MammoImage, labels: npt.NDArray[np.generic], side: int) -> QImage | None:
    """Return the picture, at most ``side`` pixels high and wide; None where no slice of the image is decoded yet.

    Parameters
    ----------
    labels : (slices, rows, columns) in the order of the image.
    """
    middle = image.frames // 2
    loaded = sorted(context.frames.loaded(image), key=lambda index: abs(index - middle))
    pyramid = context.frames.get(image, loaded[0]) if loaded else None
    if pyramid is None:
        return None
    pixels = np.ascontiguousarray(thumbnail(image, pyramid[0], (side, side)))
    plane = np.zeros(labels.shape[1:], np.uint8)
    for one in labels:
        np.maximum(plane, one != 0, out=plane)
    if plane.any():
        layer = LabelLayer(plane, (0, 0, image.rows, image.columns), (default_description(1),), OPACITY)
        lay_labels(pixels, layer, _to_picture(image, pixels.shape[0], pixels.shape[1]))
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()


def _to_picture(image: MammoImage, height: int, width: int) -> PlaneMap:
    """Return stored pixels -> pixels of the thumbnail."""
    turn = image_orientation(image)
    tall, wide = turn.shape(height, width)  # before it is turned
    return turn.plane_map(tall, wide) @ PlaneMap.resampling(tall / image.rows, wide / image.columns)
