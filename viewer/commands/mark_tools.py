"""Tools that draw marks: one command each; a mouse draws with them, and so do keys alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gmic_core.exam.geometry import PlaneMap
from viewer.commands.conditions import needs_image
from viewer.commands.context import Context
from viewer.commands.table import command, with_keys
from viewer.model.marks import NAMES, Mark, MarkKind, Point, clamped
from viewer.model.marks_values import MarkValues
from viewer.model.placement import view_mm_map
from viewer.model.seen_window import mark_lines

_GROUP = "Measuring"
FIRST_SIZE_MM = 10.0
"""Half the size of a mark that is placed by key; keys then move its handles."""


@dataclass(frozen=True)
class Tool:
    """How a kind of mark is drawn.

    Attributes
    ----------
    hint : what to do with the mouse, shown when the tool is taken.
    shape : points of a mark that is placed by key, in mm (down, away from the chest wall) around the middle.
    """

    kind: MarkKind
    keys: str
    icon: str
    description: str
    hint: str
    shape: tuple[Point, ...]


_H = FIRST_SIZE_MM
TOOLS = (
    Tool("length", "D", "move-diagonal", "Measure a length; it says what the pixel spacing behind it means.",
         "drag from one end to the other, or click both", ((0.0, -_H), (0.0, _H))),
    Tool("angle", "Shift+D", "angle", "Measure the angle between two lines that meet.",
         "drag the first line, then click the end of the second", ((-_H, _H), (0.0, 0.0), (0.0, _H))),
    Tool("ellipse", "E", "circle", "Measure mean, standard deviation and area in an ellipse.",
         "drag from corner to corner around it", ((-_H, -_H), (_H, _H))),
    Tool("freeform", "Shift+E", "lasso", "Measure mean, standard deviation and area in a region drawn by hand.",
         "drag around it; the line closes itself", ((-_H, -_H), (-_H, _H), (_H, _H), (_H, -_H))),
    Tool("arrow", "Shift+A", "arrow-up-right", "Point at something.",
         "drag from the tail to the tip", ((-_H, -_H), (0.0, 0.0))),
    Tool("text", "Shift+T", "type", "Write something on the image.",
         "click where it belongs", ((0.0, 0.0),)),
    Tool("place", "Q", "crosshair", "Tell half, depth and distance from the nipple, as far as one view does.",
         "click the place", ((0.0, 0.0),)),
    Tool("nipple", "Shift+Q", "circle-dot", "Place the nipple, which places are counted from.",
         "click the nipple, or drag the ring to it", ((0.0, 0.0),)),
)  # fmt: skip
BY_KIND: dict[MarkKind, Tool] = {tool.kind: tool for tool in TOOLS}


def needs_tool(context: Context) -> str | None:
    """A tool must be in hand."""
    reason = needs_image(context)
    if reason or context.session.marks.tool is not None:
        return reason
    return "no tool is chosen; choose one first, a length with {marks.tool_length}."


def _register(tool: Tool) -> None:
    def is_chosen(context: Context) -> bool:
        return context.session.marks.tool == tool.kind

    def choose(context: Context) -> None:
        marks = context.session.marks
        marks.choose_tool(None if marks.tool == tool.kind else tool.kind)
        if marks.tool is not None:
            marks.set_visible(True)
            ends = "{marks.place_by_key} places it by key, {help.escape} leaves the tool."
            context.session.notice.emit("hint", with_keys(f"{NAMES[tool.kind]}: {tool.hint}. {ends}", context))

    choose.__doc__ = tool.description
    register: Callable[[Callable[..., None]], Callable[..., None]] = command(
        f"marks.tool_{tool.kind}",
        NAMES[tool.kind],
        keys=tool.keys,
        group=_GROUP,
        icon=tool.icon,
        why_disabled=needs_image,
        checked=is_chosen,
    )
    register(choose)


for _tool in TOOLS:
    _register(_tool)


@command("marks.place_by_key", "Place with the chosen tool", keys="Insert", group=_GROUP, why_disabled=needs_tool)
def place_by_key(context: Context) -> None:
    """Put a mark of the chosen kind in the middle of the viewport, to be moved by keys."""
    session, state = context.session, context.session.active_state
    kind = session.marks.tool
    if state is None or kind is None:
        return
    image, at = state.image, session.placement(session.active)
    to_stored: PlaneMap = view_mm_map(image).inverse()
    points = [(at.down + down, at.depth + depth) for down, depth in BY_KIND[kind].shape]
    guess = MarkValues(session.marks, context.frames).nipple(image) if kind == "nipple" else None
    stored = [guess[0]] if guess else [(float(row), float(col)) for row, col in to_stored.apply(points)]
    placed = tuple(clamped(point, image.rows, image.columns) for point in stored)
    finish(context, Mark(kind, image.sop_uid, state.slice_index, placed))


@command("marks.add", "Add mark", group=_GROUP, why_disabled=needs_image, takes="Mark that was drawn")
def finish(context: Context, mark: Mark) -> None:
    """Keep a mark that was drawn; one of words is written first."""
    marks = context.session.marks
    marks.choose_tool(None)
    if mark.kind == "text" and not mark.text:
        marks.text_wanted.emit(mark)
        return
    marks.add(mark)
    tell_unseen(context, mark)


def tell_unseen(context: Context, mark: Mark) -> None:
    """Say that a mark lies where the network did not look, if it does."""
    for line in mark_lines(context.session, mark):
        context.session.notice.emit("hint", f"{mark.name}: {line[0].lower()}{line[1:]}")
