"""Many machines: one Ray task per exam; results come back to this process, which alone writes files.

Ray is an extra of its own and imported here only, when somebody asks for a cluster.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gmic_core.cohort.cluster_task import score_exam
from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.cohort.sizing import cores
from gmic_core.cohort.stop import Stop
from gmic_core.errors import InferenceError

LOCAL = "local:"
CPUS_PER_EXAM = 4
"""Cores that an exam takes of a machine of a cluster; all of a machine that has fewer."""
GPU_PER_EXAM = 0.25
"""Part of a GPU: several exams share one, because reading and decoding take as long as the network."""
TRIES = 2
POLL_S = 0.2
START_S = "240"
"""How long Ray's own processes may take to come up."""
RESOURCES_S = 10.0
"""How often it is asked how large the cluster is: machines come and go."""
OBJECTS = 256 << 20
"""Bytes for results on their way, in a cluster of this machine only."""


@dataclass(frozen=True)
class _Exam:
    """Tasks that travel together, and how often they were tried."""

    tasks: tuple[Task, ...]
    tries: int = 0


def parse_cluster(text: str) -> str:
    """Return what ``--cluster`` says, checked: ``auto``, ``local:N``, or the address ``HOST:PORT`` of a cluster.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    host, _, number = text.rpartition(":")
    if text == "auto" or (host and number.isdigit() and int(number) > 0):
        return text
    raise ValueError(f"'{text}' is no cluster: write auto, local:N or HOST:PORT")


class RayCluster:
    """Runs tasks on a Ray cluster.

    Parameters
    ----------
    where : see :func:`parse_cluster`.
    own_threads : whether the user chose the threads; otherwise they follow from the cores that an exam gets.
    """

    def __init__(self, where: str, options: RunOptions, stop: Stop, *, own_threads: bool = False) -> None:
        self._where = where
        self._options = options
        self._stop = stop
        self._own_threads = own_threads
        self._ray = _import_ray()
        self._folder = ""
        self._waiting: deque[_Exam] = deque()
        self._running: dict[Any, _Exam] = {}
        self._slots, self._slots_due = 0, 0.0

    def outcomes(self, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """Yield what becomes of each task, as exams are done; ends early when asked to stop. Close it at the end.

        Raises
        ------
        InferenceError
            If the cluster cannot be reached, has not what an exam needs, or cannot run this program.
        """
        self._waiting.extend(_exams(tasks))
        try:
            self._connect()
            remote = self._remote()
            while not self._stop.asked and (self._waiting or self._running):
                while self._waiting and len(self._running) < 2 * self._slot_count():
                    exam = self._waiting.popleft()
                    self._running[remote.remote(exam.tasks, self._options)] = exam
                done, _ = self._ray.wait(list(self._running), timeout=POLL_S)
                for one in done:
                    yield from self._result(one)
        finally:
            self._disconnect()

    # -- the cluster ---------------------------------------------------------------------------------------------
    def _connect(self) -> None:
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            if self._where.startswith(LOCAL):
                self._folder = tempfile.mkdtemp(prefix="gmic-ray-")
                self._ray.init(
                    num_cpus=int(self._where.removeprefix(LOCAL)), include_dashboard=False, _temp_dir=self._folder,
                    object_store_memory=OBJECTS, **quiet,
                )  # fmt: skip
            else:
                self._ray.init(address=self._where, **quiet)
        except Exception as error:  # Ray raises plain Exception, too, when its processes do not come up
            raise InferenceError(
                f"The cluster '{self._where}' cannot be reached ({_line(error, 0)}); start it first "
                "(ray start --head), see docs/cluster.md."
            ) from error
        self._stop.catch()  # Ray has put its own handlers in place

    def _remote(self) -> Any:
        """Return the remote function, with what an exam takes of a machine.

        Raises
        ------
        InferenceError
            If no machine has that.
        """
        machines = self._machines()
        gpus = max((machine.get("GPU", 0.0) for machine in machines), default=0.0)
        device = self._options.device
        if device == "auto":
            device = "cuda" if gpus else "cpu"
        if device == "cuda" and not gpus:
            raise InferenceError("No machine of the cluster has a GPU; run on processors (--device cpu).")
        most = max((int(machine.get("CPU", 0.0)) for machine in machines), default=0)
        if most < 1:
            raise InferenceError("No machine of the cluster has a free core; see what it has with: ray status")
        local = self._where.startswith(LOCAL)
        cpus = 1 if local else min(CPUS_PER_EXAM, most)
        share = max(cores() // most, 1) if local else cpus
        self._options = replace(
            self._options, device=device, threads=self._options.threads if self._own_threads else share
        )
        self._need = {"CPU": float(cpus), **({"GPU": GPU_PER_EXAM} if device == "cuda" else {})}
        return self._ray.remote(score_exam).options(
            num_cpus=cpus, num_gpus=self._need.get("GPU", 0), max_retries=0, name="gmic-core predict"
        )

    def _machines(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def _slot_count(self) -> int:
        """Return how many exams run at a time; at least one, should all machines be away for a moment."""
        if time.monotonic() >= self._slots_due:
            self._slots_due = time.monotonic() + RESOURCES_S
            fits = [
                min(int(machine.get(name, 0.0) / amount) for name, amount in self._need.items())
                for machine in self._machines()
            ]
            self._slots = max(sum(fits), 1)
        return self._slots

    def _disconnect(self) -> None:
        for one in self._running:
            self._ray.cancel(one, force=True)
        self._running.clear()
        self._ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)  # logs of processes that may still be ending

    # -- results -------------------------------------------------------------------------------------------------
    def _result(self, one: Any) -> Iterator[Outcome]:
        exam = self._running.pop(one)
        try:
            yield from self._ray.get(one)
        except self._ray.exceptions.RayTaskError as error:
            raise InferenceError(
                f"A machine of the cluster cannot run this program ({_line(error, -1)}); install the same version of "
                "it on every machine, see docs/cluster.md."
            ) from error
        except self._ray.exceptions.RayError as error:
            yield from self._lost(exam, error)

    def _lost(self, exam: _Exam, error: Exception) -> Iterator[Outcome]:
        """A worker or a machine is gone: try the exam again, then its images one by one, then give one up."""
        if exam.tries + 1 < TRIES:
            self._waiting.append(_Exam(exam.tasks, exam.tries + 1))
        elif len(exam.tasks) > 1:  # which of them took it down?
            self._waiting.extend(_Exam((task,), exam.tries) for task in exam.tasks)
        else:
            yield Outcome(
                exam.tasks[0].position,
                reason=f"The worker was lost during this image, {TRIES} times ({type(error).__name__}). The image is "
                "tried again when the command is run again.",
                passing=True,
            )


def _exams(tasks: Sequence[Task]) -> list[_Exam]:
    """Return the tasks by exam, in the order of the tables."""
    groups: dict[str, list[Task]] = {}
    for task in sorted(tasks, key=lambda one: one.position):
        groups.setdefault(task.study_uid, []).append(task)
    return [_Exam(tuple(group)) for group in groups.values()]


def _line(error: Exception, which: int) -> str:
    """Return one line of an error's message: the last one of a traceback from another machine says what happened."""
    lines = str(error).strip().splitlines()
    return lines[which] if lines else type(error).__name__


def _import_ray() -> Any:
    """Return Ray, which does not report to its makers here.

    Raises
    ------
    InferenceError
        If it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_raylet_start_wait_time_s", START_S)  # Ray's own 30 s are short on a busy machine
    try:
        import ray
    except ImportError as error:
        raise InferenceError(
            "A cluster needs Ray, which is not installed. Install it with: pip install 'gmic-viewer[cluster]', or run "
            "on this machine alone with --workers N."
        ) from error
    return ray
