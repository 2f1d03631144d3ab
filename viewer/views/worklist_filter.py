"""The line of fields that narrows the worklist down."""

from __future__ import annotations

import re

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from viewer.commands import Context, run
from viewer.model.worklist import READ_STATES, ReadState, WorklistFilter
from viewer.views import theme
from viewer.views.command_widgets import CommandButton, Refresher
from viewer.views.toolbar import format_date
from viewer.views.worklist_rows import STATE_TEXTS

WIDE = 760
"""From this width on the button beside the fields has words, px."""
PADDING = 26
"""What a field needs beside its text, px."""
TYPING_MS = 150
"""The table follows this long after the last key."""
AI_HIDDEN_TIP = "Not available: all AI is hidden; what remains above a score would tell it."
HIDDEN_TIP = "Not available: identity is hidden; what remains under a name or a date would tell whose exam it is."


def date_of(text: str) -> str | None:
    """Return a date as YYYYMMDD; "" for nothing, None for what is no date. A year or a month may stand alone."""
    digits = re.fullmatch(r"\s*(\d{4})(?:-?(\d{2})(?:-?(\d{2}))?)?\s*", text)
    if not text.strip():
        return ""
    if digits is None:
        return None
    year, month, day = digits.groups()
    return f"{year}{month or ''}{day or ''}"


def score_of(text: str) -> float | None:
    """Return a score between 0 and 1, or None for what is none."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None


class FilterLine(QWidget):
    """Patient, dates, least score, state; what cannot be used is marked and says why.

    Attributes
    ----------
    patient, first, last, score : text fields.
    state : the choice of states.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.patient = self._field("Patient name or ID", 220, "Part of name or ID; several words must all occur.")
        self.first = self._field("From 2024-03-18", 128, "First date of the exam; a year or a month will do.")
        self.last = self._field("To 2024-03-18", 128, "Last date of the exam; a year or a month will do.")
        self.score = self._field("AI from 0.00", 104, "Exams whose malignant score is at least this, 0 to 1.")
        self.state = QComboBox(self)
        self.state.setAccessibleName("State")
        self.state.setToolTip("Exams in this state.")
        self.state.addItem("All states", None)
        for state in READ_STATES:
            self.state.addItem(STATE_TEXTS[state], state)
        self.state.setFixedWidth(112)
        self.state.currentIndexChanged.connect(self._apply)
        self.clear = CommandButton(context, "worklist.clear_filter", self, text="Show all", with_icon=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self.patient, 1)
        for widget in (self.first, self.last, self.score, self.state, self.clear):
            row.addWidget(widget)
        row.addStretch(1)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self._apply)
        session = context.session
        self._refresher = Refresher(self, (session.worklist.changed, session.identity_changed), self.refresh)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the words off the button where the fields need the room."""
        super().resizeEvent(event)
        self.clear.dress("x", "Show all" if self.width() >= WIDE else "")

    def _field(self, placeholder: str, width: int, tip: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setPlaceholderText(placeholder)
        field.setAccessibleName(placeholder)
        field.setToolTip(tip)
        field.setProperty("tip", tip)
        words = QFontMetrics(theme.body_font()).horizontalAdvance(placeholder)
        field.setMinimumWidth(words + PADDING)
        field.setMaximumWidth(width)
        field.setClearButtonEnabled(False)
        field.textEdited.connect(lambda _text: self._typing.start())
        field.returnPressed.connect(self._apply)
        return field

    def _apply(self) -> None:
        self._typing.stop()
        first, last = date_of(self.first.text()), date_of(self.last.text())
        least = score_of(self.score.text())
        self._mark(self.first, first is not None, "Write a date as 2024-03-18, 2024-03 or 2024.")
        self._mark(self.last, last is not None, "Write a date as 2024-03-18, 2024-03 or 2024.")
        self._mark(self.score, least is not None or not self.score.text().strip(), "Write a number from 0 to 1.")
        state: ReadState | None = self.state.currentData()
        wanted = WorklistFilter(self.patient.text().strip(), first or "", last or "", least, state)
        run("worklist.filter", self._context, wanted)

    @staticmethod
    def _bar(field: QLineEdit, reason: str) -> None:
        """Disable a field and say why; without a reason let it be used again."""
        field.setEnabled(not reason)
        field.setToolTip(reason or str(field.property("tip")))
        field.setAccessibleDescription(reason)

    @staticmethod
    def _mark(field: QLineEdit, good: bool, problem: str) -> None:
        palette = field.palette()
        palette.setColor(field.foregroundRole(), theme.color(theme.TEXT if good else theme.WARNING))
        field.setPalette(palette)
        field.setToolTip(str(field.property("tip")) if good else problem)
        field.setAccessibleDescription("" if good else problem)

    def refresh(self) -> None:
        """Show the filter in force, unless the reader is typing."""
        hidden = self._context.session.identity_hidden
        wanted = self._context.session.worklist.filter
        for field in (self.patient, self.first, self.last):
            self._bar(field, HIDDEN_TIP if hidden else "")
        self._bar(self.score, AI_HIDDEN_TIP if self._context.session.worklist.ai_hidden else "")
        self.clear.refresh()
        if self._typing.isActive():
            return
        self._show(self.patient, wanted.patient, self.patient.text().strip())
        self._show(self.first, format_date(wanted.first_date), date_of(self.first.text()) or "", wanted.first_date)
        self._show(self.last, format_date(wanted.last_date), date_of(self.last.text()) or "", wanted.last_date)
        least = "" if wanted.least_score is None else f"{wanted.least_score:.2f}"
        if score_of(self.score.text()) != wanted.least_score:
            self.score.setText(least)
        self.state.blockSignals(True)
        self.state.setCurrentIndex(max(self.state.findData(wanted.state), 0))
        self.state.blockSignals(False)

    @staticmethod
    def _show(field: QLineEdit, text: str, now: str, wanted: str | None = None) -> None:
        """Write a field only where it says something else: what was typed stays as it was typed."""
        if now != (text if wanted is None else wanted):
            field.setText(text)
