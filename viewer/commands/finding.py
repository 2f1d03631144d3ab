"""Finding a command by what one would call it."""

from __future__ import annotations

from viewer.commands.context import Context
from viewer.commands.table import COMMANDS, Command

_NOT_FOUND = 99


def find_commands(text: str, context: Context) -> list[Command]:
    """Return the commands that a text may mean, best first; all that the reader can run for an empty text.

    Every word of the text has to occur somewhere in label, group, description or keys. A command whose label begins
    with the text comes before one that has it inside, and those that can run now come before those that cannot.
    """
    words = text.lower().split()
    ranked = []
    for order, entry in enumerate(COMMANDS.values()):
        rank = 0 if entry.takes else _rank(entry, words, context)
        if entry.takes or rank == _NOT_FOUND:
            continue
        ranked.append((rank, entry.why_disabled(context) is not None, order, entry))
    return [entry for *_, entry in sorted(ranked, key=lambda found: found[:3])]


def _rank(entry: Command, words: list[str], context: Context) -> int:
    """Return 0 for the best fit of all words, more for worse ones."""
    label = entry.label.lower()
    others = f"{entry.group} {entry.description} {' '.join(entry.keys_now(context))}".lower()
    worst = 0
    for word in words:
        if label.startswith(word):
            rank = 0
        elif f" {word}" in label:
            rank = 1
        elif word in label:
            rank = 2
        elif word in others:
            rank = 3
        else:
            return _NOT_FOUND
        worst = max(worst, rank)
    return worst
