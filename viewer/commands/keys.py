"""Changing which key runs which command, with the check that no key has two owners."""

from __future__ import annotations

from viewer.commands.context import Context
from viewer.commands.table import COMMANDS, Command, command

_GROUP = "Window and help"

RESERVED = {
    "tab": "moves the focus to the next control",
    "shift+tab": "moves the focus to the previous control",
    "backtab": "moves the focus to the previous control",
}
"""Keys without which the window could not be used by keyboard alone, in small letters, and what they do."""


def owner_of(context: Context, key: str, *, but: str = "") -> Command | None:
    """Return the command other than ``but`` that a key (Qt portable name) belongs to; None for a free key.

    Commands of annotation mode and all others do not get in each other's way.
    """
    wanted, annotating = key.lower(), bool(but) and COMMANDS[but].annotating
    for entry in COMMANDS.values():
        if entry.id == but or entry.annotating != annotating:
            continue
        if wanted in (name.lower() for name in entry.keys_now(context)):
            return entry
    return None


def why_not_key(context: Context, command_id: str, key: str) -> str | None:
    """Return why a key cannot run a command, or None: it is reserved, or it runs another command."""
    if key.lower() in RESERVED:
        return f"{key} {RESERVED[key.lower()]}; choose another key."
    owner = owner_of(context, key, but=command_id)
    return None if owner is None else f"{key} already runs “{owner.label}” ({owner.group})."


def why_not_reset(context: Context, command_id: str) -> str | None:
    """Return why a command cannot have its own keys again, or None."""
    entry = COMMANDS[command_id]
    if entry.keys_now(context) == entry.keys:
        return "the command has its own keys."
    return next((why for key in entry.keys if (why := why_not_key(context, command_id, key))), None)


@command("settings.assign_key", "Change key", group=_GROUP, takes="command id, key or ''")
def assign_key(context: Context, command_id: str, key: str) -> None:
    """Let a key run a command instead of the command's keys so far; nothing happens while another command has it."""
    if key and (reason := why_not_key(context, command_id, key)):
        context.session.notice.emit("hint", reason)
        return
    context.keys.assign({command_id: [key] if key else []})
    context.actions.save_settings()


@command("settings.take_key", "Take key", group=_GROUP, takes="command id, key")
def take_key(context: Context, command_id: str, key: str) -> None:
    """Let a key run a command, and take it away from the command that has it."""
    if key.lower() in RESERVED:
        context.session.notice.emit("hint", why_not_key(context, command_id, key) or "")
        return
    changes: dict[str, list[str]] = {command_id: [key]}
    owner = owner_of(context, key, but=command_id)
    if owner is not None:
        changes[owner.id] = [name for name in owner.keys_now(context) if name.lower() != key.lower()]
    context.keys.assign(changes)
    context.actions.save_settings()


@command("settings.reset_key", "Reset key", group=_GROUP, takes="command id")
def reset_key(context: Context, command_id: str) -> None:
    """Give a command its own keys again."""
    reason = why_not_reset(context, command_id)
    if reason is not None:
        context.session.notice.emit("hint", f"{COMMANDS[command_id].label}: {reason}")
        return
    context.keys.assign({command_id: None})
    context.actions.save_settings()


def _needs_changes(context: Context) -> str | None:
    return None if context.keys.changes else "no key was changed."


@command("settings.reset_keys", "Reset all keys", group=_GROUP, icon="rotate-ccw", why_disabled=_needs_changes)
def reset_keys(context: Context) -> None:
    """Give every command its own keys again."""
    context.keys.reset()
    context.actions.save_settings()


def drop_conflicts(context: Context) -> list[str]:
    """Take keys that two commands claim away from the changed one, e.g. after an update; return sentences about it."""
    told = []
    for command_id in list(context.keys.changes):
        if command_id not in COMMANDS:
            continue
        kept, entry = [], COMMANDS[command_id]
        for key in entry.keys_now(context):
            reason = why_not_key(context, command_id, key)
            if reason is None:
                kept.append(key)
            else:
                told.append(f"{entry.label}: {reason} Choose a key for it in the settings.")
        if len(kept) != len(entry.keys_now(context)):
            context.keys.assign({command_id: kept})
    return told
