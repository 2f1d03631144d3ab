"""One running worker process and its pipes: start it, listen to it, stop it by the ladder ask - terminate - kill."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait

from viewer.services import worker
from viewer.services.protocol import Message, Quit, Request

OnMessage = Callable[["WorkerLink", Message], None]
OnEnd = Callable[["WorkerLink", int | None], None]


class WorkerLink:
    """A worker process.

    Parameters
    ----------
    on_message, on_end : called in the listening thread; ``on_end`` once, with the exit code.
    """

    def __init__(self, on_message: OnMessage, on_end: OnEnd) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take the window's threads and locks along
        self._pipe, theirs = context.Pipe()
        self._control_far, self._control = context.Pipe(duplex=False)
        # no daemon: daemons may not have children, and this one has a decoder process
        self.process = context.Process(target=worker.main, args=(theirs, self._control_far), name="gmic-worker")
        self.process.start()
        theirs.close()
        self._control_far.close()
        self._lock = threading.Lock()
        self._on_message, self._on_end = on_message, on_end
        self._thread = threading.Thread(target=self._listen, name="gmic-worker-listen", daemon=True)
        self._thread.start()

    def send(self, request: Request) -> bool:
        """Send a request; False when the process is gone (its end will be told)."""
        return _quietly(self._lock, lambda: self._pipe.send(request))

    def cancel(self, job_id: str) -> bool:
        """Ask the running task to stop at its next batch."""
        return _quietly(self._lock, lambda: self._control.send_bytes(job_id.encode()))

    def kill(self) -> None:
        """End the process at once; its end is told as if it had died by itself."""
        self.process.kill()

    def close(self, timeout: float) -> None:
        """Stop the process within ``timeout`` seconds: ask, terminate, kill."""
        self.send(Quit())
        for step in (None, self.process.terminate, self.process.kill):
            if step is not None:
                step()
            self.process.join(timeout / 3)
            if not self.process.is_alive():
                break
        if threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    def _listen(self) -> None:
        while self._pipe in wait([self._pipe, self.process.sentinel]):
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                break
            self._on_message(self, message)
        self.process.join()
        for end in (self._pipe, self._control):
            _close(end)
        self._on_end(self, self.process.exitcode)


def _quietly(lock: threading.Lock, send: Callable[[], None]) -> bool:
    with lock:
        try:
            send()
        except (OSError, ValueError):  # broken or closed: the process is gone
            return False
    return True


def _close(end: Connection) -> None:
    if not end.closed:
        end.close()
