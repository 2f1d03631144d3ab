"""Where the words of marks stand: beside their mark, never on a mark or on other words, rather in the air."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QFontMetricsF

from viewer.views import theme
from viewer.views.marks_look import Shown

LINE_HEIGHT = 15.0
GAP = 10.0
"""Distance of words from their mark."""
PADDING = 4.0
CLEAR = 2.0
"""Distance of words from other words and marks, at least."""
STEPS = (0.0, 24.0, 56.0, 96.0, 144.0)
"""How far words may move away from their mark to find a free place beside it."""
ON_BREAST = 2.5
"""A place in the air is preferred to one on the breast that is less than so many places nearer."""

Rects = npt.NDArray[np.float64]
"""(rectangles, 4): left, top, right, bottom in device-independent pixels."""


@dataclass(frozen=True)
class Label:
    """Words of a mark with their place."""

    lines: tuple[str, ...]
    rect: QRectF
    shown: Shown


def place_labels(
    marks: Sequence[tuple[Shown, tuple[str, ...]]],
    within: QSizeF,
    taken: Sequence[QRectF],
    on_breast: Callable[[QRectF], bool],
) -> list[Label]:
    """Return the words of marks with their places.

    Parameters
    ----------
    marks : marks of the present slice with their lines of words; the selected one has the first choice.
    within : size of the viewport.
    taken : places of other text.
    on_breast : whether a rectangle covers breast.
    """
    metrics = QFontMetricsF(theme.caption_font())
    screen = QRectF(QPointF(0, 0), within)
    placed: list[Label] = []
    occupied = [*taken, *(shown.rect for shown, _ in marks)]
    for shown, lines in sorted(marks, key=lambda entry: not entry[0].selected):
        if not lines or not screen.intersects(shown.rect):
            continue
        width = max(metrics.horizontalAdvance(line) for line in lines) + 2 * PADDING
        size = (width, len(lines) * LINE_HEIGHT + PADDING)
        rect = _place(shown.rect, size, within, _rects(occupied), on_breast)
        occupied.append(rect)
        placed.append(Label(lines, rect, shown))
    return placed


def _place(
    mark: QRectF,
    size: tuple[float, float],
    within: QSizeF,
    occupied: Rects,
    on_breast: Callable[[QRectF], bool],
) -> QRectF:
    """Return the best place: free, near, in the air; where none beside the mark is free, the nearest free one."""
    beside = _inside(_beside(mark, size), size, within)
    free = [number for number, hidden in enumerate(_covered(beside, occupied)) if hidden == 0.0]
    if free:
        return _best([(number, _rect(beside[number])) for number in free], on_breast)
    anywhere = _inside(_grid(size, within), size, within)
    anywhere = anywhere[_covered(anywhere, occupied) == 0.0]
    if len(anywhere):
        away = np.hypot(*(((anywhere[:, :2] + anywhere[:, 2:]) / 2) - (mark.center().x(), mark.center().y())).T)
        return _rect(anywhere[int(np.argmin(away))])
    return _rect(beside[int(np.argmin(_covered(beside, occupied)))])


def _best(places: Sequence[tuple[int, QRectF]], on_breast: Callable[[QRectF], bool]) -> QRectF:
    best, least = places[0][1], float("inf")
    for number, rect in places:  # the nearest first; asking about the breast takes longest
        if number >= least:
            break
        cost = number + (ON_BREAST if on_breast(rect) else 0.0)
        if cost < least:
            best, least = rect, cost
    return best


def _beside(mark: QRectF, size: tuple[float, float]) -> Rects:
    """Return places around a mark, the nearest first: beside, above and below it, then at its corners."""
    width, height = size
    center_x, center_y = mark.center().x() - width / 2, mark.center().y() - height / 2
    corners = []
    for step in STEPS:
        gap = GAP + step
        left, right = mark.left() - gap - width, mark.right() + gap
        above, below = mark.top() - gap - height, mark.bottom() + gap
        corners += [(right, center_y), (left, center_y), (center_x, above), (center_x, below)]
        corners += [(right, above), (right, below), (left, above), (left, below)]
    return np.asarray(corners, np.float64)


def _grid(size: tuple[float, float], within: QSizeF) -> Rects:
    """Return upper left corners all over the viewport."""
    left = np.arange(CLEAR, max(within.width() - size[0], CLEAR + 1), LINE_HEIGHT)
    top = np.arange(CLEAR, max(within.height() - size[1], CLEAR + 1), LINE_HEIGHT / 2)
    return np.stack(np.meshgrid(left, top), axis=-1).reshape(-1, 2)


def _inside(corners: Rects, size: tuple[float, float], within: QSizeF) -> Rects:
    """Return rectangles with these upper left corners, pushed into the viewport."""
    room = (max(within.width() - size[0] - CLEAR, 0.0), max(within.height() - size[1] - CLEAR, 0.0))
    corners = np.minimum(np.maximum(corners, CLEAR), room)
    return np.concatenate([corners, corners + size], axis=1)


def _covered(places: Rects, occupied: Rects) -> npt.NDArray[np.float64]:
    """Return the area of each place that is occupied, some of it perhaps twice."""
    if not len(occupied):
        return np.zeros(len(places))
    low = np.maximum(places[:, None, :2] - CLEAR, occupied[None, :, :2])
    high = np.minimum(places[:, None, 2:] + CLEAR, occupied[None, :, 2:])
    covered: npt.NDArray[np.float64] = np.maximum(high - low, 0.0).prod(axis=2).sum(axis=1)
    return covered


def _rects(rects: Sequence[QRectF]) -> Rects:
    return np.array([(r.left(), r.top(), r.right(), r.bottom()) for r in rects], np.float64).reshape(-1, 4)


def _rect(row: npt.NDArray[np.float64]) -> QRectF:
    left, top, right, bottom = (float(value) for value in row)
    return QRectF(left, top, right - left, bottom - top)
