"""Every user action: id, label, key, why it may be disabled, handler; importing this package fills the table."""

from viewer.commands import ai, display, file, help, image, layout, navigation, overlay, window, zoom
from viewer.commands.context import Actions, Context
from viewer.commands.table import COMMANDS, GROUPS, Command, find_by_key, key_conflicts, run, why_disabled

__all__ = [
    "COMMANDS",
    "GROUPS",
    "Actions",
    "Command",
    "Context",
    "ai",
    "display",
    "file",
    "find_by_key",
    "help",
    "image",
    "key_conflicts",
    "layout",
    "navigation",
    "overlay",
    "run",
    "why_disabled",
    "window",
    "zoom",
]
