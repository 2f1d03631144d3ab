"""Windows of label maps and of other pixel sizes; random windows are :mod:`gmic_core.preprocessing.augment`."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.models.trained_input import scaled_spec, spec_at
from gmic_core.preprocessing.augment import WINDOW_NOISE, augmented, take_window
from gmic_core.preprocessing.prepare import WindowPlan
from gmic_core.preprocessing.window import cut_box

__all__ = ["WINDOW_NOISE", "augmented", "scaled_spec", "spec_at", "take_labels", "take_window"]


def take_labels(plan: WindowPlan, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the window (rows, columns) of a label map in stored pixels, as ``plan.take`` cuts its image."""
    facing = np.ascontiguousarray(plan.window.orientation.apply(labels))
    if plan.scale.changes:
        rows, columns = plan.scale.shape
        facing = np.asarray(cv2.resize(facing, (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8)
    row0, col0 = int(plan.window.row0), int(plan.window.col0)
    box = (row0, col0, row0 + plan.window.rows, col0 + plan.window.columns)
    return np.asarray(cut_box(facing, box), np.uint8)
