"""Runs what the window that compares folders asks for: one task at a time, in a process that may be ended."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from viewer.model.comparing import Work
from viewer.services.compare_tasks import STOPPED, Done, Task, main

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
PATIENCE_S = 2.0
"""How long a task may take to end by itself once it is to stop; then its process is killed."""
_POLL_S = 0.05


class FolderComparer:
    """Starts tasks and brings back what they found. All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread.
    tell : gets what goes on, None at the end.
    failed : gets a level and a sentence.
    """

    def __init__(self, post: Post, tell: Callable[[Work | None], None], failed: Callable[[str, str], None]) -> None:
        self._post, self._tell, self._failed = post, tell, failed
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether something goes on."""
        return self._thread is not None

    def start(self, task: Task, done: Callable[[Any], None]) -> None:
        """Run a task unless one runs; ``done`` gets what it returned."""
        if self.running:
            return
        self._cancel = threading.Event()
        self._tell(Work(task.title))
        self._thread = threading.Thread(
            target=self._run, args=(task, self._cancel, done), name="gmic-compare", daemon=True
        )
        self._thread.start()

    def cancel(self) -> None:
        """Stop what runs; it says so when it has ended."""
        self._cancel.set()

    def close(self) -> None:
        """Stop, and wait for the end."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(2 * PATIENCE_S)

    def _run(self, task: Task, cancel: threading.Event, done: Callable[[Any], None]) -> None:
        """In the thread: start the process, listen to it, end it."""
        context = multiprocessing.get_context("spawn")  # a fork would take the window's threads and locks along
        pipe, theirs = context.Pipe()
        # no daemon: daemons may not have children, and this one has one that reads files
        process = context.Process(target=main, args=(theirs, task), name="gmic-compare")
        process.start()
        theirs.close()
        atexit.register(process.kill)
        try:
            end = self._listen(pipe, process, cancel)
        finally:
            pipe.close()
            process.join(PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()
            atexit.unregister(process.kill)
        self._post(lambda: self._ended(end, done))

    def _listen(self, pipe: Connection, process: BaseProcess, cancel: threading.Event) -> Done:
        asked = 0.0
        while True:
            if cancel.is_set() and not asked:
                asked = time.monotonic()
                pipe.send_bytes(b"stop")
            if asked and time.monotonic() - asked > PATIENCE_S:
                process.kill()
                return Done(level="hint", message=STOPPED)
            if not pipe.poll(_POLL_S):
                continue
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                process.join(PATIENCE_S)
                log.warning("the process that compares ended with exit code %s", process.exitcode)
                text = f"Comparing ended unexpectedly (exit code {process.exitcode}); there may be too little memory."
                return Done(level="error", message=f"{text} Close other programs and try again.")
            if isinstance(message, Done):
                return message
            self._post(lambda now=message: self._tell(now) if self.running else None)  # type: ignore[misc]

    def _ended(self, end: Done, done: Callable[[Any], None]) -> None:
        self._thread = None
        self._tell(None)
        if end.message:
            self._failed(end.level, end.message)
        else:
            done(end.found)
