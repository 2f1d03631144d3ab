"""Segmentations over the picture: filling and outlines, computed for the pixels on screen only.

The labels of a slice are brought to the screen by nearest neighbour, so that a voxel is a sharp rectangle at any zoom,
and the outline is drawn inside it along its border. Where many voxels share a device pixel they are thickened first:
a single voxel of microcalcification must not fall between two device pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box, PlaneMap
from gmic_core.segmentation.label_descriptions import LabelDescription
from viewer.model.annotation.edits import Plane
from viewer.model.resample import intersection, magnification, screen_region, warp

Pixels = npt.NDArray[np.uint8]
OUTLINE = 1
"""Width of an outline in device-independent pixels; it lies inside the label."""
DASH = 4
"""Length of a dash, and of what is left out after it, in device-independent pixels."""


@dataclass(frozen=True, eq=False)
class LabelLayer:
    """What to lay over one slice.

    Attributes
    ----------
    plane : labels (rows, columns) as stored.
    box : half-open stored box that holds all labels.
    labels : descriptions of those that occur; hidden ones count as background.
    opacity : of the filling, 0..1; 0: outlines alone.
    dashed : outlines as dashes: what belongs to another image.
    """

    plane: Plane
    box: Box
    labels: tuple[LabelDescription, ...]
    opacity: float
    dashed: bool = False


def lay_labels(canvas: Pixels, layer: LabelLayer, stored_to_screen: PlaneMap, ratio: float = 1.0) -> Box | None:
    """Lay labels over pixels of a viewport; return the screen box that was painted in, None: nothing.

    Parameters
    ----------
    canvas : uint8 (height, width, 4) BGRA; changed in place, alpha stays.
    ratio : device pixels per device-independent pixel.
    """
    import cv2

    slots = _slots(layer)
    if slots is None:
        return None
    table, colours, through = slots
    found = _on_screen(layer, stored_to_screen, canvas.shape[1], canvas.shape[0], table)
    if found is None:
        return None
    box, codes = found
    line = _outline(codes, max(round(OUTLINE * ratio), 1))
    if layer.dashed:
        line &= _dashes(codes, max(round(DASH * ratio), 1), max(round(OUTLINE * ratio), 1))
    half = len(colours) // 2
    codes = cv2.add(codes, line & np.uint8(half))  # the second half of the tables is what outlines look like
    part = canvas[box[0] : box[2], box[1] : box[3]]
    lit = cv2.LUT(cv2.merge([codes] * 4), through[:, None, :])
    cv2.multiply(part, lit, dst=part, scale=1.0 / 255.0)
    cv2.add(part, cv2.LUT(cv2.merge([codes] * 4), colours[:, None, :]), dst=part)
    return box


def _outline(codes: npt.NDArray[np.uint8], width: int) -> Pixels:
    """Return 255 on the pixels of labels (rows, columns) that lie within ``width`` of another label or none."""
    import cv2

    kernel = np.ones((2 * width + 1,) * 2, np.uint8)
    framed = cv2.copyMakeBorder(codes, width, width, width, width, cv2.BORDER_REPLICATE)
    edge = cv2.compare(cv2.dilate(framed, kernel), cv2.erode(framed, kernel), cv2.CMP_NE)
    return np.asarray(edge[width:-width, width:-width] & cv2.compare(codes, 0, cv2.CMP_GT), np.uint8)


def _dashes(codes: npt.NDArray[np.uint8], dash: int, width: int) -> Pixels:
    """Return 255 near every other stretch of each label's contour, counted along it: dashes in all directions."""
    import cv2

    marked = np.zeros(codes.shape, np.uint8)
    for slot in np.flatnonzero(np.bincount(codes.ravel(), minlength=2)[1:]) + 1:
        contours, _ = cv2.findContours(cv2.compare(codes, int(slot), cv2.CMP_EQ), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            at = contour[np.arange(len(contour)) // dash % 2 == 0, 0]
            marked[at[:, 1], at[:, 0]] = 255
    return np.asarray(cv2.dilate(marked, np.ones((2 * width - 1,) * 2, np.uint8)), np.uint8)


def _slots(layer: LabelLayer) -> tuple[npt.NDArray[np.uint8], Pixels, Pixels] | None:
    """Return label -> slot, and of 256 slots what they add (BGRA) and let through (BGRA); None: nothing to show.

    Slot 0 is background; slot s and s + 128 are filling and outline of one label. With more than 127 labels colours
    repeat: nobody tells as many apart.
    """
    shown = [entry for entry in layer.labels if entry.visible and entry.index]
    if not shown:
        return None
    largest = max(max(entry.index for entry in layer.labels), np.iinfo(layer.plane.dtype).max)
    table = np.zeros(largest + 1, np.uint8)
    colours, through = np.zeros((256, 4), np.uint8), np.full((256, 4), 255, np.uint8)
    for number, entry in enumerate(shown):
        slot = number % 127 + 1
        table[entry.index] = slot
        bgr = np.array(entry.colour[::-1], np.float64)
        alpha = layer.opacity * entry.opacity
        colours[slot, :3], through[slot, :3] = np.rint(bgr * alpha), round(255 * (1.0 - alpha))
        colours[slot + 128, :3], through[slot + 128, :3] = bgr, 0
    return table, colours, through


def _on_screen(
    layer: LabelLayer, to_screen: PlaneMap, width: int, height: int, table: npt.NDArray[np.uint8]
) -> tuple[Box, npt.NDArray[np.uint8]] | None:
    """Return the screen box of the labels and the slot of each of its pixels."""
    import cv2

    image = screen_region(to_screen, layer.plane.shape, width, height)
    row0, col0, row1, col1 = layer.box
    size = magnification(to_screen)
    thick = math.ceil(1.0 / size - 1e-6) if size < 1.0 else 1
    row0, col0 = max(row0 - thick, 0), max(col0 - thick, 0)
    row1, col1 = min(row1 + thick, layer.plane.shape[0]), min(col1 + thick, layer.plane.shape[1])
    top, left, bottom, right = to_screen.apply_box((row0, col0, row1, col1))
    around = (math.floor(top) - 2, math.floor(left) - 2, math.ceil(bottom) + 2, math.ceil(right) + 2)
    box = intersection(around, image) if image is not None else None
    if box is None:
        return None
    stored = _stored_part(to_screen, box, layer.plane.shape, thick)
    part = layer.plane[stored[0] : stored[2], stored[1] : stored[3]]
    if thick > 1:
        part = cv2.dilate(part, np.ones((thick, thick), np.uint8))
    moved = to_screen @ PlaneMap.scale_offset(1.0, 1.0, stored[0], stored[1])
    codes = warp(part, moved, box, nearest=True)
    inside = _inside(codes.shape, box, moved, part.shape)
    slots = cv2.LUT(codes, table) if codes.dtype == np.uint8 and table.size == 256 else table[codes]
    return box, np.asarray(cv2.bitwise_and(slots, inside) if inside is not None else slots, np.uint8)


def _stored_part(to_screen: PlaneMap, box: Box, shape: tuple[int, ...], margin: int) -> Box:
    """Return the stored pixels under a screen box, with a margin."""
    top, left, bottom, right = to_screen.inverse().apply_box(box)
    row0, col0 = max(math.floor(top) - margin - 1, 0), max(math.floor(left) - margin - 1, 0)
    row1, col1 = min(math.ceil(bottom) + margin + 1, shape[0]), min(math.ceil(right) + margin + 1, shape[1])
    return row0, col0, max(row1, row0 + 1), max(col1, col0 + 1)


def _inside(size: tuple[int, ...], box: Box, to_screen: PlaneMap, shape: tuple[int, ...]) -> Pixels | None:
    """Return 255 where screen pixels lie on a part of the image, None where all do: its edges must not be repeated."""
    region = screen_region(to_screen, (shape[0], shape[1]), box[3], box[2])
    if region is None:
        return np.zeros(size[:2], np.uint8)
    if region[0] <= box[0] and region[1] <= box[1] and region[2] >= box[2] and region[3] >= box[3]:
        return None
    inside = np.zeros(size[:2], np.uint8)
    inside[max(region[0] - box[0], 0) : region[2] - box[0], max(region[1] - box[1], 0) : region[3] - box[1]] = 255
    return inside
