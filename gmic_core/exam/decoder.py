"""The decoder process: compressed frames are decoded here, where a crash, a stall or a bomb cannot reach the window.

The parent (:mod:`gmic_core.exam.frames`) sends :class:`Job` objects over a pipe and names a block of shared memory for
each; decoded pixels are written there and never travel through the pipe. The process ends when its pipe closes, so it
cannot outlive its parent.
"""

from __future__ import annotations

import os
import queue
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory

from gmic_core.exam.frame_request import FrameRequest

MEMORY_LIMIT = 8 << 30
"""Address space of the process: a file that unpacks to more fails with a message instead of taking the machine."""


READY = 0
"""Number of the reply that says that the process has started; jobs count from 1."""


@dataclass(frozen=True)
class Job:
    """One frame to decode into the shared memory block ``block``."""

    number: int
    request: FrameRequest
    block: str


@dataclass(frozen=True)
class Reply:
    """What became of a job; ``error`` is empty when the pixels are in the block."""

    number: int
    error: str = ""
    unsupported: bool = False


def thread_count() -> int:
    """Return how many frames are decoded at a time."""
    return min(max(os.cpu_count() or 1, 2), 8)


def main(pipe: Connection) -> None:
    """Decode until the pipe closes; entry point of the process."""
    limit_memory()
    _do_not_track_shared_memory()
    import gmic_core.exam.codecs  # noqa: F401  # the slow import happens before the first job asks for it

    pipe.send(Reply(READY))
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    lock = threading.Lock()
    for _ in range(thread_count()):
        threading.Thread(target=_work, args=(jobs, pipe, lock), daemon=True).start()
    while True:
        try:
            jobs.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone or done: threads inside a codec are not waited for


def limit_memory() -> None:
    """Bound the address space of this process to :data:`MEMORY_LIMIT`, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_LIMIT if hard == resource.RLIM_INFINITY else min(MEMORY_LIMIT, hard)
    if soft == resource.RLIM_INFINITY or soft > limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _do_not_track_shared_memory() -> None:
    """Leave the blocks to the parent, who made them and removes them.

    Before Python 3.13 a process that only attaches to a block is taken for its owner; when a block goes away while
    a frame is under way here, the tracker would report a leak that is none.
    """
    from multiprocessing import resource_tracker

    def ignore(_name: str, _kind: str) -> None:
        """Stand in for register()."""

    resource_tracker.register = ignore  # type: ignore[assignment]  # the documented signature, see above


def _work(jobs: queue.SimpleQueue[Job], pipe: Connection, lock: threading.Lock) -> None:
    while True:
        reply = _decode(jobs.get())
        with lock:
            try:
                pipe.send(reply)
            except (BrokenPipeError, OSError):
                os._exit(0)


def _decode(job: Job) -> Reply:
    import numpy as np

    from gmic_core.errors import ExamError, UnsupportedEncodingError
    from gmic_core.exam.codecs import decode

    request = job.request
    try:
        frame = decode(request)
    except ExamError as error:
        return Reply(job.number, str(error), isinstance(error, UnsupportedEncodingError))
    try:
        block = SharedMemory(job.block)
    except FileNotFoundError:  # the parent gave this frame up
        return Reply(job.number, "The frame is no longer wanted.")
    try:
        np.ndarray(frame.shape, request.dtype, block.buf)[...] = frame
    finally:
        block.close()
    return Reply(job.number)
