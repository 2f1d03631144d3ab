"""Rows of the study list: exams, their images, and the files that were not used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QByteArray, QMimeData, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel

from gmic_core.exam.model import Exam, MammoImage, Rejection
from gmic_core.types import Modality
from viewer.model.identity import shown_message
from viewer.model.results import ResultEntry
from viewer.model.session import Session

SOP_UID_MIME = "application/x-gmic-sop-uid"
"""What is dragged into a viewport: the UID of an image of the open exam, as UTF-8."""

KIND = Qt.ItemDataRole.UserRole + 1
DATA = Qt.ItemDataRole.UserRole + 2
EXAM, IMAGE, REJECTED, REJECTION = "exam", "image", "rejected", "rejection"

Index = QModelIndex | QPersistentModelIndex


def badge(image: MammoImage) -> str:
    """Return the modality, with the number of slices where there are several: ``DBT 66``."""
    return f"{image.modality} {image.frames}" if image.frames > 1 else str(image.modality)


def extras(image: MammoImage) -> str:
    """Return what sets an image apart from others of its view: ``spot compression``; "" for a plain one."""
    raw = ("for processing",) if image.for_processing else ()
    return ", ".join((*(modifier.lower() for modifier in image.view_modifiers), *raw))


def described(image: MammoImage) -> str:
    """Return side and view, with what makes it an extra view: ``R-CC spot compression``."""
    return f"{image.label} {extras(image)}".rstrip()


def contents(exam: Exam) -> str:
    """Return what an exam holds: ``4 FFDM, 4 DBT``."""
    counts = Counter(image.modality for image in exam.images)
    return ", ".join(f"{counts[modality]} {modality}" for modality in Modality if counts[modality])


def ai_text(entry: ResultEntry | None) -> str:
    """Return in two words how far the AI is with an image."""
    if entry is None or entry.status == "cancelled":
        return ""
    if entry.status == "running":
        return f"AI {entry.done}/{entry.total}" if entry.total else "AI running"
    texts = {"queued": "AI waiting", "failed": "AI not possible", "done": "AI done"}
    return texts[entry.status] + (", untrained" if entry.untrained else "")


class StudyModel(QStandardItemModel):
    """One row per exam with its images below; the last row holds the files that were not used."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def rebuild(self) -> None:
        """Take the exams and rejections of the session."""
        self.clear()
        for number, exam in enumerate(self._session.exams, 1):
            self.appendRow(self._exam_item(exam, number))
        rejected = self._session.rejected
        if rejected:
            count = len(rejected)
            title = f"{count} file{'s' if count > 1 else ''} not shown"
            head = _item(REJECTED, list(rejected), title, "Open to see why.")
            for rejection in rejected:
                head.appendRow(self._rejection_item(rejection))
            self.appendRow(head)

    def _exam_item(self, exam: Exam, number: int) -> QStandardItem:
        title = f"Exam {number}" if self._session.identity_hidden else exam_name(exam)
        what = "Simulated, no patient\n" if exam.simulated else ""
        doubts = shown_message("".join(f"{doubt}\n" for doubt in exam.warnings), self._session)
        item = _item(EXAM, exam, title, f"{title}\n{what}{contents(exam)}\n{doubts}Double click or Enter opens it.")
        for image in exam.images:
            item.appendRow(self._image_item(exam, image))
        return item

    def _image_item(self, exam: Exam, image: MammoImage) -> QStandardItem:
        is_open = self._session.exam is exam
        beside = any(exam is other for other in self._session.related)
        use = (
            "Drag it into a viewport; double click or Enter shows it in the active one."
            if is_open
            else "Drag it into a viewport beside the open exam; double click or Enter opens its exam."
            if beside
            else "Double click or Enter opens its exam."
        )
        what = ["Simulated, no patient"] if image.simulated else []
        said = [shown_message(text, self._session) for text in (*image.warnings, *image.questions)]
        lines = [f"{described(image)} {badge(image)}", *what, *said, use]
        item = _item(IMAGE, image, f"{described(image)} {badge(image)}", "\n".join(lines))
        item.setDragEnabled(is_open or beside)
        return item

    def _rejection_item(self, rejection: Rejection) -> QStandardItem:
        name = "File" if self._session.identity_hidden else rejection.path.name
        path = "" if self._session.identity_hidden else f"{rejection.path}\n"
        return _item(REJECTION, rejection, name, f"{path}{shown_message(rejection.reason, self._session)}")

    def mimeTypes(self) -> list[str]:
        """Return what can be dragged out."""
        return [SOP_UID_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """Return the UID of the dragged image."""
        data = QMimeData()
        for index in indexes:
            if index.data(KIND) == IMAGE:
                data.setData(SOP_UID_MIME, QByteArray(index.data(DATA).sop_uid.encode()))
        return data


def exam_name(exam: Exam) -> str:
    """Return whose exam it is, as short as possible."""
    name = ", ".join(part for part in exam.patient_name.split("=")[0].split("^")[:2] if part)
    return name or (f"ID {exam.patient_id}" if exam.patient_id else "Patient not named")


def _item(kind: str, data: Any, text: str, tip: str) -> QStandardItem:
    item = QStandardItem(text)
    item.setEditable(False)
    item.setDragEnabled(False)
    item.setDropEnabled(False)
    item.setData(kind, KIND)
    item.setData(data, DATA)
    item.setToolTip(tip)
    item.setData(text, Qt.ItemDataRole.AccessibleTextRole)
    return item
