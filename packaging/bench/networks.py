"""Seconds and memory of the networks through the command that a user runs: ``gmic-core predict``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from measure import GIB, Run, run
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


def measure_networks(volumes: Volumes, *, light: int, heavy: int) -> dict[str, float]:
    """Return the figures of all networks; each the best of several runs (memory: the worst).

    Parameters
    ----------
    light, heavy : how often runs of seconds and runs of a minute are repeated.
    """
    two_d = [predict(volumes.ffdm, "gmic2d") for _ in range(light)]
    short = [predict(volumes.dbt24, "gmic3d") for _ in range(light)]
    long = [predict(volumes.dbt96, "gmic3d") for _ in range(heavy)]
    return {
        "gmic2d_s": min(each.seconds for each in two_d),
        "gmic2d_peak_rss_gib": max(each.peak_rss for each in two_d) / GIB,
        "gmic3d_24_s": min(each.seconds for each in short),
        "gmic3d_24_peak_rss_gib": max(each.peak_rss for each in short) / GIB,
        "gmic3d_96_s": min(each.seconds for each in long),
        "gmic3d_96_peak_rss_gib": max(each.peak_rss for each in long) / GIB,
    }
