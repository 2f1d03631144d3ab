"""Where marks are on the screen: lines, handles, how strong they are drawn; and what is under the mouse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPolygonF

from gmic_core.exam.geometry import PlaneMap
from viewer.model.marks import Mark, Point, handles, outline
from viewer.model.marks_drawing import Hit
from viewer.model.marks_model import MarksModel
from viewer.model.viewstate import ImageState

NEARBY_SLICES = 5
"""A mark is shown, fainter and without its words, on so many slices around its own."""
FAINTEST, NEAREST = 0.2, 0.5
HANDLE_REACH, LINE_REACH = 8.0, 6.0
"""How near the mouse must come to take a handle, a line (device-independent pixels)."""
POINT_SIZE = 7.0
"""Half the size of the cross or ring that stands for a mark of one point."""


@dataclass(frozen=True)
class Shown:
    """A mark on the screen.

    Attributes
    ----------
    lines : what it is drawn with, in device-independent pixels.
    handles : where it can be taken hold of.
    opacity : 1 on its slice.
    guess : a nipple that the program found and nobody placed.
    """

    mark: Mark
    lines: tuple[QPolygonF, ...]
    handles: tuple[QPointF, ...]
    opacity: float
    on_slice: bool
    selected: bool
    draft: bool
    guess: bool = False

    @property
    def rect(self) -> QRectF:
        """What it covers; at least the cross of a single point."""
        places = [place for line in self.lines for place in line.toList()] or list(self.handles)
        rect = QPolygonF(places).boundingRect()
        grow = POINT_SIZE + 2.0 if len(self.mark.points) == 1 else 2.0
        return rect.adjusted(-grow, -grow, grow, grow)


@dataclass(frozen=True)
class ScreenPoints:
    """Stored pixels -> device-independent pixels of a viewport.

    Attributes
    ----------
    to_screen : stored pixels -> device pixels.
    ratio : device pixels per device-independent pixel.
    """

    to_screen: PlaneMap
    ratio: float

    def points(self, stored: Sequence[Point] | object) -> list[QPointF]:
        """Return where stored points lie on the screen."""
        places = (self.to_screen.apply(stored) + 0.5) / self.ratio  # type: ignore[arg-type]
        return [QPointF(float(col), float(row)) for row, col in places]

    @property
    def stored_per_device(self) -> float:
        """Stored pixels per device pixel."""
        return 1.0 / max(math.sqrt(abs(float(_det(self.to_screen)))), 1e-9)


def _det(plane: PlaneMap) -> float:
    (a, b), (c, d) = plane.matrix[:2, :2]
    return float(a * d - b * c)


def shown_marks(marks: MarksModel, state: ImageState, screen: ScreenPoints, guess: Mark | None) -> list[Shown]:
    """Return the marks to draw on the present slice of an image: its own, those nearby, the draft; selected ones last.

    Parameters
    ----------
    guess : the nipple to draw where none was placed, or None.
    """
    if not marks.visible:
        return []
    every = [*marks.of(state.image.sop_uid).marks, *((guess,) if guess is not None else ())]
    shown = [_shown(mark, marks, state, screen, guess) for mark in every]
    draft = marks.draft
    if draft is not None and draft.sop_uid == state.image.sop_uid:
        shown.append(_shown(draft, marks, state, screen, guess, draft=True))
    return sorted((item for item in shown if item is not None), key=lambda item: (item.selected, item.opacity))


def _shown(
    mark: Mark, marks: MarksModel, state: ImageState, screen: ScreenPoints, guess: Mark | None, *, draft: bool = False
) -> Shown | None:
    away = 0 if mark.kind == "nipple" else abs(mark.slice_index - state.slice_index)
    if away > NEARBY_SLICES:
        return None
    fade = NEAREST - (NEAREST - FAINTEST) * (away - 1) / max(NEARBY_SLICES - 1, 1)
    lines = tuple(QPolygonF(screen.points(line)) for line in outline(mark)) if len(mark.points) > 1 else ()
    return Shown(
        mark,
        lines,
        tuple(screen.points(handles(mark))),
        1.0 if away == 0 else fade,
        away == 0,
        mark.id == marks.selected,
        draft,
        mark is guess,
    )


def hit_test(shown: Sequence[Shown], at: QPointF) -> Hit | None:
    """Return what is under the mouse: handles of the selected mark first, then other handles, then lines.

    Only marks of the present slice can be taken.
    """
    there = [item for item in reversed(shown) if item.on_slice and not item.draft]
    for item in there:
        handle = _near_handle(item, at)
        if handle is not None and (item.selected or len(item.mark.points) == 1):
            return Hit(item.mark, handle)
    for item in there:
        if any(_distance(line, at) <= LINE_REACH for line in item.lines):
            return Hit(item.mark, None)
    return None


def _near_handle(item: Shown, at: QPointF) -> int | None:
    distances = [math.hypot(place.x() - at.x(), place.y() - at.y()) for place in item.handles]
    nearest = min(range(len(distances)), key=distances.__getitem__)
    return nearest if distances[nearest] <= HANDLE_REACH else None


def _distance(line: QPolygonF, at: QPointF) -> float:
    """Return the distance of a place from a line of straight pieces."""
    points = line.toList()
    return min((_from_piece(one, other, at) for one, other in pairwise(points)), default=math.inf)


def _from_piece(one: QPointF, other: QPointF, at: QPointF) -> float:
    along, away = other - one, at - one
    length = QPointF.dotProduct(along, along)
    share = min(max(QPointF.dotProduct(away, along) / length, 0.0), 1.0) if length > 0 else 0.0
    near = one + along * share
    return math.hypot(near.x() - at.x(), near.y() - at.y())
