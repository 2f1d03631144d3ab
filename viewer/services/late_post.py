"""A way to the GUI thread that exists before the GUI does: services may start while the toolkit is being imported."""

from __future__ import annotations

import threading
from collections.abc import Callable

Call = Callable[[], None]


class LatePost:
    """Keeps what is posted, in order, until it is told where the GUI thread is; then passes everything on.

    Callable from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._target: Callable[[Call], None] | None = None
        self._kept: list[Call] = []

    def __call__(self, call: Call) -> None:
        """Run ``call`` on the GUI thread, now or when there is one."""
        with self._lock:
            target = self._target
            if target is None:
                self._kept.append(call)
                return
        target(call)

    def attach(self, target: Callable[[Call], None]) -> None:
        """Pass on from now on; what was kept goes first."""
        with self._lock:
            for call in self._kept:
                target(call)
            self._kept.clear()
            self._target = target
