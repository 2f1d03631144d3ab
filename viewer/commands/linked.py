"""Looking at one breast in several modalities: the cursor in mm, the slice of a place, linked depth, linked patches."""

from __future__ import annotations

from dataclasses import replace

from gmic_core.types import Laterality
from viewer.commands.conditions import needs_exam, needs_image
from viewer.commands.context import Context
from viewer.commands.table import command, with_keys
from viewer.model.depth_offer import cursor_in, find_offer, offer_target
from viewer.model.linked import Cursor
from viewer.model.placement import extent_mm, image_laterality, link_key

_GROUP = "Viewports and hanging"
STEP_PIXELS = 8.0
"""Device pixels that a key moves the cursor: near steps when magnified, wide ones over the whole breast."""


# -- depth -----------------------------------------------------------------------------------------------------------
def _needs_offer(context: Context) -> str | None:
    reason = needs_exam(context)
    if reason is not None:
        return reason
    target = offer_target(context.session)
    return target if isinstance(target, str) else None


@command("compare.go_to_depth", "Go to the DBT slice of this place", keys="Z", group=_GROUP, why_disabled=_needs_offer)
def go_to_depth(context: Context) -> None:
    """Show the slice in which saliency, or without AI the local contrast, is highest at the cursor."""
    session = context.session
    offer = find_offer(session, context.frames)
    if isinstance(offer, str):
        session.notice.emit("hint", with_keys(offer, context))
        return
    volume = session.image(offer.sop_uid)
    if volume is None:
        return
    if _viewport_showing(context, offer.sop_uid) is None:
        _hang_beside(context, offer.sop_uid)
    session.state_of(volume).go_to_slice(offer.slice_index)
    shown = _viewport_showing(context, offer.sop_uid)
    if shown is not None:
        session.activate(shown)
    session.links.set_offer(offer)
    session.notice.emit("hint", f"{volume.label} {offer.text}.")


def _viewport_showing(context: Context, sop_uid: str) -> int | None:
    slots = context.session.slots
    return next((i for i, slot in enumerate(slots) if slot.state and slot.state.image.sop_uid == sop_uid), None)


def _hang_beside(context: Context, sop_uid: str) -> None:
    """Hang the modalities of the cursor's view side by side, the volume among them; the cursor stays at its place."""
    session, cursor = context.session, context.session.links.cursor
    if cursor is None:
        return
    session.activate(cursor.index)
    context.actions.hang("compare")
    volume = session.image(sop_uid)
    if _viewport_showing(context, sop_uid) is None and volume is not None and session.slots:
        session.put_image(session.active, volume)
    index = _viewport_showing(context, cursor.sop_uid)
    if index is not None:
        session.links.set_cursor(replace(cursor, index=index, by="keys"))


def _needs_volumes(context: Context) -> str | None:
    if context.session.links.depth:
        return None
    reason = needs_exam(context)
    if reason is not None:
        return reason
    uids = {slot.state.image.sop_uid for slot in context.session.slots if slot.state and slot.state.image.frames > 1}
    return None if len(uids) > 1 else "two DBT volumes must be on screen, as CC and MLO or now and before."


@command(
    "compare.link_depth",
    "Link depth of volumes",
    keys="Shift+Z",
    group=_GROUP,
    why_disabled=_needs_volumes,
    checked=lambda context: context.session.links.depth,
)
def link_depth(context: Context) -> None:
    """Let all volumes on screen follow the active one to the same relative depth, or each stand where it is."""
    links = context.session.links
    links.set_depth(not links.depth)
    links_text = "follow the active one" if links.depth else "stand each where they are"
    context.session.notice.emit("hint", with_keys(f"Volumes {links_text}; {{compare.link_depth}} changes it.", context))


# -- cursor ----------------------------------------------------------------------------------------------------------
def _move(context: Context, right: float, down: float) -> None:
    """Move the cursor on the screen; where there is none it appears in the middle of the active viewport."""
    session = context.session
    state = session.active_state
    if state is None:
        return
    image, placement = state.image, session.placement(session.active)
    cursor = cursor_in(session, session.active)
    if cursor is None:
        at = (placement.down, placement.depth)
    else:
        deeper = right if image_laterality(image) is Laterality.L else -right
        step = STEP_PIXELS / placement.scale
        at = (cursor.down + down * step, cursor.depth + deeper * step)
    tall, wide = extent_mm(image)
    at = (min(max(at[0], -tall / 2), tall / 2), min(max(at[1], 0.0), wide))
    session.links.set_cursor(Cursor(session.active, image.sop_uid, link_key(image), at[0], at[1], by="keys"))


@command(
    "compare.cursor_left", "Cursor left", keys="Ctrl+Alt+Left", group=_GROUP, why_disabled=needs_image, repeats=True
)
def cursor_left(context: Context) -> None:
    """Move the linked cursor to the left; it shows the same place in every modality of the view."""
    _move(context, -1.0, 0.0)


@command(
    "compare.cursor_right", "Cursor right", keys="Ctrl+Alt+Right", group=_GROUP, why_disabled=needs_image, repeats=True
)
def cursor_right(context: Context) -> None:
    """Move the linked cursor to the right; it shows the same place in every modality of the view."""
    _move(context, 1.0, 0.0)


@command("compare.cursor_up", "Cursor up", keys="Ctrl+Alt+Up", group=_GROUP, why_disabled=needs_image, repeats=True)
def cursor_up(context: Context) -> None:
    """Move the linked cursor up; it shows the same place in every modality of the view."""
    _move(context, 0.0, -1.0)


@command(
    "compare.cursor_down", "Cursor down", keys="Ctrl+Alt+Down", group=_GROUP, why_disabled=needs_image, repeats=True
)
def cursor_down(context: Context) -> None:
    """Move the linked cursor down; it shows the same place in every modality of the view."""
    _move(context, 0.0, 1.0)


# -- patches ---------------------------------------------------------------------------------------------------------
@command(
    "compare.select_patch",
    "Box patch in all images of the view",
    group=_GROUP,
    why_disabled=needs_exam,
    takes="SOP instance UID, index of the patch in the result",
)
def select_patch(context: Context, sop_uid: str, index: int) -> None:
    """Mark a patch in its image and at the same place in the other modalities of the view."""
    context.session.select_patch(sop_uid, index)
