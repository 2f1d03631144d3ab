"""Which images are to be evaluated, and what is true of them: simulated exams, or exams with a labels file.

Simulated exams carry truth.json and a label map beside every image. Other exams need the labels file of training, and
may have segmentations beside the images or in a folder of their own: ``IMAGE_truth.nii.gz`` (label map),
``IMAGE_benign`` and ``IMAGE_malignant`` as ``.nii.gz`` or ``.png`` (masks).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.label_files import (
    DEFAULT_CLASSES,
    NIFTI,
    described_classes,
    label_slices,
)
from gmic_core.evaluation.label_table import Names, SplitLabels, split_labels
from gmic_core.evaluation.simulated_truth import TRUTH_FILE, SimulatedExam, read_simulated
from gmic_core.evaluation.truth import ImageTruth, lesions_of, separate
from gmic_core.exam.model import Exam, MammoImage
from gmic_core.training.data.labels import COLUMNS
from gmic_core.types import CLASSES, Finding

_SUFFIXES = (".nii.gz", ".nii", ".dcm", ".png", ".nrrd", ".mha", ".mhd")


@dataclass(frozen=True)
class TruthFiles:
    """Where the findings of one image are drawn.

    Attributes
    ----------
    label_map : file whose labels are findings, with the class of each.
    masks : files whose non-zero pixels belong to findings of one class.
    """

    label_map: Path | None = None
    classes: dict[int, Finding] = field(default_factory=dict)
    masks: tuple[tuple[Finding, Path], ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files."""
        return (*([self.label_map] if self.label_map is not None else ()), *(path for _, path in self.masks))

    def digest(self) -> str:
        """Return a hash of the files and of what their labels mean; "" where there are none."""
        if not self.files:
            return ""
        whole = hashlib.sha256(repr(sorted(self.classes.items())).encode())
        for path in self.files:
            try:
                whole.update(hashlib.sha256(path.read_bytes()).digest())
            except OSError as error:
                raise EvaluationError(f"{path.name} cannot be read ({error.strerror}).") from error
        return whole.hexdigest()

    def read(self, image: MammoImage) -> ImageTruth:
        """Return the findings of an image.

        Raises
        ------
        EvaluationError
            Naming the file that cannot be read or does not fit.
        """
        shape = (image.frames, image.rows, image.columns)
        truths = []
        if self.label_map is not None:
            truths.append(_named(self.label_map, shape, self.classes, masks=False))
        for finding, path in self.masks:
            truths.append(_named(path, shape, {1: finding}, masks=True))
        return ImageTruth(shape, tuple(lesion for truth in truths for lesion in truth.lesions))


def _named(path: Path, shape: tuple[int, int, int], classes: dict[int, Finding], *, masks: bool) -> ImageTruth:
    slices = label_slices(path)
    try:
        if masks:
            return separate(lesions_of(((plane != 0).astype("uint8") for plane in slices), shape, classes))
        return lesions_of(slices, shape, classes)
    except EvaluationError as error:
        raise EvaluationError(f"{path.name}: {error}") from error


@dataclass(frozen=True)
class Subject:
    """One image to be evaluated.

    Attributes
    ----------
    case : the exam, without a patient's identifier.
    labels : (benign, malignant) of its breast.
    truth : None where nothing is drawn: the image counts for classification only.
    """

    image: MammoImage
    case: str
    labels: tuple[bool, bool]
    truth: TruthFiles | None
    simulated: bool = False


def is_simulated(subject: Subject) -> bool:
    """Return whether the image of a subject is simulated."""
    return subject.simulated


@dataclass(frozen=True)
class LeftOut:
    """An image that is not evaluated, and why."""

    image: str
    reason: str


def image_files(data: Path, leave_out: Iterable[Path | None] = ()) -> list[Path]:
    """Return the files under a folder, sorted, without those in hidden folders and in the folders given.

    Raises
    ------
    EvaluationError
        If there is no such folder.
    """
    if not data.is_dir():
        raise EvaluationError(f"{data} is no folder; give the folder that holds the exams.")
    skipped = {folder.resolve() for folder in leave_out if folder is not None}
    found = []
    for root, folders, names in os.walk(data):
        here = Path(root)
        folders[:] = sorted(n for n in folders if not n.startswith(".") and (here / n).resolve() not in skipped)
        found += [here / name for name in names if not name.startswith(".")]
    return sorted(found)


def collect(
    exams: Sequence[Exam], data: Path, labels: Path | None, segmentations: Path | None, split: str | None
) -> tuple[list[Subject], list[LeftOut]]:
    """Return what is to be evaluated of the exams under ``data``, and the images that are not, with the reason.

    Parameters
    ----------
    labels : CSV file; None takes ``data/labels.csv`` where it exists, for exams that are not simulated.
    split : only these rows of the labels file; None: ``test`` where the file has such rows, else all.

    Raises
    ------
    EvaluationError
        If no image has labels.
    """
    table = _table(data, labels, split)
    subjects: list[Subject] = []
    left_out: list[LeftOut] = []
    for number, exam in enumerate(sorted(exams, key=lambda one: one.study_uid), start=1):
        simulated = _simulated(exam)
        case = simulated.name if simulated is not None else f"exam-{number:03d}"
        for image in exam.images:
            try:
                subjects.append(_subject(exam, image, case, simulated, table, data, segmentations))
            except EvaluationError as error:
                left_out.append(LeftOut(image.sop_uid, str(error)))
    if not subjects:
        raise EvaluationError(_nothing(left_out, data))
    return subjects, left_out


def labels_used(data: Path, labels: Path | None, split: str | None) -> tuple[str, str]:
    """Return where labels come from and the split that counts, for the report."""
    table = _table(data, labels, split)
    return ("truth.json of simulated exams", "") if table is None else ("labels file", table.split)


def _subject(
    exam: Exam,
    image: MammoImage,
    case: str,
    simulated: SimulatedExam | None,
    table: SplitLabels | None,
    data: Path,
    segmentations: Path | None,
) -> Subject:
    if image.laterality is None or image.view is None:
        raise EvaluationError("Its side or view is unknown, so no label can be given to it.")
    if simulated is not None and table is None:
        labels = simulated.labels(image.laterality)
        return Subject(image, case, labels, _simulated_truth(simulated, image), simulated=True)
    if table is None:
        raise EvaluationError(
            f"There are no labels for it: put labels.csv ({', '.join(COLUMNS)}) into the data folder, or name the "
            "file with --labels."
        )
    labels = table.find(_names(exam, image, data), image.laterality)
    drawn = _simulated_truth(simulated, image) if simulated is not None else _drawn(image, segmentations)
    return Subject(image, case, labels, drawn, simulated=simulated is not None or image.simulated)


def _table(data: Path, labels: Path | None, split: str | None) -> SplitLabels | None:
    path = labels if labels is not None else data / "labels.csv"
    return split_labels(path, split) if labels is not None or path.is_file() else None


def _simulated(exam: Exam) -> SimulatedExam | None:
    """Return the truth of a simulated exam: the truth.json beside its first image."""
    files = [path for image in exam.images for path in image.files]
    return read_simulated(files[0].parent) if files and (files[0].parent / TRUTH_FILE).is_file() else None


def _simulated_truth(simulated: SimulatedExam, image: MammoImage) -> TruthFiles:
    stem = image_stem(image)
    return TruthFiles(simulated.folder / f"{stem}_truth.nii.gz", simulated.classes(stem))


def _names(exam: Exam, image: MammoImage, data: Path) -> Names:
    path = image.files[0]
    folders = [folder for folder in path.parents if data in folder.parents]
    names = [*(folder.name for folder in folders), *(folder.relative_to(data).as_posix() for folder in folders)]
    own = tuple(name for name in (exam.study_uid, *names, image_stem(image)) if name)
    return Names(tuple(name for name in (exam.patient_id, *names) if name), own, (exam.date,) if exam.date else ())


def image_stem(image: MammoImage) -> str:
    """Return the file name of an image without its suffix."""
    name = image.files[0].name
    return next((name[: -len(suffix)] for suffix in _SUFFIXES if name.lower().endswith(suffix)), name)


def _drawn(image: MammoImage, segmentations: Path | None) -> TruthFiles | None:
    """Return the segmentations of an image; None where there are none."""
    stem = image_stem(image)
    for folder in [image.files[0].parent] if segmentations is None else [segmentations]:
        label_map = _first(folder, f"{stem}_truth", NIFTI)
        masks = [(Finding(c), _first(folder, f"{stem}_{name}", (*NIFTI, ".png"))) for c, name in enumerate(CLASSES)]
        found = tuple((finding, path) for finding, path in masks if path is not None)
        if label_map is not None or found:
            return TruthFiles(label_map, _classes_beside(folder), found)
    return None


def _first(folder: Path, stem: str, suffixes: Sequence[str]) -> Path | None:
    return next((path for suffix in suffixes if (path := folder / f"{stem}{suffix}").is_file()), None)


def _classes_beside(folder: Path) -> dict[int, Finding]:
    described = folder / "labels.txt"
    return (described_classes(described) if described.is_file() else {}) or dict(DEFAULT_CLASSES)


def _nothing(left_out: Sequence[LeftOut], data: Path) -> str:
    if not left_out:
        return f"No breast image was found under {data}; give the folder that holds the exams."
    reasons = dict.fromkeys(entry.reason for entry in left_out)
    return f"None of {len(left_out)} images can be evaluated. " + " ".join(list(reasons)[:3])
