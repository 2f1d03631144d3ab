"""Corner text of a viewport: laid where the air is, so that it never covers the breast.

Text stands on the nipple side (left for a right breast). A line that would touch the breast is left out; the side
marker, which must always be there, looks for another corner and, where all four are breast, stands on a black plate.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen

from viewer.model.corner_text import Line, Tone
from viewer.views import theme

MARGIN = 10.0
LINE_HEIGHT = 16.0
MARKER_HEIGHT = 26.0
BADGE_HEIGHT, BADGE_LINE = 16.0, 20.0
BADGE_PADDING = 5.0
GAP = 8.0
CLEARANCE = 3.0
"""Distance between text and breast, px."""
WIDEST_SHARE = 0.62
"""Longest line as a share of the viewport's width; longer ones are broken."""
WARNING_SHARES = (WIDEST_SHARE, 0.4, 0.25, 0.18)
MOST_PARTS = 4
"""Shares of the width that a warning is broken to, and into how many lines at most."""

MARKER_SHARES = (1.0, 0.7, 0.4)
"""Shares of the viewport's width that the marker may take: a narrower one is tried before it is laid on the breast."""

TONES: dict[Tone, str] = {
    "normal": theme.TEXT,
    "secondary": theme.SECONDARY,
    "warning": theme.WARNING,
    "error": theme.ERROR,
}

Touches = Callable[[QRectF], bool]


@dataclass(frozen=True)
class Placed:
    """A line with its place; ``plate``: on black, because there was no air left."""

    line: Line
    rect: QRectF
    marker: bool = False
    plate: bool = False


@functools.cache
def _font(*, marker: bool) -> QFont:
    return theme.font(theme.SIDE_MARKER_PX, QFont.Weight.DemiBold) if marker else theme.caption_font()


@functools.lru_cache(maxsize=2048)
def _text_width(text: str, *, marker: bool = False) -> float:
    """Return the width of a text in px; shaping text takes longer than anything else here."""
    return float(QFontMetricsF(_font(marker=marker)).horizontalAdvance(text))


def text_width(text: str) -> float:
    """Return the width of corner text in px."""
    return _text_width(text)


def _width(line: Line, *, marker: bool) -> float:
    badges = sum(GAP + _text_width(text) + 2 * BADGE_PADDING for text, _ in line.badges)
    return _text_width(line.text, marker=marker) + badges - (0 if line.text or not line.badges else GAP)


def place_lines(
    size: QSizeF, nipple_left: bool, marker: Line, above: Sequence[Line], below: Sequence[Line], touches: Touches
) -> list[Placed]:
    """Return which lines are shown and where.

    Parameters
    ----------
    size : of the viewport, in device-independent pixels.
    nipple_left : whether the air is on the left (right breast).
    above : lines under the marker, from the top.
    below : lines of the lower corner, from the bottom; lines that follow one without room are left out as well.
    touches : whether a rectangle covers breast.
    """
    placed = _place_marker(size, nipple_left, marker, touches)
    taken = functools.reduce(QRectF.united, (line.rect for line in placed))
    placed += _above(size, nipple_left, taken, above, touches)
    placed += _below(size, nipple_left, taken, placed, below, touches)
    return placed


def _above(size: QSizeF, nipple_left: bool, marker: QRectF, lines: Sequence[Line], touches: Touches) -> list[Placed]:
    """Place the upper lines on the side that has room for more of them, the nipple's if both have the same."""

    def on(left: bool) -> list[Placed]:
        beside = _reaches(size, marker, left) and marker.top() < size.height() / 2
        return _stack(size, left, lines, marker.bottom() if beside else MARGIN, +1, size.height() * 0.45, touches)

    return max(on(nipple_left), on(not nipple_left), key=len)


def _below(
    size: QSizeF,
    nipple_left: bool,
    marker: QRectF,
    placed: Sequence[Placed],
    lines: Sequence[Line],
    touches: Touches,
) -> list[Placed]:
    """Place the lower lines in the same way, below what stands on their side already."""

    def on(left: bool) -> list[Placed]:
        bottom = size.height() - MARGIN - LINE_HEIGHT
        if _reaches(size, marker, left) and marker.top() >= size.height() / 2:
            bottom -= marker.height()
        uppers = [line.rect.bottom() for line in placed if line.rect.top() < size.height() / 2]
        return _stack(size, left, lines, bottom, -1, min(max(uppers, default=0.0) + LINE_HEIGHT, bottom), touches)

    return max(on(nipple_left), on(not nipple_left), key=len)


def _reaches(size: QSizeF, marker: QRectF, left: bool) -> bool:
    """Whether the marker stands in the way of lines on a side; in a narrow viewport it does on both."""
    column = size.width() * WIDEST_SHARE
    edge = MARGIN if left else size.width() - MARGIN - column
    return bool(marker.left() < edge + column and marker.right() > edge)


def _place_marker(size: QSizeF, nipple_left: bool, marker: Line, touches: Touches) -> list[Placed]:
    """Place the marker where no breast is, else on a plate; badges without room stand in lines of their own below."""
    room = size.width() - 2 * MARGIN
    broken = [_broken(marker, share * room) for share in MARKER_SHARES]
    for left in (nipple_left, not nipple_left):
        for at_top in (True, False):
            for lines in broken:
                low = size.height() - MARGIN - MARKER_HEIGHT - BADGE_LINE * (len(lines) - 1)
                placed = _marker_at(size, left, MARGIN if at_top else low, lines, plate=False)
                if not any(touches(line.rect) for line in placed):
                    return placed
    return _marker_at(size, nipple_left, MARGIN, broken[0], plate=True)


def _marker_at(size: QSizeF, left: bool, top: float, lines: Sequence[Line], *, plate: bool) -> list[Placed]:
    placed = []
    for number, line in enumerate(lines):
        first = number == 0
        width = _width(line, marker=first)
        placed.append(
            Placed(
                line,
                QRectF(_x(size, left, width), top, width, MARKER_HEIGHT if first else BADGE_LINE),
                marker=first,
                plate=plate,
            )
        )
        top += placed[-1].rect.height()
    return placed


def _broken(marker: Line, room: float) -> list[Line]:
    """Break the badges of a marker into lines that fit: side and view must not be pushed out of the viewport."""
    lines = [Line(marker.text, marker.tone)]
    for badge in marker.badges:
        last = lines[-1]
        longer = Line(last.text, last.tone, (*last.badges, badge))
        empty = not last.text and not last.badges
        if empty or _width(longer, marker=len(lines) == 1) <= room:
            lines[-1] = longer
        else:
            lines.append(Line("", marker.tone, (badge,)))
    return lines


def _x(size: QSizeF, left: bool, width: float) -> float:
    return MARGIN if left else size.width() - MARGIN - width


def _stack(
    size: QSizeF, left: bool, lines: Sequence[Line], start: float, step: int, end: float, touches: Touches
) -> list[Placed]:
    """Place lines one after another from ``start``; stop at ``end`` or at the breast."""
    placed: list[Placed] = []
    y = start
    for line in lines:
        columns = (_column(size, left, way, y, step) for way in _ways(line, size.width()))
        fitting = next((column for column in columns if _is_free(column, step, end, touches)), None)
        if fitting is None:
            break
        placed += fitting
        y += step * LINE_HEIGHT * len(fitting)
    return placed


def _ways(line: Line, width: float) -> Iterator[list[Line]]:
    """Yield how a line may be written, in as few lines as it takes; a warning, which must be read, in narrower ones."""
    parts = _wrapped(line.text, width * WIDEST_SHARE)
    if len(parts) == 1 or len(parts) > MOST_PARTS:
        yield [Line(_elided(line.text, width * WIDEST_SHARE), line.tone, line.badges)]
    for share in WARNING_SHARES if line.tone == "warning" else (WIDEST_SHARE,):
        parts = _wrapped(line.text, width * share)
        if 1 < len(parts) <= MOST_PARTS:
            yield [Line(part, line.tone) for part in parts]


def _wrapped(text: str, room: float) -> list[str]:
    """Break a text between words so that every part fits; a word that does not is cut off."""
    if _text_width(text) <= room:
        return [text]
    parts: list[str] = []
    for word in text.split():
        longer = f"{parts[-1]} {word}" if parts else word
        if parts and _text_width(longer) <= room:
            parts[-1] = longer
        else:
            parts.append(word)
    return [_elided(part, room) for part in parts]


def _column(size: QSizeF, left: bool, lines: Sequence[Line], y: float, step: int) -> list[Placed]:
    """Place lines below each other, the first at ``y``, or where they grow upwards the last."""
    column = []
    for number, line in enumerate(lines if step > 0 else reversed(lines)):
        width = _width(line, marker=False)
        column.append(Placed(line, QRectF(_x(size, left, width), y + step * LINE_HEIGHT * number, width, LINE_HEIGHT)))
    return column


def _is_free(column: Sequence[Placed], step: int, end: float, touches: Touches) -> bool:
    return not any(
        (one.rect.bottom() > end if step > 0 else one.rect.top() < end) or touches(one.rect) for one in column
    )


def _elided(text: str, room: float) -> str:
    if _text_width(text) <= room:
        return text
    return QFontMetricsF(_font(marker=False)).elidedText(text, Qt.TextElideMode.ElideRight, room)


def paint_lines(painter: QPainter, lines: Sequence[Placed]) -> None:
    """Paint placed lines."""
    for placed in lines:
        _paint_line(painter, placed)


def _paint_line(painter: QPainter, placed: Placed) -> None:
    if placed.plate:
        painter.fillRect(placed.rect.adjusted(-4, 0, 4, 0), theme.color(theme.VIEWPORT, 0.7))
    x = placed.rect.left()
    if placed.line.text:
        painter.setFont(_font(marker=placed.marker))
        painter.setPen(theme.color(TONES[placed.line.tone]))
        painter.drawText(placed.rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, placed.line.text)
        x += _text_width(placed.line.text, marker=placed.marker) + GAP
    for text, tone in placed.line.badges:
        x = paint_badge(painter, QPointF(x, placed.rect.center().y()), text, tone) + GAP


def paint_badge(painter: QPainter, left_middle: QPointF, text: str, tone: Tone) -> float:
    """Paint a word in a frame; return its right end."""
    painter.setFont(_font(marker=False))
    width = _text_width(text) + 2 * BADGE_PADDING
    rect = QRectF(left_middle.x(), round(left_middle.y() - BADGE_HEIGHT / 2), width, BADGE_HEIGHT)
    painter.setPen(QPen(theme.color(TONES[tone], 0.6), 1.0))
    painter.setBrush(theme.color(theme.VIEWPORT, 0.8))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
    painter.setPen(theme.color(TONES[tone]))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    return float(rect.right())
