"""What one Ray task does on its machine: the images of an exam, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.cohort.worker import Told, Worker

SYSTEMS = 3
"""Networks that stay loaded: exams have tomosynthesis, full-field and synthetic images."""


def _same(task: Task | None) -> Task | None:
    return task


def score_exam(tasks: Sequence[Task], options: RunOptions) -> list[Outcome]:
    """Return what becomes of the images of an exam; what goes wrong with an image is in its outcome."""
    worker, told = _station(options)
    told.clear()
    behind: list[Task | None] = [*tasks[1:], None]
    for task, after in zip(tasks, behind, strict=True):
        worker.do(task, partial(_same, after))
    return [one for one in told if isinstance(one, Outcome)]


@lru_cache(maxsize=1)
def _station(options: RunOptions) -> tuple[Worker, list[Told]]:
    """Return the worker of this process, kept from task to task with its networks and its decoder, and what it says."""
    told: list[Told] = []
    worker = Worker(told.append, options, SYSTEMS)
    worker.prepare()
    return worker, told
