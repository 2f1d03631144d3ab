"""The one table of user actions; menus, keys, tooltips, the help sheet and the tests are made from it.

A feature is added by one decorated function in a module of this package::

    @command("zoom.fit", "Fit", keys="F", group="Zoom and pan", icon="fullscreen", why_disabled=needs_image)
    def fit(context: Context) -> None:
        \"\"\"Show the whole image.\"\"\"
        context.session.place(context.session.active, None)

Keys are Qt's portable names (``"Ctrl+O"``, ``"PgDown"``, ``"?"``). A command that needs a value (a slider's, say) has
``takes`` and is run by widgets only; it has no key and no place in a menu.

In annotation mode the commands with ``annotating`` take their keys, which are ITK-SNAP's, from whatever else has them.

Readers may change keys. A sentence that names the key of a command says ``press {zoom.fit}``: the key that the command
has at the time is filled in, or its name where it has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from viewer.commands.context import Context

Handler = Callable[..., None]
WhyDisabled = Callable[[Context], str | None]
Checked = Callable[[Context], bool]

GROUPS = (
    "File",
    "Worklist",
    "Slices",
    "Viewports and hanging",
    "Zoom and pan",
    "Grey values",
    "Measuring",
    "Marks",
    "AI",
    "Annotation",
    "Comparison",
    "3D view",
    "Window and help",
)
"""Sections of menus and of the help sheet, in order."""


@dataclass(frozen=True)
class Command:
    """One user action.

    Attributes
    ----------
    id : ``theme.action``, e.g. ``navigate.next_slice``.
    label : as in menus, e.g. ``Next slice``.
    keys : default keys, Qt portable names; the first is shown in tooltips. Those in force: :meth:`keys_now`.
    group : one of :data:`GROUPS`.
    handler : called with the context, and with the value where ``takes`` is set.
    why_disabled : None when the command can run now, else a sentence that says why not and what to do.
    checked : state of a switch, or None for what is no switch.
    icon : name in resources/icons, or None.
    description : one sentence for tooltips, from the handler's docstring.
    takes : what the extra argument is; "" for ordinary commands.
    repeats : whether holding the key repeats the command.
    annotating : whether its keys are in force in annotation mode only, and there before those of other commands.
    """

    id: str
    label: str
    keys: tuple[str, ...]
    group: str
    handler: Handler
    why_disabled: WhyDisabled
    checked: Checked | None = None
    icon: str | None = None
    description: str = ""
    takes: str = ""
    repeats: bool = False
    annotating: bool = False

    def keys_now(self, context: Context) -> tuple[str, ...]:
        """Keys that belong to the command for this reader."""
        return context.keys.keys(self.id, self.keys)

    def keys_in_force(self, context: Context) -> tuple[str, ...]:
        """Keys that run the command at the moment: in annotation mode others than else."""
        keys, on = self.keys_now(context), context.session.annotation.on
        if self.annotating:
            return keys if on else ()
        taken = _annotation_keys(context) if on else frozenset()
        return tuple(key for key in keys if key.lower() not in taken)

    def key_now(self, context: Context) -> str:
        """First key that runs the command for this reader, or ""; those of annotation mode are told outside of it."""
        keys = self.keys_now(context) if self.annotating else self.keys_in_force(context)
        return next(iter(keys), "")

    def tooltip_now(self, context: Context) -> str:
        """Label with its key and what it does; a command that cannot run now says why."""
        reason, key = self.why_disabled(context), self.key_now(context)
        head = f"{self.label} ({key})" if key else self.label
        text = f"Not available: {reason}" if reason is not None else with_keys(self.description, context)
        return f"{head}\n{text}" if text else head


COMMANDS: dict[str, Command] = {}
"""All commands by id, in the order in which menus show them; filled by ``import viewer.commands``."""


def _annotation_keys(context: Context) -> frozenset[str]:
    """Return the keys, in small letters, that annotation mode takes for itself."""
    entries = (entry for entry in COMMANDS.values() if entry.annotating)
    return frozenset(key.lower() for entry in entries for key in entry.keys_now(context))


_NAMED_COMMAND = re.compile(r"\{([a-z]+\.[a-z0-9_]+)\}")


def with_keys(text: str, context: Context) -> str:
    """Fill in the keys of commands that a sentence names, e.g. ``{zoom.fit}``; without a key, the command's name."""

    def name(found: re.Match[str]) -> str:
        entry = COMMANDS.get(found[1])
        if entry is None:  # braces of a file's name, say
            return found[0]
        return entry.key_now(context) or f"“{entry.label}” in the menu"

    return _NAMED_COMMAND.sub(name, text)


def _filled_in(why: WhyDisabled) -> WhyDisabled:
    def reason(context: Context) -> str | None:
        text = why(context)
        return None if text is None else with_keys(text, context)

    return reason


def never_disabled(_context: Context) -> str | None:
    """For commands that can always run."""
    return None


def command(
    id: str,
    label: str,
    *,
    group: str,
    keys: str | Iterable[str] = (),
    why_disabled: WhyDisabled = never_disabled,
    checked: Checked | None = None,
    icon: str | None = None,
    takes: str = "",
    repeats: bool = False,
    annotating: bool = False,
) -> Callable[[Handler], Handler]:
    """Register the decorated function as a command; see :class:`Command` for the parameters.

    Raises
    ------
    ValueError
        If the id is taken, the group unknown, or a command that takes a value has a key: mistakes of a programmer.
    """

    def register(handler: Handler) -> Handler:
        if id in COMMANDS or group not in GROUPS or (takes and keys):
            raise ValueError(f"command {id!r}: taken id, unknown group {group!r}, or a key for a command with a value")
        names = tuple(key for key in ((keys,) if isinstance(keys, str) else keys) if key)
        description = (handler.__doc__ or "").strip().splitlines()[0]
        COMMANDS[id] = Command(
            id, label, names, group, handler, _filled_in(why_disabled), checked, icon, description, takes, repeats,
            annotating,
        )  # fmt: skip
        return handler

    return register


def find_by_key(key: str) -> Command | None:
    """Return the command of a key (Qt portable name) outside of annotation mode, or None."""
    return next((entry for entry in COMMANDS.values() if key in entry.keys and not entry.annotating), None)


def key_conflicts() -> list[tuple[str, str, str]]:
    """Return (key, id, id) for every key that two commands claim in one mode; empty when all is well."""
    owners: dict[tuple[str, bool], str] = {}
    conflicts = []
    for entry in COMMANDS.values():
        for key in entry.keys:
            first = owners.setdefault((key.lower(), entry.annotating), entry.id)
            if first != entry.id:
                conflicts.append((key, first, entry.id))
    return conflicts


def why_disabled(id: str, context: Context) -> str | None:
    """Return why a command cannot run now, or None."""
    return COMMANDS[id].why_disabled(context)


def run(id: str, context: Context, *value: object) -> bool:
    """Run a command if it can run now; otherwise tell the reader why not. Return whether it ran."""
    entry = COMMANDS[id]
    reason = entry.why_disabled(context)
    if reason is not None:
        context.session.notice.emit("hint", f"{entry.label}: {reason}")
        return False
    with context.session.history.step(entry.label, merge=entry.repeats):
        entry.handler(context, *value)
    return True
