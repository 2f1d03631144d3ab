"""One worker process and its pipes: start it, listen to it, stop it by the ladder ask - terminate - kill."""

from __future__ import annotations

import atexit
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait

from viewer.services import worker
from viewer.services.protocol import QUIT, Message, Request, Task, cancel_word

OnMessage = Callable[["WorkerLink", Message], None]
OnEnd = Callable[["WorkerLink", int | None], None]
GRACE_S = 0.4
"""How long a process that is told to leave may take; it only has to stop its decoder."""

WorkerMain = Callable[[Connection, Connection], None]


class WorkerLink:
    """A worker process.

    Parameters
    ----------
    on_message, on_end : called in the listening thread; ``on_end`` once, with the exit code.
    main : entry point of the process.

    Raises
    ------
    OSError
        If the system does not let the process start.
    """

    def __init__(self, on_message: OnMessage, on_end: OnEnd, main: WorkerMain = worker.main) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take the window's threads and locks along
        self._pipe, theirs = context.Pipe()
        control, self._control = context.Pipe(duplex=False)
        # no daemon: daemons may not have children, and this one has a decoder process
        self.process = context.Process(target=main, args=(theirs, control), name="gmic-worker")
        self.process.start()
        theirs.close()
        control.close()
        # a window that ends without close() must not wait for ever for a worker that waits for it
        atexit.register(self.kill)
        self._on_message, self._on_end = on_message, on_end
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # over closing a pipe and writing to it
        self._sender = threading.Thread(target=self._send_all, name="gmic-worker-send", daemon=True)
        self._listener = threading.Thread(target=self._listen, name="gmic-worker-listen", daemon=True)
        self._sender.start()  # first: the listener waits for it at the end
        self._listener.start()

    def send(self, request: Request) -> None:
        """Send a request; returns at once. If the process is gone, its end is told and the request is lost."""
        self._requests.put(request)

    def cancel(self, task: Task) -> None:
        """Ask for the running task to stop at its next slice or batch."""
        self._control_word(cancel_word(task.job_id, task.sop_uid))

    def stop(self) -> None:
        """Let the process leave at once, whatever it computes; returns at once, its end is told."""
        self._control_word(QUIT)
        # a process that is stopped or stuck does not answer: nobody shall wait for it
        timer = threading.Timer(GRACE_S, self.kill)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """End the process without asking; its end is told as if it had died by itself."""
        self.process.kill()

    def close(self, timeout: float) -> None:
        """Stop the process within ``timeout`` seconds: ask, terminate, kill."""
        end = time.monotonic() + timeout
        self._control_word(QUIT)
        for step in (None, self.process.terminate, self.process.kill):
            if step is not None:
                step()
            self.process.join(min(timeout / 3, max(end - time.monotonic(), 0.1)))
            if not self.process.is_alive():
                break
        if threading.current_thread() is not self._listener:
            self._listener.join(1.0)

    def _control_word(self, word: bytes) -> None:
        with self._lock:
            if not self._control.closed:
                _quietly(lambda: self._control.send_bytes(word))

    # -- threads -------------------------------------------------------------------------------------------------
    def _send_all(self) -> None:
        """Write to the pipe in a thread of its own: a worker that is importing torch does not read for seconds."""
        while (request := self._requests.get()) is not None:
            if not _quietly(lambda request=request: self._pipe.send(request)):  # type: ignore[misc]  # bound now
                return

    def _listen(self) -> None:
        while self._pipe in wait([self._pipe, self.process.sentinel]):
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                break
            self._on_message(self, message)
        self.process.join()
        atexit.unregister(self.kill)
        self._requests.put(None)
        with self._lock:
            for end in (self._pipe, self._control):
                _close(end)
        self._sender.join(1.0)
        self._on_end(self, self.process.exitcode)


def _quietly(send: Callable[[], None]) -> bool:
    """Send; False when the pipe is broken or closed: the process is gone, which the listener tells."""
    try:
        send()
    except (OSError, ValueError):
        return False
    return True


def _close(end: Connection) -> None:
    if not end.closed:
        end.close()
