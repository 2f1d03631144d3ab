"""The pictures of the one-page report, rendered in any thread; what they show was gathered before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.exam.voi import auto_window, stored_to_gray
from viewer.model.placement import Placement, fit_scale, fitted, stored_to_screen
from viewer.model.render import build_pyramid, render
from viewer.model.report import Report, View

Pixels = npt.NDArray[np.uint8]
Decode = Callable[[MammoImage, int], npt.NDArray[np.generic]]
"""Returns the stored pixels of a slice; may take a second."""

PATCH_PIXELS = 240
MARGIN = 0.5
"""Of its size is shown around a patch."""


@dataclass(frozen=True)
class Picture:
    """Pixels of a view or a patch: uint8 (h, w, 4) BGRA, and where stored pixels lie in them."""

    pixels: Pixels
    to_picture: PlaneMap


def render_views(report: Report, size: tuple[int, int], decode: Decode, tell: Callable[[], None]) -> list[Picture]:
    """Return a picture of ``size`` = (width, height) for each view, all at the same scale in mm.

    Parameters
    ----------
    tell : called after each picture; may raise to end it.
    """
    width, height = size
    known = [view.image for view in report.views if view.image.spacing_mm]
    shared = min((fit_scale(image, width, height) for image in known), default=1.0)
    pictures = []
    for view in report.views:
        scale = shared if view.image.spacing_mm else fit_scale(view.image, width, height)
        to_picture = stored_to_screen(view.image, fitted(width, scale), width, height)
        pictures.append(_picture(view, decode(view.image, view.slice_index), to_picture, width, height))
        tell()
    return pictures


def render_patches(report: Report, decode: Decode, tell: Callable[[], None]) -> list[Picture]:
    """Return a square picture of each patch with what lies around it, hung as its image."""
    pictures = []
    for patch in report.patches:
        image, roi = patch.view.image, patch.roi
        at_one = stored_to_screen(image, Placement("free", 1.0), 2, 2)
        row0, col0, row1, col1 = at_one.apply_box((roi.row0, roi.col0, roi.row1, roi.col1))
        scale = PATCH_PIXELS / (max(row1 - row0, col1 - col0) * (1 + MARGIN))
        middle = PlaneMap.scale_offset(
            scale,
            scale,
            (PATCH_PIXELS - 1) / 2 - scale * ((row0 + row1 - 1) / 2),
            (PATCH_PIXELS - 1) / 2 - scale * ((col0 + col1 - 1) / 2),
        )
        frame = decode(image, roi.slice_index)
        pictures.append(_picture(patch.view, frame, middle @ at_one, PATCH_PIXELS, PATCH_PIXELS))
        tell()
    return pictures


def _picture(view: View, frame: npt.NDArray[np.generic], to_picture: PlaneMap, width: int, height: int) -> Picture:
    window = view.window or auto_window(frame, view.image.pixel)
    lut = stored_to_gray(view.image, view.slice_index, window, view.inverted)
    pixels = render(build_pyramid(frame), to_picture, width, height, lut, overlay=view.layer)
    return Picture(pixels, to_picture)
