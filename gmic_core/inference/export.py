"""Results as files: ``predictions.csv``, ``results.json`` and saliency as NIfTI; docs/results-schema.md describes them.

Nothing in them identifies the patient: images go by SOP Instance UID, or by file name where the file has no UID.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from gmic_core.errors import StoreError
from gmic_core.exam.geometry import PlaneMap, nifti_affine, stored_to_patient
from gmic_core.exam.model import MammoImage
from gmic_core.inference.highlights import highlighted_slices
from gmic_core.inference.scores import BreastScore, breast_scores
from gmic_core.types import CLASSES, ImageResult, Roi

SCHEMA = "gmic-viewer results 1"
NOTICE = "Research use only. Not for diagnosis."
UNTRAINED = "UNTRAINED: random weights; scores and saliency are noise."
CSV_COLUMNS = ("image_index", "benign_pred", "malignant_pred", "benign_label", "malignant_label")


@dataclass(frozen=True)
class Prediction:
    """One image with its result; ``members`` are the results of each set of weights, when there are several."""

    image: MammoImage
    index: str
    result: ImageResult
    members: tuple[ImageResult, ...] = ()


@dataclass(frozen=True)
class Refused:
    """An image that was not predicted, and why."""

    image: MammoImage
    index: str
    reason: str


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


def safe_name(sop_uid: str) -> str:
    """Return a file name made from a UID, which comes from a file and may be anything."""
    return re.sub(r"[^0-9A-Za-z.-]", "_", sop_uid).strip(".")[:96] or "image"


# -- files -------------------------------------------------------------------------------------------------------


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(name, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); choose another folder with --out.") from error


def write_csv(folder: Path, predictions: Iterable[Prediction]) -> Path:
    """Write ``predictions.csv`` in the published format; labels are empty because they are not known."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(CSV_COLUMNS)
    for prediction in predictions:
        benign, malignant = prediction.result.y
        rows.writerow((prediction.index, f"{benign:.4f}", f"{malignant:.4f}", "", ""))
    path = folder / "predictions.csv"
    write_atomically(path, text.getvalue().encode())
    return path


def write_saliency(folder: Path, prediction: Prediction) -> dict[str, str]:
    """Write one NIfTI per class, axes (column, row, slice) of cells, float32; return class -> path under ``folder``.

    The affine lays the cells on the stored image: RAS mm as of :func:`gmic_core.exam.geometry.nifti_affine`.
    """
    image, result = prediction.image, prediction.result
    to_lps = stored_to_patient(image.spacing_mm, image.slice_spacing_mm, image.plane)
    affine = nifti_affine(to_lps, PlaneMap(result.saliency_to_stored))
    written = {}
    for c, name in enumerate(CLASSES):
        cells = np.ascontiguousarray(result.saliency[:, c].astype(np.float32).transpose(2, 1, 0))
        volume = nibabel.Nifti1Image(cells, affine)
        volume.header.set_xyzt_units("mm")
        mark = "UNTRAINED noise" if result.provenance.untrained else "research use only"
        volume.header["descrip"] = f"{result.provenance.model} {name} saliency, {mark}".encode()[:79]
        relative = f"saliency/{safe_name(result.sop_uid)}_{name}.nii.gz"
        write_atomically(folder / relative, _gzipped(volume))
        written[name] = relative
    return written


def _gzipped(volume: nibabel.Nifti1Image) -> bytes:
    import gzip

    # mtime 0: the same result gives the same bytes
    return gzip.compress(volume.to_bytes(), 6, mtime=0)


def write_json(
    folder: Path,
    predictions: Sequence[Prediction],
    refused: Sequence[Refused],
    rejected: Sequence[tuple[str, str]],
    saliency: dict[str, dict[str, str]],
) -> Path:
    """Write ``results.json``.

    Parameters
    ----------
    rejected : (path, reason) of input files that are no images.
    saliency : per SOP UID what :func:`write_saliency` returned.
    """
    untrained = any(p.result.provenance.untrained for p in predictions)
    document = {
        "schema": SCHEMA,
        "notice": NOTICE,
        "untrained": untrained,
        **({"untrained_notice": UNTRAINED} if untrained else {}),
        "classes": list(CLASSES),
        "images": [image_entry(p, saliency.get(p.image.sop_uid, {})) for p in predictions],
        "breasts": [_breast_entry(score) for score in breast_scores(p.result for p in predictions)],
        "not_predicted": [
            {"image_index": r.index, "sop_uid": r.image.sop_uid, "modality": r.image.modality, "reason": r.reason}
            for r in refused
        ],
        "rejected": [{"path": path, "reason": reason} for path, reason in rejected],
    }
    path = folder / "results.json"
    write_atomically(path, json.dumps(finite(document), indent=1, allow_nan=False).encode())
    return path


# -- entries -----------------------------------------------------------------------------------------------------


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
        "modality": result.modality,
        "laterality": result.laterality,
        "view": result.view,
        "untrained": result.provenance.untrained,
        "scores": _scores(result),
        "patches": [patch for m in members for patch in _patches(m.rois, m.provenance.weights)],
        "profile": {name: _floats(result.profile[:, c]) for c, name in enumerate(CLASSES)},
        "highlighted_slices": list(highlighted_slices(result.profile, result.rois)),
        "window": {
            "rows": rows,
            "columns": columns,
            "box": dict(zip(("row0", "col0", "row1", "col1"), map(float, box), strict=True)),
            "to_stored": result.window_to_stored.tolist(),
        },
        "saliency": {
            "slices": len(result.saliency),
            "cells": [h, w],
            "to_stored": result.saliency_to_stored.tolist(),
            "files": saliency,
        },
        "outside_fraction": result.outside_fraction,
        "notes": list(result.notes),
        "provenance": asdict(result.provenance),
    }
    if len(members) > 1:
        entry["members"] = [{"scores": _scores(m), "provenance": asdict(m.provenance)} for m in members]
    return entry


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


def _breast_entry(score: BreastScore) -> dict[str, Any]:
    return {
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
