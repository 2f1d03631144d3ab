"""How often the worker died over an image, and whether the image is tried again."""

from __future__ import annotations

import signal

from viewer.services.protocol import Task

CRASHES = 2
"""An image over which the process itself crashed so often is given up: the next run would crash as well."""
KILLS = 25
"""An image during which somebody else (a user, the system short of memory) ended the process so often is given up."""
KILLED = (-signal.SIGTERM, -getattr(signal, "SIGKILL", 9))
"""Exit codes of a process that somebody else ended; such an end is no sign that the worker cannot run."""


class Deaths:
    """Counts, for each image of each job."""

    def __init__(self) -> None:
        self._crashes: dict[tuple[str, str], int] = {}
        self._kills: dict[tuple[str, str], int] = {}

    def again(self, task: Task, code: int | None) -> bool:
        """Count the end of the worker over a task; return whether to run it again."""
        counts, limit = (self._kills, KILLS) if code in KILLED else (self._crashes, CRASHES)
        key = (task.job_id, task.sop_uid)
        counts[key] = counts.get(key, 0) + 1
        return counts[key] < limit

    def survived(self, task: Task) -> None:
        """Forget a task that ended otherwise."""
        for counts in (self._crashes, self._kills):
            counts.pop((task.job_id, task.sop_uid), None)
