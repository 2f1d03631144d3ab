"""FROC of the marks of a batch, and of a submission against the boxes of BCS-DBT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from gmic_core.detection.boxes import Prediction, TruthBox, VolumeKey
from gmic_core.detection.candidates import ImageMarks
from gmic_core.detection.froc import Froc, Marked, froc
from gmic_core.errors import EvaluationError
from gmic_core.types import Finding

Pointer = Literal["peaks", "patches"]


def marks_froc(marks: Sequence[ImageMarks], finding: Finding, pointer: Pointer) -> Froc:
    """Return the curve of the peaks or patches of one class over all images that were compared for it.

    Raises
    ------
    EvaluationError
        If there is no lesion of the class, or patches are not known on every image.
    """
    images = []
    for one in marks:
        if one.finding is finding:
            candidates = one.peaks if pointer == "peaks" else one.patches
            if candidates is None:
                raise EvaluationError(f"{one.image} has no patches on record; only peaks can be scored.")
            images.append(Marked(one.slices, one.targets, candidates))
    return froc(images)


def submission_froc(
    boxes: Sequence[TruthBox],
    predictions: Sequence[Prediction],
    slices: Mapping[VolumeKey, int] | None = None,
    volumes: Sequence[VolumeKey] | None = None,
    findings: Sequence[Finding] = tuple(Finding),
) -> Froc:
    """Return the curve of a submission.

    Parameters
    ----------
    slices : of each volume, where the table of boxes does not say (column VolumeSlices).
    volumes : all volumes that were searched, with or without a finding; None: those that either table names.
    findings : boxes of other classes do not count, and candidates on them are false positives.

    Raises
    ------
    EvaluationError
        If the slices of a volume with a box are not known, or there is no box.
    """
    known = {box.volume: box.volume_slices for box in boxes if box.volume_slices is not None} | dict(slices or {})
    searched = (
        list(volumes) if volumes is not None else sorted({b.volume for b in boxes} | {p.volume for p in predictions})
    )
    images = []
    for volume in searched:
        own = [box for box in boxes if box.volume == volume and box.finding in findings]
        if own and volume not in known:
            raise EvaluationError(
                f"How many slices {volume.study} {volume.view} has is not known, so a hit cannot be told: add the "
                "column VolumeSlices to the boxes, or give the number."
            )
        candidates = tuple(p.candidate for p in predictions if p.volume == volume)
        # without a box nothing can be hit, whatever the number of slices
        images.append(Marked(known.get(volume, 2), tuple(box.target for box in own), candidates))
    return froc(images)
