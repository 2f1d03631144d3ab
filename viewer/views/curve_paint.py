"""The two curves beside the image, as numbers and as pictures: Dice over thresholds, precision over recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from gmic_core.evaluation.localisation import ThresholdCurve
from viewer.views import theme

FloatArray = npt.NDArray[np.float64]

LEFT, RIGHT, TOP, BOTTOM = 34.0, 10.0, 26.0, 18.0
"""Room around a plot for figures and words, px."""
REACHES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Where an axis may end: maps of networks often stay far below 1."""
MARK, BEST = 4.0, 4.5
"""Half the size of the mark of the present threshold, and of the diamond at the largest Dice."""


def reach(value: float) -> float:
    """Return where an axis ends that has to hold a value."""
    return next((end for end in REACHES if value <= end), 1.0)


def painted_dice(curve: ThresholdCurve, thresholds: FloatArray) -> FloatArray:
    """Return Dice of (A > threshold) at any thresholds, which are taken in single precision as the overlay does."""
    wanted = np.asarray(thresholds, np.float32).astype(np.float64)
    reached = np.searchsorted(-curve.thresholds, -wanted, side="left")
    return np.asarray(np.concatenate([[0.0], curve.dice])[reached], np.float64)


@dataclass(frozen=True)
class Axis:
    """One axis from 0 to where it ends."""

    end: float = 1.0

    @property
    def ticks(self) -> tuple[float, ...]:
        """Values with a figure."""
        return tuple(self.end * k / 4 for k in range(5))

    def figure(self, value: float) -> str:
        """Return a tick's figure, as short as it can be."""
        text = f"{value:.3f}".rstrip("0").rstrip(".")
        return text or "0"


@dataclass(frozen=True)
class Plot:
    """A place on a widget for a curve."""

    room: QRectF
    across: Axis
    up: Axis

    @classmethod
    def inside(cls, width: int, height: int, across: Axis, up: Axis) -> Plot:
        """Return the plot of a widget."""
        return cls(QRectF(LEFT, TOP, max(width - LEFT - RIGHT, 1.0), max(height - TOP - BOTTOM, 1.0)), across, up)

    def point(self, x: float, y: float) -> QPointF:
        """Return where a value is."""
        room = self.room
        return QPointF(
            room.left() + x / self.across.end * room.width(), room.bottom() - y / self.up.end * room.height()
        )

    def x_at(self, px: float) -> float:
        """Return the value under a column of the widget, kept within the axis."""
        share = (px - self.room.left()) / self.room.width()
        return float(np.clip(share, 0.0, 1.0)) * self.across.end

    def polygon(self, x: FloatArray, y: FloatArray) -> QPolygonF:
        """Return a curve; points that fall on the same half pixel are left out."""
        px = self.room.left() + x / self.across.end * self.room.width()
        py = self.room.bottom() - y / self.up.end * self.room.height()
        rounded = np.rint(np.stack([px, py]) * 2.0)
        keep = np.append(True, (np.diff(rounded, axis=1) != 0).any(axis=0))
        return QPolygonF([QPointF(a, b) for a, b in zip(px[keep], py[keep], strict=True)])


def paint_axes(painter: QPainter, plot: Plot, alpha: float) -> None:
    """Paint grid, ticks and figures."""
    room = plot.room
    painter.setPen(QPen(theme.color(theme.HAIRLINE), 1.0))
    for tick in plot.across.ticks:
        x = round(plot.point(tick, 0).x()) + 0.5
        painter.drawLine(QPointF(x, room.top()), QPointF(x, room.bottom() + 3))
    for tick in plot.up.ticks:
        y = round(plot.point(0, tick).y()) + 0.5
        painter.drawLine(QPointF(room.left() - 3, y), QPointF(room.right(), y))
    painter.setPen(theme.color(theme.SECONDARY, alpha))
    for tick in plot.across.ticks:
        box = QRectF(plot.point(tick, 0).x() - 24, room.bottom() + 4, 48, 12)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, plot.across.figure(tick))
    for tick in plot.up.ticks[::2]:
        box = QRectF(0, plot.point(0, tick).y() - 7, room.left() - 6, 14)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, plot.up.figure(tick))


def paint_curve(painter: QPainter, line: QPolygonF, colour: QColor, alpha: float) -> None:
    """Paint a curve in the colour of its class."""
    shown = QColor(colour)
    shown.setAlphaF(alpha)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(shown, 1.5))
    painter.drawPolyline(line)


def paint_best(painter: QPainter, at: QPointF, colour: QColor, alpha: float) -> None:
    """Paint the diamond at the largest Dice."""
    shown = QColor(colour)
    shown.setAlphaF(alpha)
    painter.setPen(QPen(shown, 1.5))
    painter.setBrush(theme.color(theme.PANEL))
    corners: Sequence[tuple[float, float]] = ((0, -BEST), (BEST, 0), (0, BEST), (-BEST, 0))
    painter.drawPolygon(QPolygonF([at + QPointF(dx, dy) for dx, dy in corners]))


def paint_mark(painter: QPainter, at: QPointF, *, held: bool, alpha: float) -> None:
    """Paint the handle of the present threshold."""
    painter.setPen(QPen(theme.color(theme.PANEL), 1.5))
    painter.setBrush(theme.color(theme.ACCENT if held else theme.TEXT, alpha))
    painter.drawEllipse(at, MARK, MARK)
