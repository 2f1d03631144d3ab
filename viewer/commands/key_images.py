"""Key images: slices that the reader marked to come back to."""

from __future__ import annotations

from viewer.commands.conditions import needs_image
from viewer.commands.context import Context
from viewer.commands.marks import show_slice
from viewer.commands.table import command

_GROUP = "Marks"


def _is_key_image(context: Context) -> bool:
    state = context.session.active_state
    return state is not None and state.slice_index in context.session.marks.of(state.image.sop_uid).key_slices


@command(
    "marks.key_image",
    "Key image",
    keys="K",
    group=_GROUP,
    icon="star",
    why_disabled=needs_image,
    checked=_is_key_image,
)
def toggle_key_image(context: Context) -> None:
    """Mark this slice of this image as a key image, or take the mark back."""
    state = context.session.active_state
    if state is not None:
        context.session.marks.toggle_key_slice(state.image.sop_uid, state.slice_index)


def key_images(context: Context) -> list[tuple[str, int]]:
    """Return all key images (UID, slice) in the order of the exam's images."""
    session = context.session
    known = [image.sop_uid for image in (session.exam.images if session.exam else ())]
    marked = session.marks.images
    order = [*known, *(uid for uid in marked if uid not in known)]
    return [(uid, index) for uid in order if uid in marked for index in sorted(marked[uid].key_slices)]


def _needs_key_images(context: Context) -> str | None:
    reason = needs_image(context)
    if reason or key_images(context):
        return reason
    return "no slice is a key image yet; press {marks.key_image} on one."


def _step_key_image(context: Context, step: int) -> None:
    state, keys = context.session.active_state, key_images(context)
    if state is None:
        return
    uids = list(dict.fromkeys(uid for uid, _ in keys))
    here = (state.image.sop_uid, state.slice_index)
    if here in keys:
        target = keys[(keys.index(here) + step) % len(keys)]
    elif here[0] in uids:  # the next one on this image in the direction, else on another image
        beyond = [key for key in keys if key[0] == here[0] and (key[1] - here[1]) * step > 0]
        inner = (beyond[0] if step > 0 else beyond[-1]) if beyond else None
        first = [i for i, key in enumerate(keys) if key[0] == here[0]]
        target = inner or keys[(first[-1] + 1 if step > 0 else first[0] - 1) % len(keys)]
    else:
        target = keys[0 if step > 0 else -1]
    show_slice(context, *target)


@command("marks.next_key_image", "Next key image", keys="Shift+K", group=_GROUP, why_disabled=_needs_key_images)
def next_key_image(context: Context) -> None:
    """Go to the next key image of the exam; after the last one comes the first."""
    _step_key_image(context, +1)


@command("marks.previous_key_image", "Previous key image", keys="Alt+K", group=_GROUP, why_disabled=_needs_key_images)
def previous_key_image(context: Context) -> None:
    """Go to the key image before; before the first one comes the last."""
    _step_key_image(context, -1)
