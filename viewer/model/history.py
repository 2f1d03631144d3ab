"""Undo and redo: every action of the reader becomes one step, a drag or a held key included.

The history does not know what can be undone: it is given a way to read the reader's state as a table of small frozen
values, and one to put values back. A step holds the entries that an action changed, before and after. What the program
changes by itself (an image that arrives, a window that grows) lies between steps and is never undone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from psygnal import Signal

MAX_STEPS = 1000
MERGE_S = 1.0
"""Repeated steps of one kind (a held key, a turning wheel) that follow each other within this time are one step."""

Values = Mapping[Hashable, object]
"""What the reader set, by what it is about; an absent entry means the default, and is told apart by ABSENT."""


class _Absent:
    """Stands for an entry that was not there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass
class Step:
    """One action.

    Attributes
    ----------
    label : name of the action, as in menus.
    before, after : the entries that it changed.
    at : when it ended, in seconds; for merging.
    merges : whether the next one of this kind may be taken together with it.
    """

    label: str
    before: dict[Hashable, object]
    after: dict[Hashable, object]
    at: float
    merges: bool


class History:
    """Steps back and forth.

    Signals
    -------
    changed() : what can be undone or redone is something else now.

    Parameters
    ----------
    capture : returns the reader's state.
    restore : puts entries of it back.
    clock : seconds; for tests.
    """

    changed = Signal()

    def __init__(
        self,
        capture: Callable[[], Values],
        restore: Callable[[Values], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capture, self._restore, self._clock = capture, restore, clock
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._gesture: str | None = None
        self._parts: list[Step] = []  # of the gesture, cut off by actions in its middle
        self._nested = 0
        self._age = 0
        self._last: Values = {}

    # -- recording -----------------------------------------------------------------------------------------------
    def begin(self, label: str) -> None:
        """Begin an action that ends later: a drag. One that was never ended is closed first."""
        self._close_gesture()
        self._last, self._gesture, self._parts = self._capture(), label, []

    def end(self) -> None:
        """End the action begun last."""
        self._close_gesture()

    def abandon(self) -> None:
        """Forget the action begun last: whoever began it put back what it had changed."""
        while self._gesture is not None and self._done and any(self._done[-1] is part for part in self._parts):
            self._done.pop()
        self._gesture, self._last = None, self._capture()
        self.changed.emit()

    def _close_gesture(self) -> None:
        label, self._gesture = self._gesture, None
        if label is not None:
            self._record(label, merge=False)

    @contextmanager
    def step(self, label: str, *, merge: bool = False) -> Iterator[None]:
        """Take what happens inside as one step; nothing is recorded where nothing changed.

        Parameters
        ----------
        merge : whether it may be taken together with an equal step just before (held keys, the wheel).
        """
        if self._nested:
            yield
            return
        gesture, age, self._nested = self._gesture, self._age, 1
        if gesture is not None:
            self._parts += self._record(gesture, merge=False)
        else:
            self._last = self._capture()
        try:
            yield
        finally:
            self._nested = 0
            if age == self._age:  # opening an exam is where a history begins, not a step of it
                self._record(label, merge=merge)

    def _record(self, label: str, *, merge: bool) -> list[Step]:
        """Record what changed since it was looked at last; return the new step, if there is one."""
        now, before = self._capture(), self._last
        self._last = now
        changed = [key for key in {**before, **now} if before.get(key, ABSENT) != now.get(key, ABSENT)]
        if not changed:
            return []
        step = Step(
            label,
            {key: before.get(key, ABSENT) for key in changed},
            {key: now.get(key, ABSENT) for key in changed},
            self._clock(),
            merge,
        )
        self._undone.clear()
        merged = self._merged(step)
        if not merged:
            self._done.append(step)
            del self._done[:-MAX_STEPS]
        self.changed.emit()
        return [] if merged else [step]

    def _merged(self, step: Step) -> bool:
        """Put a step into the last one where they belong together; a step that leads back to its start vanishes."""
        last = self._done[-1] if self._done else None
        if (
            last is None
            or not (last.merges and step.merges)
            or (last.label, last.after.keys())
            != (
                step.label,
                step.before.keys(),
            )
        ):
            return False
        if step.at - last.at > MERGE_S or last.after != step.before:
            return False
        last.after, last.at = step.after, step.at
        if last.before == last.after:
            self._done.pop()
        return True

    def accept(self, keys: Iterable[Hashable]) -> None:
        """Take entries as they are now: the program changed them in the middle of an action of the reader."""
        now, last = self._capture(), dict(self._last)
        for key in keys:
            last.pop(key, None)
            if key in now:
                last[key] = now[key]
        self._last = last

    # -- going back and forth ------------------------------------------------------------------------------------
    @property
    def undo_label(self) -> str | None:
        """What would be undone."""
        return self._done[-1].label if self._done else None

    @property
    def redo_label(self) -> str | None:
        """What would be done again."""
        return self._undone[-1].label if self._undone else None

    def undo(self) -> str | None:
        """Undo the last step; return its label."""
        self._close_gesture()
        if not self._done:
            return None
        step = self._done.pop()
        self._undone.append(step)
        return self._go(step.label, step.before)

    def redo(self) -> str | None:
        """Do the step undone last again; return its label."""
        self._close_gesture()
        if not self._undone:
            return None
        step = self._undone.pop()
        self._done.append(step)
        step.merges = False
        return self._go(step.label, step.after)

    def _go(self, label: str, values: Values) -> str:
        self._restore(values)
        self._last = self._capture()  # so that the command which asked for it records nothing
        self.changed.emit()
        return label

    def clear(self) -> None:
        """Forget all steps: another exam is open."""
        self._done.clear()
        self._undone.clear()
        self._gesture = None
        self._age += 1
        self.changed.emit()
