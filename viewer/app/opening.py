"""From paths to an exam on screen: scan, add, hang, show kept results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from gmic_core.errors import GmicError
from gmic_core.exam.model import Exam, MammoImage, ScanResult
from gmic_core.exam.names import LABEL_MAP
from gmic_core.segmentation.read_process import suffix_of
from viewer.app.hanging import Hanging
from viewer.commands.annotation_beside import segmentations_beside
from viewer.model.answers import Answer, answered
from viewer.model.hanging import Protocol
from viewer.model.hanging_steps import Stage
from viewer.model.priors import same_patient
from viewer.model.session import Activity, Session
from viewer.model.settings import Settings
from viewer.services.answers import AnswerStore
from viewer.services.loader import FrameLoader
from viewer.services.scanner import ScanService


class Opening:
    """Opens paths and exams, and hangs them.

    Parameters
    ----------
    protocols : hanging protocols by id.
    answers : what readers said earlier about side, view and orientation.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        loader: FrameLoader,
        scanner: ScanService,
        protocols: dict[str, Protocol],
        answers: AnswerStore,
    ) -> None:
        self._session, self._settings, self._answers = session, settings, answers
        self._loader, self._scanner = loader, scanner
        self.hanging = Hanging(session, settings, loader, protocols)
        self.label_maps: Callable[[Sequence[Path]], None] | None = None  # lays them on the open exam
        self.words: Callable[[str], str] = str  # fills in the keys of commands

    # -- paths ---------------------------------------------------------------------------------------------------
    def open_paths(self, paths: Sequence[Path]) -> None:
        """Scan in the background, then open the first exam found."""
        wanted = [path.expanduser().absolute() for path in paths]
        if not wanted:
            return
        self._session.set_activity(Activity(self._reading(wanted)))
        self._scanner.scan(
            wanted,
            lambda done, total: self.on_progress(wanted, done, total),
            lambda found: self.on_found(wanted, found),
            self.on_failed,
        )

    def on_progress(self, paths: Sequence[Path], done: int, total: int) -> None:
        """Files were looked at."""
        self._session.set_activity(Activity(self._reading(paths), done, total))

    def _reading(self, paths: Sequence[Path]) -> str:
        """Say what is being read, without the folders above it; names of files may name a patient."""
        if len(paths) > 1 or self._session.identity_hidden:
            return "Reading files"
        return f"Reading {paths[0].name or paths[0]}"

    def on_failed(self, message: str) -> None:
        """The scan ended without a result."""
        self._session.set_activity(None)
        self._session.notice.emit("error", message)

    def on_found(self, paths: Sequence[Path], found: ScanResult) -> None:
        """The scan is done: open the first exam and tell what was left out."""
        session = self._session
        session.set_activity(None)
        exams = [self._answers.apply(exam) for exam in found.exams]
        session.add_exams(exams, list(found.rejected))
        if not exams and self.label_maps is not None and session.exam is not None and _label_maps(found):
            self.label_maps([rejection.path for rejection in found.rejected])
            return
        if not exams:
            session.notice.emit("error", _nothing_found(found, hidden=session.identity_hidden))
            return
        for path in reversed(paths):
            self._settings.remember_path(path)
        self.open_exam(_first_named(paths, exams))
        patients = len({(exam.patient_id, exam.patient_name) for exam in exams})
        if patients > 1:
            text = f"Images of {patients} patients were found; each patient's exams stand apart in the study list."
            session.notice.emit("hint", text)
        beside = len(segmentations_beside(session))
        if found.rejected:
            session.notice.emit("hint", self.words(_left_out(len(found.rejected), beside)))

    def extend(self, found: ScanResult) -> tuple[MammoImage, ...]:
        """Take the images that an exam got since it was opened; return those that the open exam got.

        What hangs stays where it hangs; empty viewports fill.
        """
        session = self._session
        added: tuple[MammoImage, ...] = ()
        for exam in (self._answers.apply(exam) for exam in found.exams):
            if session.exam is not None and _same_study(session.exam, exam):
                added = session.extend_exam(exam)
                self._loader.extend(added)
                self.hanging.refill()
            else:
                session.add_exams([exam], [])
        return added

    def prepared(self, exam: Exam) -> Exam:
        """Return an exam with what readers answered about it earlier."""
        return self._answers.apply(exam)

    # -- exams ---------------------------------------------------------------------------------------------------
    def open_exam(self, exam: Exam) -> None:
        """Put an exam on screen by the layout that was used last."""
        self._loader.open_exam(exam)
        self._session.open_exam(exam)
        self.hanging.hang_first()
        self.hanging.tell_more()

    def hang(self, layout: str) -> None:
        """Hang the open exam by another protocol."""
        self.hanging.hang(Stage(layout, None, None, ""))

    def focus(self, image: MammoImage, layout: str) -> None:
        """Hang by a protocol around an image, preferring its modality."""
        self.hanging.hang(Stage(layout, image, image.modality, ""), remember=False)

    def ask(self, sop_uid: str, question: str) -> None:
        """The pixels contradict the header: the reader has to confirm before AI may speak."""
        image = self._session.image(sop_uid)
        if image is not None and question not in image.questions:
            self._session.replace_image(replace(image, questions=(*image.questions, question)))

    def answer(self, image: MammoImage, answer: Answer) -> None:
        """The reader stated side, view and orientation: hang the exam accordingly, and keep the answer."""
        self._session.replace_image(answered(image, answer))
        self.hang(self._session.layout)
        try:
            self._answers.record(image, answer)
        except GmicError as error:
            self._session.notice.emit("warning", str(error))


NAMELESS = "the name gives no side and view"
"""Beginning of the reason for which a file is no image that may be anything."""


def _label_maps(found: ScanResult) -> bool:
    """Whether all that was found are files that segmentations come in: named as masks, or not as images are."""
    return bool(found.rejected) and all(
        rejection.reason.startswith((LABEL_MAP, NAMELESS)) and suffix_of(rejection.path) is not None
        for rejection in found.rejected
    )


def _same_study(one: Exam, other: Exam) -> bool:
    return (one.patient_id, one.study_uid) == (other.patient_id, other.study_uid)


def _first_named(paths: Sequence[Path], exams: Sequence[Exam]) -> Exam:
    """Return the exam that the first path holds, be it sorted behind others; of one patient's exams the newest."""
    held = [exam for exam in exams if any(_lies_in(file, paths[0]) for image in exam.images for file in image.files)]
    held = held or list(exams)
    return max((exam for exam in held if exam is held[0] or same_patient(exam, held[0])), key=lambda exam: exam.date)


def _left_out(count: int, segmentations: int) -> str:
    """Say how many files are no images, and that some of them can be shown on the images."""
    others = count - segmentations
    said = []
    if segmentations:
        lie = "1 segmentation lies" if segmentations == 1 else f"{segmentations} segmentations lie"
        said.append(f"{lie} beside the images; {{annotate.open_beside}} shows them.")
    if others > 0:
        more = " more" if segmentations else ""
        files = f"1{more} file is" if others == 1 else f"{others}{more} files are"
        said.append(f"{files} no breast image that can be shown; the study list says why.")
    return " ".join(said)


def _lies_in(file: Path, path: Path) -> bool:
    return file == path or path in file.parents


def _nothing_found(found: ScanResult, *, hidden: bool) -> str:
    if not found.rejected:
        return "There is no file there. Choose a folder with DICOM, PNG or NIfTI mammograms."
    first = found.rejected[0]
    if all(rejection.reason.startswith(LABEL_MAP) for rejection in found.rejected):
        what = "The label map" if hidden or len(found.rejected) > 1 else first.path.name
        return (
            f"{what} is {first.reason}. Open the exam that it was drawn on, then drop it there; "
            "the exam on screen stays as it is."
        )
    if len(found.rejected) == 1:
        return f"{'The file' if hidden else first.path.name} cannot be shown: {first.reason}"
    which = "the first one" if hidden else f"the first one, {first.path.name}"
    return (
        f"None of {len(found.rejected)} files is a breast image that can be shown; {which}: {first.reason}. "
        "The study list has the reasons for all of them."
    )
