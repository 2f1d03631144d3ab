"""The bar under the viewports: where the reader is in the volume, what the AI found along it, what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QWidget

from gmic_core.types import Finding
from viewer.commands import Context
from viewer.model.bar import Bar, bar_of, profile_columns, slice_at, slice_span
from viewer.model.colormaps import line_rgb
from viewer.model.gestures import WheelAccumulator
from viewer.model.viewstate import ImageState
from viewer.views import theme
from viewer.views.command_widgets import KeepKeys, Refresher

TEXT_WIDTH = 156
MARGIN = 12
MIDDLE = 27.0
"""Baseline of the profile; malignant rises above it, benign hangs below."""
REACH = 18.0
"""Height of a saliency of 1."""
SEEN_TOP = 51
TICK_TOP, TICK_SIZE = 3.0, 5.0
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
        self.setObjectName("sliceBar")
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setFixedHeight(theme.SLICE_BAR_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Slices")
        KeepKeys(self)
        session = self._session
        self._refresher = Refresher(
            self,
            (
                session.active_changed, session.layout_changed, session.exam_changed, session.overlays.changed,
                session.results.changed, session.results.slice_arrived, session.results.cleared,
                context.frames.frame_ready,
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
        self.setEnabled(state is not None and state.image.frames > 1)
        self.setAccessibleDescription(self.text)
        self.setToolTip(self._tooltip())
        self.update()

    def _bind(self, state: ImageState | None) -> None:
        if self._disconnect is not None:
            self._disconnect()
        self._state, self._disconnect = state, None
        self._wheel.reset()
        if state is not None:
            state.slice_changed.connect(self._slice_changed)
            self._disconnect = lambda: state.slice_changed.disconnect(self._slice_changed)

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

    def _tooltip(self) -> str:
        if self._state is None or self._state.image.frames < 2:
            return ""
        return (
            "Slices (Up, Down, Home, End; N: next highlighted)\n"
            "Above the line: largest malignant saliency of each slice, below it benign. "
            "Triangles: slices of the patches. Grey line: slices seen."
        )

    # -- mouse and keys ------------------------------------------------------------------------------------------
    def _track(self) -> QRectF:
        return QRectF(MARGIN, 0, max(self.width() - 2 * MARGIN - TEXT_WIDTH, 1), self.height())

    def slice_under(self, x: float) -> int:
        """Return the slice at a place of the widget."""
        track = self._track()
        return slice_at(x - track.left(), track.width(), self.maximum() + 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the slice under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setValue(self.slice_under(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse."""
        if self.isSliderDown():
            self.setValue(self.slice_under(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Stay where the mouse was released."""
        self.setSliderDown(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """One notch is one slice, as over the image."""
        self.setValue(self.value() - self._wheel.add(event.angleDelta().y()))
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
        self._paint_highlights(painter, bar, track.width())
        painter.fillRect(QRectF(0, MIDDLE, track.width(), 1), theme.color(theme.HAIRLINE))
        self._paint_profile(painter, bar, int(track.width()))
        self._paint_runs(painter, bar, track.width())
        self._paint_ticks(painter, bar, track.width())
        self._paint_cursor(painter, bar, track.width())
        painter.resetTransform()
        self._paint_text(painter, bar)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color(theme.ACCENT), theme.FOCUS_WIDTH))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))

    @staticmethod
    def _paint_highlights(painter: QPainter, bar: Bar, width: float) -> None:
        for index in bar.highlighted:
            start, end = slice_span(index, width, bar.slices)
            painter.fillRect(QRectF(start, 10, max(end - start, 1.0), 38), theme.color(theme.HAIRLINE, 0.8))

    @staticmethod
    def _paint_profile(painter: QPainter, bar: Bar, width: int) -> None:
        """Paint one bar per slice, or per pixel where there are more slices than pixels."""
        count = min(bar.slices, width)
        columns = np.nan_to_num(profile_columns(bar.profile, count), nan=0.0)
        heights = np.clip(columns, 0.0, 1.0) * REACH
        for finding in (Finding.MALIGNANT, Finding.BENIGN):
            color = QColor(*line_rgb(finding))
            for index in np.flatnonzero(heights[:, finding] > 0.0):
                start, end = slice_span(int(index), width, count)
                height = float(heights[index, finding])
                top = MIDDLE - height if finding is Finding.MALIGNANT else MIDDLE + 1
                painter.fillRect(QRectF(start, top, end - start, height), color)

    @staticmethod
    def _paint_runs(painter: QPainter, bar: Bar, width: float) -> None:
        for slices, color in ((bar.loaded, theme.HAIRLINE), (bar.seen, theme.DISABLED)):
            for first, last in runs(slices):
                start, end = slice_span(first, width, bar.slices)[0], slice_span(last, width, bar.slices)[1]
                painter.fillRect(QRectF(start, SEEN_TOP, end - start, 2), theme.color(color))

    @staticmethod
    def _paint_ticks(painter: QPainter, bar: Bar, width: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        strongest = max((tick.attention for tick in bar.ticks), default=1.0) or 1.0
        for tick in bar.ticks:
            x = sum(slice_span(tick.slice_index, width, bar.slices)) / 2
            painter.setBrush(theme.color(theme.TEXT, 0.45 + 0.55 * tick.attention / strongest))
            painter.drawPolygon(
                QPolygonF(
                    [
                        QPointF(x - TICK_SIZE * 0.6, TICK_TOP),
                        QPointF(x + TICK_SIZE * 0.6, TICK_TOP),
                        QPointF(x, TICK_TOP + TICK_SIZE),
                    ]
                )
            )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    @staticmethod
    def _paint_cursor(painter: QPainter, bar: Bar, width: float) -> None:
        start, end = slice_span(bar.current, width, bar.slices)
        painter.fillRect(QRectF(start, 9, max(end - start, 1.0), 44), theme.color(theme.ACCENT, 0.16))
        painter.fillRect(QRectF((start + end) / 2 - 1, 9, 2, 44), theme.color(theme.ACCENT))

    def _paint_text(self, painter: QPainter, bar: Bar) -> None:
        rect = QRectF(self.width() - TEXT_WIDTH - MARGIN + 12, 0, TEXT_WIDTH - 12, self.height())
        painter.setFont(theme.body_font())
        head = replace(bar, step_mm=None).position
        mm = bar.position.removeprefix(head).strip()
        painter.setPen(theme.color(theme.TEXT))
        left = rect.adjusted(0, 0, -56, 0)
        painter.drawText(left, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, head)
        painter.setPen(theme.color(theme.SECONDARY))
        painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, mm)


def runs(slices: frozenset[int]) -> list[tuple[int, int]]:
    """Return the (first, last) of every run of neighbouring slices, ascending."""
    found: list[tuple[int, int]] = []
    for index in sorted(slices):
        if found and index == found[-1][1] + 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found
