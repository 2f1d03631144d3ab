"""Simulate breasts, here or in processes: what one breast needs is a job, what it says about itself an event.

A job leaves a note beside the files of every finished view; a job that finds notes of the same exam goes on from there.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from gmic_core.errors import CancelledError, GmicError, PhantomError
from gmic_core.phantom.breast import Breast
from gmic_core.phantom.files import Writing, appearing, write_view
from gmic_core.phantom.findings import place_findings
from gmic_core.phantom.plan import Part
from gmic_core.phantom.simulate import Progress, ViewImages, acquire, simulate_view
from gmic_core.phantom.spec import Size, ViewName
from gmic_core.phantom.victre import read_victre
from gmic_core.types import Laterality

NOTES = ".notes"
"""Folder inside an unfinished exam: one note for each finished view."""
MEMORY_BYTES = 5 * 2**30
NEEDED_BYTES: dict[Size, int] = {"full": 2400 * 2**20, "small": 450 * 2**20}
"""What all processes may use together, and what one needs at most."""
POLL_S = 0.2


@dataclass(frozen=True)
class Job:
    """The views of one breast.

    Attributes
    ----------
    folder : where its files go.
    """

    part: Part
    folder: Path
    writing: Writing

    @property
    def missing(self) -> tuple[ViewName, ...]:
        """Return the views that are not finished."""
        side = self.part.spec.laterality
        return tuple(view for view in self.part.views if not note_of(self.folder, side, view).exists())


def note_of(folder: Path, side: Laterality, view: ViewName) -> Path:
    """Return the note that says that a view is finished, and what is true of it."""
    return folder / NOTES / f"{side}-{view}.json"


@dataclass(frozen=True)
class Event:
    """What a job says: how far it is (0..1), what it does, and which view it has just finished."""

    job: Job
    share: float
    text: str
    finished: ViewName | None = None


Listener = Callable[[Event], None]


def run_job(job: Job, listener: Listener) -> None:
    """Simulate the views of one breast that are not finished yet, and write them.

    Parameters
    ----------
    listener : may raise to stop.
    """
    views, side = job.missing, job.part.spec.laterality
    done = len(job.part.views) - len(views)
    listener(Event(job, done / len(job.part.views), f"growing the {side} breast"))
    simulate = _simulation(job.part)
    for number, view in enumerate(views, start=done):

        def show(share: float, text: str, name: str = f"{side}-{view}", start: int = number) -> None:
            listener(Event(job, (start + 0.9 * share) / len(job.part.views), f"{text} {name}"))

        images = simulate(view, show)
        show(1.0, "writing")
        document = write_view(job.folder, images, job.writing)
        del images  # the next view needs the room
        with appearing(note_of(job.folder, side, view)) as out:
            out.write(json.dumps(document).encode())
        listener(Event(job, (number + 1) / len(job.part.views), f"{side}-{view} is ready", finished=view))


def _simulation(part: Part) -> Callable[[ViewName, Progress], ViewImages]:
    """Return what simulates one view of a breast."""
    if part.anatomy is not None:
        found = read_victre(part.anatomy, part.spec.plate)

        def expose(view: ViewName, progress: Progress) -> ViewImages:
            images = acquire(part.spec, view, found.tissue, progress)
            return ViewImages(images.dbt, images.s2d, images.ffdm, part.spec, view, found.placed)

        return expose
    breast = Breast(part.spec)
    try:
        findings = place_findings(breast)
    except PhantomError as error:
        raise PhantomError(f"Seed {part.spec.seed}: {error}") from error  # one of many, with --count
    return lambda view, progress: simulate_view(breast, findings, view, progress)


def worker_count(size: Size, jobs: int, wanted: int | None = None) -> int:
    """Return how many processes to use: one per core and job, as many as the memory allows."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(wanted or cores, jobs, MEMORY_BYTES // NEEDED_BYTES[size]))


def run_jobs(
    jobs: Sequence[Job], workers: int, listener: Listener, cancelled: Callable[[], bool] | None = None
) -> None:
    """Run jobs, the first ones first.

    Parameters
    ----------
    workers : processes; 1 runs them here.
    listener : called in this thread.
    cancelled : asked now and then whether to stop.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so.
    PhantomError
        If a breast cannot be simulated or written.
    """

    def checked(event: Event) -> None:
        if cancelled is not None and cancelled():
            raise CancelledError("The simulation was cancelled.")
        listener(event)

    if min(workers, len(jobs)) > 1:
        _run_in_processes(jobs, min(workers, len(jobs)), listener, cancelled or _never)
        return
    for job in jobs:
        run_job(job, checked)


def _run_in_processes(jobs: Sequence[Job], workers: int, listener: Listener, cancelled: Callable[[], bool]) -> None:
    waiting = list(reversed(jobs))
    with _processes(workers) as team:
        busy: dict[Connection, BaseProcess] = {}
        for process, connection in team:
            connection.send(waiting.pop())
            busy[connection] = process
        while busy:
            for ready in wait(list(busy), POLL_S):
                assert isinstance(ready, Connection)
                if not _answered(ready, busy[ready], listener):
                    continue
                if waiting:
                    ready.send(waiting.pop())
                else:
                    del busy[ready]
            if cancelled():
                raise CancelledError("The simulation was cancelled.")


def _answered(connection: Connection, process: BaseProcess, listener: Listener) -> bool:
    """Take what a process says; return whether its job is done."""
    try:
        answer: Any = connection.recv()
    except (EOFError, ConnectionError) as error:
        process.join(5)
        raise PhantomError(
            f"A process of the simulation ended unexpectedly (code {process.exitcode}); if the memory is short, "
            "close other programs, or ask for --size small."
        ) from error
    if isinstance(answer, Event):
        listener(answer)
        return False
    if isinstance(answer, BaseException):
        raise answer
    return True


@contextmanager
def _processes(count: int) -> Iterator[list[tuple[BaseProcess, Connection]]]:
    """Start processes; end them whatever happens."""
    context = multiprocessing.get_context("spawn")  # fork would copy the window's threads and locks
    team: list[tuple[BaseProcess, Connection]] = []
    try:
        for _ in range(count):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=_serve, args=(theirs,), name="breast simulation", daemon=True)
            process.start()
            theirs.close()
            team.append((process, ours))
        yield team
    finally:
        for member, connection in team:
            connection.close()
            member.terminate()
        for member, _ in team:
            member.join()


def _serve(connection: Connection) -> None:
    """Run jobs that come through a pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches every process of the terminal; the parent decides
    import cv2

    cv2.setNumThreads(1)  # there is a process for every core
    try:
        while True:
            job = connection.recv()
            connection.send(_outcome(job, connection.send))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent has gone or wants no more


def _outcome(job: Job, send: Listener) -> BaseException | None:
    """Run a job; return what went wrong."""
    try:
        run_job(job, send)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except GmicError as error:
        return type(error)(str(error))
    except OSError as error:
        return OSError(error.errno, error.strerror, error.filename)
    except Exception:  # noqa: BLE001 - a bug: the parent shows where it happened
        return RuntimeError(f"in a process of the simulation:\n{traceback.format_exc()}")
    return None


def _never() -> bool:
    return False
