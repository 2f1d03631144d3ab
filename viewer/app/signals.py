"""Ctrl+C and a polite kill close the window as its cross does."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable

from PySide6.QtCore import QObject, QSocketNotifier


class SignalGate(QObject):
    """Calls ``on_signal`` on the GUI thread when the process is asked to end.

    Python runs signal handlers between its own bytecodes only, and an idle Qt loop executes none: the wake-up socket
    makes Qt notice.
    """

    def __init__(self, on_signal: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._on_signal = on_signal
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)
        self._old_fd = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, self._asked) for number in (signal.SIGINT, signal.SIGTERM)}

    def _asked(self, _number: int, _frame: object) -> None:
        self._on_signal()

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the byte only wakes; the handler has run or runs next
            self._read.recv(64)

    def close(self) -> None:
        """Give the signals back."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()
