"""Results in the form of ``gmic-core predict`` whose saliency is made from the truth of simulated exams."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pydicom

from gmic_core.types import CLASSES

MapMaker = Callable[[npt.NDArray[np.uint8], int], npt.NDArray[np.floating]]
"""Gets labels (slices, rows, columns) and the label of a class, returns the saliency of that class."""
LABELS = {"malignant": 1, "benign": 2}
"""What the findings of the exams are, in the order in which they were asked for."""


def truth(labels: npt.NDArray[np.uint8], label: int) -> npt.NDArray[np.floating]:
    """Return a saliency that is the truth."""
    return (labels == label).astype(np.float32)


def mirrored(labels: npt.NDArray[np.uint8], label: int) -> npt.NDArray[np.floating]:
    """Return its mirror image, left and right exchanged."""
    return truth(labels, label)[:, :, ::-1]


def write_results(exams: list[Path], folder: Path, make: MapMaker = truth, side: str = "") -> list[str]:
    """Write results of every image of simulated exams, or of one side; return the names of the images as files have.

    Saliency has the pixels of the stored image, and its place; each lesion has a patch of its own around it.
    """
    entries, names = [], []
    (folder / "saliency").mkdir(parents=True)
    for exam in exams:
        for path in sorted(exam.glob("*_truth.nii.gz")):
            name = path.name.removesuffix("_truth.nii.gz")
            if name.startswith(side):
                entries.append(_entry(path, folder, pydicom.dcmread(path.with_name(f"{name}.dcm")), name, make))
                names.append(name)
    (folder / "results.json").write_text(json.dumps({"images": entries}))
    return names


def _entry(path: Path, folder: Path, header: pydicom.Dataset, name: str, make: MapMaker) -> dict[str, object]:
    view, modality = name.split("-")[1].split("_")
    image = nibabel.load(path)
    labels = np.ascontiguousarray(np.asarray(image.dataobj).T.astype(np.uint8))
    uid, files, patches = str(header.SOPInstanceUID), {}, []
    for word in CLASSES:
        files[word] = f"saliency/{uid}_{word}.nii.gz"
        values = np.ascontiguousarray(make(labels, LABELS[word]).T.astype(np.float32))
        nibabel.save(nibabel.Nifti1Image(values, image.affine), folder / files[word])
        at = np.argwhere(labels == LABELS[word])
        if at.size:
            (k, row0, col0), (last, row1, col1) = at.min(axis=0), at.max(axis=0)
            box = {"row0": row0, "col0": col0, "row1": row1 + 1, "col1": col1 + 1}
            patches.append({"slice": (k + last) // 2, **box, "attention": 0.5, "weights": "truth"})
    return {
        "image_index": uid, "sop_uid": uid, "study_uid": str(header.StudyInstanceUID), "modality": modality,
        "laterality": name[0], "view": view,
        "patches": [{key: int(v) if isinstance(v, np.integer) else v for key, v in one.items()} for one in patches],
        "saliency": {"slices": len(labels), "to_stored": np.eye(3).tolist(), "files": files},
    }  # fmt: skip
