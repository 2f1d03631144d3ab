"""Slabs: neighbouring slices shown as one. What the network sees and what is exported stays single slices."""

from __future__ import annotations

from dataclasses import replace

from viewer.commands.conditions import needs_slices
from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.model.slab import MAX_MM, MIN_MM, Slab

_GROUP = "Slices"


def _show(context: Context, slab: Slab) -> None:
    """Show a slab and say what is shown."""
    context.session.viewing.set_slab(slab)
    image = context.session.active_image
    if image is not None:
        text = slab.text(image) if slab.on else "single slices"
        context.session.notice.emit("hint", f"Now shown: {text}.")


@command(
    "slab.toggle",
    "Slab",
    keys="S",
    group=_GROUP,
    icon="layers",
    why_disabled=needs_slices,
    checked=lambda context: context.session.viewing.slab.on,
)
def toggle(context: Context) -> None:
    """Show neighbouring slices combined into one, or single slices; the AI always sees single slices."""
    slab = context.session.viewing.slab
    _show(context, replace(slab, on=not slab.on))


@command("slab.mode", "Slab of mean or maximum", keys="Shift+S", group=_GROUP, why_disabled=needs_slices)
def change_mode(context: Context) -> None:
    """Change between the mean of the slices and their brightest values; shows the slab."""
    slab = context.session.viewing.slab
    _show(context, replace(slab, on=True, mode="maximum" if slab.mode == "mean" else "mean"))


def _needs_thinner(context: Context) -> str | None:
    slab = context.session.viewing.slab
    return needs_slices(context) or (None if slab.thickness_mm > MIN_MM else "the slab is 1 mm thick already.")


def _needs_thicker(context: Context) -> str | None:
    slab = context.session.viewing.slab
    return needs_slices(context) or (None if slab.thickness_mm < MAX_MM else "the slab is 20 mm thick already.")


@command("slab.thicker", "Thicker slab", keys="Shift+Right", group=_GROUP, why_disabled=_needs_thicker, repeats=True)
def thicker(context: Context) -> None:
    """Combine more slices, up to 20 mm; shows the slab."""
    slab = context.session.viewing.slab
    _show(context, replace(slab.stepped(+1) if slab.on else slab, on=True))


@command("slab.thinner", "Thinner slab", keys="Shift+Left", group=_GROUP, why_disabled=_needs_thinner, repeats=True)
def thinner(context: Context) -> None:
    """Combine fewer slices, down to 1 mm; shows the slab."""
    slab = context.session.viewing.slab
    _show(context, replace(slab.stepped(-1) if slab.on else slab, on=True))


@command("slab.set_thickness", "Slab thickness", group=_GROUP, why_disabled=needs_slices, takes="mm, 1 to 20")
def set_thickness(context: Context, thickness_mm: float) -> None:
    """Combine the slices of so many mm."""
    slab = context.session.viewing.slab
    _show(context, replace(slab.thick(thickness_mm), on=True))
