"""What viewports of one view share: the cross at the place that is pointed at, the chosen patch, the offered slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter

from viewer.commands import Context, run
from viewer.model.depth_offer import find_offer
from viewer.model.linked import DepthOffer, linked_patch
from viewer.model.session import Session
from viewer.model.viewstate import ImageState
from viewer.views import theme, viewport_marks
from viewer.views.viewport_over import Look

if TYPE_CHECKING:
    from viewer.views.viewport_view import ViewportView

CLICK_SLACK = 3.0
"""A press that moves less than this is a click."""
OFFER_MS = 120
"""The cursor must rest so long before a slice is looked for: a moving mouse wants no answers."""
AGAIN_MS = 400
"""So often it is looked for again while slices are being decoded."""
TAG_GAP = 14.0
TAG_HEIGHT, TAG_WIDTH = 18.0, 80.0


class PatchClicks(QObject):
    """A click on a patch box of a viewport selects the patch; it is boxed in the other modalities then."""

    def __init__(self, view: ViewportView, context: Context) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self._press: QPointF | None = None
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Watch presses and releases; nothing is taken away from whoever else wants them."""
        if isinstance(event, QMouseEvent) and event.button() == Qt.MouseButton.LeftButton:
            if event.type() == QEvent.Type.MouseButtonPress:
                self._press = event.position() if self._context.session.marks.tool is None else None
            elif event.type() == QEvent.Type.MouseButtonRelease and self._press is not None:
                moved = event.position() - self._press
                self._press = None
                if max(abs(moved.x()), abs(moved.y())) < CLICK_SLACK:
                    self._clicked(event.position())
        return super().eventFilter(watched, event)

    def _clicked(self, position: QPointF) -> None:
        state, look = self._view.state, self._view.look()
        if state is None or look is None:
            return
        index = patch_at(self._context.session, state, look, position)
        if index is not None:
            run("compare.select_patch", self._context, state.image.sop_uid, index)


def patch_at(session: Session, state: ImageState, look: Look, position: QPointF) -> int | None:
    """Return the index of the patch whose box is shown under a position; of several the smallest on this slice."""
    settings, entry = session.overlays.settings, session.results.get(state.image.sop_uid)
    if entry is None or entry.result is None or not (settings.visible and settings.boxes):
        return None
    size = (state.image.rows, state.image.columns)
    hit = []
    for index, roi in enumerate(entry.result.rois):
        boxes = viewport_marks.visible_boxes([roi], size, state.slice_index, look.to_screen, look.ratio, None)
        for box in boxes:
            if box.rect.contains(position):
                hit.append((not box.on_slice, box.rect.width() * box.rect.height(), -roi.attention, index))
    return min(hit)[-1] if hit else None


def paint_linked_patch(painter: QPainter, session: Session, state: ImageState, look: Look) -> None:
    """Paint the patch that is chosen in another modality of this view where it lies on this image."""
    settings = session.overlays.settings
    patch = linked_patch(session, state.image) if settings.visible and settings.boxes else None
    if patch is None:
        return
    row0, col0, row1, col1 = look.to_screen.apply_box(patch.box)
    ratio = look.ratio
    rect = QRectF(col0 / ratio, row0 / ratio, (col1 - col0) / ratio, (row1 - row0) / ratio)
    box = viewport_marks.Box(rect, patch.label, 1.0, on_slice=True, selected=True)
    viewport_marks.paint_boxes(painter, [box], look.rect)


def paint_cursor(painter: QPainter, session: Session, state: ImageState, point: QPointF, within: QRectF) -> None:
    """Paint the cross of the linked cursor, with the offered slice beside it where it is a slice of this image."""
    viewport_marks.paint_cursor(painter, point)
    offer = session.links.offer
    if offer is None or offer.sop_uid != state.image.sop_uid or offer.slice_index == state.slice_index:
        return
    text = f"slice {offer.slice_index + 1}"
    painter.setFont(theme.caption_font())
    width = QFontMetricsF(painter.font()).horizontalAdvance(text) + 12
    rect = QRectF(point.x() + TAG_GAP, point.y() + TAG_GAP, width, TAG_HEIGHT)
    if rect.right() > within.right():
        rect.moveRight(point.x() - TAG_GAP)
    if rect.bottom() > within.bottom():
        rect.moveBottom(point.y() - TAG_GAP)
    painter.fillRect(rect, theme.color(theme.VIEWPORT, 0.7))
    painter.setPen(theme.color(theme.ACCENT))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


def cursor_rect(point: QPointF) -> QRectF:
    """Return what :func:`paint_cursor` may paint over."""
    reach = TAG_GAP + TAG_WIDTH
    return QRectF(point.x() - reach, point.y() - reach, 2 * reach, 2 * reach)


class DepthOffers(QObject):
    """Looks for the slice of the place that is pointed at, once the cursor rests."""

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.look)
        session = context.session
        for signal in (session.links.cursor_changed, session.results.changed, session.overlays.changed):
            signal.connect(self._wait, check_nargs=False)
        context.frames.frame_ready.connect(self._frame_ready)

    def _wait(self, *_: object) -> None:
        if self._context.session.links.cursor is None:
            self._timer.stop()
        else:
            self._timer.start(OFFER_MS)

    def _frame_ready(self, sop_uid: str, _slice_index: int) -> None:
        """Look again, now and then, while the slices of the volume are still coming."""
        offer = self._context.session.links.offer
        waiting = offer is not None and offer.sop_uid == sop_uid and not offer.final
        if waiting and not self._timer.isActive():
            self._timer.start(AGAIN_MS)

    def look(self) -> None:
        """Offer a slice now."""
        session = self._context.session
        if session.links.cursor is None:
            return
        offer = find_offer(session, self._context.frames)
        session.links.set_offer(offer if isinstance(offer, DepthOffer) else None)
