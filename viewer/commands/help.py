"""The window itself: identity, panels, help."""

from __future__ import annotations

from viewer.commands.context import Context
from viewer.commands.table import command

_GROUP = "Window and help"


@command(
    "view.hide_identity",
    "Hide identity",
    keys="Ctrl+H",
    group=_GROUP,
    icon="user-x",
    checked=lambda context: context.session.identity_hidden,
)
def toggle_identity(context: Context) -> None:
    """Hide or show who the patient is: on the images, in titles, lists and screenshots."""
    context.session.set_identity_hidden(not context.session.identity_hidden)


@command(
    "view.study_list",
    "Study list",
    keys="F8",
    group=_GROUP,
    icon="panel-left",
    checked=lambda context: context.actions.panel_visible("study"),
)
def toggle_study_list(context: Context) -> None:
    """Show or hide the list of exams and images on the left."""
    context.actions.toggle_panel("study")


@command(
    "view.ai_panel",
    "AI panel",
    keys="F9",
    group=_GROUP,
    icon="panel-right",
    checked=lambda context: context.actions.panel_visible("ai"),
)
def toggle_ai_panel(context: Context) -> None:
    """Show or hide scores, overlay controls and patches on the right."""
    context.actions.toggle_panel("ai")


@command("view.full_screen", "Full screen", keys="F11", group=_GROUP)
def toggle_full_screen(context: Context) -> None:
    """Let the window fill the screen, or go back."""
    context.actions.toggle_full_screen()


@command("help.show", "Keys and mouse", keys="?", group=_GROUP, icon="keyboard")
def show_help(context: Context) -> None:
    """Show all keys on one sheet."""
    context.actions.show_help()


@command("help.palette", "Find a command", keys="Ctrl+Shift+P", group=_GROUP, icon="search")
def show_palette(context: Context) -> None:
    """Type a few letters of what you want to do, and press Enter."""
    context.actions.show_palette()


@command("help.guide", "User guide", keys="Ctrl+F1", group=_GROUP, icon="book-open")
def show_guide(context: Context) -> None:
    """Read how things are done."""
    context.actions.show_guide()


@command("view.next_region", "Next part of the window", keys="F6", group=_GROUP)
def next_region(context: Context) -> None:
    """Move the focus on: viewports, slice bar, AI panel, toolbar, study list, messages."""
    context.actions.next_region(+1)


@command("view.previous_region", "Previous part of the window", keys="Shift+F6", group=_GROUP)
def previous_region(context: Context) -> None:
    """Move the focus back to the part of the window before."""
    context.actions.next_region(-1)


@command("help.escape", "Close", keys="Esc", group=_GROUP)
def escape(context: Context) -> None:
    """Close what lies over the images: the sheet of keys, a banner, the maximised viewport."""
    context.actions.escape()


@command("help.copy_report", "Copy report", group=_GROUP, icon="copy")
def copy_report(context: Context) -> None:
    """Copy versions, settings and the last messages to the clipboard, without patient data."""
    context.actions.copy_report()
