"""Tables of plain text with any number of columns, and how tables of the windows beside the images look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QTableView

from viewer.views import theme

Index = QModelIndex | QPersistentModelIndex
ROW_HEIGHT = 24
UNDEFINED = "\N{EN DASH}"
"""What stands where a figure does not exist."""


@dataclass(frozen=True)
class Column:
    """Heading of a column, what it holds, and whether numbers stand in it."""

    title: str
    tip: str = ""
    number: bool = False


class TextTable(QAbstractTableModel):
    """Rows of words and numbers.

    Attributes
    ----------
    rows : the texts.
    quiet : rows that are written in secondary grey.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self.rows: list[Sequence[str]] = []
        self.quiet: frozenset[int] = frozenset()

    def set_rows(self, rows: Sequence[Sequence[str]], quiet: frozenset[int] = frozenset()) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows, self.quiet = list(rows), quiet
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | Qt.AlignmentFlag | None:
        """Return heading, explanation and alignment of a column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip or None
        return alignment(column) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, tooltip, alignment and colour of a cell."""
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        text, column = self.rows[index.row()][index.column()], self.columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{column.title}: {text or 'does not exist'}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return alignment(column)
        quiet = index.row() in self.quiet
        return theme.color(theme.SECONDARY if quiet else theme.TEXT) if role == Qt.ItemDataRole.ForegroundRole else None


def alignment(column: Column) -> Qt.AlignmentFlag:
    """Return where the text of a column stands: numbers at the right."""
    side = Qt.AlignmentFlag.AlignRight if column.number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def dress(table: QTableView, name: str, tip: str) -> None:
    """Give a table the look and the keys of all tables: rows are chosen with the arrow keys, Tab goes on."""
    table.setAccessibleName(name)
    table.setToolTip(tip)
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
    table.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
    table.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setMinimumSectionSize(40)


def number(value: float, digits: int = 3) -> str:
    """Return a number for reading; a dash for what does not exist."""
    return UNDEFINED if value != value else f"{value:.{digits}f}"
