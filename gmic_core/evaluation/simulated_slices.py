"""Short volumes of digital breasts: a run of slices costs a fraction of a volume, in simulation as in inference.

The run lies around a finding (the first of the plan, so the malignant one where there is one); in a normal breast
anywhere. So a network has less tissue to be wrong about than in a whole volume: figures of short and of whole volumes
are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np

from gmic_core.phantom.breast import Breast
from gmic_core.phantom.findings import Finding, PlacedFinding, insert_findings
from gmic_core.phantom.simulate import acquire_slices
from gmic_core.phantom.spec import BreastSpec, ViewName, make_exam_spec, stream
from gmic_core.phantom.truth import dbt_labels, slice_range, to_stored
from gmic_core.training.data.cropping import LabelledImage
from gmic_core.training.data.digital import BreastOptions, BreastPlan, SimulatedBreast
from gmic_core.training.data.simulated import header_of, with_findings
from gmic_core.training.data.store import StoredFinding
from gmic_core.types import Modality


def simulate_slices(plan: BreastPlan, options: BreastOptions, count: int) -> SimulatedBreast:
    """Simulate a run of ``count`` tomosynthesis slices of every view of a breast."""
    exam = make_exam_spec(plan.seed, thickness_mm=plan.thickness_mm, size=options.size)
    breast, findings = with_findings(replace(exam.breasts[plan.side], findings=plan.kinds))
    stored = tuple(StoredFinding(finding.number, finding.kind, finding.malignant) for finding in findings)
    return SimulatedBreast(breast.spec.density, stored, _runs(plan, breast, findings, count))


def _runs(plan: BreastPlan, breast: Breast, findings: tuple[Finding, ...], count: int) -> Iterator[LabelledImage]:
    for name in plan.views:
        view = cast(ViewName, name)
        tissue = breast.view(view)
        placed = insert_findings(breast, view, tissue, findings)
        numbers = run_of_slices(breast.spec, placed, count, view)
        frames = acquire_slices(breast.spec, view, tissue, numbers)
        labels = to_stored(dbt_labels(breast.spec, placed)[numbers.start : numbers.stop], breast.spec.laterality)
        yield LabelledImage(header_of(breast.spec, view, Modality.DBT, frames), frames, labels, {})


def run_of_slices(
    spec: BreastSpec, placed: list[PlacedFinding] | tuple[PlacedFinding, ...], count: int, view: str
) -> range:
    """Return ``count`` consecutive slices around the first finding, or anywhere in a breast without one."""
    length = min(count, spec.slices)
    if placed:
        first, last = slice_range(spec, placed[0])
        start = (first + last + 1) // 2 - length // 2
    else:
        start = int(stream(spec.seed, "run of slices", view).integers(spec.slices - length + 1))
    start = int(np.clip(start, 0, spec.slices - length))
    return range(start, start + length)
