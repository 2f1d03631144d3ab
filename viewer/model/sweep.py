"""The fields in which a breast is looked through at 1:1: overlapping views of it, row by row, to and fro.

A field is a placement (:mod:`viewer.model.placement`); which one is shown is read off the placement in force, so
nothing can disagree with what is on the screen after the reader panned, zoomed or took another viewport.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from viewer.model.placement import Placement, image_spacing, view_mm_map
from viewer.model.resample import Pyramid
from viewer.model.tissue import Tissue, find_tissue

OVERLAP = 0.06
"""Share of a viewport that neighbouring fields have in common at least: what lies on an edge is seen whole."""
MARGIN_CELLS = 2
"""Cells of the coarse outline by which the breast is taken larger than found: faint skin belongs to it."""
SAMPLED_SLICES = 5
"""Slices of a volume whose outlines are joined: the breast is not equally wide in all of them."""
SAME_MM = 1e-6
"""Placements nearer than this are the same."""

Mask = npt.NDArray[np.bool_]


def outline(image: MammoImage, pyramids: Sequence[Pyramid]) -> Tissue:
    """Return the breast in the given slices of an image, a margin larger than found.

    Parameters
    ----------
    pyramids : at least one; of several slices the outlines are joined.
    """
    import cv2

    found = [find_tissue(pyramid, image.pixel) for pyramid in pyramids]
    mask = np.logical_or.reduce([tissue.mask for tissue in found])
    side = 2 * MARGIN_CELLS + 1
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    if not mask.any():  # no outline is found: the whole image is looked through
        grown = np.ones(mask.shape, np.bool_)
    return Tissue(np.asarray(grown, np.bool_), found[0].to_stored, None)


def sampled(loaded: Sequence[int], current: int) -> list[int]:
    """Return the decoded slices whose outlines stand for the volume, the current one among them."""
    if not loaded:
        return [current]
    places = np.linspace(0, len(loaded) - 1, min(SAMPLED_SLICES, len(loaded)))
    return sorted({current, *(sorted(loaded)[round(float(place))] for place in places)})


def fields(image: MammoImage, tissue: Tissue, width: int, height: int) -> list[Placement]:
    """Return the placements that together show every part of the breast at 1:1.

    Parameters
    ----------
    tissue : where the breast is (:func:`outline`).
    width, height : of the viewport in device pixels.

    Returns
    -------
    From the top; the first row from the chest wall to the nipple, the next one back, and so on. Fields without any
    breast are left out.
    """
    scale = 1.0 / image_spacing(image)[1]
    to_mm = view_mm_map(image) @ tissue.to_stored
    top, near, bottom, deep = _box(to_mm, tissue.mask)
    rows = _centres(top, bottom, height / scale)
    columns = _centres(near, deep, width / scale)
    found: list[Placement] = []
    for number, down in enumerate(rows):
        line = columns if number % 2 == 0 else columns[::-1]
        found += [
            Placement("one_to_one", scale, down, depth)
            for depth in line
            if _holds(to_mm, tissue.mask, down, depth, height / scale, width / scale)
        ]
    return found


def _box(to_mm: PlaneMap, mask: Mask) -> tuple[float, float, float, float]:
    """Return (top, nearest, bottom, deepest) of the breast in view mm."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    corners = to_mm.apply([[rows[0] - 0.5, cols[0] - 0.5], [rows[-1] + 0.5, cols[-1] + 0.5]])  # edges of the cells
    (down0, depth0), (down1, depth1) = corners.min(axis=0), corners.max(axis=0)
    return float(down0), max(float(depth0), 0.0), float(down1), float(depth1)


def _centres(start: float, end: float, length: float) -> list[float]:
    """Return the middles of equally spaced, overlapping pieces of a length that cover start..end.

    One piece is put against the start: at the chest wall no room is given away.
    """
    span = end - start
    if span <= length:
        return [start + length / 2.0]
    count = math.ceil((span - length * OVERLAP) / (length * (1.0 - OVERLAP)))
    return [start + length / 2.0 + (span - length) * place / (count - 1) for place in range(count)]


def _holds(to_mm: PlaneMap, mask: Mask, down: float, depth: float, tall: float, wide: float) -> bool:
    """Whether a field shows any of the breast."""
    corners = [[down - tall / 2.0, depth - wide / 2.0], [down + tall / 2.0, depth + wide / 2.0]]
    cells = to_mm.inverse().apply(corners)
    row0, col0 = np.maximum(np.floor(cells.min(axis=0)).astype(int), 0)
    row1, col1 = np.maximum(np.ceil(cells.max(axis=0)).astype(int) + 1, 0)
    return bool(mask[row0:row1, col0:col1].any())


def field_shown(placement: Placement, among: Sequence[Placement]) -> int | None:
    """Return which field a viewport shows, or None when the reader looks elsewhere."""
    for index, field in enumerate(among):
        near = abs(field.down - placement.down) < SAME_MM and abs(field.depth - placement.depth) < SAME_MM
        if near and math.isclose(field.scale, placement.scale, rel_tol=1e-9):
            return index
    return None
