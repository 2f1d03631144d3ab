"""The worker process: one image after the other, the next one's frames read while the current one is computed.

It gets :class:`~gmic_core.cohort.plan.Task` objects through its pipe and sends what is in ``Told``. The process that
started it alone writes files. It ends when its pipe closes, so it cannot outlive whoever started it.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, NoReturn

from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.errors import GmicError

if TYPE_CHECKING:
    from gmic_core.inference.events import Event

TELL_S = 1.0
"""How often a worker says how far it is, at most."""


@dataclass(frozen=True)
class Begun:
    """The networks are loaded and an image is begun: if the worker dies now, it is this image's."""

    position: int


@dataclass(frozen=True)
class Working:
    """A sign of life in the middle of an image: ``done`` of ``total`` steps of a stage."""

    position: int
    stage: str
    done: int
    total: int


Told = Begun | Working | Outcome
Main = Callable[[Connection, RunOptions], None]


def main(pipe: Connection, options: RunOptions) -> None:
    """Do tasks until the pipe closes; entry point of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is for whoever started this process
    # likewise a signal to the whole group; a handler, because the decoder would inherit that it is ignored
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    worker = Worker(pipe.send, options)
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    receiver = threading.Thread(target=_receive, args=(pipe, tasks, worker), name="receive", daemon=True)
    receiver.start()
    try:
        _do_all(worker, tasks)
    except OSError:  # nobody listens any more: the other thread is about to end the process
        receiver.join()


def _do_all(worker: Worker, tasks: queue.SimpleQueue[Task]) -> NoReturn:
    worker.prepare()
    task = tasks.get()
    while True:
        upcoming = Upcoming(tasks)
        worker.do(task, upcoming.peek)
        task = upcoming.take()


def _receive(pipe: Connection, tasks: queue.SimpleQueue[Task], worker: Worker) -> None:
    """Take tasks until the pipe closes; then end at once, whatever the main thread computes."""
    try:
        while True:
            tasks.put(pipe.recv())
    except (EOFError, OSError):
        worker.close()
        os._exit(0)


class Upcoming:
    """The task behind the current one, which may be looked at before it is begun."""

    def __init__(self, tasks: queue.SimpleQueue[Task]) -> None:
        self._tasks = tasks
        self._next: Task | None = None

    def peek(self) -> Task | None:
        """Return the next task if it is there already."""
        if self._next is None and not self._tasks.empty():
            self._next = self._tasks.get()
        return self._next

    def take(self) -> Task:
        """Return the next task, waiting for it."""
        return self._tasks.get() if self._next is None else self._next


class Worker:
    """Reader and networks of a worker, and how it tells what it does.

    Parameters
    ----------
    tell : called with what happens, in the thread that computes.
    systems : how many networks with their weights are kept loaded.
    """

    def __init__(self, tell: Callable[[Told], None], options: RunOptions, systems: int = 1) -> None:
        from gmic_core.cohort.ahead import AheadReader
        from gmic_core.cohort.one import Networks
        from gmic_core.exam.frames import FrameReader

        self._tell = tell
        self._options = options
        self._networks = Networks(options, systems)
        self._frames = FrameReader(start=False)
        self._reader = AheadReader(self._frames, options.ahead_bytes)
        self._told = 0.0

    def prepare(self) -> None:
        """Do what takes seconds and is needed for any task."""
        from gmic_core.cohort.one import set_threads

        self._frames.start()
        set_threads(self._options)

    def do(self, task: Task, peek: Callable[[], Task | None]) -> None:
        """Do a task and tell what became of it.

        Parameters
        ----------
        peek : returns the task behind it, if it is known.
        """
        from gmic_core.cohort.one import outcome_of

        self._reader.begin(task.image)
        self._load(task)
        self._tell(Begun(task.position))
        self._tell(outcome_of(task, self._networks, self._reader, lambda event: self._heard(event, task, peek)))

    def close(self) -> None:
        """Stop the decoder process of this worker."""
        self._reader.close()
        self._frames.close()

    def _load(self, task: Task) -> None:
        """Load the networks before the image is begun: what goes wrong here is not the image's fault."""
        try:
            self._networks.of(task)
        except GmicError:
            return  # told once more, and then answered, when the task is done

    def _heard(self, event: Event, task: Task, peek: Callable[[], Task | None]) -> None:
        from gmic_core.inference.events import ImageStarted, Progress

        if isinstance(event, ImageStarted):  # it is read: the decoder is free for the next one
            after = peek()
            if after is not None:
                self._reader.expect(after.image)
        elif isinstance(event, Progress) and time.monotonic() - self._told >= TELL_S:
            self._told = time.monotonic()
            self._tell(Working(task.position, event.stage, event.done, event.total))


def start(options: RunOptions, main: Main = main) -> tuple[BaseProcess, Connection]:
    """Start a worker process; return it and the pipe to it.

    Parameters
    ----------
    main : entry point of the process.
    """
    context = multiprocessing.get_context("spawn")  # fork would copy threads and locks
    ours, theirs = context.Pipe()
    # no daemon: daemons may not have children, and this one has a decoder process
    process = context.Process(target=main, args=(theirs, options), name="gmic-cohort-worker")
    process.start()
    theirs.close()
    return process, ours
