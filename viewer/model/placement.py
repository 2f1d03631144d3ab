"""Where an image lies in its viewport: zoom and pan in mm, shared by the modalities of one view.

Everything is expressed in *view mm* (see :mod:`gmic_core.exam.geometry`): ``down`` from the image's middle and
``depth`` from the chest-wall edge. A placement therefore means the same for an FFDM, a synthetic 2D image and a DBT
slice of one breast, and for the right and the left breast, which mirror each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gmic_core.errors import GeometryError
from gmic_core.exam.geometry import Orientation, PlaneMap, display_orientation, stored_to_view_mm
from gmic_core.exam.model import MammoImage
from gmic_core.types import Laterality

PlacementMode = Literal["fit", "one_to_one", "true_size", "free"]
LinkKey = tuple[str, str, str]
"""(laterality, view, unit): images with the same key share zoom and pan; unit keeps uncalibrated images apart."""
MIN_SCALE, MAX_SCALE = 0.2, 400.0
"""Limits of the zoom in device pixels per mm: a whole detector on a thumbnail, 20 x at 0.05 mm pixels."""


@dataclass(frozen=True)
class Placement:
    """Zoom and pan of one view.

    Attributes
    ----------
    mode : how the scale came about; ``fit`` follows the size of the viewport.
    scale : device pixels per mm.
    down, depth : the point in view mm at the middle of the viewport.
    """

    mode: PlacementMode = "fit"
    scale: float = 1.0
    down: float = 0.0
    depth: float = 0.0

    def panned(self, pixels_down: float, pixels_deep: float) -> Placement:
        """Return the placement after the *image* moved by so many device pixels (depth grows from the chest wall)."""
        mode: PlacementMode = "free" if self.mode == "fit" else self.mode
        return replace(
            self, mode=mode, down=self.down - pixels_down / self.scale, depth=self.depth - pixels_deep / self.scale
        )

    def zoomed(self, factor: float, down: float, depth: float) -> Placement:
        """Return the placement magnified by ``factor`` with the point (down, depth) in mm staying where it is."""
        # a fitted image may already be beyond the limits: zooming out must not throw it back in
        scale = min(max(self.scale * factor, min(MIN_SCALE, self.scale)), max(MAX_SCALE, self.scale))
        keep = self.scale / scale
        return Placement("free", scale, down + (self.down - down) * keep, depth + (self.depth - depth) * keep)


def link_key(image: MammoImage) -> LinkKey:
    """Return the key under which zoom and pan are shared (same breast, same view, both in mm or both in pixels)."""
    side, view = image.laterality or image.sop_uid, image.view or image.sop_uid
    return (str(side), view, "mm" if image.spacing_mm else f"px:{image.sop_uid}")


def image_laterality(image: MammoImage) -> Laterality:
    """Return the side to hang an image by; an image of unknown side hangs as a left breast, with its banner."""
    return image.laterality or Laterality.L


def image_spacing(image: MammoImage) -> tuple[float, float]:
    """Return (row, column) distance in mm; without a stated one a pixel counts as 1 mm."""
    return image.spacing_mm or (1.0, 1.0)


def image_orientation(image: MammoImage) -> Orientation:
    """Return stored -> display; an image whose orientation is unknown is shown as stored, with its banner."""
    if image.laterality is None:
        return Orientation()
    try:
        return display_orientation(image.patient_orientation, image.laterality, image.view)
    except GeometryError:  # the scanner made it a question to the reader; until it is answered the pixels are shown
        return Orientation()


def view_mm_map(image: MammoImage) -> PlaneMap:
    """Return stored pixels -> (down, depth) in view mm."""
    return stored_to_view_mm(
        image_orientation(image), (image.rows, image.columns), image.spacing_mm, image_laterality(image)
    )


def extent_mm(image: MammoImage) -> tuple[float, float]:
    """Return (height, width) of the displayed image in mm (pixels where no spacing is known)."""
    row_mm, col_mm = image_spacing(image)
    height, width = image.rows * row_mm, image.columns * col_mm
    return (width, height) if image_orientation(image).transpose else (height, width)


def fit_scale(image: MammoImage, width: int, height: int) -> float:
    """Return the largest scale (device pixels per mm) at which the whole image is in the viewport."""
    tall, wide = extent_mm(image)
    return max(min(height / tall, width / wide), 1e-6)


def fitted(width: int, scale: float) -> Placement:
    """Return the placement that puts the chest wall on the viewport's inner edge, the image's middle in its middle."""
    return Placement("fit", scale, 0.0, width / 2.0 / scale)


def stored_to_screen(image: MammoImage, placement: Placement, width: int, height: int) -> PlaneMap:
    """Return the map from stored pixels to device pixels (row, column) of a viewport of the given size.

    The chest wall of a left breast is on the left, of a right breast on the right (standard hanging). At 1:1 the image
    is moved by up to half a device pixel onto the screen's own pixels: every stored value is shown as it is.
    """
    scale = placement.scale
    direction = 1.0 if image_laterality(image) is Laterality.L else -1.0
    to_screen = PlaneMap.scale_offset(
        scale,
        direction * scale,
        (height - 1) / 2.0 - scale * placement.down,
        (width - 1) / 2.0 - direction * scale * placement.depth,
    )
    return _on_pixels(to_screen @ view_mm_map(image))


def _on_pixels(to_screen: PlaneMap) -> PlaneMap:
    """Return the map with its origin on a whole pixel if it neither enlarges nor reduces."""
    size = np.abs(to_screen.matrix[:2, :2]).sum(axis=1)
    if not (np.abs(size - 1.0) <= 1e-6).all():
        return to_screen
    return PlaneMap(np.rint(to_screen.matrix))
