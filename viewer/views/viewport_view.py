"""One viewport: paints the pixels on screen, marks and corner text; hands the mouse to :mod:`viewport_mouse`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from viewer.commands import Context, run
from viewer.model import corner_text
from viewer.model.placement import Placement, stored_to_screen, view_mm_map
from viewer.model.session import LinkKey, link_key
from viewer.model.viewstate import ImageState
from viewer.views import screens, theme, viewport_links, viewport_marks
from viewer.views.marks_layer import MarksLayer
from viewer.views.viewport_annotating import ViewportAnnotating
from viewer.views.viewport_drop import ViewportDrop
from viewer.views.viewport_lens import ViewportLens
from viewer.views.viewport_mouse import ViewportMouse
from viewer.views.viewport_occlusion import OcclusionDrawing
from viewer.views.viewport_over import Look, ViewportOver
from viewer.views.viewport_pixels import Picture, ViewportPixels
from viewer.views.viewport_text import LINE_HEIGHT, MARGIN, Placed, paint_lines

ViewMm = tuple[float, float]
"""(down from the middle, depth from the chest wall) in mm."""


@dataclass(frozen=True)
class Hover:
    """Where the mouse is, for the other viewports of the same view."""

    index: int
    key: LinkKey
    at: ViewMm


class ViewportView(QWidget):
    """A viewport of the present layout.

    Signals
    -------
    hovered(Hover | None), image_painted(): the first picture of an image that hangs here
    """

    hovered = Signal(object)
    image_painted = Signal()

    def __init__(self, context: Context, index: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._session = context.session
        self.index = index
        self.pixels = ViewportPixels(context, lambda: screens.key_of(self), self.devicePixelRatioF)
        self.over = ViewportOver(context.session, self.pixels)
        self.mouse = ViewportMouse(context, index, self.to_view_mm, self.devicePixelRatioF)
        self.edges = (False, False)  # hairline on the left, at the top
        self._bound: ImageState | None = None
        self._disconnect: list[Callable[[], object]] = []
        self._failed: dict[tuple[str, int], str] = {}
        self._mouse_at: QPointF | None = None
        self._linked: ViewMm | None = None
        self._readout = ""
        self._announced = False
        self._map: tuple[tuple[MammoImage, Placement, int, int], PlaneMap] | None = None
        self._lines: list[Placed] = []
        self.setObjectName("viewport")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.marks = MarksLayer(self, context)
        self.lens = ViewportLens(self, context.session)
        self.drop = ViewportDrop(self, context)
        self.patch_clicks = viewport_links.PatchClicks(self, context)
        self.occluding = OcclusionDrawing(self, context)
        self.annotating = ViewportAnnotating(self, context)
        self._listen()

    # -- what it shows -------------------------------------------------------------------------------------------
    @property
    def state(self) -> ImageState | None:
        """State of the image that hangs here."""
        slots = self._session.slots
        return slots[self.index].state if self.index < len(slots) else None

    def _listen(self) -> None:
        session, frames = self._session, self._context.frames
        for signal in (session.placement_changed, session.active_changed, session.identity_changed):
            signal.connect(self._repaint, check_nargs=False)
        for signal in (session.overlays.changed, session.patch_selected, session.results.cleared):
            signal.connect(self._repaint, check_nargs=False)
        session.results.changed.connect(self._result_changed)
        session.results.slice_arrived.connect(self._saliency_arrived)
        links, viewing = session.links, session.viewing
        for signal in (viewing.slab_changed, session.trials.changed, session.displays.changed, links.depth_changed):
            signal.connect(self._repaint, check_nargs=False)
        frames.frame_ready.connect(self._frame_ready)
        frames.frame_failed.connect(self._frame_failed)

    def _repaint(self, *_: object) -> None:
        self.update()

    def rebind(self) -> None:
        """Look again at what hangs here: after another layout, another exam, an image dropped in."""
        state = self.state
        if state is not self._bound:
            for disconnect in self._disconnect:
                disconnect()
            self._disconnect.clear()
            self._bound = state
            self.mouse.reset()
            self._readout, self._announced = "", False
            if state is not None:
                self._bind(state)
        self._tell_size()
        self._name()
        self.update()

    def _bind(self, state: ImageState) -> None:
        state.slice_changed.connect(self._slice_changed)
        state.presentation_changed.connect(self._repaint)
        self._disconnect += [
            lambda: state.slice_changed.disconnect(self._slice_changed),
            lambda: state.presentation_changed.disconnect(self._repaint),
        ]
        self._context.frames.request(state.image, state.slice_index)

    def forget(self) -> None:
        """Drop pixels and errors of an exam that is no longer open."""
        self._failed.clear()
        self.pixels.forget()

    def _slice_changed(self, index: int) -> None:
        if self._bound is not None:
            self._context.frames.request(self._bound.image, index)
        self._name()
        self.update()  # what stands under the mouse is read when it is painted: a slab is made once, not at every notch

    def _shows(self, sop_uid: str) -> bool:
        return self._bound is not None and self._bound.image.sop_uid == sop_uid

    def _result_changed(self, sop_uid: str) -> None:
        if self._shows(sop_uid):
            self.pixels.invalidate_overlay()
            self.update()

    def _saliency_arrived(self, sop_uid: str, slice_index: int) -> None:
        if self._bound is not None and self._shows(sop_uid) and self._bound.slice_index == slice_index:
            self.pixels.invalidate_overlay()
            self.update()

    def _frame_ready(self, sop_uid: str, slice_index: int) -> None:
        self._failed.pop((sop_uid, slice_index), None)
        state = self._bound
        if state is None or not self._shows(sop_uid):
            return
        if slice_index in self._session.viewing.slab.slices(state.image, state.slice_index):
            self.update()

    def _frame_failed(self, sop_uid: str, slice_index: int, message: str) -> None:
        self._failed[sop_uid, slice_index] = message
        if self._shows(sop_uid):
            self.update()

    def _name(self) -> None:
        slots = self._session.slots
        title = slots[self.index].title if self.index < len(slots) else ""
        state = self.state
        if state is None:
            self.setAccessibleName(f"Empty viewport: {title}")
            return
        text = corner_text.slice_text(state)
        self.setAccessibleName(f"{state.image.label} {state.image.modality}" + (f", {text}" if text else ""))

    # -- geometry ------------------------------------------------------------------------------------------------
    def device_size(self) -> tuple[int, int]:
        """Return (width, height) in device pixels."""
        ratio = self.devicePixelRatioF()
        return max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)

    def to_screen(self) -> PlaneMap | None:
        """Return stored pixels -> device pixels of this viewport, or None when it is empty."""
        state = self.state
        if state is None:
            return None
        key = (state.image, self._session.placement(self.index), *self.device_size())
        if self._map is None or self._map[0] != key:  # it is asked for ten times at every movement of the mouse
            self._map = (key, stored_to_screen(*key))
        return self._map[1]

    def stored_at(self, position: QPointF) -> tuple[float, float]:
        """Return the stored pixel (row, column) under a place of the widget."""
        to_screen, ratio = self.to_screen(), self.devicePixelRatioF()
        if to_screen is None:
            return (0.0, 0.0)
        row, column = to_screen.inverse().apply([position.y() * ratio - 0.5, position.x() * ratio - 0.5])
        return float(row), float(column)

    def to_view_mm(self, position: QPointF) -> ViewMm:
        """Return the place in view mm under a place of the widget."""
        state = self.state
        if state is None:
            return (0.0, 0.0)
        down, depth = view_mm_map(state.image).apply(self.stored_at(position))
        return float(down), float(depth)

    def from_view_mm(self, at: ViewMm) -> QPointF | None:
        """Return the place of the widget that shows a place in view mm."""
        state, to_screen = self.state, self.to_screen()
        if state is None or to_screen is None:
            return None
        row, column = (to_screen @ view_mm_map(state.image).inverse()).apply(np.asarray(at))
        ratio = self.devicePixelRatioF()
        return QPointF((column + 0.5) / ratio, (row + 0.5) / ratio)

    def _tell_size(self) -> None:
        if self.state is not None and self.isVisible():
            self._session.set_viewport_size(self.index, *self.device_size())

    def event(self, event: QEvent) -> bool:
        """Follow the window to a screen of another resolution."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._tell_size()
            self.update()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let fitted images follow."""
        self._tell_size()

    def showEvent(self, event: QShowEvent) -> None:
        """Take part in the common scale from now on."""
        self._tell_size()

    # -- painting ------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture, then what lies over it."""
        painter = QPainter(self)
        state = self.state
        if state is None:
            painter.fillRect(self.rect(), theme.color(theme.VIEWPORT))
            self._paint_empty(painter)
        else:
            self._paint_image(painter, state, event)
        active = self._session.active == self.index and len(self._session.slots) > 1
        viewport_marks.paint_frame(painter, self.width(), self.height(), active=active, edges=self.edges)
        if self.drop.target:
            painter.setPen(theme.color(theme.ACCENT))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_empty(self, painter: QPainter) -> None:
        slots = self._session.slots
        if self.index < len(slots):
            viewport_marks.paint_empty(painter, QRectF(self.rect()), slots[self.index].title)

    def _paint_image(self, painter: QPainter, state: ImageState, event: QPaintEvent) -> None:
        to_screen = self.to_screen()
        assert to_screen is not None  # there is a state
        picture = self.pixels.picture(state, to_screen, *self.device_size())
        look = Look(to_screen, self.size(), self.devicePixelRatioF())
        if picture is None:
            painter.fillRect(self.rect(), theme.color(theme.VIEWPORT))
            self.over.paint_missing(painter, state, look, self._failed.get((state.image.sop_uid, state.slice_index)))
        else:
            picture.image.setDevicePixelRatio(look.ratio)
            painter.drawImage(QPointF(0, 0), picture.image)
            state.mark_seen(state.slice_index)
            if not self._announced:
                self._announced = True
                self.image_painted.emit()
            self.over.paint_boxes(painter, state, look)
            viewport_links.paint_linked_patch(painter, self._session, state, look)
        lines = self._corner_lines(state, look)
        shown = QRectF(event.region().boundingRect()).adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)
        paint_lines(painter, [line for line in lines if line.rect.intersects(shown)])
        if picture is not None:
            self.marks.paint(painter, state, look, [line.rect for line in lines], self.over.touches(state, look))
        if self._linked is not None:
            point = self.from_view_mm(self._linked)
            if point is not None:
                viewport_links.paint_cursor(painter, self._session, state, point, look.rect)
        self.annotating.paint(painter, state, look)
        self.lens.paint(painter, state, to_screen)

    def _corner_lines(self, state: ImageState, look: Look) -> list[Placed]:
        """Return the corner text; in the middle of a stroke it stays as it is, and the hand does not wait for it."""
        if self.annotating.stroke is None or not self._lines:
            self._readout = self._read()
            self._lines = self.over.lines(state, look, self._readout)
        return self._lines

    def look(self) -> Look | None:
        """Return how the viewport looks at its image now, or None when it is empty."""
        to_screen = self.to_screen()
        return None if to_screen is None else Look(to_screen, self.size(), self.devicePixelRatioF())

    def corner_lines(self) -> list[Placed]:
        """Return the corner text that is shown now."""
        state, look = self.state, self.look()
        return [] if state is None or look is None else self.over.lines(state, look, self._readout)

    @property
    def has_failed(self) -> bool:
        """Whether the slice that should be shown cannot be decoded."""
        state = self.state
        return state is not None and (state.image.sop_uid, state.slice_index) in self._failed

    def picture(self) -> Picture | None:
        """Return the painted picture of the image that hangs here, or None while it is loading."""
        state, to_screen = self.state, self.to_screen()
        if state is None or to_screen is None:
            return None
        return self.pixels.picture(state, to_screen, *self.device_size())

    # -- mouse ---------------------------------------------------------------------------------------------------
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll or zoom."""
        self.mouse.wheel(event)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a drag; a click makes the viewport active."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.mouse.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag, and tell where the mouse is."""
        self.mouse.move(event)
        self._mouse_at = event.position()
        self._update_readout()
        state = self.state
        if state is not None:
            self.hovered.emit(Hover(self.index, link_key(state.image), self.to_view_mm(event.position())))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self.mouse.release()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Maximise."""
        self.mouse.double_click(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Begin to read values."""
        self._mouse_at = event.position()
        self._update_readout()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Become the active viewport when the keyboard comes here."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            run("layout.activate", self._context, self.index)

    def leaveEvent(self, event: QEvent) -> None:
        """Stop to read values."""
        self._mouse_at = None
        self._update_readout()
        self.hovered.emit(None)

    def _read(self) -> str:
        """Return value and place under the mouse; "" without one."""
        state, place = self.state, self._mouse_at
        shown = self.pixels.shown(state) if state is not None and place is not None else None
        if state is None or place is None or shown is None:
            return ""
        at = self.stored_at(place)
        return corner_text.readout(state, shown.pyramid, at) + self.over.outside(state, at)

    def _update_readout(self) -> None:
        if self.annotating.stroke is not None:
            return
        text = self._read()
        if text != self._readout:
            self._readout = text
            bottom = LINE_HEIGHT + 2 * MARGIN
            self.update(0, int(self.height() - bottom), self.width(), int(bottom) + 1)

    @property
    def readout(self) -> str:
        """Value and place under the mouse, as shown."""
        return self._readout

    def set_linked_cursor(self, at: ViewMm | None) -> None:
        """Show where the mouse of another viewport of this view points."""
        if at == self._linked:
            return
        places = [self.from_view_mm(place) for place in (self._linked, at) if place is not None]
        self._linked = at
        for place in places:
            if place is not None:
                self.update(viewport_links.cursor_rect(place).toAlignedRect())
        self.lens.follow()

    @property
    def linked_cursor(self) -> ViewMm | None:
        """Where the linked cursor stands."""
        return self._linked
