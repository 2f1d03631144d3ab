"""What a reader draws on an image: lengths, angles, regions, arrows, words, places; the nipple that places refer to.

A mark belongs to one slice of one image. Its points are *stored* pixel coordinates (row, column), pixel centres: what
is on screen (zoom, side, orientation, mirrored display) never enters, so a mark stays exactly where it was drawn.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

MarkKind = Literal["length", "angle", "ellipse", "freeform", "arrow", "text", "place", "nipple"]
KINDS: tuple[MarkKind, ...] = get_args(MarkKind)
Point = tuple[float, float]
"""(row, column) in stored pixels."""

NAMES: dict[MarkKind, str] = {
    "length": "Length",
    "angle": "Angle",
    "ellipse": "Ellipse",
    "freeform": "Free-form",
    "arrow": "Arrow",
    "text": "Text",
    "place": "Place",
    "nipple": "Nipple",
}
POINTS: dict[MarkKind, int] = {
    "length": 2, "angle": 3, "ellipse": 2, "freeform": 3, "arrow": 2, "text": 1, "place": 1, "nipple": 1,
}  # fmt: skip
"""Points of a mark; a free-form region has so many at least. Of an ellipse: two opposite corners around it."""
REGIONS: frozenset[MarkKind] = frozenset({"ellipse", "freeform"})
MAX_POINTS = 4000
MAX_TEXT = 200
ELLIPSE_CORNERS = 96
"""Corners of the polygon that an ellipse is drawn as; what is measured is the ellipse itself."""


def new_id() -> str:
    """Return an id that no other mark has."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Mark:
    """One mark.

    Attributes
    ----------
    slice_index : slice that it was drawn on; a nipple is shown on all slices.
    points : stored (row, column); order: ends of a length; arm, vertex, arm of an angle; tail, head of an arrow.
    text : words of the reader, for any kind.

    Raises
    ------
    ValueError
        If the number of points does not fit the kind, or a number is not finite.
    """

    kind: MarkKind
    sop_uid: str
    slice_index: int
    points: tuple[Point, ...]
    text: str = ""
    id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        count, needed = len(self.points), POINTS[self.kind]
        fits = needed <= count <= MAX_POINTS if self.kind == "freeform" else count == needed
        if (
            not fits
            or self.slice_index < 0
            or not all(math.isfinite(value) for point in self.points for value in point)
        ):
            raise ValueError(f"{self.kind}: {count} points on slice {self.slice_index}")

    @property
    def name(self) -> str:
        """What kind of mark it is, in words."""
        return NAMES[self.kind]

    @property
    def middle(self) -> Point:
        """Middle of what it covers: vertex of an angle, head of an arrow, else the middle of its bounds."""
        if self.kind in ("angle", "arrow"):
            return self.points[1]
        (row0, col0), (row1, col1) = bounds(self)
        return ((row0 + row1) / 2, (col0 + col1) / 2)


def bounds(mark: Mark) -> tuple[Point, Point]:
    """Return the least and the greatest (row, column) of the points."""
    rows, cols = zip(*mark.points, strict=True)
    return (min(rows), min(cols)), (max(rows), max(cols))


def is_degenerate(mark: Mark, least: float) -> bool:
    """Whether a mark of several points is smaller than ``least`` stored pixels: a slip of the hand."""
    (row0, col0), (row1, col1) = bounds(mark)
    tall, wide = row1 - row0, col1 - col0
    size = min(tall, wide) if mark.kind == "ellipse" else max(tall, wide)
    return POINTS[mark.kind] > 1 and size < least


def moved(mark: Mark, rows: float, cols: float) -> Mark:
    """Return the mark moved by so many stored pixels."""
    return replace(mark, points=tuple((row + rows, col + cols) for row, col in mark.points))


def handles(mark: Mark) -> tuple[Point, ...]:
    """Return where a mark can be taken hold of: its points, or the ends of an ellipse's axes (row0 first)."""
    if mark.kind != "ellipse":
        return mark.points
    (row0, col0), (row1, col1) = bounds(mark)
    row, col = (row0 + row1) / 2, (col0 + col1) / 2
    return ((row0, col), (row, col1), (row1, col), (row, col0))


def with_handle(mark: Mark, index: int, to: Point) -> Mark:
    """Return the mark with one handle at another place; the rest of it stays where it is."""
    if mark.kind != "ellipse":
        points = list(mark.points)
        points[index] = to
        return replace(mark, points=tuple(points))
    (row0, col0), (row1, col1) = bounds(mark)
    edges = [row0, col1, row1, col0]
    edges[index] = to[index % 2]
    return replace(mark, points=((edges[0], edges[3]), (edges[2], edges[1])))


def outline(mark: Mark) -> tuple[npt.NDArray[np.float64], ...]:
    """Return the lines that a mark is drawn with: stored points, (points, 2); closed ones end as they begin."""
    points = np.asarray(mark.points, np.float64)
    if mark.kind == "ellipse":
        (row0, col0), (row1, col1) = bounds(mark)
        turn = np.linspace(0.0, 2.0 * np.pi, ELLIPSE_CORNERS + 1)
        rows = (row0 + row1) / 2 + (row1 - row0) / 2 * np.sin(turn)
        cols = (col0 + col1) / 2 + (col1 - col0) / 2 * np.cos(turn)
        return (np.stack([rows, cols], axis=1),)
    if mark.kind == "freeform":
        return (np.concatenate([points, points[:1]]),)
    return (points,)


def simplified(points: Sequence[Point], tolerance: float) -> tuple[Point, ...]:
    """Return a closed line without the points that lie within ``tolerance`` stored pixels of it."""
    import cv2

    if len(points) <= POINTS["freeform"]:
        return tuple(points)
    curve = np.asarray(points, np.float32).reshape(-1, 1, 2)
    kept = cv2.approxPolyDP(curve, float(tolerance), True).reshape(-1, 2)
    if len(kept) < POINTS["freeform"]:
        return tuple(points)[:MAX_POINTS]
    return tuple((float(row), float(col)) for row, col in kept[:MAX_POINTS])


def clamped(point: Point, rows: int, columns: int) -> Point:
    """Return the nearest point of an image of ``rows`` x ``columns``, its outermost pixels' edges included."""
    row, col = point
    return (min(max(row, -0.5), rows - 0.5), min(max(col, -0.5), columns - 0.5))
