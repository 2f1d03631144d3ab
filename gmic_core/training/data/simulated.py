"""From the plan of a breast to its labelled images: the simulation as the stores see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt

from gmic_core.errors import PhantomError
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.phantom.breast import Breast
from gmic_core.phantom.findings import Finding, place_findings
from gmic_core.phantom.simulate import ViewImages, simulate_view
from gmic_core.phantom.spec import BreastSpec, ViewName, make_exam_spec
from gmic_core.phantom.truth import dbt_labels, ffdm_labels, slice_range
from gmic_core.training.data.cropping import LabelledImage
from gmic_core.training.data.digital import BreastOptions, BreastPlan, SimulatedBreast
from gmic_core.training.data.store import StoredFinding
from gmic_core.types import Laterality, Modality

BITS = {Modality.DBT: 10, Modality.S2D: 10, Modality.FFDM: 12}


def simulate_breast(plan: BreastPlan, options: BreastOptions) -> SimulatedBreast:
    """Simulate a breast; its views are made one after the other, as they are asked for."""
    exam = make_exam_spec(plan.seed, thickness_mm=plan.thickness_mm, size=options.size)
    breast, findings = with_findings(replace(exam.breasts[plan.side], findings=plan.kinds))
    stored = tuple(StoredFinding(finding.number, finding.kind, finding.malignant) for finding in findings)
    return SimulatedBreast(breast.spec.density, stored, _images(plan, breast, findings, options.modalities))


def with_findings(spec: BreastSpec) -> tuple[Breast, tuple[Finding, ...]]:
    """Return a breast with as many of its findings as fit: a small one has no room for six."""
    breast = Breast(spec)  # its tissue does not depend on the findings
    while True:
        try:
            return breast, place_findings(breast)
        except PhantomError:
            if not breast.spec.findings:
                raise
            breast.spec = replace(breast.spec, findings=breast.spec.findings[:-1])


def _images(
    plan: BreastPlan, breast: Breast, findings: tuple[Finding, ...], modalities: tuple[str, ...]
) -> Iterator[LabelledImage]:
    for view in plan.views:
        seen = simulate_view(breast, findings, cast(ViewName, view))
        for name in modalities:
            yield labelled_image(seen, Modality(name))
        del seen  # 0.7 GB that the next view needs


def labelled_image(seen: ViewImages, modality: Modality) -> LabelledImage:
    """Return one image of a simulated view with its truth, turned as stored."""
    frames = {Modality.DBT: seen.dbt, Modality.S2D: seen.s2d[None], Modality.FFDM: seen.ffdm[None]}[modality]
    labels, reach = _truth(seen, modality)
    if seen.spec.laterality is Laterality.R:
        labels = labels[..., ::-1]  # a view: a copy would touch every page of an almost empty volume
    return LabelledImage(header_of(seen.spec, seen.view, modality, frames), frames, labels, reach)


def _truth(seen: ViewImages, modality: Modality) -> tuple[npt.NDArray[np.uint8], dict[int, tuple[int, int]]]:
    """Return label maps (slices, rows, columns) in the view frame, and the slices of every finding."""
    spec, placed = seen.spec, seen.placed
    if modality is Modality.DBT:
        slices = {one.finding.number: slice_range(spec, one) for one in placed}
        return dbt_labels(spec, placed), {number: reach for number, reach in slices.items() if reach[0] >= 0}
    labels = dbt_labels(spec, placed).max(axis=0) if modality is Modality.S2D else ffdm_labels(spec, placed)
    return labels[None], {int(number): (0, 0) for number in np.unique(labels) if number}


def header_of(spec: BreastSpec, view: str, modality: Modality, frames: npt.NDArray[np.uint16]) -> MammoImage:
    """Return what a header of this image would say."""
    pixel = spec.plate.ffdm_mm if modality is Modality.FFDM else spec.plate.dbt_mm
    return MammoImage(
        sop_uid="",
        modality=modality,
        laterality=spec.laterality,
        view=view,
        frames=len(frames),
        rows=frames.shape[1],
        columns=frames.shape[2],
        source=PixelSource("dicom", ()),
        pixel=PixelFormat(16, BITS[modality]),
        spacing_mm=(pixel, pixel),
        spacing_meaning="detector",
    )
