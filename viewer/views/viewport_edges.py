"""The orientation letters at the edges of a viewport: in the middle of each edge, or as near to it as there is air."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QRectF, QSizeF

from viewer.model.corner_text import Line
from viewer.model.orientation_marks import EdgeLetters
from viewer.views.viewport_text import LINE_HEIGHT, Placed, Touches, text_width

EDGE = 4.0
"""Distance from the edge of the viewport, px."""
STEPS = 12
"""Places that are tried on each side of an edge's middle."""


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
    """Yield places along an edge: its middle, then upwards or to the left, then the other way; never quite to its ends.

    One direction first: viewports side by side shall have their letters at the same height.
    """
    across = edge in ("top", "bottom")
    room = (size.width() - width if across else size.height() - LINE_HEIGHT) / 2
    steps = (0, *range(-1, -STEPS - 1, -1), *range(1, STEPS + 1))
    for step in steps:
        along = room + 0.9 * room * step / STEPS
        if across:
            y = EDGE if edge == "top" else size.height() - EDGE - LINE_HEIGHT
            yield QRectF(along, y, width, LINE_HEIGHT)
        else:
            x = EDGE if edge == "left" else size.width() - EDGE - width
            yield QRectF(x, along, width, LINE_HEIGHT)
