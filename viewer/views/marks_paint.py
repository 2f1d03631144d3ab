"""Paints marks: thin bright lines with a dark edge, handles on the selected one, words beside it and never on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from viewer.views import theme
from viewer.views.marks_labels import GAP, LINE_HEIGHT, PADDING, Label
from viewer.views.marks_look import POINT_SIZE, Shown

LINE, EDGE = 1.25, 3.25
"""Widths of a mark's line and of the dark edge around it that keeps it visible on bright tissue."""
HANDLE_SIZE = 7.0
HEAD = 11.0
"""Length of an arrow's head."""
ARC = 18.0
"""Radius of the arc that shows which angle is meant."""


def mark_color(shown: Shown) -> QColor:
    """Return the colour of a mark: the accent while it is selected or drawn, else that of text."""
    return theme.color(theme.ACCENT if shown.selected or shown.draft else theme.TEXT, shown.opacity)


def paint_marks(painter: QPainter, marks: Sequence[Shown], labels: Sequence[Label]) -> None:
    """Paint marks, then their words."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for shown in marks:
        dark = theme.color(theme.VIEWPORT, 0.6 * shown.opacity)
        for color, width in ((dark, EDGE), (mark_color(shown), LINE)):
            painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            _paint_shape(painter, shown)
        if shown.selected and shown.on_slice:
            _paint_handles(painter, shown)
    painter.setFont(theme.caption_font())
    for label in labels:
        _paint_label(painter, label)


def _paint_shape(painter: QPainter, shown: Shown) -> None:
    kind, first = shown.mark.kind, shown.handles[0]
    if kind == "ellipse":  # images are turned by right angles only: on the screen its axes are upright, too
        painter.drawEllipse(QPolygonF(shown.handles).boundingRect())
        return
    for line in shown.lines:
        painter.drawPolyline(line)
    if kind == "length":
        _paint_ends(painter, shown.handles[0], shown.handles[1])
    elif kind == "angle":
        _paint_arc(painter, shown.handles)
    elif kind == "arrow":
        _paint_head(painter, shown.handles[0], shown.handles[1])
    elif kind == "nipple":
        _paint_ring(painter, first, guess=shown.guess)
    elif kind in ("place", "text"):
        _paint_cross(painter, first)


def _paint_ends(painter: QPainter, one: QPointF, other: QPointF) -> None:
    """Paint the short strokes across the ends of a length: they do not hide what is measured."""
    along = other - one
    length = math.hypot(along.x(), along.y())
    if length < 1e-6:
        return
    across = QPointF(-along.y(), along.x()) * (5.0 / length)
    for end in (one, other):
        painter.drawLine(end - across, end + across)


def _paint_arc(painter: QPainter, handles: Sequence[QPointF]) -> None:
    one, vertex, other = handles
    first = math.degrees(math.atan2(-(one.y() - vertex.y()), one.x() - vertex.x()))
    second = math.degrees(math.atan2(-(other.y() - vertex.y()), other.x() - vertex.x()))
    span = (second - first + 180.0) % 360.0 - 180.0
    rect = QRectF(vertex.x() - ARC, vertex.y() - ARC, 2 * ARC, 2 * ARC)
    painter.drawArc(rect, round(first * 16), round(span * 16))


def _paint_head(painter: QPainter, tail: QPointF, tip: QPointF) -> None:
    back = tail - tip
    length = math.hypot(back.x(), back.y())
    if length < 1e-6:
        return
    along = back * (HEAD / length)
    across = QPointF(-along.y(), along.x()) * 0.45
    painter.drawPolyline(QPolygonF([tip + along + across, tip, tip + along - across]))


def _paint_cross(painter: QPainter, at: QPointF) -> None:
    """Paint a cross with an open middle: what is meant stays visible."""
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        painter.drawLine(at + QPointF(dx * 3, dy * 3), at + QPointF(dx * (POINT_SIZE + 2), dy * (POINT_SIZE + 2)))


def _paint_ring(painter: QPainter, at: QPointF, *, guess: bool) -> None:
    if guess:
        pen = painter.pen()
        pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
    painter.drawEllipse(at, POINT_SIZE, POINT_SIZE)


def _paint_handles(painter: QPainter, shown: Shown) -> None:
    if len(shown.mark.points) == 1:
        return
    painter.setPen(QPen(theme.color(theme.VIEWPORT, 0.8), 1.0))
    painter.setBrush(theme.color(theme.ACCENT))
    size = HANDLE_SIZE if len(shown.handles) <= 8 else HANDLE_SIZE - 2.0
    for at in shown.handles:
        painter.drawRect(QRectF(at.x() - size / 2, at.y() - size / 2, size, size))


def _paint_label(painter: QPainter, label: Label) -> None:
    color = mark_color(label.shown)
    _paint_leader(painter, label, color)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(theme.VIEWPORT, 0.6))
    painter.drawRoundedRect(label.rect, 3, 3)
    painter.setPen(color)
    for number, line in enumerate(label.lines):
        top = label.rect.top() + PADDING / 2 + number * LINE_HEIGHT
        row = QRectF(label.rect.left() + PADDING, top, label.rect.width() - 2 * PADDING, LINE_HEIGHT)
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, line)


def _paint_leader(painter: QPainter, label: Label, color: QColor) -> None:
    """Join words that had to move away with their mark."""
    mark, words = label.shown.rect, label.rect
    if words.adjusted(-GAP - 4, -GAP - 4, GAP + 4, GAP + 4).intersects(mark):
        return
    faint = QColor(color)
    faint.setAlphaF(0.5 * color.alphaF())
    painter.setPen(QPen(faint, 1.0))
    start = QPointF(
        min(max(mark.center().x(), words.left()), words.right()),
        min(max(mark.center().y(), words.top()), words.bottom()),
    )
    end = QPointF(min(max(start.x(), mark.left()), mark.right()), min(max(start.y(), mark.top()), mark.bottom()))
    painter.drawLine(start, end)
