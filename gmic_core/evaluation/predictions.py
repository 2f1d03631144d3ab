"""What a network said of an image, whether it ran just now or left its results in a folder of ``gmic-core predict``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.cells import SaliencyMap
from gmic_core.types import CLASSES, ImageResult, Roi

Pair = tuple[float, float]


@dataclass(frozen=True)
class Predicted:
    """Scores, maps and patches of one image.

    Attributes
    ----------
    y, y_global : (benign, malignant), means over the members.
    maps : one per member, or their mean; the mean counts.
    rois : patches of each member.
    weights : SHA-256 of each set of weights, joined.
    """

    y: Pair
    y_global: Pair
    maps: tuple[SaliencyMap, ...]
    rois: tuple[tuple[Roi, ...], ...]
    model: str
    weights_name: str
    weights: str
    untrained: bool


def joined(results: Sequence[ImageResult]) -> Predicted:
    """Return the mean of several results of one image: sets of weights, augmentations, or both."""
    provenances = [result.provenance for result in results]
    names = dict.fromkeys(p.weights for p in provenances)
    return Predicted(
        _mean([result.y for result in results]),
        _mean([result.y_global for result in results]),
        tuple(SaliencyMap(result.saliency, result.saliency_to_stored) for result in results),
        tuple(result.rois for result in results),
        provenances[0].model,
        " + ".join(names),
        " + ".join(dict.fromkeys(p.weights_sha256 for p in provenances)),
        any(p.untrained for p in provenances),
    )


def _mean(pairs: Sequence[Pair]) -> Pair:
    benign, malignant = np.mean(np.asarray(pairs, np.float64), axis=0)
    return float(benign), float(malignant)


class PredictionFolder:
    """An output of ``gmic-core predict``.

    Raises
    ------
    EvaluationError
        If the folder holds no readable results.json.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = folder / "results.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            self._entries: dict[str, dict[str, Any]] = {entry["sop_uid"]: entry for entry in document["images"]}
            self.refused: dict[str, str] = {e["sop_uid"]: e["reason"] for e in document["not_predicted"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EvaluationError(
                f"{path} cannot be read ({error}); give the folder that `gmic-core predict --out` has written."
            ) from error

    def find(self, sop_uid: str) -> Predicted:
        """Return the prediction of an image.

        Raises
        ------
        EvaluationError
            If it was not predicted, or its files are missing or damaged.
        """
        entry = self._entries.get(sop_uid)
        if entry is None:
            reason = self.refused.get(sop_uid, "it is not in results.json")
            raise EvaluationError(f"It was not predicted: {reason}")
        try:
            return self._predicted(entry)
        except (KeyError, TypeError, ValueError, OSError, EOFError, ImageFileError) as error:
            raise EvaluationError(
                f"Its prediction is incomplete ({type(error).__name__}: {error}); predict it again."
            ) from error

    def key(self, sop_uid: str) -> str:
        """Return what changes when the prediction of an image changes."""
        entry = self._entries.get(sop_uid, {})
        return json.dumps([entry.get("scores"), entry.get("provenance"), entry.get("patches")], sort_keys=True)

    def _predicted(self, entry: Mapping[str, Any]) -> Predicted:
        saliency, provenance = entry["saliency"], entry["provenance"]
        planes = [nibabel.load(self._folder / saliency["files"][name]).get_fdata(dtype=np.float32) for name in CLASSES]
        values = np.stack([plane.transpose(2, 1, 0) for plane in planes], axis=1)  # (slices, 2, h, w)
        if values.shape != (saliency["slices"], 2, *saliency["cells"]):
            raise EvaluationError(f"Its saliency files have the shape {values.shape}, not that of results.json.")
        return Predicted(
            _pair(entry["scores"], "y"),
            _pair(entry["scores"], "y_global"),
            (SaliencyMap(values, np.asarray(saliency["to_stored"], np.float64)),),
            _rois(entry["patches"]),
            provenance["model"],
            provenance["weights"],
            provenance["weights_sha256"],
            bool(entry["untrained"]),
        )


def _pair(scores: Mapping[str, Mapping[str, float | None]], name: str) -> Pair:
    benign, malignant = (math.nan if scores[c][name] is None else float(scores[c][name] or 0.0) for c in CLASSES)
    return benign, malignant


def _rois(patches: Sequence[Mapping[str, Any]]) -> tuple[tuple[Roi, ...], ...]:
    members: dict[str, list[Roi]] = {}
    for p in patches:
        roi = Roi(p["slice"], p["row0"], p["col0"], p["row1"], p["col1"], p["attention"])
        members.setdefault(p["weights"], []).append(roi)
    return tuple(tuple(rois) for rois in members.values())
