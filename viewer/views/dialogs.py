"""The one look of dialogs: a sign, what happened, what it means, what to do; details fold out below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QBoxLayout,
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.views import icons, parts, theme

Level = Literal["info", "warning", "error"]
_SIGNS: dict[Level, tuple[str, str]] = {
    "info": ("info", theme.ACCENT),
    "warning": ("triangle-alert", theme.WARNING),
    "error": ("circle-alert", theme.ERROR),
}
SIGN_SIZE = 24
MARGIN = 20
GAP = 12
DETAIL_LINES = 18
"""Lines of details that are seen without scrolling."""


def button(text: str, pressed: Callable[[], object], tooltip: str = "") -> QPushButton:
    """Return a button of a dialog."""
    result = QPushButton(text)
    result.setToolTip(tooltip or text)
    result.setAutoDefault(False)
    result.clicked.connect(lambda _checked=False: pressed())
    return result


def button_row(*buttons: QWidget) -> QHBoxLayout:
    """Return the last row of a dialog: its buttons at the right."""
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addStretch(1)
    for one in buttons:
        row.addWidget(one)
    return row


def fit_screen(dialog: QWidget, width: int, height: int) -> None:
    """Give a dialog a size, smaller where the screen is."""
    screen = dialog.screen() or QGuiApplication.primaryScreen()
    room = screen.availableSize() if screen is not None else None
    dialog.resize(min(width, room.width() - 40) if room else width, min(height, room.height() - 60) if room else height)


class MessageDialog(QDialog):
    """Something that the reader has to know before going on, or decide.

    Parameters
    ----------
    happened : heading, one sentence without full stop.
    meaning : what it means for the reading, and what to do.
    details : for whoever repairs it; shown in a box that can be copied; "": none.

    Attributes
    ----------
    text : the box of details, or None.
    copy : button that copies them, or None.
    """

    def __init__(
        self, level: Level, happened: str, meaning: str, parent: QWidget | None = None, *, details: str = ""
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{happened} - GMIC Viewer")
        self.setAccessibleName(happened)
        self.setAccessibleDescription(meaning)
        self.text: QPlainTextEdit | None = None
        self.copy: QPushButton | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addLayout(self._head(level, happened, meaning))
        self.buttons = button_row()
        if details:
            self._add_details(column, details)
        self.close_button = button("Close", self.reject)
        self.buttons.addWidget(self.close_button)
        column.addLayout(self.buttons)
        self.close_button.setDefault(True)
        fit_screen(self, 640 if details else 480, self._height(details))

    def _height(self, details: str) -> int:
        """Return the height: that of the words, and of the details up to a limit."""
        if not details or self.text is None:
            return self.sizeHint().height()
        lines = min(max(details.count("\n") + 1, 3), DETAIL_LINES)
        others = self.sizeHint().height() - self.text.sizeHint().height()
        return others + lines * self.text.fontMetrics().lineSpacing() + 24

    def _head(self, level: Level, happened: str, meaning: str) -> QBoxLayout:
        name, color = _SIGNS[level]
        sign = QLabel()
        sign.setPixmap(icons.pixmap(name, color, SIGN_SIZE, self.devicePixelRatioF()))
        sign.setAccessibleName(level.capitalize())
        row, words = QHBoxLayout(), QVBoxLayout()
        row.setSpacing(16)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        words.setSpacing(8)
        title = parts.heading(happened)
        title.setWordWrap(True)
        words.addWidget(title)
        sentence = parts.Label(meaning)
        sentence.setWordWrap(True)
        sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        sentence.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        words.addWidget(sentence)
        row.addLayout(words, 1)
        return row

    def _add_details(self, column: QVBoxLayout, details: str) -> None:
        self.text = QPlainTextEdit(details, self)
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(72)
        self.text.setAccessibleName("Details")
        self.text.setToolTip("What to send to whoever maintains this program; look through it for names first")
        column.addWidget(self.text, 1)
        self.copy = button(
            "Copy report",
            lambda: QGuiApplication.clipboard().setText(details),
            "Copy the details to the clipboard",
        )
        self.buttons.addWidget(self.copy)

    def add_action(self, text: str, pressed: Callable[[], object], tooltip: str = "") -> QPushButton:
        """Offer something to do before the button that closes; it closes too."""

        def act() -> None:
            self.accept()
            pressed()

        found = button(text, act, tooltip)
        self.buttons.insertWidget(self.buttons.count() - 1, found)
        return found
