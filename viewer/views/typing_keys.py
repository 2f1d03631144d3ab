"""Lets a field or a list have keys of its own that otherwise are commands of the window: Enter, Esc, F2."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

TYPING = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
"""What a field that is written in needs beside letters, which it claims by itself."""
LISTED = (Qt.Key.Key_F2, Qt.Key.Key_Space)
"""What a list of labels or lesions needs beside the arrow keys."""


class KeepTyping(QObject):
    """Claims keys for a widget before the window's shortcuts see them."""

    def __init__(self, widget: QWidget, keys: tuple[Qt.Key, ...] = TYPING) -> None:
        super().__init__(widget)
        self._keys = keys
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accept what the widget needs."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            if plain and event.key() in self._keys:
                event.accept()
                return True
        return super().eventFilter(watched, event)
