"""Windows of label maps and of other pixel sizes; random windows are :mod:`gmic_core.preprocessing.augment`."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.models.registry import InputSpec, ModelSpec
from gmic_core.preprocessing.augment import WINDOW_NOISE, augmented, take_window
from gmic_core.preprocessing.prepare import WindowPlan
from gmic_core.preprocessing.window import cut_box
from gmic_core.types import Modality

__all__ = ["WINDOW_NOISE", "augmented", "scaled_spec", "spec_at", "take_labels", "take_window"]

SPACING_TOLERANCE = 0.02
"""Where an experiment states a pixel spacing, images of any other are resampled to it."""


def scaled_spec(spec: ModelSpec, factor: int) -> ModelSpec:
    """Return the spec for images of pixels ``factor`` times as large: a window of the same field of view."""
    if factor == 1:
        return spec
    return replace(spec, inputs=tuple(_scaled(entry, factor) for entry in spec.inputs))


def _scaled(entry: InputSpec, factor: int) -> InputSpec:
    return replace(
        entry, rows=entry.rows // factor, columns=entry.columns // factor, spacing_mm=entry.spacing_mm * factor
    )


def spec_at(spec: ModelSpec, modality: Modality, rows: int, columns: int, spacing_mm: float) -> ModelSpec:
    """Return the spec with another window and pixel size for one modality; 0 leaves what it has."""
    entry = spec.input_for(modality)
    changed = replace(entry, rows=rows or entry.rows, columns=columns or entry.columns)
    if spacing_mm:
        changed = replace(changed, spacing_mm=spacing_mm, spacing_tolerance=SPACING_TOLERANCE)
    return replace(spec, inputs=tuple(changed if one is entry else one for one in spec.inputs))


def take_labels(plan: WindowPlan, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the window (rows, columns) of a label map in stored pixels, as ``plan.take`` cuts its image."""
    facing = np.ascontiguousarray(plan.window.orientation.apply(labels))
    if plan.scale.changes:
        rows, columns = plan.scale.shape
        facing = np.asarray(cv2.resize(facing, (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8)
    row0, col0 = int(plan.window.row0), int(plan.window.col0)
    box = (row0, col0, row0 + plan.window.rows, col0 + plan.window.columns)
    return np.asarray(cut_box(facing, box), np.uint8)
