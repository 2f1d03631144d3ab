"""Zoom and pan of the active view; all modalities of that view follow in mm."""

from __future__ import annotations

from dataclasses import replace

from gmic_core.exam.model import MammoImage
from gmic_core.types import Laterality
from viewer.commands.conditions import needs_image
from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.model.placement import Placement, PlacementMode, extent_mm, image_laterality

ZOOM_STEP = 1.25
PAN_STEP = 64  # device pixels

_GROUP = "Zoom and pan"


def one_to_one_scale(image: MammoImage) -> float:
    """Return the scale in device pixels per mm at which a stored pixel takes one device pixel."""
    return 1.0 / image.spacing_mm[1] if image.spacing_mm else 1.0


def _mode_is(mode: PlacementMode, context: Context) -> bool:
    session = context.session
    return session.active_image is not None and session.placement(session.active).mode == mode


def _place_at_scale(context: Context, mode: PlacementMode, scale: float) -> None:
    """Magnify to a scale; what is in the middle stays there, pulled onto the image if it is beside it."""
    session = context.session
    image = session.active_image
    if image is None:
        return
    tall, wide = extent_mm(image)
    now = session.placement(session.active)
    down = min(max(now.down, -tall / 2), tall / 2)
    depth = wide / 2 if now.mode == "fit" else min(max(now.depth, 0.0), wide)
    session.place(session.active, Placement(mode, scale, down, depth))


@command(
    "zoom.fit",
    "Fit",
    keys="F",
    group=_GROUP,
    icon="fullscreen",
    why_disabled=needs_image,
    checked=lambda context: _mode_is("fit", context),
)
def fit(context: Context) -> None:
    """Show the whole image, all images of the layout at the same size in mm."""
    context.session.place(context.session.active, None)


@command(
    "zoom.one_to_one",
    "1:1 pixels",
    keys="1",
    group=_GROUP,
    why_disabled=needs_image,
    checked=lambda context: _mode_is("one_to_one", context),
)
def one_to_one(context: Context) -> None:
    """Show each stored pixel of the active image as one pixel of the screen."""
    image = context.session.active_image
    if image is not None:
        _place_at_scale(context, "one_to_one", one_to_one_scale(image))


def _needs_true_size(context: Context) -> str | None:
    reason = needs_image(context)
    image = context.session.active_image
    if reason or image is None:
        return reason
    if image.spacing_mm is None:
        return f"{image.label} states no pixel spacing, so its true size is not known; use 1:1 (key 1)."
    if context.actions.screen_scale() is None:
        return "this screen does not tell its size, so true size is not known; use 1:1 (key 1)."
    return None


@command(
    "zoom.true_size",
    "True size",
    keys="T",
    group=_GROUP,
    icon="ruler",
    why_disabled=_needs_true_size,
    checked=lambda context: _mode_is("true_size", context),
)
def true_size(context: Context) -> None:
    """Show one mm of the breast as one mm on the screen."""
    scale = context.actions.screen_scale()
    if scale is not None:
        _place_at_scale(context, "true_size", scale)


def _zoom(context: Context, factor: float) -> None:
    session = context.session
    now = session.placement(session.active)
    session.place(session.active, now.zoomed(factor, now.down, now.depth))


@command("zoom.in", "Zoom in", keys=("+", "="), group=_GROUP, icon="zoom-in", why_disabled=needs_image, repeats=True)
def zoom_in(context: Context) -> None:
    """Magnify by a quarter about the middle; Ctrl+wheel magnifies about the mouse."""
    _zoom(context, ZOOM_STEP)


@command("zoom.out", "Zoom out", keys="-", group=_GROUP, icon="zoom-out", why_disabled=needs_image, repeats=True)
def zoom_out(context: Context) -> None:
    """Shrink by a quarter about the middle; Ctrl+wheel shrinks about the mouse."""
    _zoom(context, 1.0 / ZOOM_STEP)


def _pan(context: Context, right: int, down: int) -> None:
    session = context.session
    image = session.active_image
    if image is not None:
        deeper = right if image_laterality(image) is Laterality.L else -right
        now = session.placement(session.active)
        session.place(session.active, replace(now.panned(down, deeper), mode="free"))


@command("zoom.pan_left", "Move image left", keys="Ctrl+Left", group=_GROUP, why_disabled=needs_image, repeats=True)
def pan_left(context: Context) -> None:
    """Move the image to the left, as dragging with the middle button does."""
    _pan(context, -PAN_STEP, 0)


@command("zoom.pan_right", "Move image right", keys="Ctrl+Right", group=_GROUP, why_disabled=needs_image, repeats=True)
def pan_right(context: Context) -> None:
    """Move the image to the right, as dragging with the middle button does."""
    _pan(context, PAN_STEP, 0)


@command("zoom.pan_up", "Move image up", keys="Ctrl+Up", group=_GROUP, why_disabled=needs_image, repeats=True)
def pan_up(context: Context) -> None:
    """Move the image up, as dragging with the middle button does."""
    _pan(context, 0, -PAN_STEP)


@command("zoom.pan_down", "Move image down", keys="Ctrl+Down", group=_GROUP, why_disabled=needs_image, repeats=True)
def pan_down(context: Context) -> None:
    """Move the image down, as dragging with the middle button does."""
    _pan(context, 0, PAN_STEP)
