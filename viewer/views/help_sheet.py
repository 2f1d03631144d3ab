"""The sheet of keys, laid over the window by ``?``; made from the command table, so that it cannot be out of date."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from viewer.commands import COMMANDS, GROUPS
from viewer.views import parts, theme

MOUSE = (
    ("Wheel", "Slice"),
    ("Ctrl+wheel", "Zoom about the mouse"),
    ("Left drag", "Brightness and contrast"),
    ("Middle drag", "Move image"),
    ("Right drag", "Zoom"),
    ("Double click", "Maximise viewport"),
    ("Drag from the study list", "Show image in viewport"),
)
MOUSE_PLACE = 5  # before AI: there the three columns come out about equally long
COLUMNS = 3
ROW_HEIGHT = 18

Section = tuple[str, list[tuple[str, str]]]


def key_text(keys: tuple[str, ...]) -> str:
    """Return keys as the platform writes them: ``Up, PgUp``."""
    return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)


def sections() -> list[Section]:
    """Return (heading, [(keys, label)]) for every group and for the mouse."""
    found: list[Section] = []
    for group in GROUPS:
        rows = [
            (key_text(entry.keys), entry.label) for entry in COMMANDS.values() if entry.group == group and entry.keys
        ]
        found.append((group, _merge_presets(rows)))
    found.insert(MOUSE_PLACE, ("Mouse", list(MOUSE)))
    return found


def _merge_presets(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Write the four window presets as one line."""
    presets = [row for row in rows if row[1].startswith("Window preset")]
    if len(presets) < 2:
        return rows
    merged = (f"{presets[0][0]} - {presets[-1][0]}", "Window presets")
    return [merged if row == presets[0] else row for row in rows if row == presets[0] or row not in presets]


def in_columns(found: list[Section]) -> list[list[Section]]:
    """Share the sections out, in order, so that the columns become about equally long."""
    length = [len(rows) + 2 for _, rows in found]
    wanted = sum(length) / COLUMNS
    columns: list[list[Section]] = [[]]
    used = 0.0
    for section, size in zip(found, length, strict=True):
        if columns[-1] and len(columns) < COLUMNS and used + size / 2 > wanted * len(columns):
            columns.append([])
        columns[-1].append(section)
        used += size
    return columns


class HelpSheet(QWidget):
    """Covers its parent with a dimmed sheet of all keys; Esc, ``?`` or a click closes it.

    Parameters
    ----------
    parent : the window to cover; the sheet follows its size.
    """

    def __init__(self, parent: QWidget, on_close: Callable[[], None] | None = None) -> None:
        super().__init__(parent)
        self._window = parent
        self._on_close = on_close
        self.setObjectName("helpSheet")
        self.setAccessibleName("Keys and mouse")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.sheet = QWidget(self)
        self.hide()
        parent.installEventFilter(self)

    def _build(self) -> None:
        column = QVBoxLayout(self.sheet)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        head = QHBoxLayout()
        head.addWidget(parts.heading("Keys and mouse"))
        head.addStretch(1)
        head.addWidget(parts.caption("Esc closes this sheet"))
        column.addLayout(head)
        column.addWidget(parts.hairline())
        row = QHBoxLayout()
        row.setSpacing(40)
        for sections_of_column in in_columns(sections()):
            row.addLayout(self._column(sections_of_column))
        column.addLayout(row)
        outer = QVBoxLayout(self)
        outer.addWidget(self.sheet, 0, Qt.AlignmentFlag.AlignCenter)

    def _column(self, found: list[Section]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(0)
        line = 0
        for number, (title, rows) in enumerate(found):
            if number:
                grid.setRowMinimumHeight(line, 12)
                line += 1
            title_cell = parts.heading(title)
            title_cell.setFixedHeight(ROW_HEIGHT + 6)
            grid.addWidget(title_cell, line, 0, 1, 2)
            line += 1
            for keys, text in rows:
                grid.addWidget(self._cell(keys, ""), line, 0)
                grid.addWidget(self._cell(text, "secondary"), line, 1)
                line += 1
        grid.setRowStretch(line, 1)
        grid.setColumnStretch(1, 1)
        return grid

    @staticmethod
    def _cell(text: str, tone: str) -> QLabel:
        cell = parts.Label(text, tone)
        cell.setFixedHeight(ROW_HEIGHT)
        return cell

    def toggle(self) -> None:
        """Show or hide the sheet."""
        if self.isVisible():
            self.close_sheet()
        else:
            if self.layout() is None:
                self._build()  # only now: the window must not wait for it when it starts
            self.setGeometry(self._window.rect())
            self.show()
            self.raise_()
            self.setFocus()

    def close_sheet(self) -> bool:
        """Hide the sheet; return whether it was there."""
        was_visible = self.isVisible()
        self.hide()
        if was_visible and self._on_close is not None:
            self._on_close()
        return was_visible

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window."""
        if event.type() == QEvent.Type.Resize and watched is self._window:
            self.setGeometry(self._window.rect())
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Esc where the window has no such shortcut."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_sheet()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Close on any click."""
        self.close_sheet()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dim what lies below and paint the sheet."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(theme.VIEWPORT, 0.72))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color(theme.HAIRLINE))
        painter.setBrush(theme.color(theme.PANEL))
        painter.drawRoundedRect(QRectF(self.sheet.geometry()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
