"""Start-up, scrolling, reading and memory of the window, each measured in fresh processes without a display."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from measure import BenchError, repeat, run
from volumes import Volumes

VIEWER = "import sys; from viewer.launch import main; sys.exit(main())"
"""What the command ``gmic-viewer`` does."""


def measure_window(volumes: Volumes, *, runs: int) -> dict[str, float]:
    """Return the figures of the window, the best of ``runs``."""
    starts = repeat(lambda: _start(volumes.dbt70), runs)
    figures = {name: min(each[name] for each in starts) for name in ("time_to_window_s", "first_image_s")}
    for path, viewports in ((volumes.dbt24, "1"), (volumes.quad, "4")):
        figures |= _measured("scroll.py", path, "--viewports", viewports, "--runs", runs)
        figures |= _measured("reading.py", "drag", path, "--viewports", viewports, "--runs", runs)
    figures |= _measured("painting.py", volumes.dbt24, "--runs", runs)
    figures |= _measured("reading.py", "hanging", volumes.quad, "--runs", runs)
    figures |= _measured("reading.py", "switch", volumes.quad, volumes.dbt24, "--runs", runs)
    figures |= _measured("comparing.py", "--runs", runs)
    held = repeat(lambda: _measured("held.py", volumes.dbt70), runs)
    return figures | {name: min(each[name] for each in held) for name in held[0]}


def _start(path: Path) -> dict[str, float]:
    """Open a file as a user does; both times count from the start of the process."""
    with tempfile.TemporaryDirectory(prefix="gmic-bench-") as scratch:
        out = Path(scratch, "start.json")
        run([sys.executable, "-c", VIEWER, "--bench", str(out), str(path)], _environment(scratch), 120.0)
        if not out.exists():
            raise BenchError("gmic-viewer --bench ended without having painted an image")
        return dict(json.loads(out.read_text(encoding="utf-8")))


def _measured(script: str, *arguments: object) -> dict[str, float]:
    """Run a script of this folder and return the figures that it wrote; each says what it measures."""
    with tempfile.TemporaryDirectory(prefix="gmic-bench-") as scratch:
        out = Path(scratch, "figures.json")
        command = [sys.executable, str(Path(__file__).with_name(script)), *(str(each) for each in arguments)]
        run([*command, "--out", str(out)], _environment(scratch), 900.0)
        return dict(json.loads(out.read_text(encoding="utf-8")))


def _environment(scratch: str) -> dict[str, str]:
    """Return the environment of a window that nobody sees, with a data folder of its own."""
    return dict(os.environ, QT_QPA_PLATFORM="offscreen", GMIC_HOME=f"{scratch}/home")
