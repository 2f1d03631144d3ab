"""The bar under the viewports: where the reader is in the volume, what the AI found along it, what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QToolTip, QWidget

from viewer.commands import Context
from viewer.commands.conditions import needs_slices
from viewer.commands.table import with_keys
from viewer.model.bar import Bar, bar_of, slice_at
from viewer.model.gestures import WheelAccumulator
from viewer.model.viewstate import ImageState
from viewer.views import theme
from viewer.views.command_widgets import KeepKeys, Refresher
from viewer.views.slice_bar_paint import Track, paint_track, paint_words
from viewer.views.slice_preview import SlicePreview

TEXT_WIDTH = 168
MARGIN = 12
WORDS_GAP = 12
EMPTY, ONE_IMAGE = "no image", "one image - no slices"


class SliceBar(QAbstractSlider):
    """Slider of the active image's slices with its saliency profile.

    A slider for the keyboard and for screen readers; the picture is painted here.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._session = context.session
        self._state: ImageState | None = None
        self._disconnect: Callable[[], object] | None = None
        self._bar: Bar | None = None
        self._wheel = WheelAccumulator()
        self._syncing = False
        self._hovered: int | None = None
        self._preview: SlicePreview | None = None
        self.setObjectName("sliceBar")
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setFixedHeight(theme.SLICE_BAR_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Slices")
        self.setMouseTracking(True)
        KeepKeys(self)
        session = self._session
        self._refresher = Refresher(
            self,
            (
                session.active_changed, session.layout_changed, session.exam_changed, session.overlays.changed,
                session.results.changed, session.results.slice_arrived, session.results.cleared,
                context.frames.frame_ready, session.viewing.slab_changed, session.cine_changed,
                session.patch_selected, session.marks.changed,
            ),
            self.refresh,
        )  # fmt: skip
        self.valueChanged.connect(self._value_changed)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Return the size that the layout should plan with."""
        return QSize(400, theme.SLICE_BAR_HEIGHT)

    # -- state ---------------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the active image as it is now."""
        state = self._session.active_state
        if state is not self._state:
            self._bind(state)
        self._bar = self._make_bar()
        self._syncing = True
        self.setRange(0, state.image.frames - 1 if state else 0)
        self.setValue(state.slice_index if state else 0)
        self._syncing = False
        reason = needs_slices(self._context)
        self.setEnabled(reason is None)
        self.setToolTip("" if reason is None else f"Not available: {with_keys(reason, self._context)}")
        self.setAccessibleDescription(self.text if reason is None else f"{self.text}. {self.toolTip()}")
        self.setWhatsThis(self._explanation())
        self._show_hovered()
        self.update()

    def _bind(self, state: ImageState | None) -> None:
        if self._disconnect is not None:
            self._disconnect()
        self._state, self._disconnect = state, None
        if self._preview is not None:
            self._preview.forget()
        self._wheel.reset()
        if state is not None:
            state.slice_changed.connect(self._slice_changed)
            state.seen_changed.connect(self._seen_changed)
            self._disconnect = partial(_unbind, self, state)

    def _slice_changed(self, index: int) -> None:
        """Move the cursor; the profile is not worked out again at every step of the wheel."""
        if self._bar is None or self._state is None:
            self.refresh()
            return
        self._bar = replace(self._bar, current=index, seen=frozenset(self._state.seen))
        self._syncing = True
        self.setValue(index)
        self._syncing = False
        self.setAccessibleDescription(self.text)
        self.update()

    def _seen_changed(self, _index: int) -> None:
        if self._bar is not None and self._state is not None:
            self._bar = replace(self._bar, seen=frozenset(self._state.seen))
            self.update()

    def _value_changed(self, value: int) -> None:
        if self._state is not None and not self._syncing:
            self._state.go_to_slice(value)

    def bar(self) -> Bar | None:
        """Return what is shown, or None where there is nothing to slide through."""
        return self._bar

    def _make_bar(self) -> Bar | None:
        state = self._state
        if state is None or state.image.frames < 2:
            return None
        shown = self._session.overlays.settings.visible and not state.image.questions
        entry = self._session.results.get(state.image.sop_uid) if shown else None
        return bar_of(state, entry, self._context.frames.loaded(state.image))

    @property
    def text(self) -> str:
        """The words at the right."""
        if self._state is None:
            return EMPTY
        bar = self.bar()
        return bar.position if bar else ONE_IMAGE

    @property
    def shown_as(self) -> tuple[str, ...]:
        """How the slices are shown: combined to slabs, playing; nothing for single ones that stand still."""
        slab, fps = self._session.viewing.slab, self._session.cine_fps
        if self._state is None:
            return ()
        words = (slab.text(self._state.image) if slab.on else "", f"cine {fps:g} per second" if fps > 0 else "")
        return tuple(word for word in words if word)

    def _explanation(self) -> str:
        if self._state is None or self._state.image.frames < 2:
            return ""
        return (
            "Above the line: largest malignant saliency of each slice, below it benign. Triangles: slices of the "
            "patches. Grey bands: highlighted slices. Diamonds: key images. Dots: slices with marks of yours. "
            "Light strip: slices seen, dark strip: slices that are loaded. "
            "Marks below: every tenth slice."
        )

    # -- mouse and keys ------------------------------------------------------------------------------------------
    def _track(self) -> QRectF:
        return QRectF(MARGIN, 0, max(self.width() - 2 * MARGIN - TEXT_WIDTH, 1), self.height())

    def _instrument(self, bar: Bar) -> Track:
        state, chosen = self._state, self._session.selected_patch
        shown = self._session.viewing.slab.slices(state.image, bar.current) if state is not None else range(0)
        selected = chosen[1] if state is not None and chosen is not None and chosen[0] == state.image.sop_uid else None
        drawn = self._session.marks.of(state.image.sop_uid if state is not None else "")
        marked = frozenset(mark.slice_index for mark in drawn.marks if mark.kind != "nipple")
        width = self._track().width()
        return Track(bar, width, shown, self._hovered, selected, drawn.key_slices, marked)

    def slice_under(self, x: float) -> int:
        """Return the slice at a place of the widget."""
        track = self._track()
        return slice_at(x - track.left(), track.width(), self.maximum() + 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the slice under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._show_hovered()
            self.setValue(self.slice_under(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse: with the button held the reader goes along, else a preview shows the slice."""
        if self.isSliderDown():
            self.setValue(self.slice_under(event.position().x()))
        self._hover(self.slice_under(event.position().x()) if self._on_track(event.position().x()) else None)

    def event(self, event: QEvent) -> bool:
        """Explain the marks where no preview is in the way: over the words at the right."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            if not self._on_track(event.pos().x()):
                QToolTip.showText(event.globalPos(), self.toolTip() or self.whatsThis(), self)
            return True
        return super().event(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Take the preview away."""
        self._hover(None)

    def _on_track(self, x: float) -> bool:
        track = self._track()
        return self._bar is not None and track.left() - MARGIN <= x <= track.right() + 1

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self._show_hovered()
            self.update()

    def _show_hovered(self) -> None:
        """Show the slice under the mouse above the bar; while dragging the viewport itself shows it."""
        bar, state, index = self._bar, self._state, self._hovered
        if bar is None or state is None or index is None or self.isSliderDown():
            if self._preview is not None:
                self._preview.hide()
            return
        if self._preview is None or self._preview.parentWidget() is not self.window():
            self._preview = SlicePreview(self._context, self.window())
        track = self._track()
        middle = round(track.left() + Track(bar, track.width()).middle(index))
        self._preview.show_slice(state, bar, index, self.mapTo(self.window(), QPoint(middle, 0)))

    @property
    def preview(self) -> SlicePreview | None:
        """The picture over the bar, or None before the mouse was there."""
        return self._preview

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Stay where the mouse was released."""
        self.setSliderDown(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One notch is one slice, as over the image."""
        self.setValue(self.value() - self._wheel.add(event.angleDelta().y() or event.angleDelta().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step by the arrow keys; up is back, as in the viewports."""
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageUp: -1,
            Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageDown: 1,
            Qt.Key.Key_Home: -self.maximum() - 1, Qt.Key.Key_End: self.maximum() + 1,
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.setValue(self.value() + step)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the focus ring away."""
        self.update()

    # -- painting ------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(theme.PANEL))
        painter.fillRect(0, 0, self.width(), 1, theme.color(theme.HAIRLINE))
        bar = self.bar()
        if bar is None:
            painter.setFont(theme.caption_font())
            painter.setPen(theme.color(theme.DISABLED))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text)
            return
        track = self._track()
        painter.translate(track.left(), 0)
        paint_track(painter, self._instrument(bar))
        painter.resetTransform()
        words = QRectF(track.right() + WORDS_GAP, 0, self.width() - track.right() - WORDS_GAP - MARGIN, self.height())
        paint_words(painter, words, *bar.place(bar.current), self.shown_as)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color(theme.ACCENT), theme.FOCUS_WIDTH))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))


def _unbind(bar: SliceBar, state: ImageState) -> None:
    state.slice_changed.disconnect(bar._slice_changed)
    state.seen_changed.disconnect(bar._seen_changed)
