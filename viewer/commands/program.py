"""The end of the program; a module of its own, because menus show commands in the order of the modules."""

from __future__ import annotations

from viewer.commands.context import Context
from viewer.commands.table import command


@command("file.quit", "Quit", keys="Ctrl+Q", group="File")
def quit_application(context: Context) -> None:
    """Close the window; a running AI job is stopped."""
    context.actions.quit()
