"""Scored images, written exams and results of networks for these tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gmic_core.evaluation.cells import SaliencyMap
from gmic_core.evaluation.predictions import Predicted
from gmic_core.evaluation.records import Evaluated
from gmic_core.evaluation.run import evaluate_one
from gmic_core.evaluation.scores import ImageScore
from gmic_core.evaluation.sources import Subject
from gmic_core.evaluation.truth import lesions_of
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.types import Finding, Laterality, Modality, Roi


def score(
    case: str, modality: Modality, view: str, y: tuple[float, float], labels: tuple[bool, bool] = (False, False),
    side: Laterality = Laterality.L,
) -> ImageScore:  # fmt: skip
    """Return a scored image without localisation."""
    return ImageScore(case, f"{case}-{side}-{view}-{modality}", modality, side, view, labels, y, (y[0] / 2, y[1] / 2))


def header(
    uid: str, modality: Modality, view: str = "CC", slices: int = 1, side: Laterality = Laterality.L
) -> MammoImage:
    """Return an image of 64x48 pixels without a file."""
    return MammoImage(
        sop_uid=uid, modality=modality, laterality=side, view=view, frames=slices, rows=64, columns=48,
        source=PixelSource("dicom", (Path(f"{uid}.dcm"),)), pixel=PixelFormat(), simulated=True,
    )  # fmt: skip


def evaluated(number: int, modality: Modality = Modality.DBT, view: str = "CC") -> Evaluated:
    """Return an evaluated image: every third malignant with a finding that is found the worse the higher the number."""
    labels = (number % 3 == 1, number % 3 == 0)
    slices = 3 if modality is Modality.DBT else 1
    image = header(f"1.2.{number}.{view}.{modality}", modality, view, slices)
    rng = np.random.default_rng(number)
    values = 0.1 * rng.random((slices, 2, 4, 3))
    planes = np.zeros((slices, 64, 48), np.uint8)
    if any(labels):
        planes[slices // 2, 16:32, 16:32] = 1
        values[slices // 2, int(labels[1]), 1, 1] = 1.0 / (1 + number)
    truth = lesions_of(planes, planes.shape, {1: Finding(int(labels[1]))})
    y = (0.3 + 0.4 * labels[0] - 0.02 * (number % 7), 0.2 + 0.5 * labels[1] - 0.03 * (number % 5))
    to_stored = np.array([[16.0, 0, 7.5], [0, 16.0, 7.5], [0, 0, 1]])
    roi = Roi(slices // 2, 10, 10, 40, 40, 1.0)
    predicted = Predicted(
        y, (y[0] * 0.9, y[1] * 0.9), (SaliencyMap(values, to_stored),), ((roi,),), "gmic3d", "test", "ab" * 32, False
    )
    return evaluate_one(Subject(image, f"sim-{number:06d}", labels, None, simulated=True), predicted, truth)
