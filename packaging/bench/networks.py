"""Seconds and memory of the networks through the command that a user runs: ``gmic-core predict``."""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from measure import GIB, Run, repeat, run
from volumes import Volumes

WEIGHTS = "random:0"  # the time does not depend on what the weights are


def predict(path: Path, model: str) -> Run:
    """Run one network on one file in a fresh process, results to a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="gmic-bench-") as scratch:
        command = [
            *(sys.executable, "-m", "gmic_core", "predict", str(path)),
            *("--model", model, "--weights", WEIGHTS, "--device", "cpu", "--out", f"{scratch}/results"),
        ]
        return run(command, dict(os.environ, GMIC_HOME=f"{scratch}/home"))


def measure_networks(volumes: Volumes, *, times: int, budget_s: float) -> dict[str, float]:
    """Return the figures of all networks; each the best of several runs (memory: the worst).

    Parameters
    ----------
    times, budget_s : how often each is repeated at most, and for how long.
    """
    cases = {"gmic2d": ("gmic2d", volumes.ffdm), "gmic3d_24": ("gmic3d", volumes.dbt24)}
    cases["gmic3d_96"] = ("gmic3d", volumes.dbt96)
    figures = {}
    for name, (model, path) in cases.items():
        runs = repeat(partial(predict, path, model), times, budget_s)
        figures[f"{name}_s"] = min(each.seconds for each in runs)
        figures[f"{name}_peak_rss_gib"] = max(each.peak_rss for each in runs) / GIB
    return figures
