"""How far a cohort is: images of all, images per hour, and when it will be done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from types import TracebackType

from gmic_core.cohort.plan import Task
from gmic_core.progress_bar import ProgressBar

FORMAT = "{percentage:3.0f}% {n_fmt}/{total_fmt} images{postfix}"


class CohortProgress:
    """A line on stderr that changes in a terminal and is written now and then elsewhere.

    The end is estimated by slices, not by images: a volume takes as long as dozens of mammograms.

    Parameters
    ----------
    tasks : what is to be done now.
    clock : seconds.
    """

    def __init__(self, tasks: Sequence[Task], clock: Callable[[], float] = time.monotonic) -> None:
        self._costs = {task.position: float(task.image.frames * len(task.refs)) for task in tasks}
        self._all = sum(self._costs.values())
        self._left = self._all
        self._clock = clock
        self._started = clock()
        self.done = 0
        self._bar = ProgressBar(
            total=len(tasks), file=sys.stderr, leave=False, bar_format=FORMAT, disable=not tasks, mininterval=0.5
        )

    def __enter__(self) -> CohortProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return self._clock() - self._started

    @property
    def per_hour(self) -> float:
        """Images per hour so far; 0 before the first one."""
        return self.done * 3600.0 / max(self.seconds, 1e-3)

    def finished(self, position: int) -> None:
        """Count an image, whatever became of it."""
        self.done += 1
        self._left -= self._costs[position]
        self._bar.set_postfix_str(f"{images_per_hour(self.per_hour)}, {self._end()}", refresh=False)
        self._bar.update()

    def working(self, stage: str, done: int, total: int) -> None:
        """Show what goes on within an image, until the first one is done."""
        if self.done == 0:
            self._bar.set_postfix_str(f"{stage} {done}/{total}")

    @property
    def seconds_left(self) -> float:
        """How long it will still go on; 0 before the first image is done."""
        spent = self._all - self._left
        return self.seconds * self._left / spent if spent > 0 else 0.0

    def _end(self) -> str:
        seconds = self.seconds_left
        end = datetime.now().astimezone() + timedelta(seconds=seconds)
        return f"done about {end:%H:%M}" if seconds < 20 * 3600 else f"done about {end:%a %d %b %H:%M}"


def images_per_hour(rate: float) -> str:
    """Return a rate in words."""
    return f"{rate:,.0f} images per hour" if rate >= 10 else f"{rate:.1f} images per hour"
