"""The orientation letters at the edges of a viewport: in the middle of each edge, or as near to it as there is air."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QRectF, QSizeF

from viewer.model.corner_text import Line
from viewer.model.orientation_marks import EdgeLetters
from viewer.views.viewport_text import LINE_HEIGHT, Placed, Touches, text_width

EDGE = 4.0
"""Distance from the edge of the viewport, px."""
STEPS = 24
"""Places that are tried along an edge."""


def place_edges(size: QSizeF, letters: EdgeLetters, placed: Sequence[Placed], touches: Touches) -> list[Placed]:
    """Return the letters with their places; one that would cover breast or other text everywhere is left out.

    Parameters
    ----------
    size : of the viewport in device-independent pixels.
    placed : text that is there already.
    touches : whether a rectangle covers breast.
    """
    taken = [line.rect for line in placed]
    result = []
    for edge, text in vars(letters).items():
        for rect in _places(size, edge, text_width(text)):
            if not touches(rect) and not any(rect.intersects(other.adjusted(-4, -2, 4, 2)) for other in taken):
                result.append(Placed(Line(text), rect))
                taken.append(rect)
                break
    return result


def _places(size: QSizeF, edge: str, width: float) -> Iterator[QRectF]:
    """Yield places along an edge, from its middle outwards, never beyond a tenth from its ends."""
    across = edge in ("top", "bottom")
    room = (size.width() - width if across else size.height() - LINE_HEIGHT) / 2
    for step in range(STEPS):
        away = 0.9 * room * ((step + 1) // 2) / (STEPS // 2) * (-1 if step % 2 else 1)
        along = room + away
        if across:
            y = EDGE if edge == "top" else size.height() - EDGE - LINE_HEIGHT
            yield QRectF(along, y, width, LINE_HEIGHT)
        else:
            x = EDGE if edge == "left" else size.width() - EDGE - width
            yield QRectF(x, along, width, LINE_HEIGHT)
