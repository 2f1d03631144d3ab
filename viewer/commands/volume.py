"""The 3D view: open it, what it shows, from where."""

from __future__ import annotations

from typing import Literal

from viewer.commands.conditions import needs_image
from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.model.volume import Engine, VolumeKind, preset, volume_image
from viewer.model.volume_camera import STEP_DEGREES

_GROUP = "3D view"
ZOOM_STEP = 1.25


def _why_not_open(context: Context) -> str | None:
    reason = needs_image(context)
    if reason or context.session.volume.is_open:
        return None if context.session.volume.is_open else reason
    image = context.session.active_image
    if image is not None and volume_image(context.session.exam_of(image.sop_uid), image) is None:
        return f"there is no tomosynthesis (DBT) of {image.label} in this exam."
    return None


def _needs_open(context: Context) -> str | None:
    return None if context.session.volume.is_open else "the 3D view is closed; press {volume.toggle} to open it."


def why_no_opengl(engine: Engine) -> str | None:
    """Return why OpenGL does not paint by itself, or None where a graphics card does."""
    if engine.kind == "unknown":
        return "OpenGL is being tried; wait a few seconds."
    if engine.kind == "missing":
        return f"OpenGL is missing here ({engine.text}); the projection works without it."
    if engine.kind == "software":
        return f"OpenGL runs in software here ({engine.text.partition(' (')[0]}) and is slow."
    return None


def _why_not_shaded(context: Context) -> str | None:
    volume = context.session.volume
    reason = _needs_open(context)
    if reason is not None or (volume.engine.kind == "software" and volume.forced):
        return reason
    reason = why_no_opengl(volume.engine)
    if reason is not None and volume.engine.kind == "software":
        return f"{reason} {{volume.opengl}} uses it all the same."
    return reason


def _why_not_opengl(context: Context) -> str | None:
    engine, reason = context.session.volume.engine, _needs_open(context)
    if reason is not None or engine.kind == "software":
        return reason
    return "the graphics card is in use already." if engine.kind == "hardware" else why_no_opengl(engine)


@command(
    "volume.toggle",
    "3D view",
    keys="3",
    group=_GROUP,
    icon="box",
    why_disabled=_why_not_open,
    checked=lambda context: context.session.volume.is_open,
)
def toggle(context: Context) -> None:
    """Show or hide the tomosynthesis in three dimensions, beside the images."""
    context.actions.toggle_volume()


def _show(context: Context, kind: VolumeKind) -> None:
    context.session.volume.set_kind(kind)


def _shows(kind: VolumeKind, context: Context) -> bool:
    return context.session.volume.kind == kind


@command(
    "volume.mip",
    "Maximum projection",
    group=_GROUP,
    why_disabled=_needs_open,
    checked=lambda context: _shows("mip", context),
)
def show_mip(context: Context) -> None:
    """Show the brightest place along every line of sight; a click goes to its slice."""
    _show(context, "mip")


@command(
    "volume.shaded",
    "Shaded volume",
    group=_GROUP,
    why_disabled=_why_not_shaded,
    checked=lambda context: _shows("volume", context),
)
def show_shaded(context: Context) -> None:
    """Show the volume translucent and lit; dense tissue hides what lies behind it."""
    _show(context, "volume")


@command(
    "volume.reslice",
    "Reslice",
    group=_GROUP,
    why_disabled=_needs_open,
    checked=lambda context: _shows("reslice", context),
)
def show_reslice(context: Context) -> None:
    """Show planes across the slices at the cursor, and a tilted one."""
    _show(context, "reslice")


@command("volume.next_kind", "Next kind of 3D view", keys="Alt+3", group=_GROUP, why_disabled=_needs_open)
def next_kind(context: Context) -> None:
    """Go from projection to shaded volume, where OpenGL allows it, to slices through the volume."""
    able: list[VolumeKind] = ["mip", "reslice"] if _why_not_shaded(context) else ["mip", "volume", "reslice"]
    present = context.session.volume.kind
    _show(context, able[(able.index(present) + 1) % len(able)] if present in able else "mip")


@command(
    "volume.opengl",
    "Use OpenGL in software",
    group=_GROUP,
    why_disabled=_why_not_opengl,
    checked=lambda context: context.session.volume.forced,
)
def use_opengl(context: Context) -> None:
    """Let OpenGL paint although no graphics card helps; each picture takes seconds."""
    volume = context.session.volume
    volume.force_opengl(not volume.forced)


def _look(context: Context, name: Literal["front", "side", "top"]) -> None:
    volume = context.session.volume
    volume.look(preset(volume.camera, name))


@command("volume.front", "From the front", keys="Ctrl+Shift+Home", group=_GROUP, why_disabled=_needs_open)
def from_front(context: Context) -> None:
    """Look at the volume as its slices hang."""
    _look(context, "front")


@command("volume.side", "From the side", group=_GROUP, why_disabled=_needs_open)
def from_side(context: Context) -> None:
    """Look along the slices, from the right of the hung image."""
    _look(context, "side")


@command("volume.top", "From above", group=_GROUP, why_disabled=_needs_open)
def from_top(context: Context) -> None:
    """Look along the slices, from the upper edge of the hung image."""
    _look(context, "top")


def _turn(context: Context, azimuth: float, elevation: float) -> None:
    volume = context.session.volume
    volume.look(volume.camera.turned(azimuth, elevation))


@command("volume.left", "Turn left", keys="Ctrl+Shift+Left", group=_GROUP, why_disabled=_needs_open, repeats=True)
def turn_left(context: Context) -> None:
    """Turn the near side of the volume to the left by 15 degrees."""
    _turn(context, STEP_DEGREES, 0.0)


@command("volume.right", "Turn right", keys="Ctrl+Shift+Right", group=_GROUP, why_disabled=_needs_open, repeats=True)
def turn_right(context: Context) -> None:
    """Turn the near side of the volume to the right by 15 degrees."""
    _turn(context, -STEP_DEGREES, 0.0)


@command("volume.up", "Tip up", keys="Ctrl+Shift+Up", group=_GROUP, why_disabled=_needs_open, repeats=True)
def tip_up(context: Context) -> None:
    """Tip the near side of the volume up by 15 degrees."""
    _turn(context, 0.0, STEP_DEGREES)


@command("volume.down", "Tip down", keys="Ctrl+Shift+Down", group=_GROUP, why_disabled=_needs_open, repeats=True)
def tip_down(context: Context) -> None:
    """Tip the near side of the volume down by 15 degrees."""
    _turn(context, 0.0, -STEP_DEGREES)


@command("volume.zoom", "3D zoom", group=_GROUP, why_disabled=_needs_open, takes="factor")
def zoom(context: Context, factor: float) -> None:
    """Magnify the 3D view."""
    volume = context.session.volume
    volume.look(volume.camera.zoomed(factor))


@command("volume.zoom_in", "3D zoom in", keys="Alt+=", group=_GROUP, why_disabled=_needs_open, repeats=True)
def zoom_in(context: Context) -> None:
    """Magnify the 3D view by a quarter."""
    zoom(context, ZOOM_STEP)


@command("volume.zoom_out", "3D zoom out", keys="Alt+-", group=_GROUP, why_disabled=_needs_open, repeats=True)
def zoom_out(context: Context) -> None:
    """Shrink the 3D view by a fifth."""
    zoom(context, 1.0 / ZOOM_STEP)
