"""Finished images on disk: a stopped evaluation goes on where it stood, and nothing is computed twice.

One small JSON file per image: its scores and figures, and the key of what they were made from. A record whose key
differs (other weights, other truth, another version of the figures) does not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gmic_core.evaluation.localisation import MapFigures
from gmic_core.evaluation.measure import Localisation
from gmic_core.evaluation.patches import PatchFigures
from gmic_core.evaluation.scores import ImageScore
from gmic_core.inference.document import finite
from gmic_core.inference.export import write_atomically
from gmic_core.types import Laterality, Modality

FIGURES_VERSION = 1
"""Raise it when a figure is computed otherwise: old records are made again then."""


@dataclass(frozen=True)
class Evaluated:
    """One finished image, and the weights that it was made with."""

    score: ImageScore
    model: str
    weights_name: str
    weights: str
    untrained: bool


class Records:
    """The finished images in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, key: Mapping[str, Any]) -> Evaluated | None:
        """Return a finished image, or None where it is missing, damaged, or made from something else."""
        try:
            document = json.loads(self._path(name).read_text(encoding="utf-8"))
            return _evaluated(document["evaluated"]) if document["key"] == _digest(key) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None  # then it is simply made again

    def put(self, name: str, key: Mapping[str, Any], evaluated: Evaluated) -> None:
        """Keep a finished image."""
        document = finite({"key": _digest(key), "evaluated": asdict(evaluated)})
        write_atomically(self._path(name), json.dumps(document, allow_nan=False).encode())

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.json"


def _digest(key: Mapping[str, Any]) -> str:
    text = json.dumps({"figures": FIGURES_VERSION, **key}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _evaluated(entry: Mapping[str, Any]) -> Evaluated:
    score = dict(entry["score"])
    score["modality"], score["laterality"] = Modality(score["modality"]), Laterality(score["laterality"])
    for name in ("labels", "y", "y_global"):
        benign, malignant = score[name]
        score[name] = (benign, malignant) if name == "labels" else (_number(benign), _number(malignant))
    score["localisation"] = {name: _localisation(found) for name, found in score["localisation"].items()}
    return Evaluated(**{**entry, "score": ImageScore(**score)})


def _localisation(entry: Mapping[str, Any]) -> Localisation:
    volume = entry["volume"]
    return Localisation(
        _figures(entry["projected"]),
        None if volume is None else _figures(volume),
        PatchFigures(**entry["patches"]),
        entry["peak_hit"],
    )


def _figures(entry: Mapping[str, Any]) -> MapFigures:
    values = {**entry, "dice": tuple(entry["dice"]), "pixel_auc": _number(entry["pixel_auc"])}
    return MapFigures(**values)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
