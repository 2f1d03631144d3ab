"""Results of ``gmic-core predict`` as a submission to DBTex: patches or peaks of volumes, in the table's names."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gmic_core.comparison.placing import place
from gmic_core.detection.boxes import MAX_TABLE, Prediction, VolumeKey
from gmic_core.detection.candidates import RADIUS_PIXELS, peaks_of
from gmic_core.detection.scoring import Pointer
from gmic_core.errors import EvaluationError
from gmic_core.exam.geometry import PlaneMap
from gmic_core.segmentation.files import SegmentationReader
from gmic_core.types import Modality

MAX_JSON = 512 << 20
MAX_EDGE = 20_000
"""Pixels that no image has more of in a row or column."""
COLUMNS = ("PatientID", "StudyUID", "View", "classic_path")


@dataclass(frozen=True)
class Submission:
    """What is handed in.

    Attributes
    ----------
    predictions : one box per patch, whose score is the image's malignant score times the patch's attention; or one
        per peak, with its saliency.
    slices : of each volume that was predicted.
    unknown : images that the table does not name, or not as one volume.
    """

    predictions: tuple[Prediction, ...]
    slices: Mapping[VolumeKey, int]
    unknown: tuple[str, ...]


def submission(
    results: Path, paths: Path, pointer: Pointer = "patches", reader: SegmentationReader | None = None
) -> Submission:
    """Return the patches of all tomosynthesis volumes of a results folder, or the peaks of their malignant maps.

    Parameters
    ----------
    results : output of ``gmic-core predict``.
    paths : the table of file paths of BCS-DBT; it tells the names of a study and view from the UIDs in the paths.
    reader : reads the maps, where peaks are asked for.

    Raises
    ------
    EvaluationError
        If one of them cannot be read.
    SegmentationError
        If a map cannot be read.
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
            if pointer == "peaks" and reader is not None:
                found += _peaks(known[0], results, entry["saliency"], reader)
                continue
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


def _peaks(
    volume: VolumeKey, results: Path, saliency: Mapping[str, Any], reader: SegmentationReader
) -> list[Prediction]:
    """Return the peaks of a malignant map as boxes whose middle they are; the score is the saliency."""
    # only the last part of what the file says: nothing outside of the folder is ever opened
    cells = reader.map(results / "saliency" / Path(str(saliency["files"]["malignant"])).name)
    to_stored = np.asarray(saliency["to_stored"], np.float64)
    if to_stored.shape != (3, 3) or not np.isfinite(to_stored).all():
        raise ValueError("to_stored")
    h, w = cells.values.shape[1:]
    _, _, row1, col1 = PlaneMap(to_stored).apply_box((0.0, 0.0, float(h), float(w)))
    if not (0 < row1 <= MAX_EDGE and 0 < col1 <= MAX_EDGE):
        raise ValueError("to_stored")
    size = 2 * RADIUS_PIXELS
    return [
        Prediction(
            volume, peak.column - size / 2, size, peak.row - size / 2, size, peak.slice, 1.0, peak.score
        )
        for peak in peaks_of(place(cells.values, to_stored, (math.ceil(row1), math.ceil(col1))))
    ]  # fmt: skip


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
