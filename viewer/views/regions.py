"""The parts of the window between which F6 moves the focus, and where the focus was in each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget


class Regions:
    """Moves the focus from part to part of a window; each part gets it where it had it last.

    Parameters
    ----------
    parts : the parts in the order of F6; hidden ones are passed over.
    """

    def __init__(self, parts: Sequence[QWidget]) -> None:
        self._parts = list(parts)
        self._last: dict[QWidget, QWidget] = {}

    @property
    def current(self) -> QWidget | None:
        """The part that has the focus."""
        focus = QApplication.focusWidget()
        return next((part for part in self._parts if focus is not None and _holds(part, focus)), None)

    def step(self, step: int) -> None:
        """Give the focus to the next (+1) or previous (-1) part that can take it."""
        current, focus = self.current, QApplication.focusWidget()
        if current is not None and focus is not None:
            self._last[current] = focus
        start = self._parts.index(current) if current is not None else -step if step > 0 else 0
        for distance in range(1, len(self._parts) + 1):
            part = self._parts[(start + step * distance) % len(self._parts)]
            target = self._target(part)
            if target is not None:
                target.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def _target(self, part: QWidget) -> QWidget | None:
        if not part.isVisible():
            return None
        candidates = [part, *part.findChildren(QWidget)]
        usable = [
            w for w in candidates if w.focusPolicy() & Qt.FocusPolicy.TabFocus and w.isEnabled() and w.isVisible()
        ]
        kept = self._last.get(part)
        return kept if kept in usable else next(iter(usable), None)


def _holds(part: QWidget, widget: QWidget) -> bool:
    return part is widget or part.isAncestorOf(widget)
