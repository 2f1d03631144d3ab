"""The test pattern on a whole screen, driven exactly as the images on it are."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QCloseEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QScreen
from PySide6.QtWidgets import QWidget

from viewer.model.displays import DisplayModel, output_levels
from viewer.model.test_pattern import make_pattern
from viewer.views import screens, theme

PLATE = 44
"""Height of the line of text at the lower edge, px."""


class TestPatternView(QWidget):
    """Shows the pattern until a key is pressed or the mouse is clicked.

    Signals
    -------
    closed()
    """

    closed = Signal()
    __test__ = False  # the name is no test's

    def __init__(self, displays: DisplayModel, screen: QScreen) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint)
        self._displays, self._screen = displays, screen
        self._made: tuple[object, QImage] | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setWindowTitle("Display test pattern")
        self.setAccessibleName("Display test pattern; press Esc to close it")
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.setScreen(screen)
        self.setGeometry(screen.geometry())

    def picture(self) -> QImage:
        """Return the pattern in device pixels as it is sent to the screen."""
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        profile = self._displays.profile(screens.screen_key(self._screen))
        key = (width, height, profile)
        if self._made is None or self._made[0] != key:
            levels = output_levels(np.arange(256.0), profile)[make_pattern(width, height)]
            image = QImage(levels.data, width, height, width, QImage.Format.Format_Grayscale8).copy()
            image.setDevicePixelRatio(ratio)
            self._made = (key, image)
        return self._made[1]

    def text(self) -> str:
        """Return the line that says which screen this is and how it is driven."""
        profile = self._displays.profile(screens.screen_key(self._screen))
        output = "sRGB"
        if profile.output == "gsdf":
            output = f"GSDF from {profile.darkest:g} to {profile.brightest:g} cd/m²"
        state = f"calibrated {profile.calibrated}" if profile.calibrated else "not calibrated"
        return f"{screens.screen_name(self._screen)}     {output}     {state}     Esc closes the pattern"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the pattern and the line of text."""
        painter = QPainter(self)
        painter.drawImage(QPoint(0, 0), self.picture())
        painter.setFont(theme.body_font())
        text = self.text()
        width = painter.fontMetrics().horizontalAdvance(text) + 32
        plate = QRectF((self.width() - width) / 2, self.height() - PLATE, width, 28)
        painter.fillRect(plate, theme.color(theme.VIEWPORT))
        painter.setPen(theme.color(theme.TEXT))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close."""
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell that the pattern is gone."""
        super().closeEvent(event)
        self.closed.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Close."""
        self.close()
