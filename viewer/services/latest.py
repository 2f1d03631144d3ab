"""A thread for pictures that are asked for faster than they can be made: the newest request counts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from gmic_core.errors import GmicError

log = logging.getLogger(__name__)

Stopped = Callable[[], bool]
Work = Callable[[Stopped], Iterator[Any]]
Result = TypeVar("Result")


class LatestWorker:
    """Runs the newest piece of work; those that it overtook before they began are never run.

    Parameters
    ----------
    post : runs a callable on the GUI thread.
    failed : gets one sentence, on the GUI thread, when a piece of work raises.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None], failed: Callable[[str], None], name: str) -> None:
        self._post, self._failed = post, failed
        self._change = threading.Condition()
        self._waiting: tuple[Work, Callable[[Any], None]] | None = None
        self._closing: Callable[[], None] | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Stopped], Iterator[Result]], done: Callable[[Result], None]) -> None:
        """Run ``work``; ``done`` gets what it yields: the first always, further ones while nothing newer waits."""
        with self._change:
            self._waiting = (work, done)
            self._change.notify()

    def at_close(self, call: Callable[[], None]) -> None:
        """Run this in the thread before it ends: what was made there must be released there."""
        self._closing = call

    def close(self, timeout: float = 3.0) -> None:
        """End the thread; what is under way is given up at its next step."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join(timeout)

    def _newer(self) -> bool:
        return self._closed or self._waiting is not None

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(self._newer)
                if self._closed:
                    break
                task, self._waiting = self._waiting, None
            if task is not None:
                self._do(*task)
        if self._closing is not None:
            self._closing()

    def _do(self, work: Work, done: Callable[[Any], None]) -> None:
        try:
            for number, result in enumerate(work(self._newer)):
                if self._closed or (number and self._newer()):
                    return
                self._post(partial(done, result))
        except GmicError as error:
            self._post(partial(self._failed, str(error)))
        except Exception:  # the thread must live: the next picture may well succeed
            log.exception("a picture could not be made")
            self._post(partial(self._failed, "The picture could not be made; the log has the details."))
