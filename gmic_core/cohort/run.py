"""A cohort from plan to tables: what is known is kept, the rest is computed, everything is written as it comes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gmic_core.cohort.journal import Journal
from gmic_core.cohort.ledger import Adopted, Ledger
from gmic_core.cohort.plan import Outcome, Plan, RunOptions, Task
from gmic_core.cohort.pool import LocalPool
from gmic_core.cohort.progress import CohortProgress, images_per_hour
from gmic_core.cohort.sizing import ahead_bytes, cores, default_workers, memory_warning, threads_each
from gmic_core.cohort.stop import Stop
from gmic_core.inference.execution.modes import ModeChoice
from gmic_core.memory import usable_memory


class Backend(Protocol):
    """Something that runs tasks: workers of this machine, or a cluster."""

    def outcomes(self, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Yield what becomes of each task as they are done; to be closed at the end."""


@dataclass(frozen=True)
class Settings:
    """How a cohort is run.

    Attributes
    ----------
    workers : processes on this machine; 0: as many as it carries.
    threads : of torch in each; 0: the cores divided among the workers.
    cluster : "" for this machine, else what :mod:`gmic_core.cohort.cluster` takes.
    fresh : forget what an earlier run left.
    retry : do images again that had no result.
    mode, augmentations, verify : see :class:`~gmic_core.cohort.plan.RunOptions`.
    """

    device: str = "auto"
    workers: int = 0
    threads: int = 0
    cluster: str = ""
    fresh: bool = False
    retry: bool = False
    mode: ModeChoice = "auto"
    augmentations: int = 0
    verify: bool = False


@dataclass(frozen=True)
class Report:
    """What a run came to.

    Attributes
    ----------
    ledger : everything that is known.
    computed, kept : images of this run, and of earlier ones.
    """

    ledger: Ledger
    computed: int
    kept: int
    seconds: float
    per_hour: float

    def summary(self) -> str:
        """Return the run in one line."""
        results = len(self.ledger.known)
        reasons = len(self.ledger.refused) + len(self.ledger.plan.rejected)
        text = f"{_count(results, 'result')} and {_count(reasons, 'reason')}"
        if self.kept:
            text += f", {self.kept:,} of them kept from before"
        if not self.computed:
            return f"{text}; nothing was left to compute."
        seconds = f"{self.seconds:.0f} s" if self.seconds < 5400 else f"{self.seconds / 3600:.1f} h"
        return f"{text}; {_count(self.computed, 'image')} in {seconds}, {images_per_hour(self.per_hour)}."


def run_cohort(plan: Plan, folder: Path, settings: Settings, stop: Stop, say: Callable[[str], None]) -> Report:
    """Compute what is not known yet and write everything to a folder, also when it is stopped or fails.

    Parameters
    ----------
    say : told in words what was found and kept.

    Raises
    ------
    StoreError
        If the folder cannot be written, or another process writes to it.
    InferenceError
        If no worker comes up, or the cluster cannot be reached.
    """
    options, workers = _shares(settings, say)
    with Journal(folder, fresh=settings.fresh) as journal:
        ledger = Ledger(folder, plan, journal, options)
        adopted = ledger.adopt(retry=settings.retry)
        for text in _found(adopted):
            say(text)
        try:
            ledger.write_table()
            with CohortProgress(adopted.todo) as progress:
                if adopted.todo and not stop.asked:
                    _compute(_backend(settings, options, workers, stop, progress), adopted.todo, ledger, progress)
                return Report(ledger, progress.done, adopted.kept, progress.seconds, progress.per_hour)
        finally:
            ledger.finish()


def _compute(backend: Backend, tasks: Sequence[Task], ledger: Ledger, progress: CohortProgress) -> None:
    with closing(backend.outcomes(tasks)) as outcomes:
        for outcome in outcomes:
            ledger.take(outcome)
            progress.finished(outcome.position)


def _shares(settings: Settings, say: Callable[[str], None]) -> tuple[RunOptions, int]:
    """Return what each worker gets of the machine, and how many there are."""
    memory = usable_memory()
    workers = settings.workers or default_workers(cores(), memory)
    threads = settings.threads or threads_each(cores(), workers)
    if not settings.cluster and (warning := memory_warning(workers, memory)):
        say(warning)
    options = RunOptions(
        settings.device,
        settings.mode,
        settings.augmentations,
        settings.verify,
        threads,
        ahead_bytes(memory, workers),
    )
    return options, workers


def _backend(settings: Settings, options: RunOptions, workers: int, stop: Stop, progress: CohortProgress) -> Backend:
    if settings.cluster:
        from gmic_core.cohort.cluster import RayCluster

        return RayCluster(settings.cluster, options, stop, own_threads=bool(settings.threads))
    return LocalPool(
        options, workers, lambda: stop.asked, lambda told: progress.working(told.stage, told.done, told.total)
    )


def _found(adopted: Adopted) -> Iterator[str]:
    """Yield what there is to say of an earlier run, where there was one."""
    if adopted.torn:
        was = "was torn and is" if adopted.torn == 1 else "were torn and are"
        yield f"{_count(adopted.torn, 'line')} of the journal {was} computed again"
    for why, count in adopted.again.items():
        yield f"{_count(count, 'image')} again: {why}"
    if adopted.kept:
        yield f"{_count(adopted.kept, 'image')} known from before, {len(adopted.todo):,} to go"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
