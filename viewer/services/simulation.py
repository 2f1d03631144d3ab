"""Making the demo exam in a process of its own: the window never waits for it, and it ends with the window."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from gmic_core.errors import CancelledError, GmicError
from gmic_core.phantom.demo_exam import VIEW_COUNT, grow_simulated_exam

NICENESS = 5
"""It yields to the window, which the reader is using, on shared cores."""
STEADY_SHARE = 0.03
"""Before so much of the work was seen, how long it will take is a guess and is not told."""
RESUMED_SHARE = 0.1
"""A step as large as this is work that an earlier run has done; it says nothing about the time."""
_VIEW = re.compile(r"\b([LR])-(CC|MLO)(?![A-Z])")
_SIDES = {"L": "left", "R": "right"}
_STOP = b"stop"


@dataclass(frozen=True)
class Making:
    """How far the exam is, 0..1, and what is being done."""

    share: float
    text: str


@dataclass(frozen=True)
class ViewReady:
    """The images of one view are complete."""

    files: tuple[Path, ...]


@dataclass(frozen=True)
class Ended:
    """Nothing more will be made; ``problem`` says why when the exam is not complete."""

    problem: str = ""


Message = Making | ViewReady | Ended
Main = Callable[[Connection, Path], None]


class Simulation:
    """The process that makes the demo exam.

    Parameters
    ----------
    folder : where the exam is kept.
    main : entry point of the process.
    """

    def __init__(self, folder: Path, main: Main | None = None) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take the window's threads and locks along
        self._pipe, theirs = context.Pipe()
        # no daemon: daemons may not have children, and this one has one for each core
        self.process = context.Process(target=main or make, args=(theirs, folder), name="gmic-simulation")
        self.process.start()
        theirs.close()
        atexit.register(self.process.kill)
        self._heard: queue.Queue[Message] = queue.Queue()
        self._lock = threading.Lock()
        self._listener: Callable[[Message], None] | None = None
        self._thread = threading.Thread(target=self._listen, name="gmic-simulation-listen", daemon=True)
        self._thread.start()

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return what the process said next, or None when it said nothing for so long; not after :meth:`attach`."""
        try:
            return self._heard.get(timeout=timeout)
        except queue.Empty:
            return None

    def attach(self, post: Callable[[Callable[[], None]], None], listener: Callable[[Message], None]) -> None:
        """Tell everything that was not taken yet, and all that follows, to a listener on the GUI thread."""
        with self._lock:
            self._listener = lambda message: post(lambda: listener(message))
            while not self._heard.empty():
                self._listener(self._heard.get())

    def close(self, timeout: float = 3.0) -> None:
        """Stop the process; the views that are finished stay, and the next run goes on from there."""
        try:
            self._pipe.send_bytes(_STOP)
        except (OSError, ValueError):
            pass  # it has ended by itself
        for end in (None, self.process.terminate, self.process.kill):
            if end is not None:
                end()
            self.process.join(timeout / 3)
            if not self.process.is_alive():
                break
        self._thread.join(1.0)
        atexit.unregister(self.process.kill)

    def _listen(self) -> None:
        ended = False
        while self._pipe in wait([self._pipe, self.process.sentinel]):
            try:
                message: Message = self._pipe.recv()
            except (EOFError, OSError):
                break
            ended = isinstance(message, Ended)
            self._tell(message)
        self.process.join()
        if not ended:
            self._tell(Ended(f"The simulation ended unexpectedly (exit code {self.process.exitcode}); start it again."))

    def _tell(self, message: Message) -> None:
        with self._lock:
            if self._listener is not None:
                self._listener(message)
            else:
                self._heard.put(message)


# -- in the process ------------------------------------------------------------------------------------------------


def make(pipe: Connection, folder: Path) -> None:
    """Make the exam and tell of it until it is complete, the window says stop, or the window is gone."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    parent = multiprocessing.parent_process()

    def stopped() -> bool:
        return pipe.poll() or (parent is not None and not parent.is_alive())

    def progress(share: float, text: str) -> None:
        pipe.send(Making(share, text))

    try:
        grow_simulated_exam(
            folder,
            on_view=lambda files: pipe.send(ViewReady(tuple(files))),
            progress=progress,
            cancelled=stopped,
        )
        pipe.send(Ended())
    except (CancelledError, KeyboardInterrupt, BrokenPipeError):
        return
    except GmicError as error:
        pipe.send(Ended(str(error)))


# -- in words ------------------------------------------------------------------------------------------------------


class MakingText:
    """Says in one calm line how far the demo exam is.

    Parameters
    ----------
    clock : seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, float] | None = None  # time and share of the first report
        self._under_way: dict[str, str] = {}  # view by side: both breasts may be made at a time
        self._ready = 0
        self._waiting = False
        self._share = 0.0
        self._left = ""

    def hear(self, message: Message) -> str:
        """Take a message and return the line."""
        if isinstance(message, ViewReady):
            self._ready += 1
            for found in _VIEW.findall(message.files[0].name) if message.files else ():
                if self._under_way.get(found[0]) == found[1]:
                    del self._under_way[found[0]]
        elif isinstance(message, Making):
            self._waiting = "waiting for another" in message.text
            found = _VIEW.search(message.text)
            if found is not None and not message.text.endswith("ready"):
                self._under_way[found[1]] = found[2]
            if message.share - self._share > RESUMED_SHARE:
                self._first = (self._clock(), message.share)
            self._share = message.share
            self._left = self._time_left()
        return self.line()

    @property
    def share(self) -> float:
        """How much of the exam is made, 0..1."""
        return max(self._share, self._ready / VIEW_COUNT)

    def line(self) -> str:
        """Return e.g. ``Making the demo exam: left MLO, 3 of 4 views ready, about 1 min left``."""
        if self._waiting:
            return "Waiting for another window that makes the demo exam"
        views = " and ".join(f"{_SIDES[side]} {view}" for side, view in sorted(self._under_way.items(), reverse=True))
        ready = f"{self._ready} of {VIEW_COUNT} views ready"
        return "Making the demo exam: " + ", ".join(part for part in (views, ready, self._left) if part)

    def _time_left(self) -> str:
        now = self._clock()
        if self._first is None:
            self._first = (now, self._share)
        since, share = now - self._first[0], self._share - self._first[1]
        if share < STEADY_SHARE:
            return ""
        minutes = since / share * (1.0 - self._share) / 60.0
        return "less than a minute left" if minutes < 0.75 else f"about {round(minutes)} min left"
