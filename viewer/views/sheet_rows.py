"""What the sheet of keys says: groups of lines from the command table, with commands that are opposites in one line.

``Previous slice`` (Up) and ``Next slice`` (Down) become ``Up / Down: Previous / next slice``; four directions
become one line too. Nothing is listed by hand, so that a new command or another key is on the sheet by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from viewer.commands import COMMANDS, GROUPS, Command, Context
from viewer.views.command_widgets import key_text

MOUSE = (
    ("Wheel", "Slice"),
    ("Ctrl+wheel", "Zoom about the mouse"),
    ("Left drag", "Brightness and contrast"),
    ("Middle drag", "Move image"),
    ("Right drag", "Zoom"),
    ("Double click", "Maximise viewport"),
    ("Drag from the study list", "Show image in viewport"),
)
MOUSE_PLACE = 5  # before AI: there the columns come out about equally long

OPPOSITES = (
    ("previous", "next"),
    ("first", "last"),
    ("left", "right", "up", "down"),
    ("in", "out"),
    ("faster", "slower"),
    ("thicker", "thinner"),
    ("brighter", "darker"),
    ("more", "less"),
    ("higher", "lower"),
    ("larger", "smaller"),
    ("undo", "redo"),
)
ARROWS = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓"}
_SET_OF = {word: words for words in OPPOSITES for word in words}

Row = tuple[str, str]
Section = tuple[str, list[Row]]


def sections(context: Context) -> list[Section]:
    """Return (heading, [(keys, label)]) for every group with keys, and for the mouse."""
    found: list[Section] = []
    for group in GROUPS:
        entries = [entry for entry in COMMANDS.values() if entry.group == group and entry.keys_in_force(context)]
        found.append((group, _rows(entries, context)))
    found.insert(MOUSE_PLACE, ("Mouse", list(MOUSE)))
    return [section for section in found if section[1]]


def _rows(entries: list[Command], context: Context) -> list[Row]:
    """Return one line for each command, or for several that are opposites; in the order of the first of them."""
    families: dict[tuple[object, ...], list[tuple[Command, str]]] = {}
    for entry in entries:
        word = next((word for word in entry.label.lower().split() if word in _SET_OF), "")
        rest = " ".join(part for part in entry.label.lower().split() if part != word)
        # with several keys each, key by key: Up / Down, PgUp / PgDown
        family = (_SET_OF[word], rest, len(entry.keys_in_force(context))) if word else (entry.id,)
        if entry.label.startswith("Window preset"):
            family = ("presets",)
        families.setdefault(family, []).append((entry, word))
    return [_row(members, context) for members in families.values()]


def _row(members: list[tuple[Command, str]], context: Context) -> Row:
    entries = [entry for entry, _ in members]
    keys = [entry.keys_in_force(context) for entry in entries]
    if len(entries) == 1:
        return ", ".join(shown(key) for key in keys[0]), entries[0].label
    if entries[0].label.startswith("Window preset"):
        return _joined([names[0] for names in keys]), "Window presets"
    words = [word for _, word in members]
    label = entries[0].label
    start = label.lower().split().index(words[0])
    parts = label.split()
    if len(words) == len(OPPOSITES[2]):  # all four directions need not be said beside four arrows
        return _joined([names[0] for names in keys]), " ".join(parts[:start] + parts[start + 1 :])
    joined = " / ".join([parts[start], *words[1:]])
    text = " ".join([*parts[:start], joined, *parts[start + 1 :]])
    return ", ".join(_joined(names) for names in zip(*keys, strict=True)), text


def _joined(keys: Iterable[str]) -> str:
    """Return keys with their common modifiers said once: ``Ctrl+Left / Right``; neighbours F1 to F4 as ``F1 - F4``."""
    names = list(keys)
    numbers = [int(name[1:]) if name[:1] == "F" and name[1:].isdigit() else -1 for name in names]
    if len(names) > 2 and numbers[0] > 0 and all(b - a == 1 for a, b in itertools.pairwise(numbers)):
        return f"{key_text(names[:1])} - {key_text(names[-1:])}"
    heads = {_modifiers(name) for name in names}
    if len(heads) > 1:
        return " / ".join(shown(name) for name in names)
    head = heads.pop()
    tails = [name.removeprefix(head) for name in names]
    between = " " if all(tail in ARROWS for tail in tails) else " / "
    return f"{head}{between.join(shown(tail) for tail in tails)}"


def shown(key: str) -> str:
    """Return a key as the sheet writes it: as the platform does, but arrows as arrows."""
    head = _modifiers(key)
    tail = key.removeprefix(head)
    return f"{head}{ARROWS[tail]}" if tail in ARROWS else key_text([key])


def _modifiers(key: str) -> str:
    head, plus, _ = key[:-1].rpartition("+")
    return head + plus
