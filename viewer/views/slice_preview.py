"""The small picture over the slice bar: the slice under the mouse, before the reader goes there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gmic_core.types import Finding
from viewer.commands import Context
from viewer.model.bar import Bar, slice_words
from viewer.model.colormaps import line_rgb
from viewer.model.placement import extent_mm, fit_scale, fitted, stored_to_screen
from viewer.model.viewstate import ImageState
from viewer.views import theme
from viewer.views.viewport_pixels import ViewportPixels

PICTURE_WIDTH, PICTURE_HEIGHT = 176, 208
"""Room for the picture in device-independent pixels."""
PADDING = 8
LINE = 16
DISTANCE = 8
"""Pixels between the preview and the bar."""
FEWEST_WORDS, MOST_WORDS = 2, 4
"""Lines under the picture of an image without and with an AI result."""
LOADING = "loading"


class SlicePreview(QWidget):
    """Lies over the window above the bar while the mouse is on it; it takes no mouse events and no focus."""

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self._pixels = ViewportPixels(context)
        self._picture: QImage | None = None
        self._bar: Bar | None = None
        self.slice: int | None = None
        self.setObjectName("slicePreview")
        self.setAccessibleName("Preview of the slice under the mouse")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    @property
    def words(self) -> tuple[str, ...]:
        """The lines under the picture: slice and depth, saliency, patches."""
        return () if self._bar is None or self.slice is None else slice_words(self._bar, self.slice)

    @property
    def picture(self) -> QImage | None:
        """The picture of the slice, or None while it is being decoded."""
        return self._picture

    def show_slice(self, state: ImageState, bar: Bar, index: int, above: QPoint) -> None:
        """Show a slice over a place of the window.

        Parameters
        ----------
        above : middle of the preview's lower edge, in pixels of the parent; the preview stays inside the parent.
        """
        self._bar, self.slice = bar, index
        self._picture = self._make_picture(state, index)
        if self._picture is None:
            frames = self._context.frames
            frames.request(state.image, index)
            frames.request(state.image, state.slice_index)  # the reader is still there: read ahead from there
        self.setAccessibleDescription(", ".join(self.words))
        width = PICTURE_WIDTH + 2 * PADDING
        # as high for every slice of an image: a card that jumps under the mouse cannot be read
        lines = MOST_WORDS if not np.isnan(bar.profile).all() else FEWEST_WORDS
        height = PICTURE_HEIGHT + 2 * PADDING + 4 + LINE * lines
        parent = self.parentWidget()
        room = parent.width() - width if parent is not None else 0
        left = min(max(above.x() - width // 2, 4), max(room - 4, 4))
        self.setGeometry(left, max(above.y() - DISTANCE - height, 4), width, height)
        self.show()
        self.raise_()
        self.update()

    def forget(self) -> None:
        """Drop what is known of another exam's pixels."""
        self._pixels.forget()
        self._picture = None

    def _make_picture(self, state: ImageState, index: int) -> QImage | None:
        ratio = self.devicePixelRatioF()
        tall, wide = extent_mm(state.image)
        scale = fit_scale(state.image, round(PICTURE_WIDTH * ratio), round(PICTURE_HEIGHT * ratio))
        width, height = max(round(wide * scale), 1), max(round(tall * scale), 1)
        to_screen = stored_to_screen(state.image, fitted(width, scale), width, height)
        picture = self._pixels.region(state, to_screen, width, height, index)
        if picture is not None:
            picture.setDevicePixelRatio(ratio)
        return picture

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint card, picture and words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color(theme.HAIRLINE))
        painter.setBrush(theme.color(theme.RAISED))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
        frame = QRectF(PADDING, PADDING, PICTURE_WIDTH, PICTURE_HEIGHT)
        painter.fillRect(frame, theme.color(theme.VIEWPORT))
        painter.setFont(theme.caption_font())
        if self._picture is None:
            painter.setPen(theme.color(theme.SECONDARY))
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, LOADING)
        else:
            size = self._picture.deviceIndependentSize()
            left = frame.center().x() - size.width() / 2
            painter.drawImage(QRectF(left, frame.center().y() - size.height() / 2, *size.toTuple()), self._picture)
        self._paint_words(painter, frame.bottom() + 4)

    def _paint_words(self, painter: QPainter, top: float) -> None:
        for number, text in enumerate(self.words):
            rect = QRectF(PADDING, top + number * LINE, PICTURE_WIDTH, LINE)
            finding = next((one for one in Finding if text.startswith(one.name.lower())), None)
            if finding is not None:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(*line_rgb(finding)))
                painter.drawRect(QRectF(rect.left(), rect.center().y() - 4, 8, 8))
                rect.adjust(16, 0, 0, 0)
            painter.setPen(theme.color(theme.TEXT if number == 0 else theme.SECONDARY))
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
