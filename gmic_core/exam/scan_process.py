"""Scanning in a process of its own: a hostile header, a dead network drive or a huge tree cannot stall the window."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from gmic_core import errors
from gmic_core.errors import CancelledError, ExamError, GmicError
from gmic_core.exam.model import ScanResult

STALL_S = 60.0
"""Seconds without a sign of life after which a scan is given up; 5,000 headers take three."""
TRIES = 2
"""A scan is tried again in a new process when the old one died: it may have been killed while it was idle."""
_POLL_S = 0.05
_GRACE_S = 1.0
_HEARTBEAT_S = 1.0


@dataclass(frozen=True)
class _Progress:
    done: int
    total: int


@dataclass(frozen=True)
class _Alive:
    """A sign of life while files are collected or unpacked."""


@dataclass(frozen=True)
class _Failure:
    """An expected error, by the name of its class."""

    kind: str
    message: str


_CANCEL = "cancel"


class ScanProcess:
    """Scans in a child process that is started once and kept; replaced when it dies. One scan at a time.

    Parameters
    ----------
    start : start the process now, so that its imports are done when the first scan is wanted.
    stall_s : seconds without progress after which a scan is given up and the process replaced.
    """

    def __init__(self, *, start: bool = True, stall_s: float = STALL_S) -> None:
        self._stall = stall_s
        self._busy = threading.Lock()
        self._link: tuple[BaseProcess, Connection] | None = None
        self._closed = False
        if start:
            self._running_link()

    @property
    def process_id(self) -> int | None:
        """Process id while the process runs."""
        return self._link[0].pid if self._link is not None else None

    def scan(
        self,
        paths: Iterable[Path | str],
        *,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> ScanResult:
        """Do what :func:`gmic_core.exam.scan.scan` does; blocks, so call it from a worker thread.

        Raises
        ------
        CancelledError
            If ``cancelled`` said so, or the process was closed.
        ExamError
            If the process died or stalled; the message says what to do.
        """
        wanted = [str(path) for path in paths]
        with self._busy:
            for attempt in range(1, TRIES + 1):
                process, pipe = self._running_link()
                try:
                    pipe.send(wanted)
                    return self._wait(pipe, progress, cancelled)
                except (EOFError, OSError) as error:
                    self._replace()
                    if self._closed:
                        raise CancelledError("Reading was cancelled.") from error
                    if attempt == TRIES:
                        raise ExamError(
                            f"The reading process stopped unexpectedly (exit code {process.exitcode}); open the "
                            "folders one by one."
                        ) from error
        raise AssertionError("unreachable: the last try returns or raises")

    def close(self) -> None:
        """Stop the process; a scan under way ends with CancelledError."""
        self._closed = True
        if self._link is not None:
            _stop(self._link[0])
        with self._busy:
            self._replace()

    def _running_link(self) -> tuple[BaseProcess, Connection]:
        if self._closed:
            raise CancelledError("Reading was cancelled.")
        if self._link is None or not self._link[0].is_alive():
            self._replace()
            context = multiprocessing.get_context("spawn")  # fork would copy the window's threads and locks
            ours, theirs = context.Pipe()
            process = context.Process(target=main, args=(theirs,), name="gmic-scan", daemon=True)
            process.start()
            theirs.close()
            self._link = (process, ours)
        return self._link

    def _replace(self) -> None:
        """Forget the process; the next scan starts another one."""
        link, self._link = self._link, None
        if link is not None:
            _stop(link[0])
            link[1].close()

    def _wait(
        self,
        pipe: Connection,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> ScanResult:
        alive = time.monotonic()
        asked: float | None = None
        while True:
            if pipe.poll(_POLL_S):
                alive = time.monotonic()
                message = pipe.recv()
                if isinstance(message, ScanResult):
                    return message
                if isinstance(message, _Failure):
                    raise _error(message)
                if progress is not None and isinstance(message, _Progress):
                    progress(message.done, message.total)
            if asked is None and cancelled is not None and cancelled():
                asked = time.monotonic()
                pipe.send(_CANCEL)
            now = time.monotonic()
            if asked is not None and now - asked > _GRACE_S:
                self._replace()
                raise CancelledError("Reading was cancelled.")
            if now - alive > self._stall:
                self._replace()
                raise ExamError(
                    f"Reading made no progress for {self._stall:g} s and was stopped; check the drive, or open the "
                    "folders one by one."
                )


def _error(failure: _Failure) -> GmicError:
    kind = getattr(errors, failure.kind, ExamError)
    error: GmicError = kind(failure.message)
    return error


def _stop(process: BaseProcess) -> None:
    """Kill at once: the process has nothing to put in order, and one that hangs would not listen."""
    process.kill()
    process.join(2.0)


def main(pipe: Connection) -> None:
    """Scan what is asked for until the pipe closes; entry point of the process, which cannot outlive its parent."""
    from gmic_core.exam.scan import scan

    heard = time.monotonic()

    def cancelled() -> bool:
        nonlocal heard
        if time.monotonic() - heard > _HEARTBEAT_S:
            heard = time.monotonic()
            pipe.send(_Alive())
        return pipe.poll() and pipe.recv() == _CANCEL

    while True:
        try:
            wanted = pipe.recv()
            if wanted == _CANCEL:  # came after the scan had ended
                continue
            try:
                result: ScanResult | _Failure = scan(
                    wanted, progress=lambda done, total: pipe.send(_Progress(done, total)), cancelled=cancelled
                )
            except GmicError as error:
                result = _Failure(type(error).__name__, str(error))
            pipe.send(result)
        except (EOFError, OSError):
            return
