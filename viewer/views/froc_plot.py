"""FROC curves, painted: sensitivity against false positives per image, with the point under the mouse or the keys."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gmic_core.detection.froc import Froc
from gmic_core.types import Finding
from viewer.model.colormaps import line_rgb
from viewer.views import theme
from viewer.views.command_widgets import KeepKeys

LEFT, RIGHT, TOP, BOTTOM = 44, 16, 28, 40
LEAST, MOST = 1.0, 4.0
"""False positives per image that the axis shows at least and at most."""
DOT = 4.0


@dataclass(frozen=True)
class Curve:
    """One curve: its name, and its colour; ``dashed`` tells patches from peaks."""

    name: str
    froc: Froc
    finding: Finding | None = None
    dashed: bool = False
    unit: str = "image"

    @property
    def color(self) -> QColor:
        """Colour of the class; the accent where there is none."""
        return theme.color(theme.ACCENT) if self.finding is None else QColor(*line_rgb(self.finding))

    def words(self, place: int) -> str:
        """Return threshold, sensitivity and false positives of a point, in words."""
        f = self.froc
        hit = round(float(f.sensitivity[place]) * f.lesions)
        return (
            f"{self.name}: at threshold {f.thresholds[place]:.4g} sensitivity {f.sensitivity[place]:.3f} "
            f"({hit} of {f.lesions} lesions), {f.false_positives[place]:.2f} false positives per {self.unit}"
        )


class FrocPlot(QWidget):
    """Left and Right go along a curve, Up and Down to another one; the mouse chooses the nearest point.

    Signals
    -------
    pointed : the words of the point that is chosen, "" where there is none.
    """

    pointed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves: list[Curve] = []
        self.active, self.place = 0, 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(280, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFont(theme.caption_font())
        self.setAccessibleName("FROC curves")
        KeepKeys(self)

    def sizeHint(self) -> QSize:
        """Return the size that the layout should plan with."""
        return QSize(520, 320)

    def show_curves(self, curves: list[Curve]) -> None:
        """Show other curves."""
        self.curves = curves
        self.active, self.place = 0, 0
        self._tell()

    def choose(self, active: int, place: int | None = None) -> None:
        """Choose a curve, and a point of it."""
        if 0 <= active < len(self.curves):
            last = self.curves[active].froc.thresholds.size - 1
            wanted = place if place is not None else self.place
            self.active, self.place = active, min(max(wanted, 0), max(last, 0))
            self._tell()

    @property
    def text(self) -> str:
        """Words of the chosen point."""
        if not self.curves:
            return ""
        curve = self.curves[self.active]
        return curve.words(self.place) if curve.froc.thresholds.size else f"{curve.name}: nothing was pointed at"

    def _tell(self) -> None:
        self.setAccessibleDescription(self.text or "no curve")
        self.pointed.emit(self.text)
        self.update()

    # -- where things are ----------------------------------------------------------------------------------------
    @property
    def most(self) -> float:
        """False positives per image at the right end."""
        own = [float(c.froc.false_positives.max(initial=0.0)) for c in self.curves]
        return min(max([LEAST, *own]), MOST)

    def _room(self) -> QRectF:
        return QRectF(LEFT, TOP, max(self.width() - LEFT - RIGHT, 1), max(self.height() - TOP - BOTTOM, 1))

    def at(self, false_positives: float, sensitivity: float) -> QPointF:
        """Return where a point is painted."""
        room = self._room()
        x = room.left() + room.width() * min(false_positives / self.most, 1.0)
        return QPointF(x, room.bottom() - room.height() * sensitivity)

    # -- mouse and keys ------------------------------------------------------------------------------------------
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Choose the nearest point of all curves."""
        mouse = event.position()
        best: tuple[float, int, int] | None = None
        for number, curve in enumerate(self.curves):
            for place, (x, y) in enumerate(zip(curve.froc.false_positives, curve.froc.sensitivity, strict=True)):
                away = (self.at(float(x), float(y)) - mouse).manhattanLength()
                if best is None or away < best[0]:
                    best = away, number, place
        if best is not None:
            self.choose(best[1], best[2])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go along the curve or to another one."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in steps:
            self.choose(self.active, self.place + steps[Qt.Key(event.key())])
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.choose(self.active, 0 if event.key() == Qt.Key.Key_Home else 1 << 30)
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.curves:
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            self.choose((self.active + step) % len(self.curves))
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        super().focusOutEvent(event)
        self.update()

    # -- painting ------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint axes, curves and the chosen point."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.color(theme.PANEL))
        self._paint_axes(painter)
        for number in sorted(
            range(len(self.curves)), key=lambda number: number == self.active
        ):  # the chosen one on top
            self._paint_curve(painter, self.curves[number], strong=number == self.active)
        if self.curves and self.curves[self.active].froc.thresholds.size:
            self._paint_point(painter, self.curves[self.active])
        if self.hasFocus():
            painter.setPen(QPen(theme.color(theme.ACCENT), theme.FOCUS_WIDTH))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)

    def _paint_axes(self, painter: QPainter) -> None:
        room, text = self._room(), theme.color(theme.SECONDARY)
        for tenth in range(0, 11, 2):
            y = self.at(0.0, tenth / 10).y()
            painter.fillRect(QRectF(room.left(), round(y), room.width(), 1), theme.color(theme.HAIRLINE))
            painter.setPen(text)
            box = QRectF(0, y - 8, LEFT - 8, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{tenth / 10:.1f}")
        step = 0.2 if self.most <= 2 else 1.0
        for number in range(round(self.most / step + 1e-9) + 1):
            x = self.at(number * step, 0.0).x()
            painter.fillRect(QRectF(round(x), room.bottom(), 1, 4), theme.color(theme.DISABLED))
            painter.setPen(text)
            box = QRectF(x - 20, room.bottom() + 4, 40, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{number * step:g}")
        one = self.at(1.0, 0.0).x()
        painter.fillRect(QRectF(round(one), room.top(), 1, room.height()), theme.color(theme.DISABLED))
        unit = self.curves[0].unit if self.curves else "image"
        box = QRectF(room.left(), room.bottom() + 18, room.width(), 16)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"false positives per {unit}")
        painter.drawText(QRectF(8, 6, room.width(), 16), Qt.AlignmentFlag.AlignLeft, "sensitivity")

    def _paint_curve(self, painter: QPainter, curve: Curve, *, strong: bool) -> None:
        """Paint a staircase: between two points nothing more is found than at the first of them."""
        corners, height = [self.at(0.0, 0.0)], 0.0
        for x, y in zip(curve.froc.false_positives, curve.froc.sensitivity, strict=True):
            if x > self.most:
                break
            corners += [self.at(float(x), height), self.at(float(x), float(y))]
            height = float(y)
        corners.append(self.at(self.most, height))
        pen = QPen(curve.color, 2.5 if strong else 1.5)
        pen.setStyle(Qt.PenStyle.DashLine if curve.dashed else Qt.PenStyle.SolidLine)
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(corners))

    def _paint_point(self, painter: QPainter, curve: Curve) -> None:
        x, y = curve.froc.false_positives[self.place], curve.froc.sensitivity[self.place]
        painter.setPen(QPen(theme.color(theme.TEXT), 1.5))
        painter.setBrush(curve.color)
        painter.drawEllipse(self.at(float(x), float(y)), DOT, DOT)
