"""The command palette: type what you want to do, press Enter."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from viewer.commands import COMMANDS, Context, run
from viewer.commands.finding import find_commands
from viewer.views import icons, theme
from viewer.views.command_widgets import KeepKeys, key_text

WIDTH, ROW_HEIGHT, ROWS = 640, 40, 10
TOP = 48
MARGIN = 16
ID, REASON, KEYS = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
_MOVES = {
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_PageUp: -ROWS,
    Qt.Key.Key_PageDown: ROWS,
}


class _Row(QStyledItemDelegate):
    """Label and key on the first line; what it does, or why it cannot run now, on the second."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return the height of two lines."""
        return QSize(0, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint one command."""
        row: QRect = option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(row, theme.color(theme.SELECTED))
        entry, reason = COMMANDS[index.data(ID)], index.data(REASON)
        if entry.icon:
            color = theme.DISABLED if reason else theme.SECONDARY
            ratio = painter.device().devicePixelRatioF()
            painter.drawPixmap(row.left() + 12, row.top() + 4, icons.pixmap(entry.icon, color, ratio=ratio))
        upper = QRect(row.left() + 40, row.top() + 3, row.width() - 52, 18)
        keys = index.data(KEYS)
        painter.setFont(theme.body_font())
        painter.setPen(theme.color(theme.SECONDARY))
        painter.drawText(upper, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, keys)
        upper.setRight(upper.right() - painter.fontMetrics().horizontalAdvance(keys) - 12)
        self._line(painter, upper, entry.label, theme.DISABLED if reason else theme.TEXT)
        painter.setFont(theme.caption_font())
        lower = QRect(row.left() + 40, row.top() + 20, row.width() - 52, 16)
        self._line(painter, lower, index.data(Qt.ItemDataRole.ToolTipRole).partition("\n")[2], theme.SECONDARY)
        painter.restore()

    @staticmethod
    def _line(painter: QPainter, place: QRect, text: str, color: str) -> None:
        painter.setPen(theme.color(color))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


class Palette(QFrame):
    """A field and a list over the window; Enter runs the command, Esc or a click elsewhere closes it.

    Attributes
    ----------
    field : what is typed.
    list : the commands that fit, best first.
    """

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._window = context, parent
        self._before: QWidget | None = None
        self.setObjectName("palette")
        self.setAccessibleName("Find a command")
        self.field = QLineEdit(self)
        self.field.setPlaceholderText("What do you want to do?")
        self.field.setAccessibleName("What do you want to do?")
        self.field.setToolTip("Letters of the name, the group or the purpose of a command")
        self.field.setClearButtonEnabled(False)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Commands found")
        self.list.setToolTip("Enter runs the selected command")
        self.list.setItemDelegate(_Row(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self.list)
        KeepKeys(self.field)
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._fill)
        self.list.itemClicked.connect(lambda _item: self._run())
        self.hide()

    def toggle(self) -> None:
        """Show or hide."""
        if self.isVisible():
            self.close_palette()
            return
        self._before = self._window.focusWidget()
        self.field.clear()
        self._fill("")
        self._place()
        self.show()
        self.raise_()
        self.field.setFocus()

    def close_palette(self) -> bool:
        """Hide, and give the focus back; return whether it was there."""
        was_visible = self.isVisible()
        if was_visible:
            before, self._before = self._before, None
            # before hiding: Qt would move the focus on as Tab does, and make another viewport the active one
            (before or self._window).setFocus()
            self.hide()
        return was_visible

    def _place(self) -> None:
        room = self._window.size()
        width = min(WIDTH, room.width() - 2 * MARGIN)
        rows = min(ROWS, max((room.height() - TOP - 3 * MARGIN - 44) // ROW_HEIGHT, 2))
        self.list.setFixedHeight(rows * ROW_HEIGHT + 2 * theme.FOCUS_WIDTH)
        self.setGeometry((room.width() - width) // 2, TOP, width, self.sizeHint().height())

    def _fill(self, text: str) -> None:
        self.list.clear()
        for entry in find_commands(text, self._context):
            item = QListWidgetItem(entry.label)
            item.setData(ID, entry.id)
            item.setData(REASON, entry.why_disabled(self._context))
            item.setData(KEYS, key_text(entry.keys_now(self._context)[:1]))
            item.setToolTip(entry.tooltip_now(self._context))
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _run(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.close_palette()
            run(item.data(ID), self._context)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the keys of the field move the selection and run it; close when the focus goes elsewhere."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = Qt.Key(event.key())
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run()
                return True
            if key == Qt.Key.Key_Escape:
                return self.close_palette()
            if key in _MOVES:
                row = min(max(self.list.currentRow() + _MOVES[key], 0), self.list.count() - 1)
                self.list.setCurrentRow(row)
                return True
        if event.type() == QEvent.Type.FocusOut and watched is self.field and self.isVisible():
            self._before = None  # the reader chose where to go
            self.hide()
        return super().eventFilter(watched, event)
