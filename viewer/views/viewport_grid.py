"""Places the viewports of the present layout edge to edge, so that the chest walls of a pair touch."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from viewer.commands import Context
from viewer.commands.table import with_keys
from viewer.model.depth_offer import cursor_in
from viewer.model.linked import Cursor
from viewer.views import theme
from viewer.views.viewport_links import DepthOffers, cursor_rect
from viewer.views.viewport_view import Hover, ViewportView

EMPTY_TEXT = "Drop a DICOM folder here, or press {file.open}"


def cell(index: int, count: int, size: int) -> tuple[int, int]:
    """Return (start, length) of one of ``count`` cells that share ``size`` pixels without a gap."""
    start, end = size * index // count, size * (index + 1) // count
    return start, end - start


class ViewportGrid(QWidget):
    """The middle of the window.

    Signals
    -------
    image_painted() : a viewport shows the first picture of another image.

    Attributes
    ----------
    views : one per slot of the layout, in the slots' order; spare ones are kept hidden.
    """

    image_painted = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._session = context.session
        self._pool: list[ViewportView] = []
        self.setAccessibleName("Viewports")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._session.layout_changed.connect(self.relayout)
        self._session.exam_changed.connect(self._exam_changed, check_nargs=False)
        self._session.links.cursor_changed.connect(self._show_cursor)
        self._session.links.offer_changed.connect(self._show_offer)
        self.offers = DepthOffers(context, self)
        self.relayout()

    @property
    def views(self) -> list[ViewportView]:
        """Return the viewports of the present layout."""
        return self._pool[: len(self._session.slots)]

    def _exam_changed(self, *_: object) -> None:
        for view in self._pool:
            view.forget()
        self.relayout()

    def relayout(self) -> None:
        """Place all viewports anew."""
        slots = self._session.slots
        while len(self._pool) < len(slots):
            view = ViewportView(self._context, len(self._pool), self)
            view.hovered.connect(self._hovered)
            view.image_painted.connect(self.image_painted)
            self._pool.append(view)
        self._place()
        for index, view in enumerate(self._pool):
            shown = index < len(slots) and self._session.maximised in (None, index)
            view.setVisible(shown)
            view.set_linked_cursor(None)
            view.rebind()
        self._show_cursor()
        self.update()

    def _place(self) -> None:
        rows, columns = self._session.grid
        for view, slot in zip(self._pool, self._session.slots, strict=False):
            if self._session.maximised is not None:
                view.edges = (False, False)
                view.setGeometry(self.rect())
                continue
            left, width = cell(slot.column, columns, self.width())
            top, height = cell(slot.row, rows, self.height())
            view.edges = (slot.column > 0, slot.row > 0)
            view.setGeometry(QRect(left, top, width, height))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new size."""
        self._place()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint black, and what to do when nothing is open."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(theme.VIEWPORT))
        if not self._session.slots:
            painter.setFont(theme.body_font())
            painter.setPen(theme.color(theme.SECONDARY))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, with_keys(EMPTY_TEXT, self._context))

    def _hovered(self, hover: Hover | None) -> None:
        """Point at the place under the mouse; when the mouse leaves, what keys point at stays."""
        links = self._session.links
        if hover is None:
            if links.cursor is not None and links.cursor.by == "mouse":
                links.set_cursor(None)
            return
        state = self.views[hover.index].state if hover.index < len(self.views) else None
        if state is not None:
            links.set_cursor(Cursor(hover.index, state.image.sop_uid, hover.key, *hover.at))

    def _show_cursor(self) -> None:
        """Show the cursor in all viewports of its breast and view; the mouse itself marks the one that it is over."""
        cursor = self._session.links.cursor
        for view in self.views:
            linked = cursor_in(self._session, view.index)
            own = cursor is not None and cursor.by == "mouse" and view.index == cursor.index
            view.set_linked_cursor(linked.at if linked is not None and not own else None)

    def _show_offer(self) -> None:
        """Write the offered slice beside the cross, or take it away."""
        for view in self.views:
            point = view.from_view_mm(view.linked_cursor) if view.linked_cursor is not None else None
            if point is not None:
                view.update(cursor_rect(point).toAlignedRect())
