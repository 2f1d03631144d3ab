"""Undo and redo of what the reader does to marks, key images, segmentations, grey values, zoom and layout."""

from __future__ import annotations

from viewer.commands.context import Context
from viewer.commands.table import command

_GROUP = "Marks"


def _needs_undo(context: Context) -> str | None:
    if context.session.history.undo_label is not None:
        return None
    return "nothing was done to marks, segmentations, grey values, zoom or layout since the exam was opened."


def _needs_redo(context: Context) -> str | None:
    return None if context.session.history.redo_label is not None else "nothing was undone."


@command("edit.undo", "Undo", keys="Ctrl+Z", group=_GROUP, icon="undo-2", why_disabled=_needs_undo)
def undo(context: Context) -> None:
    """Take back the last change of marks, segmentations, key images, grey values, zoom, pan or layout."""
    label = context.session.history.undo()
    if label is not None:
        context.session.notice.emit("hint", f"Undone: {label}")


@command("edit.redo", "Redo", keys=("Ctrl+Y", "Ctrl+Shift+Z"), group=_GROUP, icon="redo-2", why_disabled=_needs_redo)
def redo(context: Context) -> None:
    """Do again what was undone last."""
    label = context.session.history.redo()
    if label is not None:
        context.session.notice.emit("hint", f"Done again: {label}")
