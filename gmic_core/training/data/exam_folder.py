"""A folder of exams with a labels file: which image has which label, and whether every image can be read.

Headers are read in the scan process and pixels in the decoder process, so that a damaged file ends as a message and
never takes the training run with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import ExamError, TrainingError
from gmic_core.exam.model import Exam, MammoImage, Rejection, ScanResult
from gmic_core.exam.scan_process import ScanProcess
from gmic_core.inference.reader import Reader
from gmic_core.training.data.labels import BreastLabel, LabelTable, read_labels
from gmic_core.types import STANDARD_VIEWS, Modality

Progress = Callable[[int, int], object]
"""Called with the number of images checked and of all."""

_IMAGE_SUFFIXES = (".dcm", ".dicom", ".ima", ".png", ".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_NO_DAMAGE = (
    "a segmentation mask", "duplicate of", "a crop or lesion mask", "has no pixel data", "a document",
    "the name gives no side and view",
)  # fmt: skip
_OTHER_KINDS = ("not a breast X-ray image", "another body part")


@dataclass(frozen=True)
class LabelledFile:
    """One image of a data set.

    Attributes
    ----------
    image_id : names it in logs, without the patient: number, side and view, line of its label.
    file : path in the data folder, for messages to whoever has the data.
    """

    image: MammoImage
    label: BreastLabel
    image_id: str
    file: str


@dataclass(frozen=True)
class ExamFolder:
    """The images of one modality in a folder, with their labels.

    Attributes
    ----------
    left_out : how many images were not used, by reason.
    """

    images: tuple[LabelledFile, ...]
    table: LabelTable
    left_out: dict[str, int]

    def split(self, *names: str) -> tuple[LabelledFile, ...]:
        """Return the images of some splits."""
        return tuple(one for one in self.images if one.label.split in names)


def read_exam_folder(folder: Path, modality: Modality, labels_file: str = "labels.csv") -> ExamFolder:
    """Find the images of one modality and their labels.

    Raises
    ------
    TrainingError
        If the labels are wrong, an image has none, an image file is damaged, or a side is unknown.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder} is no folder; give the folder that holds the exams and {labels_file}.")
    table = read_labels(folder / labels_file)
    with closing(ScanProcess()) as process:
        result = process.scan([folder])
    _refuse_damage(result.rejected, folder)
    left_out: Counter[str] = Counter()
    images: list[LabelledFile] = []
    for exam, image in _images(result):
        reason = _left_out(image, modality)
        if reason is not None:
            left_out[reason] += 1
            continue
        images.append(_labelled(exam, image, folder, table, len(images) + 1))
    if not images:
        found = ", ".join(sorted({str(image.modality) for _, image in _images(result)})) or "no images"
        raise TrainingError(f"{folder} holds no {modality} image to train on; it holds {found}.")
    used = {one.label.line for one in images}
    left_out["labels without an image"] = sum(row.line not in used for row in table.rows)
    return ExamFolder(tuple(images), table, {reason: count for reason, count in left_out.items() if count})


def check_images(images: Iterable[LabelledFile], reader: Reader, progress: Progress | None = None) -> None:
    """Read the first, middle and last frame of every image: damage shows before training starts.

    Raises
    ------
    TrainingError
        Naming the first file that cannot be read.
    """
    wanted = list(images)
    for done, one in enumerate(wanted, start=1):
        frames = one.image.frames
        for number in sorted({0, frames // 2, frames - 1}):
            try:
                highest = reader.read(one.image, number).max(initial=0)
            except ExamError as error:
                raise TrainingError(
                    f"{one.file} ({one.image_id}) cannot be read: {error} Replace the file or take its line "
                    f"{one.label.line} out of the labels."
                ) from error
            if number == frames // 2 and highest == 0:
                raise TrainingError(f"{one.file} ({one.image_id}) is black all over; replace it or take it out.")
        if progress is not None:
            progress(done, len(wanted))


def _images(result: ScanResult) -> Iterator[tuple[Exam, MammoImage]]:
    for exam in result.exams:
        for image in exam.images:
            yield exam, image


def _left_out(image: MammoImage, modality: Modality) -> str | None:
    """Return why an image has no part in training, or None."""
    if image.modality is not modality:
        return f"{image.modality} images"
    if image.for_processing:
        return "images for processing"
    if image.view is not None and image.view not in STANDARD_VIEWS:
        return f"{image.view} views"
    return None


def _labelled(exam: Exam, image: MammoImage, folder: Path, table: LabelTable, number: int) -> LabelledFile:
    path = image.files[0]
    file = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
    if image.questions or image.laterality is None or image.view is None:
        question = image.questions[0] if image.questions else "Which breast is this?"
        raise TrainingError(f"{file}: {question} State it in the file's header or name, or take the file out.")
    label = table.find(exam.patient_id, image.laterality, _study_names(exam, path, folder))
    if label is None:
        raise TrainingError(
            f"{file} has no label: {table.name} has no line with its patient, study and side "
            f"{image.laterality}. Add one, or take the file out."
        )
    return LabelledFile(image, label, f"image {number} {image.label}, {table.name} line {label.line}", file)


def _study_names(exam: Exam, path: Path, folder: Path) -> tuple[str, ...]:
    """Return what a labels file may call a study: its UID, its date, the folder of its images."""
    parent = path.parent
    inside = parent.relative_to(folder).as_posix() if parent.is_relative_to(folder) else parent.name
    return tuple(name for name in (exam.study_uid, exam.date, inside, parent.name) if name)


def _refuse_damage(rejected: Iterable[Rejection], folder: Path) -> None:
    """Refuse files that were meant to be images; documents, masks and other kinds of objects are let be."""
    for one in rejected:
        harmless = one.reason.startswith(_NO_DAMAGE) or any(kind in one.reason for kind in _OTHER_KINDS)
        if one.path.name.lower().endswith(_IMAGE_SUFFIXES) and not harmless:
            file = one.path.relative_to(folder).as_posix() if one.path.is_relative_to(folder) else one.path.name
            raise TrainingError(f"{file} cannot be read: {one.reason}. Replace the file or take it out.")
