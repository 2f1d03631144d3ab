"""Slices, viewports, highlighted slices, patches: where the reader looks."""

from __future__ import annotations

from gmic_core.exam.model import MammoImage
from viewer.commands.conditions import (
    active_entry,
    needs_exam,
    needs_image,
    needs_map,
    needs_patches,
    needs_several_viewports,
    needs_slices,
)
from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.commands.zoom import one_to_one_scale
from viewer.model import bar
from viewer.model.placement import Placement, view_mm_map

CINE_STEP_FPS, MIN_CINE_FPS, MAX_CINE_FPS = 5.0, 5.0, 30.0


def _step(context: Context, step: int) -> None:
    state = context.session.active_state
    if state is not None:
        state.go_to_slice(state.slice_index + step)


@command(
    "navigate.previous_slice",
    "Previous slice",
    keys=("Up", "PgUp"),
    group="Slices",
    why_disabled=needs_slices,
    repeats=True,
)
def previous_slice(context: Context) -> None:
    """Go one slice back; the wheel does the same."""
    _step(context, -1)


@command(
    "navigate.next_slice",
    "Next slice",
    keys=("Down", "PgDown"),
    group="Slices",
    why_disabled=needs_slices,
    repeats=True,
)
def next_slice(context: Context) -> None:
    """Go one slice on; the wheel does the same."""
    _step(context, +1)


@command("navigate.first_slice", "First slice", keys="Home", group="Slices", why_disabled=needs_slices)
def first_slice(context: Context) -> None:
    """Go to the first slice of the volume."""
    go_to_slice(context, 0)


@command("navigate.last_slice", "Last slice", keys="End", group="Slices", why_disabled=needs_slices)
def last_slice(context: Context) -> None:
    """Go to the last slice of the volume."""
    image = context.session.active_image
    go_to_slice(context, image.frames - 1 if image else 0)


@command("navigate.go_to_slice", "Go to slice", group="Slices", why_disabled=needs_image, takes="slice index, 0-based")
def go_to_slice(context: Context, index: int) -> None:
    """Show a slice of the active image."""
    state = context.session.active_state
    if state is not None:
        state.go_to_slice(index)


@command(
    "navigate.toggle_cine",
    "Cine",
    keys="C",
    group="Slices",
    icon="play",
    why_disabled=needs_slices,
    checked=lambda context: context.session.cine_fps > 0,
)
def toggle_cine(context: Context) -> None:
    """Play the slices to and fro, or stop."""
    context.actions.toggle_cine()


def _needs_cine(context: Context) -> str | None:
    return (
        None
        if context.session.cine_fps > 0
        else needs_slices(context) or "cine is not running; press {navigate.toggle_cine} to start it."
    )


@command("navigate.cine_faster", "Cine faster", keys="Shift+Up", group="Slices", why_disabled=_needs_cine, repeats=True)
def cine_faster(context: Context) -> None:
    """Play five frames per second faster, up to 30."""
    context.actions.set_cine(min(context.session.cine_fps + CINE_STEP_FPS, MAX_CINE_FPS))


@command(
    "navigate.cine_slower", "Cine slower", keys="Shift+Down", group="Slices", why_disabled=_needs_cine, repeats=True
)
def cine_slower(context: Context) -> None:
    """Play five frames per second slower, down to 5."""
    context.actions.set_cine(max(context.session.cine_fps - CINE_STEP_FPS, MIN_CINE_FPS))


@command(
    "navigate.cine_sweep",
    "Cine to and fro",
    keys="Shift+C",
    group="Slices",
    checked=lambda context: context.settings.cine_sweep,
)
def toggle_cine_sweep(context: Context) -> None:
    """Let cine turn round at the ends of the volume, or begin again at the first slice."""
    context.settings.cine_sweep = not context.settings.cine_sweep
    way = "to and fro" if context.settings.cine_sweep else "from the first slice to the last and again"
    context.session.notice.emit("hint", f"Cine plays {way}.")


def _activate(context: Context, index: int) -> None:
    """Make a viewport the active one; where one fills the middle, the new one fills it."""
    session = context.session
    maximised = session.maximised is not None
    if maximised:
        session.toggle_maximised()
    session.activate(index)
    if maximised:
        session.toggle_maximised()


def _step_viewport(context: Context, step: int) -> None:
    session = context.session
    filled = [i for i, slot in enumerate(session.slots) if slot.state is not None]
    place = filled.index(session.active) if session.active in filled else 0
    _activate(context, filled[(place + step) % len(filled)])


@command(
    "navigate.previous_viewport",
    "Previous viewport",
    keys="Left",
    group="Viewports and hanging",
    why_disabled=needs_several_viewports,
)
def previous_viewport(context: Context) -> None:
    """Make the viewport before the active one the active one."""
    _step_viewport(context, -1)


@command(
    "navigate.next_viewport",
    "Next viewport",
    keys="Right",
    group="Viewports and hanging",
    why_disabled=needs_several_viewports,
)
def next_viewport(context: Context) -> None:
    """Make the viewport after the active one the active one."""
    _step_viewport(context, +1)


def _needs_highlight(context: Context) -> str | None:
    reason = needs_slices(context) or needs_map(context)
    if reason:
        return reason
    return None if bar.highlights(active_entry(context)) else "no slice is highlighted: all values of the map are low."


def _step_highlight(context: Context, step: int) -> None:
    state = context.session.active_state
    if state is not None:
        target = bar.next_highlight(bar.highlights(active_entry(context)), state.slice_index, step)
        go_to_slice(context, state.slice_index if target is None else target)


@command("navigate.next_highlight", "Next highlighted slice", keys="N", group="AI", why_disabled=_needs_highlight)
def next_highlight(context: Context) -> None:
    """Go to the next slice with a patch or a peak of the map; after the last one comes the first."""
    _step_highlight(context, +1)


@command(
    "navigate.previous_highlight",
    "Previous highlighted slice",
    keys="Shift+N",
    group="AI",
    why_disabled=_needs_highlight,
)
def previous_highlight(context: Context) -> None:
    """Go to the slice before with a patch or a peak of the map; before the first one comes the last."""
    _step_highlight(context, -1)


def _patches_by_attention(context: Context) -> list[int]:
    entry = active_entry(context)
    rois = entry.result.rois if entry and entry.result else ()
    return sorted(range(len(rois)), key=lambda k: -rois[k].attention)


def _step_patch(context: Context, step: int) -> None:
    session, order = context.session, _patches_by_attention(context)
    image = session.active_image
    if image is None or not order:
        return
    chosen = session.selected_patch
    if chosen is None or chosen[0] != image.sop_uid or chosen[1] not in order:
        target = 0 if step > 0 else -1
    else:
        target = (order.index(chosen[1]) + step) % len(order)
    go_to_patch(context, image.sop_uid, order[target])


@command("navigate.next_patch", "Next patch", keys="J", group="AI", why_disabled=needs_patches)
def next_patch(context: Context) -> None:
    """Go to the patch with the next lower attention; after the last one comes the first."""
    _step_patch(context, +1)


@command("navigate.previous_patch", "Previous patch", keys="Shift+J", group="AI", why_disabled=needs_patches)
def previous_patch(context: Context) -> None:
    """Go to the patch with the next higher attention; before the first one comes the last."""
    _step_patch(context, -1)


@command(
    "navigate.go_to_patch",
    "Go to patch",
    group="AI",
    why_disabled=needs_exam,
    takes="SOP instance UID, index of the patch in the result",
)
def go_to_patch(context: Context, sop_uid: str, index: int) -> None:
    """Show the slice of a patch, at full resolution or closer, with the patch in the middle."""
    session = context.session
    image, entry = session.image(sop_uid), session.results.get(sop_uid)
    if image is None or entry is None or entry.result is None or not session.slots:
        return
    roi = entry.result.rois[index]
    viewport = _viewport_of(context, image)
    session.state_of(image).go_to_slice(roi.slice_index)
    centre = [(roi.row0 + roi.row1 - 1) / 2, (roi.col0 + roi.col1 - 1) / 2]
    down, depth = view_mm_map(image).apply(centre)
    scale = max(session.placement(viewport).scale, one_to_one_scale(image))
    session.place(viewport, Placement("free", scale, float(down), float(depth)))
    session.select_patch(sop_uid, index)


def _viewport_of(context: Context, image: MammoImage) -> int:
    """Return the viewport that shows an image, made active; where none does, the image is hung in the active one."""
    session = context.session
    shown = [i for i, slot in enumerate(session.slots) if slot.state and slot.state.image.sop_uid == image.sop_uid]
    if not shown:
        session.put_image(session.active, image)
        return session.active
    if session.active not in shown:
        _activate(context, shown[0])
    return session.active
