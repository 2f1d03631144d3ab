"""A result as text and back; its arrays and its UID travel beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from gmic_core.coverage import Coverage, Structure
from gmic_core.types import ImageResult, Laterality, Member, Modality, Provenance, Roi

ARRAY_FIELDS = ("saliency", "saliency_to_stored", "window_to_stored", "profile")
"""Fields of :class:`ImageResult` that are kept as arrays."""
OPTIONAL_ARRAYS = ("spread", "features", "vectors")
"""Arrays that not every result has."""


def arrays_of(result: ImageResult) -> dict[str, Any]:
    """Return the arrays that a result has, by the names of their fields."""
    present = [name for name in OPTIONAL_ARRAYS if getattr(result, name) is not None]
    return {name: getattr(result, name) for name in (*ARRAY_FIELDS, *present)}


def empty_arrays() -> dict[str, Any]:
    """Return arrays for a result of which only the record is wanted."""
    return {
        "saliency": np.zeros((0, 2, 0, 0), np.float16),
        "saliency_to_stored": np.eye(3),
        "window_to_stored": np.eye(3),
        "profile": np.zeros((0, 2), np.float32),
    }


def to_record(result: ImageResult) -> str:
    """Return a result as JSON without its arrays and its UID."""
    beside = (*ARRAY_FIELDS, *OPTIONAL_ARRAYS, "sop_uid")
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
        members=tuple(_member(member) for member in plain.get("members", ())),  # earlier versions kept none
        spread=_spread(arrays, saliency.shape),
        features=_rows(arrays, "features", len(plain["rois"])),
        augmentations=tuple(_pair(scores) for scores in plain.get("augmentations", ())),
        vectors=_rows(arrays, "vectors", len(plain.get("members", ())) or 1),
        coverage=_coverage(plain.get("coverage")),  # earlier versions kept none
    )


def _spread(arrays: dict[str, Any], shape: tuple[int, ...]) -> Any:
    spread = arrays.get("spread")
    if spread is not None and spread.shape != shape:
        raise ValueError("the kept spread has another shape than its map")
    return spread


def _rows(arrays: dict[str, Any], name: str, rows: int) -> Any:
    values = arrays.get(name)
    if values is not None and (values.ndim != 2 or len(values) != rows):
        raise ValueError(f"the kept {name} are not those of this result")
    return values


def _coverage(plain: dict[str, Any] | None) -> Coverage | None:
    if plain is None:
        return None
    row0, col0, row1, col1 = (int(edge) for edge in plain["seen"])
    structures = tuple(Structure(**one) for one in plain["structures"])
    return Coverage(**{**plain, "seen": (row0, col0, row1, col1), "structures": structures})


def _member(plain: dict[str, Any]) -> Member:
    scores = {name: _pair(plain[name]) for name in ("y", "y_global", "y_local")}
    return Member(plain["weights"], plain["weights_sha256"], patches=int(plain["patches"]), **scores)


def _pair(values: list[float]) -> tuple[float, float]:
    benign, malignant = values
    return float(benign), float(malignant)


def _roi(plain: dict[str, Any]) -> Roi:
    scores = plain["local_scores"]
    return Roi(**{**plain, "local_scores": None if scores is None else _pair(scores)})
