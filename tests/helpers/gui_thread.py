"""A stand-in for the GUI thread: callables posted from any thread run when the test lets them."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable


class FakeGuiThread:
    """``post`` for services; the test's thread plays the GUI thread."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], None]] = queue.Queue()

    def __call__(self, call: Callable[[], None]) -> None:
        self._calls.put(call)

    def run_until(self, done: Callable[[], bool], timeout: float = 60.0) -> None:
        """Run what is posted until ``done``; fails after ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while not done():
            left = end - time.monotonic()
            assert left > 0, "what was waited for did not happen"
            try:
                self._calls.get(timeout=min(left, 0.5))()
            except queue.Empty:
                continue

    def run_all(self) -> None:
        """Run what is posted by now."""
        while not self._calls.empty():
            self._calls.get_nowait()()
