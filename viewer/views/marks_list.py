"""The rows of the list of marks: key images first, then marks, by image and slice."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from gmic_core.exam.model import MammoImage
from viewer.commands import Context, run
from viewer.commands.mark_tools import BY_KIND
from viewer.commands.marks import image_of
from viewer.model.marks import Mark
from viewer.model.marks_values import MarkValues
from viewer.model.seen_window import MARK_WORDS, mark_seen_here
from viewer.views import icons, theme
from viewer.views.command_widgets import KeepKeys

ROW = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 40


@dataclass(frozen=True)
class Row:
    """One entry.

    Attributes
    ----------
    mark : None for a key image.
    title, facts : upper and lower line.
    """

    sop_uid: str
    slice_index: int
    mark: Mark | None
    icon: str
    title: str
    facts: str


def rows_of(context: Context, values: MarkValues) -> list[Row]:
    """Return all entries: images in the order of the exam, of each its key images, then its marks by slice."""
    marks, rows = context.session.marks, []
    exam = context.session.exam
    known = [image.sop_uid for image in (exam.images if exam else ())]
    for uid in [*known, *(uid for uid in marks.images if uid not in known)]:
        image, content = image_of(context, uid), marks.of(uid)
        if image is None:
            continue
        rows += [
            Row(uid, index, None, "star", "Key image", _where(image, index)) for index in sorted(content.key_slices)
        ]
        rows += [
            _row(context, mark, image, values) for mark in sorted(content.marks, key=lambda mark: mark.slice_index)
        ]
    return rows


def _row(context: Context, mark: Mark, image: MammoImage, values: MarkValues) -> Row:
    where = _where(image, None if mark.kind == "nipple" else mark.slice_index)
    unseen = MARK_WORDS[mark_seen_here(context.session, mark)]
    facts = f"{where}   {unseen}" if unseen else where
    return Row(image.sop_uid, mark.slice_index, mark, BY_KIND[mark.kind].icon, values.headline(mark, image), facts)


def _where(image: MammoImage, index: int | None) -> str:
    slice_text = f"   slice {index + 1}" if image.frames > 1 and index is not None else ""
    return f"{image.label} {image.modality}{slice_text}"


class RowDelegate(QStyledItemDelegate):
    """Paints icon, what it says, where it is."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return the height of a row."""
        return QSize(0, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint one row."""
        row, place = index.data(ROW), option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(place, theme.color(theme.SELECTED))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(place, theme.color(theme.RAISED))
        ratio = painter.device().devicePixelRatioF()
        painter.drawPixmap(place.left() + 12, place.top() + 12, icons.pixmap(row.icon, ratio=ratio))
        text = place.adjusted(36, 4, -8, -4)
        half = text.height() // 2
        self._text(painter, QRect(text.left(), text.top(), text.width(), half), row.title, theme.TEXT, body=True)
        self._text(painter, QRect(text.left(), text.top() + half, text.width(), half), row.facts, theme.SECONDARY)
        painter.restore()

    @staticmethod
    def _text(painter: QPainter, place: QRect, text: str, color: str, *, body: bool = False) -> None:
        painter.setFont(theme.body_font() if body else theme.caption_font())
        painter.setPen(theme.color(color))
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)


class MarksList(QListWidget):
    """The list: a click goes there, Del deletes."""

    def __init__(self, context: Context, values: MarkValues, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._values = context, values
        self._filling = False
        self.setItemDelegate(RowDelegate(self))
        self.setAccessibleName("Marks and key images")
        self.setToolTip("A click or the arrow keys go to a mark")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.currentItemChanged.connect(self._chosen)
        self.itemClicked.connect(self._go)
        KeepKeys(self)

    def fill(self) -> list[Row]:
        """Show what is marked now; return the rows."""
        rows = rows_of(self._context, self._values)
        selected, self._filling = self._context.session.marks.selected, True
        while self.count() > len(rows):
            self.takeItem(self.count() - 1)
        while self.count() < len(rows):
            self.addItem(QListWidgetItem())
        for number, row in enumerate(rows):
            item = self.item(number)
            item.setData(ROW, row)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{row.title}, {row.facts}")
            item.setToolTip(f"{row.title}\n{row.facts}")
            if row.mark is not None and row.mark.id == selected:
                self.setCurrentItem(item)
        if selected is None and not self.hasFocus():
            self.setCurrentRow(-1)
        self._filling = False
        return rows

    def _chosen(self, item: QListWidgetItem | None, _before: object) -> None:
        if item is not None and not self._filling:
            self._go(item)

    def _go(self, item: QListWidgetItem) -> None:
        row = item.data(ROW)
        if row.mark is None:
            run("marks.show_slice", self._context, row.sop_uid, row.slice_index)
        else:
            run("marks.go_to", self._context, row.mark.id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes there; the arrows move the selection."""
        item = self.currentItem()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and item is not None:
            self._go(item)
        else:
            super().keyPressEvent(event)
