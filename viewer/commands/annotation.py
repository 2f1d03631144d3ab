"""Annotation mode: tools, brush and how segmentations look. Its keys are ITK-SNAP's where ITK-SNAP has one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from viewer.commands.conditions import needs_exam, needs_image
from viewer.commands.context import Context
from viewer.commands.table import COMMANDS, command, run, with_keys
from viewer.model.annotation.settings import OPACITY_STEP, ToolName
from viewer.model.annotation.state import Segmentation

GROUP = "Annotation"
OFF = "annotation mode is off; press {annotate.toggle}."
NOTHING = "this image has no segmentation; paint one with {annotate.tool_paint} or open one with {annotate.open}."


def needs_mode(context: Context) -> str | None:
    """The window must be in annotation mode, and the active viewport must show an image."""
    if not context.session.annotation.on:
        return OFF
    return needs_image(context)


def active_segmentation(context: Context) -> Segmentation | None:
    """Return the segmentation of the active image."""
    image = context.session.active_image
    return context.session.annotation.of(image.sop_uid) if image is not None else None


def needs_segmentation(context: Context) -> str | None:
    """The active image must have a segmentation."""
    reason = needs_image(context)
    return reason or (None if active_segmentation(context) is not None else NOTHING)


def needs_mode_and_segmentation(context: Context) -> str | None:
    """Both."""
    return needs_mode(context) or needs_segmentation(context)


@command(
    "annotate.toggle",
    "Annotation mode",
    keys="Ctrl+A",
    group=GROUP,
    icon="brush",
    why_disabled=needs_exam,
    checked=lambda context: context.session.annotation.on,
)
def toggle(context: Context) -> None:
    """Draw and correct segmentations, with ITK-SNAP's keys; the same key leaves the mode."""
    annotation = context.session.annotation
    annotation.set_on(not annotation.on)
    if annotation.on:
        context.session.marks.choose_tool(None)
        context.session.notice.emit(
            "hint",
            with_keys("Annotation mode: {annotate.tool_paint} paints, {help.show} shows its keys, "
                      "{annotate.toggle} leaves it.", context),
        )  # fmt: skip


# -- tools -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Tool:
    """A tool of annotation mode; ``hint`` says what the mouse does with it."""

    name: ToolName
    label: str
    key: str
    icon: str
    description: str
    hint: str


TOOLS = (
    Tool("navigate", "Look", "1", "scan-search", "Look only: the mouse changes grey values, moves and zooms as usual.",
         "the mouse looks, as outside of annotation mode"),
    Tool("pan", "Move and zoom", "2", "hand", "Move the image with the left button, zoom with the right one.",
         "left drag moves the image, right drag zooms"),
    Tool("polygon", "Polygon", "3", "pentagon", "Draw an outline by clicks or by dragging, and fill it.",
         "click or drag around; a right click, a double click or {annotate.close_polygon} fills it"),
    Tool("paint", "Paint", "4", "brush", "Paint the active label with a disc or a ball.",
         "left drag paints, right drag erases; {annotate.smaller} and {annotate.larger} change the size"),
    Tool("erase", "Erase", "5", "eraser", "Take the active label away under the brush; other labels stay.",
         "left drag takes the active label away"),
    Tool("pick", "Pick label", "6", "pipette", "Make the label that is clicked the active one.",
         "click on a label"),
)  # fmt: skip


def _register(tool: Tool) -> None:
    def choose(context: Context) -> None:
        annotation = context.session.annotation
        context.session.marks.choose_tool(None)
        annotation.update(tool=tool.name, **({"visible": True} if tool.name not in ("navigate", "pan") else {}))
        context.session.notice.emit("hint", with_keys(f"{tool.label}: {tool.hint}.", context))

    choose.__doc__ = tool.description
    register: Callable[[Callable[..., None]], Callable[..., None]] = command(
        f"annotate.tool_{tool.name}",
        tool.label,
        keys=tool.key,
        group=GROUP,
        icon=tool.icon,
        why_disabled=needs_mode,
        checked=lambda context: context.session.annotation.on and context.session.annotation.settings.tool == tool.name,
        annotating=True,
    )
    register(choose)


for _tool in TOOLS:
    _register(_tool)


# -- the brush -------------------------------------------------------------------------------------------------------
def _size(context: Context, step: int) -> None:
    annotation = context.session.annotation
    annotation.update(brush_size_mm=annotation.settings.brush.stepped(step))
    context.session.notice.emit("hint", f"Brush: {annotation.settings.brush.size_mm:g} mm")


@command("annotate.smaller", "Smaller brush", keys="-", group=GROUP, why_disabled=needs_mode, repeats=True,
         annotating=True)  # fmt: skip
def smaller(context: Context) -> None:
    """Make the brush one size smaller."""
    _size(context, -1)


@command("annotate.larger", "Larger brush", keys=("=", "+"), group=GROUP, why_disabled=needs_mode, repeats=True,
         annotating=True)  # fmt: skip
def larger(context: Context) -> None:
    """Make the brush one size larger."""
    _size(context, +1)


@command("annotate.brush_mm", "Brush size", group=GROUP, why_disabled=needs_mode, takes="mm")
def set_brush(context: Context, size_mm: float) -> None:
    """How large the brush is across, in mm of the breast."""
    context.session.annotation.update(brush_size_mm=size_mm)


@command(
    "annotate.deep", "3D brush", keys="B", group=GROUP, why_disabled=needs_mode, annotating=True,
    checked=lambda context: context.session.annotation.settings.brush.deep,
)  # fmt: skip
def toggle_deep(context: Context) -> None:
    """Paint a ball that reaches into the slices before and after, instead of a disc on this one."""
    annotation = context.session.annotation
    annotation.update(brush_deep=not annotation.settings.brush.deep)


@command(
    "annotate.square", "Square brush", keys="Shift+B", group=GROUP, why_disabled=needs_mode, annotating=True,
    checked=lambda context: context.session.annotation.settings.brush.square,
)  # fmt: skip
def toggle_square(context: Context) -> None:
    """Paint with a square instead of a disc, with a cube instead of a ball."""
    annotation = context.session.annotation
    annotation.update(brush_square=not annotation.settings.brush.square)


# -- looks -----------------------------------------------------------------------------------------------------------
@command(
    "annotate.visible", "Show segmentations", keys="S", group=GROUP, why_disabled=needs_exam, icon="eye",
    checked=lambda context: context.session.annotation.settings.visible, annotating=True,
)  # fmt: skip
def toggle_visible(context: Context) -> None:
    """Show or hide all segmentations."""
    annotation = context.session.annotation
    annotation.update(visible=not annotation.settings.visible)


@command(
    "annotate.fill", "Fill segmentations", keys="O", group=GROUP, why_disabled=needs_exam,
    checked=lambda context: context.session.annotation.settings.fill, annotating=True,
)  # fmt: skip
def toggle_fill(context: Context) -> None:
    """Fill segmentations, or show their outlines alone."""
    annotation = context.session.annotation
    annotation.update(fill=not annotation.settings.fill)


@command(
    "annotate.linked", "Outlines of other modalities", keys="Shift+O", group=GROUP, why_disabled=needs_exam,
    checked=lambda context: context.session.annotation.settings.linked, annotating=True,
)  # fmt: skip
def toggle_linked(context: Context) -> None:
    """Show, dashed, what is segmented on the other modalities of the same breast and view."""
    annotation = context.session.annotation
    annotation.update(linked=not annotation.settings.linked)


def _opacity(context: Context, step: float) -> None:
    annotation = context.session.annotation
    value = round(min(max(annotation.settings.opacity + step, 0.0), 1.0), 2)
    annotation.update(opacity=value, fill=True)
    context.session.notice.emit("hint", f"Opacity of segmentations: {value:.2f}")


@command("annotate.less_opaque", "Segmentations less opaque", keys="A", group=GROUP, why_disabled=needs_mode,
         repeats=True, annotating=True)  # fmt: skip
def less_opaque(context: Context) -> None:
    """Let more of the image through."""
    _opacity(context, -OPACITY_STEP)


@command("annotate.more_opaque", "Segmentations more opaque", keys="D", group=GROUP, why_disabled=needs_mode,
         repeats=True, annotating=True)  # fmt: skip
def more_opaque(context: Context) -> None:
    """Let less of the image through."""
    _opacity(context, +OPACITY_STEP)


@command("annotate.opacity", "Opacity of segmentations", group=GROUP, why_disabled=needs_exam, takes="0..1")
def set_opacity(context: Context, value: float) -> None:
    """How much of the image the filling covers."""
    context.session.annotation.update(opacity=value, fill=True)


def _ai_opacity(context: Context, step: float) -> None:
    opacity = context.session.overlays.settings.opacity
    run("overlay.opacity", context, round(min(max(opacity + step, 0.0), 1.0), 2))


def _needs_shown_ai(context: Context) -> str | None:
    return needs_mode(context) or COMMANDS["overlay.opacity"].why_disabled(context)


@command("annotate.ai_less_opaque", "AI maps less opaque", keys="Q", group=GROUP, why_disabled=_needs_shown_ai,
         repeats=True, annotating=True)  # fmt: skip
def ai_less_opaque(context: Context) -> None:
    """Let more of the image through the AI maps, the layer over the image."""
    _ai_opacity(context, -OPACITY_STEP)


@command("annotate.ai_visible", "AI maps shown", keys="W", group=GROUP, why_disabled=needs_mode, annotating=True)
def ai_visible(context: Context) -> None:
    """Show or hide the AI maps, the layer over the image."""
    run("overlay.toggle_all", context)


@command("annotate.ai_more_opaque", "AI maps more opaque", keys="E", group=GROUP, why_disabled=_needs_shown_ai,
         repeats=True, annotating=True)  # fmt: skip
def ai_more_opaque(context: Context) -> None:
    """Let less of the image through the AI maps, the layer over the image."""
    _ai_opacity(context, +OPACITY_STEP)


@command("annotate.marks_visible", "Marks shown", keys="X", group=GROUP, why_disabled=needs_mode, annotating=True)
def marks_visible(context: Context) -> None:
    """Show or hide what is drawn and written on the images."""
    run("marks.toggle_visible", context)
