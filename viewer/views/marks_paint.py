"""Paints marks: thin bright lines with a dark edge, handles on the selected one, words beside it and never on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from viewer.views import theme
from viewer.views.marks_look import POINT_SIZE, Shown

LINE, EDGE = 1.25, 3.25
"""Widths of a mark's line and of the dark edge around it that keeps it visible on bright tissue."""
HANDLE_SIZE = 7.0
HEAD = 11.0
"""Length of an arrow's head."""
ARC = 18.0
"""Radius of the arc that shows which angle is meant."""
LABEL_LINE = 15.0
LABEL_GAP = 10.0
PADDING = 4.0
STEPS = (0.0, 24.0, 56.0, 96.0, 144.0)
"""How far words may move away from their mark to find a free place."""
FAR, ON_BREAST, COVERED = 0.02, 0.05, 3.0
"""What a place costs for each one that is nearer, for lying on the breast, and, at least, for covering anything."""


@dataclass(frozen=True)
class Label:
    """Words of a mark with their place."""

    lines: tuple[str, ...]
    rect: QRectF
    shown: Shown


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


# -- words -----------------------------------------------------------------------------------------------------------
def place_labels(
    marks: Sequence[tuple[Shown, tuple[str, ...]]],
    within: QSizeF,
    taken: Sequence[QRectF],
    on_breast: Callable[[QRectF], bool],
) -> list[Label]:
    """Return the words of marks with their places: beside the mark, off other marks and words, in the air if near.

    Parameters
    ----------
    marks : marks of the present slice with their lines of words.
    within : size of the viewport.
    taken : places of other text.
    on_breast : whether a rectangle covers breast.
    """
    metrics = QFontMetricsF(theme.caption_font())
    screen = QRectF(QPointF(0, 0), within)
    covered = [shown.rect for shown, _ in marks]
    placed: list[Label] = []
    for shown, lines in sorted(marks, key=lambda entry: not entry[0].selected):  # the selected one has the first choice
        if not lines or not screen.intersects(shown.rect):
            continue
        width = max(metrics.horizontalAdvance(line) for line in lines) + 2 * PADDING
        size = QSizeF(width, len(lines) * LABEL_LINE + PADDING)
        words = [*taken, *(label.rect for label in placed)]
        places = [_inside(rect, screen) for rect in _candidates(shown.rect, size)]
        best = _best(places, covered, words, on_breast)
        if best is None:
            best = _anywhere(size, shown.rect.center(), screen, covered, words) or places[0]
        placed.append(Label(lines, best, shown))
    return placed


def _candidates(mark: QRectF, size: QSizeF) -> list[QRectF]:
    """Return places around a mark, the nearest first: beside, above and below it, then at its corners."""
    places, middle = [], mark.center()
    center_x, center_y = middle.x() - size.width() / 2, middle.y() - size.height() / 2
    for step in STEPS:
        gap = LABEL_GAP + step
        left, right = mark.left() - gap - size.width(), mark.right() + gap
        above, below = mark.top() - gap - size.height(), mark.bottom() + gap
        beside = ((right, center_y), (left, center_y), (center_x, above), (center_x, below))
        corners = ((right, above), (right, below), (left, above), (left, below))
        places += [QRectF(QPointF(*place), size) for place in (*beside, *corners)]
    return places


def _best(
    places: Sequence[QRectF],
    marks: Sequence[QRectF],
    words: Sequence[QRectF],
    on_breast: Callable[[QRectF], bool],
) -> QRectF | None:
    """Return the best place: covers neither marks nor words, is near, is in the air; None where all cover some."""
    costs = [_cost(rect, marks, words) + FAR * number for number, rect in enumerate(places)]
    best, least = places[0], math.inf
    for number in sorted(range(len(places)), key=costs.__getitem__):
        if costs[number] >= least:
            break  # asking about the breast takes longest: only where the answer can matter
        cost = costs[number] + (ON_BREAST if on_breast(places[number]) else 0.0)
        if cost < least:
            best, least = places[number], cost
    return best if least < COVERED else None


def _anywhere(
    size: QSizeF, near: QPointF, screen: QRectF, marks: Sequence[QRectF], words: Sequence[QRectF]
) -> QRectF | None:
    """Return the free place nearest to a mark, or None: for crowded images, where none is left beside it."""
    free: tuple[float, QRectF] | None = None
    for top in range(4, max(int(screen.height() - size.height()), 5), round(LABEL_LINE)):
        for left in range(4, max(int(screen.width() - size.width()), 5), round(2 * LABEL_LINE)):
            rect = QRectF(QPointF(left, top), size)
            away = math.hypot(rect.center().x() - near.x(), rect.center().y() - near.y())
            if (free is None or away < free[0]) and _cost(rect, marks, words) == 0.0:
                free = (away, rect)
    return free[1] if free is not None else None


def _cost(rect: QRectF, marks: Sequence[QRectF], words: Sequence[QRectF]) -> float:
    room = rect.adjusted(-2, -2, 2, 2)
    hidden = sum(1.0 + _area(room.intersected(other)) / _area(room) for other in words if room.intersects(other))
    covers = sum(1.0 + _area(room.intersected(other)) / _area(room) for other in marks if room.intersects(other))
    return COVERED * (hidden + covers)


def _area(rect: QRectF) -> float:
    return max(rect.width(), 0.0) * max(rect.height(), 0.0) if rect.isValid() else 0.0


def _inside(rect: QRectF, screen: QRectF) -> QRectF:
    left = min(max(rect.left(), screen.left() + 2), max(screen.right() - rect.width() - 2, 0.0))
    top = min(max(rect.top(), screen.top() + 2), max(screen.bottom() - rect.height() - 2, 0.0))
    return QRectF(QPointF(left, top), rect.size())


def _paint_label(painter: QPainter, label: Label) -> None:
    color = mark_color(label.shown)
    _paint_leader(painter, label, color)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(theme.VIEWPORT, 0.6))
    painter.drawRoundedRect(label.rect, 3, 3)
    painter.setPen(color)
    for number, line in enumerate(label.lines):
        top = label.rect.top() + PADDING / 2 + number * LABEL_LINE
        row = QRectF(label.rect.left() + PADDING, top, label.rect.width() - 2 * PADDING, LABEL_LINE)
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, line)


def _paint_leader(painter: QPainter, label: Label, color: QColor) -> None:
    """Join words that had to move away with their mark."""
    mark, words = label.shown.rect, label.rect
    if words.adjusted(-LABEL_GAP - 4, -LABEL_GAP - 4, LABEL_GAP + 4, LABEL_GAP + 4).intersects(mark):
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
