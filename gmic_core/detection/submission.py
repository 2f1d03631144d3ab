"""Results of ``gmic-core predict`` as a submission to DBTex: patches of tomosynthesis volumes, in the table's names."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from gmic_core.detection.boxes import MAX_TABLE, Prediction, VolumeKey
from gmic_core.errors import EvaluationError
from gmic_core.types import Modality

MAX_JSON = 512 << 20
COLUMNS = ("PatientID", "StudyUID", "View", "classic_path")


@dataclass(frozen=True)
class Submission:
    """What is handed in.

    Attributes
    ----------
    predictions : one box per patch; the score is the image's malignant score times the patch's attention.
    slices : of each volume that was predicted.
    unknown : images that the table does not name, or not as one volume.
    """

    predictions: tuple[Prediction, ...]
    slices: Mapping[VolumeKey, int]
    unknown: tuple[str, ...]


def submission(results: Path, paths: Path) -> Submission:
    """Return the patches of all tomosynthesis volumes of a results folder.

    Parameters
    ----------
    results : output of ``gmic-core predict``.
    paths : the table of file paths of BCS-DBT; it tells the names of a study and view from the UIDs in the paths.

    Raises
    ------
    EvaluationError
        If one of them cannot be read.
    """
    volumes = _volumes(paths)
    found: list[Prediction] = []
    slices: dict[VolumeKey, int] = {}
    unknown = []
    try:
        for entry in _entries(results):
            if entry["modality"] != Modality.DBT:
                continue
            place = str(entry["study_uid"]), f"{entry['laterality']}{entry['view']}".lower()
            known = volumes.get(place, [])
            if len(known) != 1:
                unknown.append(str(entry["image_index"]))
                continue
            slices[known[0]] = int(entry["saliency"]["slices"])
            found += [_prediction(known[0], patch, entry["scores"]["malignant"]["y"]) for patch in entry["patches"]]
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"{results / 'results.json'} cannot be understood ({type(error).__name__}); predict the images again."
        ) from error
    return Submission(tuple(found), slices, tuple(unknown))


def _prediction(volume: VolumeKey, patch: Mapping[str, Any], score: float) -> Prediction:
    x, y = float(patch["col0"]), float(patch["row0"])
    width, height = float(patch["col1"]) - x, float(patch["row1"]) - y
    return Prediction(volume, x, width, y, height, float(patch["slice"]), 1.0, float(score) * float(patch["attention"]))


def _entries(results: Path) -> list[dict[str, Any]]:
    path = results / "results.json"
    try:
        if path.stat().st_size > MAX_JSON:
            raise EvaluationError(f"{path} is too large; give the folder that `gmic-core predict --out` has written.")
        return list(json.loads(path.read_text(encoding="utf-8"))["images"])
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"{path} cannot be read ({type(error).__name__}); give the folder that `gmic-core predict --out` wrote."
        ) from error


def _volumes(paths: Path) -> dict[tuple[str, str], list[VolumeKey]]:
    """Return the volumes of each (study UID, side and view); several of one view (``lcc``, ``lcc2``) stay together."""
    found: dict[tuple[str, str], list[VolumeKey]] = {}
    try:
        if paths.stat().st_size > MAX_TABLE:
            raise EvaluationError(f"{paths.name} is too large for a table of file paths; choose another file.")
        with paths.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            if not set(COLUMNS) <= set(table.fieldnames or ()):
                raise EvaluationError(
                    f"{paths.name} lacks a column of {', '.join(COLUMNS)}; give BCS-DBT's file paths."
                )
            for row in table:
                view = row["View"].strip().lower()
                study = PurePosixPath(row["classic_path"]).parent.parent.name
                key = VolumeKey(row["PatientID"], row["StudyUID"], view)
                found.setdefault((study, view.rstrip("0123456789")), []).append(key)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{paths.name} cannot be read as a table ({error}); choose another file.") from error
    return found
