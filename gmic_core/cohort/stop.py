"""Ctrl+C and SIGTERM during a long run: the loop is told, finishes what it writes, and leaves with the usual code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class Stop:
    """Catches the signals that ask a process to end, as a context manager.

    The first one is noted; the same one again ends the process in the usual way, should something hang. Signals can be
    caught in the main thread only; elsewhere, and for signals that the caller ignores (nohup), nothing is changed.

    Attributes
    ----------
    number : of the signal that came, 0 when none did.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Callable[[int, FrameType | None], Any] | int] = {}

    @property
    def asked(self) -> bool:
        """Whether the run is to end."""
        return self.number != 0

    @property
    def exit_code(self) -> int:
        """What shells report for a process that the signal ended."""
        return 128 + self.number

    def __enter__(self) -> Stop:
        self.catch()
        return self

    def catch(self) -> None:
        """Catch the signals, also those for which somebody else has put a handler in place since."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is None or signal.getsignal(number) is signal.SIG_IGN:
                continue
            before = signal.signal(number, self._note)
            self._before.setdefault(number, signal.SIG_DFL if before is None else before)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        signal.signal(number, self._before[number])
