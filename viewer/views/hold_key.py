"""Hold to compare: a key that hides all AI shows it again when it is let go, if it was held rather than pressed."""

from __future__ import annotations

import time

from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtGui import QKeyEvent, QKeySequence

from viewer.commands import COMMANDS, Context, run

COMMAND = "overlay.toggle_all"
HELD_S = 0.35
"""A key that is down for longer is held; most presses take 0.1 s."""


class HoldToCompare(QObject):
    """Listens for the release of the key after each change of the switch, and at no other time."""

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._visible = context.session.overlays.settings.visible
        self._since = 0.0
        self._listening = False
        context.session.overlays.changed.connect(self._changed, check_nargs=False)

    def _changed(self, *_: object) -> None:
        visible = self._context.session.overlays.settings.visible
        application = QCoreApplication.instance()
        if visible == self._visible or application is None:
            return
        self._visible, self._since = visible, time.monotonic()
        if not self._listening:
            self._listening = True
            application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look for the key being let go; a switch that was clicked ends with any other input."""
        kind = event.type()
        if kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent) and not event.isAutoRepeat():
            held = time.monotonic() - self._since > HELD_S
            self._stop()
            if held and self._is_the_key(event):
                run(COMMAND, self._context)
                self._stop()  # that change was ours
        elif kind == QEvent.Type.MouseButtonPress:
            self._stop()
        return False

    def _is_the_key(self, event: QKeyEvent) -> bool:
        pressed = QKeySequence(event.keyCombination())
        return any(QKeySequence(key) == pressed for key in COMMANDS[COMMAND].keys_now(self._context))

    def _stop(self) -> None:
        application = QCoreApplication.instance()
        if self._listening and application is not None:
            self._listening = False
            application.removeEventFilter(self)
