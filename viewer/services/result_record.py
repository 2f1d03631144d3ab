"""A result as text and back; its arrays and its UID travel beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi

ARRAY_FIELDS = ("saliency", "saliency_to_stored", "window_to_stored", "profile")
"""Fields of :class:`ImageResult` that are kept as arrays."""


def to_record(result: ImageResult) -> str:
    """Return a result as JSON without its arrays and its UID."""
    beside = (*ARRAY_FIELDS, "sop_uid")
    return json.dumps({name: value for name, value in asdict(result).items() if name not in beside})


def from_record(text: str, sop_uid: str, arrays: dict[str, Any]) -> ImageResult:
    """Return the result that :func:`to_record` wrote.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the text or the arrays are not what was written.
    """
    plain = json.loads(text)
    saliency, profile = arrays["saliency"], arrays["profile"]
    if saliency.ndim != 4 or saliency.shape[1] != 2 or profile.shape != saliency.shape[:2]:
        raise ValueError("the kept maps have another shape than they were written with")
    side = plain["laterality"]
    return ImageResult(
        sop_uid=sop_uid,
        modality=Modality(plain["modality"]),
        laterality=Laterality(side) if side else None,
        view=plain["view"],
        y=_pair(plain["y"]),
        y_global=_pair(plain["y_global"]),
        y_local=_pair(plain["y_local"]),
        rois=tuple(_roi(roi) for roi in plain["rois"]),
        saliency=saliency,
        saliency_to_stored=arrays["saliency_to_stored"],
        window_to_stored=arrays["window_to_stored"],
        window_shape=(int(plain["window_shape"][0]), int(plain["window_shape"][1])),
        profile=profile,
        outside_fraction=float(plain["outside_fraction"]),
        provenance=Provenance(**plain["provenance"]),
        notes=tuple(plain["notes"]),
    )


def _pair(values: list[float]) -> tuple[float, float]:
    benign, malignant = values
    return float(benign), float(malignant)


def _roi(plain: dict[str, Any]) -> Roi:
    scores = plain["local_scores"]
    return Roi(**{**plain, "local_scores": None if scores is None else _pair(scores)})
