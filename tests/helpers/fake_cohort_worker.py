"""A cohort worker without networks: starts in a fifth of a second, and lives or dies as an image's network says."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.cohort.worker import Begun


def main(pipe: Connection, options: RunOptions) -> None:
    """Answer until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        pipe.send(Begun(task.position))
        _live_or_die(task)
        pipe.send(Outcome(task.position, {"pid": os.getpid(), "threads": options.threads}))


def _live_or_die(task: Task) -> None:
    if task.model == "dies":
        os._exit(9)
    if task.model == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if task.model == "hangs":
        time.sleep(600)
    if task.model == "dies once":
        mark = Path(task.refs[0])
        if not mark.exists():
            mark.write_text("dead")
            os._exit(9)
    if task.model == "slow":
        time.sleep(0.2)


def main_that_fails(_pipe: Connection, _options: RunOptions) -> None:
    """Fail to start."""
    os._exit(3)
