"""The parent's side of the decoder process: queue, shared memory, restart after a crash or a stall."""

from __future__ import annotations

import itertools
import multiprocessing
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import DecodeError, UnsupportedEncodingError
from gmic_core.exam import decoder
from gmic_core.exam.frame_request import FrameRequest

Frame = npt.NDArray[Any]

STALL_S = 30.0
"""A frame that takes longer has hung its codec; the largest known frame takes 0.7 s."""
START_S = 60.0
"""Starting the process takes half a second, on a machine that is busy with other things many times that."""
TRIES = 2
"""A frame is given up when the process dies this often while it alone is being decoded."""


@dataclass
class _Task:
    """A frame that somebody waits for."""

    number: int
    request: FrameRequest
    future: Future[Frame] = field(default_factory=Future)
    block: SharedMemory | None = None
    sent: float = 0.0
    deaths: int = 0


@dataclass
class _Link:
    """A running process and the two ends through which its watcher is reached."""

    process: BaseProcess
    pipe: Connection
    wake: Connection  # written by whoever gives the process work, so that its watcher looks at the clock
    woken: Connection
    ready: bool = False


class DecoderClient:
    """Sends frames to the decoder process and hands out futures.

    After a crash it is not known which of the frames under way was to blame: they are tried again one at a time, and
    only the one that brings the process down alone is given up.
    """

    def __init__(self, stall_s: float = STALL_S) -> None:
        self._stall = stall_s
        self._lock = threading.RLock()
        self._waiting: deque[_Task] = deque()
        self._suspects: deque[_Task] = deque()
        self._running: dict[int, _Task] = {}
        self._spare: list[SharedMemory] = []
        self._numbers = itertools.count(1)
        self._link: _Link | None = None
        self._watcher: threading.Thread | None = None
        self._closed = False

    @property
    def process_id(self) -> int | None:
        """Process id of the decoder while it runs."""
        with self._lock:
            return self._link.process.pid if self._link else None

    def start(self) -> None:
        """Start the process unless it runs."""
        with self._lock:
            if self._link is not None or self._closed:
                return
            context = multiprocessing.get_context("spawn")  # fork would copy the window's threads and locks
            ours, theirs = context.Pipe()
            woken, wake = context.Pipe(duplex=False)
            process = context.Process(target=decoder.main, args=(theirs,), name="gmic-decoder", daemon=True)
            process.start()
            theirs.close()
            self._link = link = _Link(process, ours, wake, woken)
            self._watcher = threading.Thread(target=self._watch, args=(link,), name="decoder-watch", daemon=True)
            self._watcher.start()

    def submit(self, request: FrameRequest) -> Future[Frame]:
        """Queue a frame; its future may be cancelled until it is begun."""
        task = _Task(next(self._numbers), request)
        with self._lock:
            if self._closed:
                task.future.set_exception(DecodeError("The reader is closed; open the exam again."))
                return task.future
            self._waiting.append(task)
            self.start()
            self._feed()
        return task.future

    def close(self) -> None:
        """Stop the process, fail what is still waited for, free the shared memory."""
        with self._lock:
            self._closed = True
            tasks = [*self._waiting, *self._suspects, *self._running.values()]
            self._waiting.clear()
            self._suspects.clear()
            self._running.clear()
            link, watcher = self._link, self._watcher
        if link is not None:
            _stop(link.process)
        if watcher is not None and watcher is not threading.current_thread():
            watcher.join(5.0)
        for task in tasks:
            self._fail(task, DecodeError("The reader was closed before the frame was there."))
        with self._lock:
            for block in self._spare:
                _remove(block)
            self._spare.clear()

    # -- giving work ---------------------------------------------------------------------------------------------
    def _feed(self) -> None:
        """Send as many frames as the process decodes at a time; suspects of a crash go alone. Needs the lock."""
        while self._link is not None and not self._closed:
            if self._suspects:
                if self._running:
                    return
                task = self._suspects.popleft()
            elif self._waiting and len(self._running) < decoder.thread_count():
                task = self._waiting.popleft()
                if not task.future.set_running_or_notify_cancel():
                    continue
            else:
                return
            self._send(task, self._link)

    def _send(self, task: _Task, link: _Link) -> None:
        task.block = self._block(task.request.nbytes)
        task.sent = time.monotonic()
        self._running[task.number] = task
        try:
            link.pipe.send(decoder.Job(task.number, task.request, task.block.name))
            if len(self._running) == 1:
                link.wake.send_bytes(b"!")
        except OSError:
            # the process is dead already: its watcher finds this task among those under way
            return

    def _block(self, nbytes: int) -> SharedMemory:
        for block in self._spare:
            if block.size >= nbytes:
                self._spare.remove(block)
                return block
        return SharedMemory(create=True, size=max(nbytes, 1))

    def _release(self, task: _Task) -> None:
        block, task.block = task.block, None
        if block is None:
            return
        with self._lock:
            if not self._closed and len(self._spare) < decoder.thread_count():
                self._spare.append(block)
                return
        _remove(block)

    # -- taking answers ------------------------------------------------------------------------------------------
    def _watch(self, link: _Link) -> None:
        """Take replies until the process ends; runs in a thread of its own."""
        reason = ""
        while not reason:
            ready = wait([link.pipe, link.woken, link.process.sentinel], self._patience())
            if link.woken in ready:
                link.woken.recv_bytes()
            if link.pipe in ready:
                try:
                    self._answer(link.pipe.recv())
                except (EOFError, OSError):
                    reason = "stopped unexpectedly"
            elif link.process.sentinel in ready:
                reason = "stopped unexpectedly"
            elif self._stalled():
                reason = f"did not answer for {self._stall:g} s and was stopped"
                link.process.kill()
        link.process.join(5.0)
        for end in (link.pipe, link.wake, link.woken):
            end.close()
        self._ended(f"The decoder process {reason} (exit code {link.process.exitcode})")

    def _patience(self) -> float | None:
        with self._lock:
            oldest = min((task.sent for task in self._running.values()), default=None)
            limit = self._stall if self._link is not None and self._link.ready else max(START_S, self._stall)
        return None if oldest is None else max(oldest + limit - time.monotonic(), 0.0)

    def _stalled(self) -> bool:
        patience = self._patience()
        return patience is not None and patience <= 0.0

    def _answer(self, reply: decoder.Reply) -> None:
        with self._lock:
            if reply.number == decoder.READY:
                self._started()
                return
            task = self._running.pop(reply.number, None)
            self._feed()
        if task is None or task.block is None:
            return
        if reply.error:
            kind = UnsupportedEncodingError if reply.unsupported else DecodeError
            self._fail(task, kind(reply.error))
            return
        request = task.request
        frame = np.ndarray((request.rows, request.columns), request.dtype, task.block.buf).copy()
        self._release(task)
        task.future.set_result(frame)

    def _started(self) -> None:
        """The process has started: only now the clock of the frames that it was given begins. Needs the lock."""
        if self._link is not None:
            self._link.ready = True
        for task in self._running.values():
            task.sent = time.monotonic()

    def _fail(self, task: _Task, error: Exception) -> None:
        self._release(task)
        if not task.future.done() and (task.future.running() or task.future.set_running_or_notify_cancel()):
            task.future.set_exception(error)

    def _ended(self, reason: str) -> None:
        """The process is gone: sort out who may have been to blame, and go on with the others."""
        with self._lock:
            self._link = None
            if self._closed:
                return
            under_way = list(self._running.values())
            self._running.clear()
            alone = len(under_way) == 1
            lost: list[_Task] = []
            for task in under_way:
                task.deaths += alone
                (lost if task.deaths >= TRIES else self._suspects).append(task)
        for task in lost:
            what = f"slice {task.request.slice_index + 1}"
            self._fail(task, DecodeError(f"{reason} while decoding {what}. The file is damaged; copy it again."))
        for task in under_way:
            self._release(task)
        with self._lock:
            if self._suspects or self._waiting:
                self.start()
                self._feed()


def _stop(process: BaseProcess) -> None:
    """Ask, wait, kill: the ladder that leaves nothing behind."""
    process.terminate()
    process.join(2.0)
    if process.is_alive():
        process.kill()
        process.join(2.0)


def _remove(block: SharedMemory) -> None:
    block.close()
    try:
        block.unlink()
    except FileNotFoundError:
        return  # somebody cleaned the shared memory folder: nothing is left to remove
