"""What the mouse does with marks, without a mouse: drawing with a tool, taking hold of a mark and moving it.

All places are stored pixels. A mark of two ends is drawn by dragging, or by clicking both ends; an angle by dragging
its first arm and clicking the end of the second. A change ends in one step of the history, however long the drag was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from viewer.model.history import History
from viewer.model.marks import (
    POINTS,
    Mark,
    MarkKind,
    Point,
    clamped,
    handles,
    is_degenerate,
    moved,
    simplified,
    with_handle,
)
from viewer.model.marks_model import MarksModel
from viewer.model.viewstate import ImageState

SLIP_PIXELS = 2.0
"""A mark smaller than this on the screen (device pixels) is a slip of the hand and is not kept."""
LINE_TOLERANCE = 0.75
"""A line drawn by hand is kept to this precision, in device pixels: fewer handles, the same region."""


@dataclass(frozen=True)
class Hit:
    """What is under the mouse: a mark, and one of its handles or its line (None)."""

    mark: Mark
    handle: int | None


@dataclass(frozen=True)
class _Hold:
    """A mark that is being moved: as it was, by which handle, and where it was taken."""

    mark: Mark
    handle: int | None
    at: Point
    kept: bool  # a guessed nipple is not kept before it is moved


class Drawing:
    """Draws and moves the marks of one viewport.

    Parameters
    ----------
    finish : keeps a whole mark (a command, so that it is one step to undo).
    """

    def __init__(self, marks: MarksModel, history: History, finish: Callable[[Mark], None]) -> None:
        self._marks, self._history, self._finish = marks, history, finish
        self._fixed: list[Point] = []
        self._fresh = False
        self._pressed = False
        self._hold: _Hold | None = None

    @property
    def busy(self) -> bool:
        """Whether the mouse button that is down belongs to a mark."""
        return self._pressed or self._hold is not None

    @property
    def holding(self) -> bool:
        """Whether a kept mark is being moved."""
        return self._hold is not None and self._hold.kept

    @property
    def _drawn(self) -> Mark | None:
        """The mark that is being drawn; gone when the reader left the tool meanwhile."""
        draft = self._marks.draft
        return draft if draft is not None and draft.kind == self._marks.tool else None

    # -- drawing -------------------------------------------------------------------------------------------------
    def press_tool(self, kind: MarkKind, state: ImageState, at: Point) -> None:
        """Begin a mark, or fix its next point."""
        image = state.image
        at = clamped(at, image.rows, image.columns)
        draft = self._drawn
        goes_on = draft is not None and (draft.sop_uid, draft.slice_index) == (image.sop_uid, state.slice_index)
        self._pressed, self._fresh = True, not goes_on
        if not goes_on:
            self._fixed = [at] if POINTS[kind] > 1 else []
            self._marks.set_draft(_draft(kind, state, [*self._fixed, at]))
        else:
            self.move_to(state, at)

    def move_to(self, state: ImageState, at: Point) -> None:
        """Let the point in hand follow the mouse, with or without a button down."""
        image, draft = state.image, self._drawn
        if draft is None or draft.sop_uid != image.sop_uid:
            return
        at = clamped(at, image.rows, image.columns)
        if draft.kind == "freeform":
            if not self._pressed:
                return
            self._fixed.append(at)
        points = self._fixed if draft.kind == "freeform" else [*self._fixed, at]
        self._marks.set_draft(replace(_draft(draft.kind, state, points), id=draft.id, slice_index=draft.slice_index))

    def release(self, moved_enough: bool, pixel: float) -> None:
        """Let go: a drag or a second click fixes a point, a first click waits for the second.

        Parameters
        ----------
        moved_enough : whether the mouse moved since the press.
        pixel : stored pixels per device pixel.
        """
        pressed, self._pressed = self._pressed, False
        if self._hold is not None:
            self._hold = None
            self._history.end()
            return
        draft = self._drawn
        if not pressed or draft is None:
            return
        if draft.kind == "freeform":
            self._finish_region(draft, pixel)
            return
        needed = POINTS[draft.kind]
        if needed > 1:
            if self._fresh and not moved_enough:
                return
            self._fixed.append(draft.points[len(self._fixed)])
        if len(self._fixed) >= needed or needed == 1:
            self._end(draft, pixel)

    def _finish_region(self, draft: Mark, pixel: float) -> None:
        points = simplified(self._fixed, LINE_TOLERANCE * pixel)
        self._end(replace(draft, points=points) if len(points) >= POINTS["freeform"] else None, pixel)

    def _end(self, mark: Mark | None, pixel: float) -> None:
        self._fixed = []
        self._marks.drop_draft()
        if mark is not None and not is_degenerate(mark, SLIP_PIXELS * pixel):
            self._finish(mark)

    # -- moving --------------------------------------------------------------------------------------------------
    def take(self, hit: Hit, at: Point) -> None:
        """Take hold of a mark or of one of its handles."""
        kept = self._marks.find(hit.mark.id) is not None
        self._hold = _Hold(hit.mark, hit.handle, at, kept)
        if kept:
            self._marks.select(hit.mark.id, hit.handle if len(hit.mark.points) > 1 else None)
        self._history.begin(f"Move {hit.mark.name.lower()}" if kept else "Place nipple")

    def drag_to(self, state: ImageState, at: Point) -> None:
        """Move what is held; computed from where the drag began, so that going back restores it exactly."""
        hold = self._hold
        if hold is None:
            return
        image = state.image
        rows, cols = at[0] - hold.at[0], at[1] - hold.at[1]
        if hold.handle is None:
            mark = moved(hold.mark, rows, cols)
        else:
            row, col = handles(hold.mark)[hold.handle]
            mark = with_handle(hold.mark, hold.handle, clamped((row + rows, col + cols), image.rows, image.columns))
        if self._marks.find(mark.id) is None:
            if not hold.kept:
                self._marks.add(mark)
            return
        self._marks.replace(mark)

    def cancel(self) -> None:
        """Put back what is being moved, or forget what is being drawn."""
        hold, self._hold, self._pressed = self._hold, None, False
        if hold is not None:
            if hold.kept:
                self._marks.replace(hold.mark)
            else:
                self._marks.remove(hold.mark.id)
            self._history.abandon()
        self._fixed = []


def _draft(kind: MarkKind, state: ImageState, points: list[Point]) -> Mark:
    """Return a mark with as many points as its kind needs; those to come stand where the last one is."""
    wanted = max(POINTS[kind], len(points))
    padded = points + [points[-1]] * (wanted - len(points))
    if kind != "freeform":
        padded = padded[: POINTS[kind]]
    return Mark(kind, state.image.sop_uid, state.slice_index, tuple(padded))
