"""Paints the rows of the study list."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView

from viewer.model.corner_text import SIMULATED
from viewer.model.identity import shown_message
from viewer.model.session import Session
from viewer.views import icons, theme
from viewer.views.study_model import DATA, EXAM, IMAGE, KIND, REJECTED, ai_text, badge, contents, extras

THUMBNAIL = QSize(40, 48)
_HEIGHTS = {EXAM: 60, IMAGE: 56, REJECTED: 32}
_REJECTION_HEIGHT = 36

Index = QModelIndex | QPersistentModelIndex


def _plain(index: Index) -> QModelIndex:
    return index if isinstance(index, QModelIndex) else index.model().index(index.row(), index.column(), index.parent())


class StudyDelegate(QStyledItemDelegate):
    """Rows with thumbnail, side and view, modality badge and the state of the AI.

    Parameters
    ----------
    thumbnail : returns the picture of an image's UID, or None while there is none.
    """

    def __init__(self, session: Session, thumbnail: Callable[[str], QPixmap | None], view: QTreeView) -> None:
        super().__init__(view)
        self._session = session
        self._thumbnail = thumbnail
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the height of a row by its kind."""
        return QSize(0, _HEIGHTS.get(index.data(KIND), _REJECTION_HEIGHT))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one row."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row: QRect = option.rect
        self._paint_ground(painter, option, row)
        kind = index.data(KIND)
        if kind == EXAM:
            self._paint_exam(painter, row, index)
        elif kind == IMAGE:
            self._paint_image(painter, row, index)
        elif kind == REJECTED:
            self._paint_chevron(painter, row, index)
            self._text(painter, row.adjusted(28, 0, -8, 0), index.data(), theme.SECONDARY, theme.body_font())
        else:
            self._paint_rejection(painter, row, index)
        painter.restore()

    @staticmethod
    def _paint_ground(painter: QPainter, option: QStyleOptionViewItem, row: QRect) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(row, theme.color(theme.SELECTED))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(row, theme.color(theme.RAISED))

    def _paint_exam(self, painter: QPainter, row: QRect, index: Index) -> None:
        exam = index.data(DATA)
        is_open = exam is self._session.exam
        self._paint_chevron(painter, row, index)
        text = row.adjusted(28, 6, -8, -6)
        line = QRect(text.left(), text.top(), text.width(), 16)
        upper = QRect(line)
        weight = QFont.Weight.DemiBold if is_open else QFont.Weight.Normal
        if exam.simulated and SIMULATED not in index.data().upper():  # the name says so unless it is hidden
            upper.setRight(self._paint_badge(painter, upper, SIMULATED, theme.WARNING).left() - 6)
        self._text(painter, upper, index.data(), theme.TEXT, theme.font(theme.BODY_PX, weight))
        date = exam.date
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and not self._session.identity_hidden else ""
        for fact in (fact for fact in (date, contents(exam)) if fact):
            line.translate(0, 16)
            self._text(painter, line, fact, theme.SECONDARY, theme.caption_font())

    def _paint_chevron(self, painter: QPainter, row: QRect, index: Index) -> None:
        name = "chevron-down" if self._view.isExpanded(_plain(index)) else "chevron-right"
        ratio = painter.device().devicePixelRatioF()
        top = row.center().y() - theme.ICON_SIZE // 2 + 1
        painter.drawPixmap(row.left() + 6, top, icons.pixmap(name, ratio=ratio))

    def _paint_image(self, painter: QPainter, row: QRect, index: Index) -> None:
        image = index.data(DATA)
        place = QRect(row.left() + 28, row.top() + 4, THUMBNAIL.width(), THUMBNAIL.height())
        painter.fillRect(place, theme.color(theme.VIEWPORT))
        picture = self._thumbnail(image.sop_uid)
        if picture is not None:
            painter.drawPixmap(place, picture)
        active = self._session.active_image
        if active is not None and active.sop_uid == image.sop_uid:
            painter.fillRect(QRect(row.left(), row.top() + 4, 2, row.height() - 8), theme.color(theme.ACCENT))
        text = row.adjusted(28 + THUMBNAIL.width() + 10, 8, -8, -8)
        lines = [word for word in (extras(image),) if word]  # a line of its own: beside the badge it would be cut off
        upper = QRect(text.left(), text.top() - 3 * len(lines), text.width(), text.height() // 2)
        shown = any(slot.state and slot.state.image.sop_uid == image.sop_uid for slot in self._session.slots)
        tone = theme.TEXT if shown else theme.SECONDARY
        upper.setRight(self._paint_badge(painter, upper, badge(image)).left() - 6)
        self._text(painter, upper, image.label, tone, theme.font(theme.BODY_PX, QFont.Weight.Medium))
        lower = QRect(text.left(), upper.bottom() - 1, text.width(), 14 if lines else text.height() // 2)
        for word in lines:
            self._text(painter, lower, word, theme.SECONDARY, theme.caption_font())
            lower.translate(0, 14)
        status, color = ai_text(self._session.results.get(image.sop_uid)), theme.SECONDARY
        if image.questions:
            status, color = "side or view in question", theme.ERROR
        self._text(painter, lower, status, color, theme.caption_font())

    @staticmethod
    def _paint_badge(painter: QPainter, text: QRect, words: str, color: str = theme.SECONDARY) -> QRect:
        font = theme.caption_font()
        width = QFontMetrics(font).horizontalAdvance(words) + 10
        place = QRect(text.right() - width + 1, text.top() - 1, width, 18)
        painter.setPen(theme.color(theme.HAIRLINE))
        painter.setBrush(theme.color(theme.RAISED))
        painter.drawRoundedRect(place, theme.RADIUS, theme.RADIUS)
        painter.setFont(font)
        painter.setPen(theme.color(color))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
        return place

    def _paint_rejection(self, painter: QPainter, row: QRect, index: Index) -> None:
        upper = QRect(row.left() + 28, row.top() + 2, row.width() - 36, 16)
        self._text(painter, upper, index.data(), theme.TEXT, theme.caption_font())
        reason = shown_message(index.data(DATA).reason, self._session)
        self._text(painter, upper.translated(0, 15), reason, theme.SECONDARY, theme.caption_font())

    @staticmethod
    def _text(painter: QPainter, place: QRect, text: str, color: str, font: QFont) -> None:
        painter.setFont(font)
        painter.setPen(theme.color(color))
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)
