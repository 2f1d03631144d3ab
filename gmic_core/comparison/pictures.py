"""Small pictures for the report: the projected map, the lesions, and what the map marks at its best threshold."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.comparison.placing import PlacedMap
from gmic_core.errors import SegmentationError
from gmic_core.evaluation.truth import Lesion

EDGE = 260
"""Longest edge of a picture, pixels."""
_LESION, _MARKED = (255, 255, 255), (255, 190, 90)  # BGR; light blue stands out from inferno


def picture(placed: PlacedMap, lesions: Sequence[Lesion], threshold: float) -> bytes:
    """Return a PNG: saliency as heat, lesions outlined in white, (saliency >= threshold) outlined in light blue."""
    rows, columns = placed.grid.shape
    scale = min(EDGE / max(rows, columns), 1.0)
    size = max(round(columns * scale), 1), max(round(rows * scale), 1)
    r = np.minimum(((np.arange(size[1]) + 0.5) / scale).astype(int), rows - 1)
    c = np.minimum(((np.arange(size[0]) + 0.5) / scale).astype(int), columns - 1)
    strips = (
        np.searchsorted(s, at, side="right") - 1
        for s, at in ((placed.grid.row_starts, r), (placed.grid.column_starts, c))
    )
    plane = placed.projected[np.ix_(*strips)]
    top = float(placed.projected.max())
    grey = np.clip(plane / top if top > 0 else plane, 0.0, 1.0)
    heat = cv2.applyColorMap(np.rint(grey * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    if threshold > 0:
        _outline(heat, plane >= threshold, _MARKED)
    for lesion in lesions:
        _outline(heat, _shrunk(lesion, scale, size), _LESION)
    done, data = cv2.imencode(".png", heat)
    if not done:
        raise SegmentationError("A picture for the report could not be made; compare again.")
    return bytes(data)


def _shrunk(lesion: Lesion, scale: float, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return a lesion's projection in the small picture; none gets lost, however small it is."""
    rows, columns = np.nonzero(lesion.mask)
    small = np.zeros((size[1], size[0]), bool)
    small[
        np.minimum(((rows + lesion.corner[0]) * scale).astype(int), size[1] - 1),
        np.minimum(((columns + lesion.corner[1]) * scale).astype(int), size[0] - 1),
    ] = True
    return small


def _outline(image: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], colour: tuple[int, int, int]) -> None:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, contours, -1, colour, 1)
