"""The way from any thread back to the GUI thread."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal

Call = Callable[[], None]


class Poster(QObject):
    """Runs callables on the thread that made it, in the order of posting.

    Services get it as ``post``; after :meth:`close` what still arrives from their threads is dropped, because the
    widgets that it would touch are gone.
    """

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._open = True
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def __call__(self, call: Call) -> None:
        """Run ``call`` on the GUI thread, soon."""
        if self._open:
            self._posted.emit(call)

    def _run(self, call: Call) -> None:
        if self._open:
            call()

    def close(self) -> None:
        """Drop whatever comes from now on."""
        self._open = False
