"""The steps of one image in a row, and what is needed to go back: a window that maps every pixel to the stored image.

``plan_window`` looks at the maximum over all slices once; ``WindowPlan.take`` then cuts the same window out of any
slice. Standardisation comes after that, over all slices together (:class:`~gmic_core.preprocessing.normalise.Moments`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.coverage import Coverage, coverage_notes
from gmic_core.errors import GeometryError
from gmic_core.exam.geometry import Box, NetworkWindow, facing_orientation
from gmic_core.exam.model import MammoImage
from gmic_core.models.registry import InputSpec, ModelSpec
from gmic_core.preprocessing.centre import is_craniocaudal, measured_from_far_edge, optimal_centre
from gmic_core.preprocessing.crop import OPENING, BreastCrop, crop_breast
from gmic_core.preprocessing.levels import PixelLevels
from gmic_core.preprocessing.scale import Scale, fitting_scale, native_scale
from gmic_core.preprocessing.unseen import measure_coverage
from gmic_core.preprocessing.window import augmentation_window, cut_box
from gmic_core.types import STANDARD_VIEWS


@dataclass(frozen=True)
class WindowPlan:
    """How the slices of one image are cut for a network.

    Attributes
    ----------
    window : stored pixels <-> network pixels.
    levels, scale : the steps before the cut.
    crop_box : the breast with its margin in the resized facing image; as published, what lies outside is 0 even
        where the image has pixels there.
    outside_fraction : share of the breast's pixels that the window does not cover, 0..1.
    notes : what differs from the published way, and what was not seen, in sentences for the reader.
    coverage : what lies outside of window and crop; None for windows that were moved (they are another window's).
    """

    window: NetworkWindow
    levels: PixelLevels
    scale: Scale
    crop_box: Box
    outside_fraction: float
    notes: tuple[str, ...] = ()
    coverage: Coverage | None = None

    def take(self, frame: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the window of a frame of stored values: a copy (rows, columns), facing right, outside 0."""
        facing = self.window.orientation.apply(self.levels.apply(frame))
        row0, col0, row1, col1 = self.crop_box
        row, col = int(self.window.row0) - row0, int(self.window.col0) - col0
        box = (row, col, row + self.window.rows, col + self.window.columns)
        return np.asarray(cut_box(self.scale.apply(facing)[row0:row1, col0:col1], box))


def plan_window(projection: npt.NDArray[Any], levels: PixelLevels, image: MammoImage, spec: ModelSpec) -> WindowPlan:
    """Find the window of one image for one network.

    Parameters
    ----------
    projection : maximum over the slices of the intensities (not of the stored values), turned as stored; with
        ``levels`` from :meth:`~gmic_core.preprocessing.levels.Projection.finish`.

    Raises
    ------
    GeometryError
        If the side is unknown or the orientation contradicts itself.
    InferenceError
        If the image is empty.
    ModelError
        If the network does not take this modality.
    """
    if image.laterality is None:
        raise GeometryError("The side of this breast is unknown; state it before running a network.")
    expected = spec.input_for(image.modality)
    orientation = facing_orientation(image.patient_orientation, image.laterality, image.view)
    facing = np.ascontiguousarray(orientation.apply(projection))
    spacing = image.spacing_mm
    if spacing is not None and orientation.transpose:
        spacing = spacing[1], spacing[0]
    scale, note = native_scale(facing.shape, spacing, expected)
    seen = scale.apply(facing)
    crop = crop_breast(seen, spec.mask_threshold, filled=spec.is_3d)
    if spacing is None and (fitted := fitting_scale(crop, image, expected)) is not None:
        scale, note = fitted
        seen = scale.apply(facing)
        crop = crop_breast(seen, spec.mask_threshold, filled=spec.is_3d)
    window = _place(seen, crop, image, expected)
    placed = NetworkWindow(
        orientation, image_shape(image), window[0], window[1], expected.rows, expected.columns, *scale.factors
    )
    coverage = measure_coverage(
        facing, crop.mask, crop.box, placed, scale, threshold=spec.mask_threshold, frames=image.frames
    )
    told = (note, *_view_notes(image), *_crop_notes(crop), *coverage_notes(coverage))
    notes = tuple(text for text in told if text)
    return WindowPlan(placed, levels, scale, crop.box, coverage.outside_fraction, notes, coverage)


def image_shape(image: MammoImage) -> tuple[int, int]:
    """Return (rows, columns) as stored."""
    return image.rows, image.columns


def _place(seen: npt.NDArray[Any], crop: BreastCrop, image: MammoImage, expected: InputSpec) -> tuple[int, int]:
    """Return the window's first row and column in the resized facing image."""
    size = (expected.rows, expected.columns)
    far_edge = image.laterality is not None and measured_from_far_edge(image.laterality)
    centre = optimal_centre(seen[crop.slices], crop, image.view, size, far_edge=far_edge)
    box = augmentation_window(crop.shape, image.view, centre, size).box
    return crop.box[0] + box[0], crop.box[1] + box[1]


def _view_notes(image: MammoImage) -> tuple[str, ...]:
    if image.view in STANDARD_VIEWS:
        return ()
    rule = "CC" if is_craniocaudal(image.view) else "MLO"
    return (f"{image.view or 'This view'} was placed like {rule}; the networks were trained on CC and MLO only.",)


def _crop_notes(crop: BreastCrop) -> tuple[str, ...]:
    if crop.opening == OPENING:
        return ()
    return (f"The breast is small: its outline was opened by {crop.opening} instead of {OPENING} pixels.",)
