"""Run a command and tell how long it took and how much memory it and its children held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

SAMPLE_S = 0.02
GIB = 1 << 30
RUN_S = 10.0
"""Seconds that each of several runs of the same thing may take, unless told otherwise."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Run:
    """One measured run.

    Attributes
    ----------
    seconds : from the start of the process to its end.
    peak_rss : bytes; the larger of the highest sum over the process tree and the kernel's own high-water mark of any
        single process in it.
    """

    seconds: float
    peak_rss: int


class BenchError(Exception):
    """A measured command failed; the message carries the end of its output."""


def run(command: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = 600.0) -> Run:
    """Run ``command`` to its end and measure it.

    Raises
    ------
    BenchError
        If it fails or takes longer than ``timeout``.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    sampler = _Sampler(process.pid)
    sampler.start()
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise BenchError(f"{' '.join(command)}: still running after {timeout:.0f} s") from None
    finally:
        sampler.stop()
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise BenchError(f"{' '.join(command)}: exit {process.returncode}\n{output[-2000:]}")
    return Run(seconds, sampler.peak)


def run_script(script: str, *arguments: object, timeout: float = 900.0) -> tuple[dict[str, Any], Run]:
    """Run a script of this folder in a process of its own; return what it wrote to ``--out``, and how the run went.

    Raises
    ------
    BenchError
        If it fails or takes longer than ``timeout``.
    """
    with tempfile.TemporaryDirectory(prefix="gmic-bench-") as scratch:
        out = Path(scratch, "figures.json")
        command = [sys.executable, str(Path(__file__).with_name(script)), *(str(each) for each in arguments)]
        done = run([*command, "--out", str(out)], dict(os.environ, GMIC_HOME=f"{scratch}/home"), timeout)
        return dict(json.loads(out.read_text(encoding="utf-8"))), done


def repeat(measure: Callable[[], Result], times: int, budget_s: float | None = None) -> list[Result]:
    """Measure up to ``times``, but begin no other run after ``budget_s``: a slow machine is measured less often."""
    end = time.monotonic() + (RUN_S * times if budget_s is None else budget_s)
    found = [measure()]
    while len(found) < times and time.monotonic() < end:
        found.append(measure())
    return found


class _Sampler(threading.Thread):
    """Watches the memory of a process tree until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(name="memory sampler", daemon=True)
        self._root = psutil.Process(pid)
        self._end = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self._end.wait(SAMPLE_S):
            try:
                tree = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            sizes, marks = zip(*(_memory(each) for each in tree), strict=True)
            self.peak = max(self.peak, sum(sizes), *marks)

    def stop(self) -> None:
        self._end.set()
        self.join()


def _memory(process: psutil.Process) -> tuple[int, int]:
    """Return (resident now, high-water mark) in bytes; zeros for a process that is gone."""
    try:
        resident = process.memory_info().rss
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
    except (psutil.Error, OSError):
        return 0, 0
    mark = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return resident, int(mark.split()[1]) * 1024
