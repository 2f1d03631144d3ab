"""Rows of the worklist's tables, in words: exams, folders, files that are not shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from viewer.model.identity import shown_message
from viewer.model.session import Session
from viewer.model.worklist import ListedExam, ListScore, SortColumn
from viewer.views import theme
from viewer.views.score_texts import NOT_CALIBRATED
from viewer.views.toolbar import format_date, format_name

Index = QModelIndex | QPersistentModelIndex

HEADINGS: tuple[tuple[str, SortColumn | None], ...] = (
    ("State", "state"),
    ("Patient", "patient"),
    ("ID", None),
    ("Date", "date"),
    ("Images", "images"),
    ("AI", "score"),
    ("How the score was made", None),
    ("Folder", None),
)
STATE, PATIENT, ID, DATE, IMAGES, SCORE, MADE, FOLDER = range(len(HEADINGS))
STATE_TEXTS = {"new": "New", "seen": "Seen", "done": "Done"}
HIDDEN = "hidden"


def patient_text(exam: ListedExam, *, hidden: bool) -> str:
    """Return whose exam it is; while identity is hidden, its number."""
    if hidden:
        return f"Exam {exam.number}"
    return format_name(exam.patient_name) or ("" if exam.patient_id else "Not named in the file")


AI_HIDDEN = "hidden with all AI"


def score_text(score: ListScore | None) -> str:
    """Return the malignant score with two decimals; a dash where there is none."""
    return "\N{EM DASH}" if score is None or score.malignant is None else f"{score.malignant:.2f}"


def made_text(score: ListScore | None) -> str:
    """Return in a few words how a score was made, what it is worth, and what is missing."""
    if score is None:
        return ""
    words = [score.where] if score.where else []
    if score.untrained:
        words.append("UNTRAINED, noise")
    elif score.outside:
        words.append("weights of simulated breasts only")
    if score.total and not score.complete:
        words.append(f"{score.done} of {score.total} images")
    if not score.total and score.refused:
        words.append("not possible")
    elif score.refused:
        words.append(f"{len(score.refused)} not possible")
    return "; ".join(words)


def score_tip(score: ListScore | None) -> str:
    """Return everything that is known about a score."""
    if score is None:
        return "Not looked up yet."
    lines = []
    if score.malignant is not None:
        lines += [f"Malignant {score.malignant:.4f}: {score.where}.", f"Made by {score.origin}.", NOT_CALIBRATED]
    if score.untrained:
        lines.append("UNTRAINED: random weights; the number is noise.")
    if score.outside:
        lines.append("Its weights were trained on simulated breasts only: on a patient it says nothing.")
    lines.append(f"{score.done} of {score.total} images that a network takes have a result.")
    return "\n".join([*lines, *score.refused])


class ExamTable(QAbstractTableModel):
    """One row per exam that the filter lets through."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.exams: list[ListedExam] = []

    def rebuild(self) -> None:
        """Take the rows of the worklist."""
        rows = self._session.worklist.rows()
        if [exam.key for exam in rows] == [exam.key for exam in self.exams]:
            self.exams = rows  # nothing moved: selection and place stay
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(HEADINGS) - 1))
            return
        self.beginResetModel()
        self.exams = rows
        self.endResetModel()

    def row_of(self, key: str) -> int | None:
        """Return the row of an exam."""
        return next((row for row, exam in enumerate(self.exams) if exam.key == key), None)

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of exams."""
        return 0 if parent is not None and parent.isValid() else len(self.exams)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(HEADINGS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | Qt.AlignmentFlag | None:
        """Return the heading of a column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section][0]
        if role == Qt.ItemDataRole.ToolTipRole and HEADINGS[section][1] is not None:
            return "Click to sort by this column; click again to turn the order round."
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, tooltip, alignment and colour of a cell."""
        if not index.isValid() or not 0 <= index.row() < len(self.exams):
            return None
        exam, column = self.exams[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(exam, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{HEADINGS[column][0]}: {self._text(exam, column)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(exam, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return theme.color(self._colour(exam, column)) if role == Qt.ItemDataRole.ForegroundRole else None

    def _text(self, exam: ListedExam, column: int) -> str:
        hidden = self._session.identity_hidden
        open_now = exam.key == self._session.worklist.current
        texts = {
            STATE: STATE_TEXTS[exam.state] + (", open" if open_now else ""),
            PATIENT: patient_text(exam, hidden=hidden),
            ID: "" if hidden else exam.patient_id,
            DATE: HIDDEN if hidden and exam.date else format_date(exam.date),
            IMAGES: exam.contents + (", simulated" if exam.simulated else ""),
            SCORE: "" if self._ai_hidden else score_text(exam.score),
            MADE: "not there" if exam.missing else AI_HIDDEN if self._ai_hidden else made_text(exam.score),
            FOLDER: HIDDEN if hidden else exam.folder,
        }
        return texts[column]

    def _tip(self, exam: ListedExam, column: int) -> str:
        if exam.missing:
            return shown_message(exam.missing, self._session)
        if column in (SCORE, MADE) and self._ai_hidden:
            return "All AI is hidden, here as over the images; Show AI brings it back."
        if column in (SCORE, MADE):
            return shown_message(score_tip(exam.score), self._session)
        hint = "Enter or a double click opens it."
        if exam.questions:
            images = "image" if exam.questions == 1 else "images"
            hint = f"{exam.questions} {images} with an open question about side, view or orientation.\n{hint}"
        return f"{self._text(exam, column)}\n{hint}".strip()

    @property
    def _ai_hidden(self) -> bool:
        return not self._session.overlays.settings.visible

    def _colour(self, exam: ListedExam, column: int) -> str:
        if exam.missing:
            return theme.WARNING if column == MADE else theme.DISABLED
        if (
            column == MADE
            and not self._ai_hidden
            and exam.score is not None
            and (exam.score.untrained or exam.score.outside)
        ):
            return theme.WARNING
        quiet = column in (ID, MADE, FOLDER) or (column == STATE and exam.state != "new") or exam.state == "done"
        return theme.SECONDARY if quiet else theme.TEXT


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column == SCORE else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class PairTable(QAbstractTableModel):
    """Two columns of plain text: what, and what about it.

    Parameters
    ----------
    headings : of both columns.
    """

    def __init__(self, headings: tuple[str, str]) -> None:
        super().__init__()
        self._headings = headings
        self.pairs: list[tuple[str, str]] = []

    def set_pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.pairs = list(pairs)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self.pairs)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return 2."""
        return 0 if parent is not None and parent.isValid() else 2

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        """Return the heading of a column."""
        shown = role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal
        return self._headings[section] if shown else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """Return text and tooltip of a cell."""
        if not index.isValid() or not 0 <= index.row() < len(self.pairs):
            return None
        texts = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
        return self.pairs[index.row()][index.column()] if role in texts else None
