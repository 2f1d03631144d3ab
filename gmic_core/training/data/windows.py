"""Windows for training: the network's window of an image, moved and resized by chance, and label maps cut like it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.models.registry import InputSpec, ModelSpec
from gmic_core.preprocessing.prepare import WindowPlan
from gmic_core.preprocessing.window import AugmentationWindow, augmentation_window, cut_box

WINDOW_NOISE = 100
"""Largest shift of the window and of its borders in pixels (3D-GMIC paper, V-D.3)."""

_SEEDS = 1 << 32


def scaled_spec(spec: ModelSpec, factor: int) -> ModelSpec:
    """Return the spec for images of pixels ``factor`` times as large: a window of the same field of view."""
    if factor == 1:
        return spec
    inputs = tuple(_scaled(entry, factor) for entry in spec.inputs)
    return replace(spec, inputs=inputs)


def _scaled(entry: InputSpec, factor: int) -> InputSpec:
    return replace(
        entry, rows=entry.rows // factor, columns=entry.columns // factor, spacing_mm=entry.spacing_mm * factor
    )


def augmented(
    plan: WindowPlan, view: str | None, rng: np.random.Generator, noise: int = WINDOW_NOISE
) -> AugmentationWindow:
    """Return the window of a plan, moved and resized by chance, up to ``noise`` pixels in any direction.

    The plan keeps where its window starts, not the centre it came from. That is enough: where no padding is needed,
    start and centre say the same, and where it is, the centre has no part in the result.
    """
    row0, col0, row1, col1 = plan.crop_box
    size = (plan.window.rows, plan.window.columns)
    centre = (int(plan.window.row0) - row0 + size[0] // 2, int(plan.window.col0) - col0 + size[1] // 2)
    return augmentation_window(
        (row1 - row0, col1 - col0),
        view,
        centre,
        size,
        location_noise=(noise, noise),
        size_noise=noise,
        random=np.random.RandomState(int(rng.integers(_SEEDS))),
    )


def take_window(plan: WindowPlan, frame: npt.NDArray[Any], window: AugmentationWindow | None) -> npt.NDArray[Any]:
    """Return a window (rows, columns) of a frame of stored values, facing right; the plan's own one for None."""
    if window is None:
        return plan.take(frame)
    row0, col0, row1, col1 = plan.crop_box
    facing = plan.window.orientation.apply(plan.levels.apply(frame))
    return np.asarray(window.cut(plan.scale.apply(facing)[row0:row1, col0:col1]))


def take_labels(plan: WindowPlan, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the window (rows, columns) of a label map in stored pixels, as ``plan.take`` cuts its image."""
    facing = np.ascontiguousarray(plan.window.orientation.apply(labels))
    if plan.scale.changes:
        rows, columns = plan.scale.shape
        facing = np.asarray(cv2.resize(facing, (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8)
    row0, col0 = int(plan.window.row0), int(plan.window.col0)
    box = (row0, col0, row0 + plan.window.rows, col0 + plan.window.columns)
    return np.asarray(cut_box(facing, box), np.uint8)
