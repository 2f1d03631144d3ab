"""What the reader sets for good: the settings dialog's commands; switches that have a key are elsewhere."""

from __future__ import annotations

from gmic_core.inference.execution.modes import PLACES
from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.model.settings import CINE_FPS, UI_SCALES

_GROUP = "Window and help"


@command("settings.show", "Settings", keys="Ctrl+,", group=_GROUP, icon="settings")
def show_settings(context: Context) -> None:
    """Set size of the interface, reading, AI, keys and storage."""
    context.actions.show_settings()


@command("settings.ui_scale", "Size of the interface", group=_GROUP, takes="1.0..2.0")
def set_ui_scale(context: Context, value: float) -> None:
    """Make text and controls larger, for high-resolution screens and tired eyes; from the next start on."""
    context.settings.ui_scale = min(max(value, UI_SCALES[0]), UI_SCALES[1])
    context.actions.save_settings()


@command("settings.cine_fps", "Cine speed", group=_GROUP, takes="frames per second")
def set_cine_fps(context: Context, value: float) -> None:
    """Play slices at so many frames per second."""
    context.settings.cine_fps = min(max(value, CINE_FPS[0]), CINE_FPS[1])
    context.actions.set_cine(context.settings.cine_fps)
    context.actions.save_settings()


@command("settings.layout", "First layout", group=_GROUP, takes="id of a hanging protocol")
def set_layout(context: Context, layout: str) -> None:
    """Hang exams like this when they are opened; hanging one differently changes it too."""
    context.settings.layout = layout
    context.actions.save_settings()


@command("settings.offer_last", "Offer the last exam at the start", group=_GROUP, takes="True or False")
def set_offer_last(context: Context, value: bool) -> None:
    """Remember which exam was open and how it hung, and offer to go on with it at the next start."""
    context.settings.offer_last = value
    if not value:
        context.settings.last_exam = {}
    context.actions.save_settings()


@command("settings.device", "Compute on", group=_GROUP, takes=", ".join(PLACES))
def set_device(context: Context, device: str) -> None:
    """Where the networks run and how, from the next run on; "auto" takes a graphics card where there is one.

    A graphics card computes in fast mode (float16, within 0.01 of exact) unless "exact" (float32) is asked for.
    """
    context.settings.device = device
    context.actions.save_settings()


def _needs_recent(context: Context) -> str | None:
    settings = context.settings
    return None if settings.recent or settings.last_exam else "the list is empty."


@command("settings.clear_recent", "Forget recent exams", group=_GROUP, icon="trash-2", why_disabled=_needs_recent)
def clear_recent(context: Context) -> None:
    """Empty the list of recent exams, and forget which one was open last."""
    context.settings.recent.clear()
    context.settings.last_exam = {}
    context.session.exams_changed.emit()
    context.actions.save_settings()


def _needs_results(context: Context) -> str | None:
    if context.session.results.pending:
        return "a run is under way; wait for it, or press {ai.cancel}."
    return None if context.actions.storage().results else "no result is kept."


@command("settings.clear_results", "Delete kept results", group=_GROUP, icon="trash-2", why_disabled=_needs_results)
def clear_results(context: Context) -> None:
    """Delete the AI results kept on this computer; exams are then computed again when you run the networks."""
    context.actions.clear_results()
