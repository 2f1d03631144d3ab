"""How much an image is resized before a network sees it, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.exam.model import MammoImage
from gmic_core.models.registry import InputSpec
from gmic_core.preprocessing.crop import BUFFER, BreastCrop
from gmic_core.types import Modality

TRAINING_FRAMES: dict[Modality, tuple[int, int]] = {
    Modality.FFDM: (4096, 3328),
    Modality.DBT: (2457, 1996),
    Modality.S2D: (2457, 1996),
}
"""Largest (rows, columns) of the images the networks were trained on (3D-GMIC paper, V-D.3). An image of these
modalities without a spacing that is no larger is taken for one of them; digitised film (MG) never is."""


@dataclass(frozen=True)
class Scale:
    """Network pixels per stored pixel of the image that faces right.

    Attributes
    ----------
    shape : (rows, columns) of the resized image.
    source : (rows, columns) before.
    """

    shape: tuple[int, int]
    source: tuple[int, int]

    @classmethod
    def by(cls, source: tuple[int, int], rows: float, columns: float) -> Scale:
        """Return the scale nearest to the given factors that ends in whole pixels."""
        return cls((max(round(source[0] * rows), 1), max(round(source[1] * columns), 1)), source)

    @property
    def factors(self) -> tuple[float, float]:
        """Exact factors of rows and columns."""
        return self.shape[0] / self.source[0], self.shape[1] / self.source[1]

    @property
    def changes(self) -> bool:
        """Whether anything is resized at all."""
        return self.shape != self.source

    def apply(self, facing: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the resized image; area means when it shrinks, bicubic when it grows, edges aligned.

        Area means, because bicubic interpolation looks at 4x4 pixels only and would let fine noise through as
        coarse noise. Resized images are float32 and not below 0, where bicubic interpolation overshoots.
        """
        if not self.changes:
            return facing
        shrinks = self.shape[0] <= self.source[0] and self.shape[1] <= self.source[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        resized = cv2.resize(facing.astype(np.float32), (self.shape[1], self.shape[0]), interpolation=method)
        return np.asarray(np.maximum(resized, np.float32(0)))


def native_scale(
    shape: tuple[int, int], spacing_mm: tuple[float, float] | None, expected: InputSpec
) -> tuple[Scale, str | None]:
    """Return the scale that the spacing asks for, and a note when it is not 1.

    Parameters
    ----------
    shape : (rows, columns) of the image that faces right.
    spacing_mm : (row, column) of the same, or None.
    """
    same = Scale(shape, shape)
    if spacing_mm is None or all(expected.takes_spacing(value) for value in spacing_mm):
        return same, None
    rows, columns = (value / expected.spacing_mm for value in spacing_mm)
    scale = Scale.by(shape, rows, columns)
    if not scale.changes:
        return same, None
    return scale, (
        f"Resampled from {spacing_mm[0]:.4g}x{spacing_mm[1]:.4g} mm to the {expected.spacing_mm:.4g} mm pixels that "
        "the network was trained on."
    )


def fitting_scale(crop: BreastCrop, image: MammoImage, expected: InputSpec) -> tuple[Scale, str] | None:
    """Return the scale at which a breast of unknown pixel size fits into the window; None where 1 is right.

    The breast itself is made to fit; the margin around it keeps its pixels.
    """
    height, width = crop.mask.shape
    rows, columns = crop.shape
    largest = TRAINING_FRAMES.get(image.modality)
    plausible = largest is not None and height <= largest[0] and width <= largest[1]
    if plausible or (rows <= expected.rows and columns <= expected.columns):
        return None
    used_rows = np.flatnonzero(crop.mask.any(axis=1))
    used_cols = np.flatnonzero(crop.mask.any(axis=0))
    breast = int(used_rows[-1] - used_rows[0]) + 1, int(used_cols[-1] - used_cols[0]) + 1
    factor = min((expected.rows - 2 * BUFFER) / breast[0], (expected.columns - BUFFER) / breast[1], 1.0)
    return Scale.by((height, width), factor, factor), (
        f"The pixel spacing is unknown; the image was shrunk to {factor:.0%} so that the breast fits into the "
        f"window of {expected.rows}x{expected.columns} pixels. Sizes and scores are not comparable."
    )
