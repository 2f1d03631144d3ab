"""A store of whole-window slices and 2D images with their findings: what the maps are pretrained on.

GroupNorm sees the whole image, so a global network that has only seen patches is not ready for slices. Simulating is
what takes time: of a volume only the slices that are kept are reconstructed, and their sums stand for the volume's.
The layout is that of :mod:`gmic_core.training.data.store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.breast import Breast
from gmic_core.phantom.findings import Finding, PlacedFinding, insert_findings
from gmic_core.phantom.simulate import acquire, acquire_full_field, acquire_slices
from gmic_core.phantom.spec import BreastSpec, ViewName, make_exam_spec, stream
from gmic_core.phantom.truth import dbt_labels, ffdm_labels, slice_range, synthetic_labels
from gmic_core.phantom.view_tissue import ViewTissue
from gmic_core.training.data.cropping import NEAR_SLICES, BaseCutter, Cut, LabelledImage, coarse, seen_in
from gmic_core.training.data.digital import BreastOptions, BreastPlan, SimulatedBreast, StoreOptions
from gmic_core.training.data.simulated import header_of, with_findings
from gmic_core.training.data.store import CELL, SHADOW, Crop, StoredFinding
from gmic_core.training.data.windows import take_labels
from gmic_core.types import Laterality, Modality

Labels = npt.NDArray[np.uint8]

PER_FINDING = 3
BACKGROUND = 5
OFF_CENTRE = 4
"""Slices of a finding lie within so many slices of its middle, as far as the finding reaches."""


@dataclass(frozen=True)
class SlicedImage(LabelledImage):
    """A volume of which some slices were made: ``image.frames`` of them, ``numbers`` says which.

    Attributes
    ----------
    near : (frames, rows, columns), findings in focus in each slice.
    """

    numbers: tuple[int, ...] = ()
    near: Labels | None = None


def simulate_slices(plan: BreastPlan, options: BreastOptions) -> SimulatedBreast:
    """Simulate a breast, but keep only some slices of its volumes.

    Without synthetic images, for which every slice is needed, only the kept ones are reconstructed.
    A :data:`~gmic_core.training.data.digital.Simulator`.
    """
    exam = make_exam_spec(plan.seed, thickness_mm=plan.thickness_mm, size=options.size)
    breast, findings = with_findings(replace(exam.breasts[plan.side], findings=plan.kinds))
    stored = tuple(StoredFinding(finding.number, finding.kind, finding.malignant) for finding in findings)
    return SimulatedBreast(breast.spec.density, stored, _images(plan, breast, findings, options.modalities))


def _images(
    plan: BreastPlan, breast: Breast, findings: tuple[Finding, ...], modalities: tuple[str, ...]
) -> Iterator[LabelledImage]:
    for view in plan.views:
        name = cast(ViewName, view)
        tissue = breast.view(name)
        placed = insert_findings(breast, name, tissue, findings)
        yield from _view(breast.spec, name, tissue, placed, modalities)


def _view(
    spec: BreastSpec, view: ViewName, tissue: ViewTissue, placed: tuple[PlacedFinding, ...], modalities: tuple[str, ...]
) -> Iterator[LabelledImage]:
    numbers = choose_slices(spec, view, placed)
    if "S2D" in modalities:  # every slice is needed, so that the others come with them
        seen = acquire(spec, view, tissue)
        volume, full_field = seen.dbt[list(numbers)], seen.ffdm
        yield _flat_image(spec, view, Modality.S2D, seen.s2d, synthetic_labels(spec, placed))
        del seen
        if "DBT" in modalities:
            yield _volume(spec, view, placed, numbers, volume)
    elif "DBT" in modalities:
        yield _volume(spec, view, placed, numbers, acquire_slices(spec, view, tissue, numbers))
    if "FFDM" in modalities:
        image = full_field if "S2D" in modalities else acquire_full_field(spec, view, tissue)
        yield _flat_image(spec, view, Modality.FFDM, image, ffdm_labels(spec, placed))


def _volume(
    spec: BreastSpec,
    view: ViewName,
    placed: tuple[PlacedFinding, ...],
    numbers: tuple[int, ...],
    frames: npt.NDArray[np.uint16],
) -> SlicedImage:
    labels = dbt_labels(spec, placed)
    near = np.stack([labels[max(k - NEAR_SLICES, 0) : k + NEAR_SLICES + 1].max(axis=0) for k in numbers])
    flat = labels.max(axis=0)[None]
    if spec.laterality is Laterality.R:
        near, flat = near[..., ::-1], flat[..., ::-1]
    image = header_of(spec, view, Modality.DBT, frames)
    return SlicedImage(image, frames, flat, {1: (0, 0)} if flat.any() else {}, numbers, near)


def _flat_image(
    spec: BreastSpec, view: ViewName, modality: Modality, pixels: npt.NDArray[np.uint16], truth: Labels
) -> SlicedImage:
    frames, labels = pixels[None], truth[None]
    if spec.laterality is Laterality.R:
        labels = labels[..., ::-1]
    image = header_of(spec, view, modality, frames)
    return SlicedImage(image, frames, labels, {1: (0, 0)} if labels.any() else {}, (0,), labels)


def choose_slices(spec: BreastSpec, view: ViewName, placed: tuple[PlacedFinding, ...]) -> tuple[int, ...]:
    """Return the slices that are kept: some of every finding, some anywhere; in order, each once."""
    rng = stream(spec.seed, "kept slices", view)
    chosen = set(rng.choice(spec.slices, BACKGROUND, replace=False).tolist())
    for one in placed:
        first, last = slice_range(spec, one)
        if first >= 0:
            middle = (first + last) // 2
            reach = np.arange(max(first, middle - OFF_CENTRE), min(last, middle + OFF_CENTRE) + 1)
            chosen.update(rng.choice(reach, min(PER_FINDING, len(reach)), replace=False).tolist())
    return tuple(sorted(int(number) for number in chosen))


@dataclass(frozen=True)
class SliceStoreOptions(StoreOptions):
    """Options of a store of slices, for :func:`~gmic_core.training.data.digital.make_patch_store`."""

    def manifest(self, seeds: Iterable[int]) -> dict[str, object]:
        """Return what is recorded in the store."""
        content = super().manifest(seeds)
        return {**content, "kind": "slices", "cut": {"per_finding": PER_FINDING, "background": BACKGROUND}}

    def cut(self, labelled: LabelledImage, seed: int) -> list[Cut]:
        """Return every kept slice of one image, whole."""
        if not isinstance(labelled, SlicedImage):
            raise TypeError("A store of slices is made with simulate_slices.")
        spec = self.spec_for(str(labelled.image.modality))
        return SliceCutter(labelled, spec, stream(seed, "slices")).crops()


class SliceCutter(BaseCutter):
    """Cuts the whole window of every kept slice, to whole label cells."""

    def crops(self) -> list[Cut]:
        """Return all slices with their labels."""
        return [self._cut(index) for index in range(self._labelled.image.frames)]

    def _cut(self, index: int) -> Cut:
        sliced = cast(SlicedImage, self._labelled)
        rows, columns = (size // CELL * CELL for size in self._breast.shape)
        box = slice(0, rows), slice(0, columns)
        near = sliced.near
        labels = coarse(take_labels(self._plan, near[index])[box]) if near is not None else np.zeros((0, 0), np.uint8)
        labels[(labels == 0) & (coarse(self._flat[box]) > 0)] = SHADOW
        about = self._about(index, 0, 0, "finding" if (labels > 0).any() else "tissue")
        about["slice_index"] = sliced.numbers[index]
        shadow = int(np.count_nonzero(labels == SHADOW))
        return Crop(**about, seen=seen_in(labels), shadow=shadow), self._stored(index, box), labels
