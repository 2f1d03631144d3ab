"""Which keys run which commands for this reader: the defaults of the command table, and what the reader changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psygnal import Signal


class KeyMap:
    """What the reader changed about the keys; commands that are not in it keep their own.

    Signals
    -------
    changed() : a command has other keys now.

    Parameters
    ----------
    changes : keys by command id, Qt portable names; an empty list takes the keys of a command away. The dictionary is
        the one of the settings and is changed in place, so that whoever saves the settings saves the keys.
    """

    changed = Signal()

    def __init__(self, changes: dict[str, list[str]] | None = None) -> None:
        self._changes = changes if changes is not None else {}

    @property
    def changes(self) -> Mapping[str, list[str]]:
        """What differs from the defaults."""
        return self._changes

    def keys(self, command_id: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return the keys of a command whose own ones are ``default``."""
        changed = self._changes.get(command_id)
        return default if changed is None else tuple(changed)

    def assign(self, keys: Mapping[str, Iterable[str] | None]) -> None:
        """Give commands other keys, all at once; None: their own ones again."""
        for command_id, wanted in keys.items():
            if wanted is None:
                self._changes.pop(command_id, None)
            else:
                self._changes[command_id] = list(wanted)
        self.changed.emit()

    def reset(self) -> None:
        """Give every command its own keys again."""
        self._changes.clear()
        self.changed.emit()
