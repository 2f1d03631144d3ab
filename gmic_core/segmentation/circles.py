"""Findings given as circles (mini-MIAS) as label maps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.segmentation.label_descriptions import CLEAR, LabelDescription
from gmic_core.types import Finding

LABELS = {Finding.BENIGN: 1, Finding.MALIGNANT: 2}
"""As in segmentations that nothing describes (docs/evaluation.md)."""
DESCRIPTIONS = (
    CLEAR, LabelDescription(1, "benign", (0, 170, 255)), LabelDescription(2, "malignant", (255, 60, 60)),
)  # fmt: skip


@dataclass(frozen=True)
class Disc:
    """A finding as a circle in stored pixels, row 0 at the top."""

    row: float
    column: float
    radius: float
    finding: Finding


def disc_labels(discs: Iterable[Disc], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return a label map (1, rows, columns): pixels whose centres lie within a circle; malignant covers benign."""
    labels = np.zeros((1, *shape), np.uint8)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    for disc in discs:
        inside = (rows - disc.row) ** 2 + (columns - disc.column) ** 2 <= disc.radius**2
        labels[0] = np.maximum(labels[0], np.where(inside, np.uint8(LABELS[disc.finding]), np.uint8(0)))
    return labels
