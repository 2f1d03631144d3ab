"""What of the AI is laid over the images, for all viewports at once."""

from __future__ import annotations

from viewer.commands.conditions import active_entry
from viewer.commands.context import Context
from viewer.commands.table import command

_GROUP = "AI"


def _needs_visible(context: Context) -> str | None:
    return (
        None
        if context.session.overlays.settings.visible
        else "all AI is hidden; press {overlay.toggle_all} to show it."
    )


@command(
    "overlay.toggle_all",
    "Show AI",
    keys="G",
    group=_GROUP,
    icon="eye",
    checked=lambda context: context.session.overlays.settings.visible,
)
def toggle_all(context: Context) -> None:
    """Show or hide everything that comes from the AI: maps, boxes, ticks and scores on the images."""
    overlays = context.session.overlays
    overlays.update(visible=not overlays.settings.visible)


@command(
    "overlay.malignant",
    "Malignant map",
    keys="M",
    group=_GROUP,
    why_disabled=_needs_visible,
    checked=lambda context: context.session.overlays.settings.malignant,
)
def toggle_malignant(context: Context) -> None:
    """Show or hide the saliency map of malignant findings."""
    overlays = context.session.overlays
    overlays.update(malignant=not overlays.settings.malignant)


@command(
    "overlay.benign",
    "Benign map",
    keys="B",
    group=_GROUP,
    why_disabled=_needs_visible,
    checked=lambda context: context.session.overlays.settings.benign,
)
def toggle_benign(context: Context) -> None:
    """Show or hide the saliency map of benign findings."""
    overlays = context.session.overlays
    overlays.update(benign=not overlays.settings.benign)


@command(
    "overlay.patches",
    "Patch boxes",
    keys="P",
    group=_GROUP,
    why_disabled=_needs_visible,
    checked=lambda context: context.session.overlays.settings.boxes,
)
def toggle_patches(context: Context) -> None:
    """Show or hide the boxes of the patches that the network looked at closely."""
    overlays = context.session.overlays
    overlays.update(boxes=not overlays.settings.boxes)


@command(
    "overlay.contour",
    "Contours only",
    keys="O",
    group=_GROUP,
    why_disabled=_needs_visible,
    checked=lambda context: context.session.overlays.settings.contour,
)
def toggle_contour(context: Context) -> None:
    """Show the maps as outlines at their thresholds, so that the tissue inside stays visible."""
    overlays = context.session.overlays
    overlays.update(contour=not overlays.settings.contour)


def _needs_result(context: Context) -> str | None:
    entry = active_entry(context)
    if entry is None or entry.result is None:
        return "there is no finished AI result for this image; press {ai.run_exam} to run it."
    return _needs_visible(context)


@command(
    "overlay.window",
    "Show what the network saw",
    keys="Ctrl+G",
    group=_GROUP,
    why_disabled=_needs_result,
    checked=lambda context: context.session.overlays.settings.window,
)
def toggle_window(context: Context) -> None:
    """Outline the network's window; what it did not see is veiled, and structures there are outlined."""
    overlays = context.session.overlays
    overlays.update(window=not overlays.settings.window)


@command("overlay.opacity", "Opacity", group=_GROUP, why_disabled=_needs_visible, takes="0..1")
def set_opacity(context: Context, value: float) -> None:
    """How much of the image the maps cover where they are strongest."""
    context.session.overlays.update(opacity=value)


@command("overlay.threshold_malignant", "Malignant threshold", group=_GROUP, why_disabled=_needs_visible, takes="0..1")
def set_threshold_malignant(context: Context, value: float) -> None:
    """Saliency up to which the malignant map is transparent."""
    context.session.overlays.update(threshold_malignant=value)


@command("overlay.threshold_benign", "Benign threshold", group=_GROUP, why_disabled=_needs_visible, takes="0..1")
def set_threshold_benign(context: Context, value: float) -> None:
    """Saliency up to which the benign map is transparent."""
    context.session.overlays.update(threshold_benign=value)
