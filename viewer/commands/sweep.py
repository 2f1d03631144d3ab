"""Looking closely: the lens, and the sweep that shows the whole breast at 1:1, field by field."""

from __future__ import annotations

from dataclasses import replace

from gmic_core.exam.model import MammoImage
from viewer.commands.conditions import needs_image
from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.model import sweep
from viewer.model.placement import Placement
from viewer.model.viewing import Field

_GROUP = "Zoom and pan"


@command(
    "zoom.lens",
    "Lens",
    keys="L",
    group=_GROUP,
    icon="search",
    why_disabled=needs_image,
    checked=lambda context: context.session.viewing.lens.on,
)
def toggle_lens(context: Context) -> None:
    """Magnify what is under the mouse, in all views of the breast; without a mouse, the middle of the viewport."""
    viewing = context.session.viewing
    viewing.set_lens(replace(viewing.lens, on=not viewing.lens.on))


@command("zoom.lens_strength", "Stronger lens", keys="Shift+L", group=_GROUP, why_disabled=needs_image)
def stronger_lens(context: Context) -> None:
    """Let the lens magnify 2, 3 or 4 times, in turn; never less than 1:1 pixels."""
    viewing = context.session.viewing
    viewing.set_lens(replace(viewing.lens.stronger() if viewing.lens.on else viewing.lens, on=True))
    context.session.notice.emit("hint", f"The lens magnifies {viewing.lens.strength:g} times, and to 1:1 at least.")


def _needs_pixels(context: Context) -> str | None:
    reason = needs_image(context)
    image = context.session.active_image
    if reason or image is None:
        return reason
    return None if context.frames.loaded(image) else "the image is still loading; wait until it is shown."


def _fields(context: Context, image: MammoImage) -> list[Placement]:
    """Return the fields of the sweep over the active image."""
    session, frames = context.session, context.frames
    state = session.state_of(image)
    slices = sweep.sampled(sorted(frames.loaded(image)), state.slice_index)
    pyramids = [pyramid for index in slices if (pyramid := frames.get(image, index)) is not None]
    if not pyramids:
        return []
    return sweep.fields(image, sweep.outline(image, pyramids), *session.viewport_size(session.active))


def _step(context: Context, step: int) -> None:
    session, image = context.session, context.session.active_image
    if image is None:
        return
    fields = _fields(context, image)
    shown = sweep.field_shown(session.placement(session.active), fields)
    target = (0 if step > 0 else len(fields) - 1) if shown is None else shown + step
    if 0 <= target < len(fields):
        session.viewing.field = Field(image.sop_uid, target + 1, len(fields), fields[target])
        session.place(session.active, fields[target])
        text = f"Field {target + 1} of {len(fields)} of {image.label} at 1:1."
    else:
        session.place(session.active, None)
        text = f"The sweep over {image.label} is done: {len(fields)} fields showed the whole breast at 1:1."
        text = text if step > 0 else f"Before the first field of {image.label}."
    session.notice.emit("hint", text)


@command("zoom.sweep_next", "Sweep: next field at 1:1", keys="V", group=_GROUP, why_disabled=_needs_pixels)
def sweep_next(context: Context) -> None:
    """Show the next field of the breast at 1:1; the fields together show all of it, after the last one it fits."""
    _step(context, +1)


@command("zoom.sweep_previous", "Sweep: previous field", keys="Shift+V", group=_GROUP, why_disabled=_needs_pixels)
def sweep_previous(context: Context) -> None:
    """Show the field before; before the first one the breast fits the viewport."""
    _step(context, -1)
