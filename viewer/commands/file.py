"""Opening exams, leaving pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from viewer.commands.context import Context
from viewer.commands.table import command

_GROUP = "File"


@command("file.open", "Open files", keys="Ctrl+O", group=_GROUP, icon="file-plus")
def open_files(context: Context) -> None:
    """Choose DICOM, PNG, NIfTI or zip files; dropping them on the window does the same."""
    context.actions.open_dialog()


@command("file.open_folder", "Open folder", keys="Ctrl+Shift+O", group=_GROUP, icon="folder-open")
def open_folder(context: Context) -> None:
    """Choose a folder; everything in it and below it is read."""
    context.actions.open_folder_dialog()


@command("file.open_paths", "Open", group=_GROUP, takes="paths")
def open_paths(context: Context, paths: Sequence[Path]) -> None:
    """Open files and folders that were dropped or chosen from the recent ones."""
    context.actions.open_paths(list(paths))


def _needs_last(context: Context) -> str | None:
    if context.settings.last_exam:
        return None
    return "no exam is remembered; it is when the window is closed on one, unless the settings say otherwise."


@command(
    "file.open_last", "Open last exam", keys="Ctrl+Shift+T", group=_GROUP, icon="history", why_disabled=_needs_last
)
def open_last(context: Context) -> None:
    """Go on with the exam that was open when the window was closed, hung as it was."""
    context.actions.open_last()
