"""The sheet of keys, laid over the window by ``?``; made from the command table, so that it cannot be out of date."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from viewer.commands import Context
from viewer.views import parts, theme
from viewer.views.command_widgets import KeepKeys
from viewer.views.sheet_rows import Section, sections

FEWEST, MOST_COLUMNS = 2, 5
ROW_HEIGHTS = (18, 16, 14)
"""Heights of a line: the roomiest with which everything fits the window is taken."""
HEADING_MORE, SECTION_GAP = 6, 8
COLUMN_GAP, NARROW_GAP, KEY_GAP = 28, 12, 8
MARGIN, TOP, HEAD_HEIGHT = 24, 16, 44
ROOM_AROUND = 12
"""Free on each side of the sheet, px."""


def height_of(found: list[Section], row: int) -> int:
    """Return the height in px of a column with lines of a height."""
    return sum(row + HEADING_MORE + row * len(rows) + SECTION_GAP for _, rows in found) - SECTION_GAP


def in_columns(found: list[Section], count: int, row: int) -> list[list[Section]]:
    """Share the sections out so that the columns become about equally long: the longest first, to the shortest.

    Within a column, and from column to column by its first section, the order stays that of the menu.
    """
    columns: list[list[int]] = [[] for _ in range(min(count, len(found)))]
    for index in sorted(range(len(found)), key=lambda number: -len(found[number][1])):
        shortest = min(columns, key=lambda column: height_of([found[number] for number in column], row))
        shortest.append(index)
    return [[found[number] for number in sorted(column)] for column in sorted(columns, key=min)]


def _width_of(column: list[Section]) -> int:
    metrics = QFontMetrics(theme.caption_font())
    texts = [row for _, rows in column for row in rows]
    return KEY_GAP + 2 + sum(max(metrics.horizontalAdvance(text[part]) for text in texts) for part in (0, 1))


def width_of(columns: list[list[Section]], gap: int) -> int:
    """Return the width in px of columns with gaps between them."""
    return sum(map(_width_of, columns)) + gap * (len(columns) - 1)


def columns_for(found: list[Section], width: int, height: int) -> tuple[list[list[Section]], int]:
    """Return columns and the height of their lines: the roomiest that fit a room in px.

    Where none fit its height, as many columns as its width allows.
    """
    fallback = [found]
    for row in ROW_HEIGHTS:
        for count in range(FEWEST, MOST_COLUMNS + 1):
            columns = in_columns(found, count, row)
            if width_of(columns, NARROW_GAP) > width:
                continue
            if max(height_of(column, row) for column in columns) <= height:
                return columns, row
            fallback = columns
    return fallback, ROW_HEIGHTS[1]


class HelpSheet(QWidget):
    """Covers its parent with a dimmed sheet of all keys; Esc, ``?`` or a click closes it.

    Parameters
    ----------
    parent : the window to cover; the sheet follows its size.
    """

    def __init__(self, context: Context, parent: QWidget, on_close: Callable[[], None] | None = None) -> None:
        super().__init__(parent)
        self._context, self._window = context, parent
        self._on_close = on_close
        self._before: QWidget | None = None
        self.setObjectName("helpSheet")
        self.setAccessibleName("Keys and mouse")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.sheet = QWidget(self)
        self.row_height = ROW_HEIGHTS[0]
        outer = QVBoxLayout(self)
        outer.setContentsMargins(ROOM_AROUND, ROOM_AROUND, ROOM_AROUND, ROOM_AROUND)
        outer.addWidget(self.sheet, 0, Qt.AlignmentFlag.AlignCenter)
        KeepKeys(self)
        self.hide()
        parent.installEventFilter(self)

    def _build(self) -> None:
        """Make the sheet for the present keys and the present size of the window."""
        old, self.sheet = self.sheet, QWidget(self)
        layout = self.layout()
        assert layout is not None  # made with the sheet
        layout.replaceWidget(old, self.sheet)
        layout.setAlignment(self.sheet, Qt.AlignmentFlag.AlignCenter)
        old.deleteLater()
        column = QVBoxLayout(self.sheet)
        column.setContentsMargins(MARGIN, TOP, MARGIN, TOP)
        column.setSpacing(12)
        head = QHBoxLayout()
        head.addWidget(parts.heading("Keys and mouse"))
        head.addStretch(1)
        head.addWidget(parts.caption("Esc closes this sheet"))
        column.addLayout(head)
        column.addWidget(parts.hairline())
        column.addWidget(self._scrolling(self._body()))

    def _body(self) -> QWidget:
        room = self._window.size()
        width = room.width() - 2 * (ROOM_AROUND + MARGIN)
        height = room.height() - 2 * (ROOM_AROUND + TOP) - HEAD_HEIGHT
        body = QWidget()
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        columns, self.row_height = columns_for(sections(self._context), width, height)
        row.setSpacing(COLUMN_GAP if width_of(columns, COLUMN_GAP) <= width else NARROW_GAP)
        for sections_of_column in columns:
            row.addLayout(self._column(sections_of_column))
        return body

    def _scrolling(self, body: QWidget) -> QScrollArea:
        """Return a window on the sheet that scrolls only where the screen is too small for it."""
        self.area = QScrollArea()
        self.area.setWidget(body)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        need, room = body.sizeHint(), self._window.size()
        width = min(need.width(), room.width() - 2 * (ROOM_AROUND + MARGIN))
        height = min(need.height(), room.height() - 2 * (ROOM_AROUND + TOP) - HEAD_HEIGHT)
        bar = 10 if height < need.height() else 0
        self.area.setFixedSize(min(width + bar, room.width() - 2 * (ROOM_AROUND + MARGIN)), height)
        return self.area

    def _column(self, found: list[Section]) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(KEY_GAP)
        grid.setVerticalSpacing(0)
        line = 0
        for number, (title, rows) in enumerate(found):
            if number:
                grid.setRowMinimumHeight(line, SECTION_GAP)
                line += 1
            title_cell = parts.heading(title)
            title_cell.setFixedHeight(self.row_height + HEADING_MORE)
            grid.addWidget(title_cell, line, 0, 1, 2)
            line += 1
            for keys, text in rows:
                grid.addWidget(self._cell(keys, ""), line, 0)
                grid.addWidget(self._cell(text, "secondary"), line, 1)
                line += 1
        grid.setRowStretch(line, 1)
        grid.setColumnStretch(1, 1)
        return grid

    def _cell(self, text: str, tone: str) -> QLabel:
        cell = parts.Label(text, tone, theme.caption_font())
        cell.setFixedHeight(self.row_height)
        return cell

    def toggle(self) -> None:
        """Show or hide the sheet."""
        if self.isVisible():
            self.close_sheet()
        else:
            self._before = self._window.focusWidget()
            self._build()  # only now: the window must not wait for it when it starts, and keys may have changed
            self.setGeometry(self._window.rect())
            self.show()
            self.raise_()
            self.setFocus()

    def close_sheet(self) -> bool:
        """Hide the sheet; return whether it was there."""
        was_visible = self.isVisible()
        if was_visible:
            before, self._before = self._before, None
            # before hiding: Qt would move the focus on as Tab does, and make another viewport the active one
            (before or self._window).setFocus()
        self.hide()
        if was_visible and self._on_close is not None:
            self._on_close()
        return was_visible

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window."""
        if event.type() == QEvent.Type.Resize and watched is self._window:
            self.setGeometry(self._window.rect())
            if self.isVisible():
                self._build()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Esc where the window has no such shortcut; scroll where the sheet is larger than the window."""
        bar, key = self.area.verticalScrollBar(), Qt.Key(event.key())
        steps = {Qt.Key.Key_Up: -self.row_height, Qt.Key.Key_Down: self.row_height}
        steps |= {Qt.Key.Key_PageUp: -bar.pageStep(), Qt.Key.Key_PageDown: bar.pageStep()}
        if key == Qt.Key.Key_Escape:
            self.close_sheet()
        elif key in steps:
            bar.setValue(bar.value() + steps[key])
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
