"""``results.json`` as a document, and what it says of each image; docs/results-schema.md describes it.

Nothing in it identifies the patient: images go by SOP Instance UID, or by file name where the file has no UID.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gmic_core.coverage import Coverage, coverage_notes
from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.inference.highlights import highlighted_slices
from gmic_core.inference.scores import BreastScore, ImageScore, joined_scores
from gmic_core.types import CLASSES, ImageResult, Roi

SCHEMA = "gmic-viewer results 1"
NOTICE = "Research use only. Not for diagnosis."
UNTRAINED = "UNTRAINED: random weights; scores and saliency are noise."
SIMULATED = "SIMULATED: computed images, no patient."
SIMULATED_ONLY = "Some weights were trained on simulated breasts only: on images of patients their results say nothing."


@dataclass(frozen=True)
class Prediction:
    """One image with its result.

    Attributes
    ----------
    index : ``image_index`` in the tables.
    study_uid : exam that the image belongs to; breasts are scored within one exam.
    members : the results of each set of weights, when there are several.
    """

    image: MammoImage
    index: str
    study_uid: str
    result: ImageResult
    members: tuple[ImageResult, ...] = ()


@dataclass(frozen=True)
class Refused:
    """An image that was not predicted, and why."""

    image: MammoImage
    index: str
    reason: str


@dataclass(frozen=True)
class Seen:
    """What a document says of all its images together.

    Attributes
    ----------
    untrained, simulated : of any image.
    outside : whether weights that only ever saw simulated breasts were used on an image that is none.
    """

    untrained: bool = False
    simulated: bool = False
    outside: bool = False


def image_indices(images: Sequence[MammoImage]) -> dict[str, str]:
    """Return the ``image_index`` of each image by SOP UID.

    Image files go by their name without suffix, as the published code calls them. DICOM files may be named after
    the patient, so they go by their SOP Instance UID, as do files whose names occur twice.
    """
    names = {
        image.sop_uid: re.sub(r"\.(png|nii(\.gz)?|nrrd|mha|mhd)$", "", image.files[0].name, flags=re.IGNORECASE)
        for image in images
        if not image.source.kind.startswith("dicom") and image.files
    }
    counts: dict[str, int] = {}
    for name in names.values():
        counts[name] = counts.get(name, 0) + 1
    return {i.sop_uid: names[i.sop_uid] if counts.get(names.get(i.sop_uid, "")) == 1 else i.sop_uid for i in images}


def document(
    predictions: Sequence[Prediction],
    refused: Sequence[Refused],
    rejected: Sequence[tuple[str, str]],
    saliency: dict[str, dict[str, str]],
) -> dict[str, Any]:
    """Return ``results.json``; NaN has become null.

    Parameters
    ----------
    rejected : (path, reason) of input files that are no images.
    saliency : per SOP UID the file of each class, relative to the folder.
    """
    seen = Seen(
        untrained=any(p.result.provenance.untrained for p in predictions),
        simulated=any(p.image.simulated for p in predictions),
        outside=any(says_nothing_about_patients(p) for p in predictions),
    )
    entries = {
        **head_entries(seen),
        "images": [image_entry(p, saliency.get(p.image.sop_uid, {})) for p in predictions],
        **tail_entries([(p.study_uid, ImageScore.of(p.result)) for p in predictions], refused, rejected),
    }
    without_nan: dict[str, Any] = finite(entries)
    return without_nan


def head_entries(seen: Seen) -> dict[str, Any]:
    """Return what stands before the images in ``results.json``."""
    return {
        "schema": SCHEMA,
        "notice": NOTICE,
        "untrained": seen.untrained,
        **({"untrained_notice": UNTRAINED} if seen.untrained else {}),
        "simulated": seen.simulated,
        **({"simulated_notice": SIMULATED} if seen.simulated else {}),
        **({"training_notice": SIMULATED_ONLY} if seen.outside else {}),
        "classes": list(CLASSES),
    }


def tail_entries(
    scores: Iterable[tuple[str, ImageScore]], refused: Iterable[Refused], rejected: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Return what stands behind the images in ``results.json``.

    Parameters
    ----------
    scores : (study UID, score) of each image in the order of the images.
    rejected : (path, reason) of input files that are no images.
    """
    return {
        "breasts": _breasts(scores),
        "not_predicted": [
            {"image_index": r.index, "sop_uid": r.image.sop_uid, "modality": r.image.modality, "reason": r.reason}
            for r in refused
        ],
        "rejected": [{"path": path, "reason": reason} for path, reason in rejected],
    }


def says_nothing_about_patients(prediction: Prediction) -> bool:
    """Whether weights that only ever saw simulated breasts were used on an image that is none."""
    return prediction.result.provenance.simulated_only and not prediction.image.simulated


def finite(value: Any) -> Any:
    """Return a JSON document with null in place of NaN and infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def image_entry(prediction: Prediction, saliency: dict[str, str]) -> dict[str, Any]:
    """Return the entry of one image in ``results.json``."""
    result = prediction.result
    rows, columns = result.window_shape
    box = PlaneMap(result.window_to_stored).apply_box((0, 0, rows, columns))
    h, w = result.saliency.shape[2:]
    members = prediction.members or (result,)
    entry: dict[str, Any] = {
        "image_index": prediction.index,
        "sop_uid": result.sop_uid,
        "study_uid": prediction.study_uid,
        "modality": result.modality,
        "laterality": result.laterality,
        "view": result.view,
        "untrained": result.provenance.untrained,
        "simulated": prediction.image.simulated,
        "scores": _scores(result),
        "patches": [patch for m in members for patch in _patches(m.rois, m.provenance.weights)],
        "profile": {name: _floats(result.profile[:, c]) for c, name in enumerate(CLASSES)},
        "highlighted_slices": list(highlighted_slices(result.profile, result.rois)),
        "window": {
            "rows": rows,
            "columns": columns,
            "box": _box([float(edge) for edge in box]),
            "to_stored": result.window_to_stored.tolist(),
            "seen": None if result.coverage is None else _box(result.coverage.seen),
        },
        "saliency": {
            "slices": len(result.saliency),
            "cells": [h, w],
            "to_stored": result.saliency_to_stored.tolist(),
            "files": saliency,
        },
        "outside_fraction": result.outside_fraction,
        "not_analysed": _not_analysed(result.coverage),
        "notes": list(result.notes),
        "provenance": asdict(result.provenance),
    }
    if result.augmentations:
        entry["augmentations"] = _augmentations(result.augmentations)
    if len(members) > 1:
        entry["members"] = [{"scores": _scores(m), "provenance": asdict(m.provenance)} for m in members]
    return entry


def _augmentations(scores: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return the scores of test-time augmentation and their spread (population standard deviation)."""
    deviation = np.std(scores, axis=0)
    each = {name: {"y": [pair[c] for pair in scores], "sd": float(deviation[c])} for c, name in enumerate(CLASSES)}
    return {"count": len(scores), **each}


def _box(edges: Sequence[float]) -> dict[str, float]:
    return dict(zip(("row0", "col0", "row1", "col1"), edges, strict=True))


def _not_analysed(coverage: Coverage | None) -> dict[str, Any] | None:
    """Return what the network did not see; None for results of versions that did not look."""
    if coverage is None:
        return None
    return {
        "counted_on": "maximum over all slices" if coverage.projected else "image",
        "breast_pixels": coverage.breast_pixels,
        "breast_pixels_outside": coverage.breast_outside,
        "other_tissue_pixels_outside": coverage.tissue_outside,
        "above_limit": coverage.is_short,
        "sentences": list(coverage_notes(coverage)),
        "structures": [
            {**_box(one.box), "pixels": one.pixels, "connected_with_breast": one.attached}
            for one in coverage.structures
        ],
        "structures_total": coverage.structures_total,
    }


def _scores(result: ImageResult) -> dict[str, dict[str, float]]:
    return {
        name: {"y": result.y[c], "y_global": result.y_global[c], "y_local": result.y_local[c]}
        for c, name in enumerate(CLASSES)
    }


def _patches(rois: Iterable[Roi], weights: str) -> list[dict[str, Any]]:
    entries = []
    for roi in rois:
        entry: dict[str, Any] = {
            "slice": roi.slice_index,
            "row0": roi.row0,
            "col0": roi.col0,
            "row1": roi.row1,
            "col1": roi.col1,
            "attention": roi.attention,
            "weights": weights,
        }
        if roi.local_scores is not None:
            entry["local_scores"] = dict(zip(CLASSES, roi.local_scores, strict=True))
        entries.append(entry)
    return entries


def _breasts(scores: Iterable[tuple[str, ImageScore]]) -> list[dict[str, Any]]:
    """Return the scores of each breast, exam by exam: two women's left breasts must not be averaged."""
    exams: dict[str, list[ImageScore]] = {}
    for study, score in scores:
        exams.setdefault(study, []).append(score)
    return [_breast_entry(study, score) for study, images in exams.items() for score in joined_scores(images)]


def _breast_entry(study_uid: str, score: BreastScore) -> dict[str, Any]:
    return {
        "study_uid": study_uid,
        "laterality": score.laterality,
        "modality": score.modality,
        "model": score.model,
        "views": list(score.views),
        "complete": score.complete,
        "untrained": score.untrained,
        "scores": dict(zip(CLASSES, score.y, strict=True)),
    }


def _floats(values: Iterable[float]) -> list[float]:
    return [round(float(value), 6) for value in values]
