"""Tiny labelled breasts for tests of training data: flat tissue with one bright disc per finding."""

from __future__ import annotations

import numpy as np

from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.training.data.cropping import LabelledImage
from gmic_core.training.data.digital import BreastOptions, BreastPlan, SimulatedBreast
from gmic_core.training.data.store import StoredFinding
from gmic_core.types import Laterality, Modality

SLICES, ROWS, COLUMNS = 9, 614, 472
RADIUS = 14
PLACES = ((200, 120), (330, 150), (420, 90), (250, 240), (120, 60), (380, 230))


def tiny_breast(plan: BreastPlan, options: BreastOptions) -> SimulatedBreast:
    """Stand in for the simulation: a half disc of tissue; findings are discs over slices 3..5."""
    findings = tuple(
        StoredFinding(number, kind, kind.startswith("malignant")) for number, kind in enumerate(plan.kinds, start=1)
    )
    images = [tiny_image(plan, findings, Modality(name)) for name in options.modalities if name != "FFDM"]
    return SimulatedBreast("b", findings, images)


def tiny_image(plan: BreastPlan, findings: tuple[StoredFinding, ...], modality: Modality) -> LabelledImage:
    """Return one labelled image as stored: right breasts face left."""
    slices = SLICES if modality is Modality.DBT else 1
    rng = np.random.default_rng(plan.seed)
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    tissue = np.hypot((rows - 300) / 250, columns / 330) < 1.0
    frames = np.where(tissue, 300 + rng.integers(0, 20, (slices, ROWS, COLUMNS)), 0).astype(np.uint16)
    labels = np.zeros((slices, ROWS, COLUMNS), np.uint8)
    reach = {}
    for finding, (row, column) in zip(findings, PLACES, strict=False):
        disc = np.hypot(rows - row, columns - column) < RADIUS
        first, last = (3, 5) if slices > 1 else (0, 0)
        frames[first : last + 1, disc] += 200
        labels[first : last + 1, disc] = finding.number
        reach[finding.number] = (first, last)
    side = (Laterality.R, Laterality.L)[plan.side]
    if side is Laterality.R:
        frames, labels = frames[:, :, ::-1], labels[:, :, ::-1]
    spacing = 240.0 / ROWS
    image = MammoImage(
        sop_uid=f"2.25.{plan.seed}",
        modality=modality,
        laterality=side,
        view=plan.views[0],
        frames=slices,
        rows=ROWS,
        columns=COLUMNS,
        source=PixelSource("nifti", ()),
        pixel=PixelFormat(16, 10),
        spacing_mm=(spacing, spacing),
    )
    return LabelledImage(image, frames, labels, reach)
