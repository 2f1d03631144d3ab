"""The same volume scrolled in napari, in the same run, and how much longer it takes there.

napari lives in an environment of its own (``make bench-peers``): nothing of it may reach the project's. It draws by
OpenGL, for which Qt needs an X display: the present one, or one of memory where Xvfb is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import run
from volumes import Volumes

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.scan import scan

ENVIRONMENT = Path("build/peers")
NAPARI = "napari[pyqt6]==0.9.2"
VIEWPORT = (900, 1100)


class PeerError(Exception):
    """The peer cannot be measured here; the message says what to do about it."""


def install() -> int:
    """Put napari into its own environment; return pip's exit code."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    wanted = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", NAPARI]
    code = subprocess.run(wanted, stdin=subprocess.DEVNULL).returncode
    print(f"{NAPARI} is in {ENVIRONMENT}" if code == 0 else f"{NAPARI} could not be installed, see above")
    return code


def measure_napari(volumes: Volumes, ours_ms: float, *, runs: int) -> dict[str, float]:
    """Return napari's figures and how many times longer than ours (95th percentile) its slice steps take.

    Raises
    ------
    PeerError
        If napari is not installed, or there is no display for it.
    """
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        raise PeerError("napari is not installed; make bench-peers installs it in build/peers.")
    with tempfile.TemporaryDirectory(prefix="gmic-bench-") as scratch:
        stack, out = Path(scratch, "volume.npy"), Path(scratch, "napari.json")
        np.save(stack, _decoded(volumes.dbt24))
        script = Path(__file__).with_name("napari_scroll.py")
        size = [str(value) for value in VIEWPORT]
        command = [str(python), str(script), str(stack), "--size", *size, "--runs", str(runs), "--out", str(out)]
        # a folder of its own: neither settings nor plugins of the user's napari take part
        run([*_display(), *command], dict(os.environ, NAPARI_CONFIG=f"{scratch}/settings.yaml"), 600.0)
        found = json.loads(out.read_text(encoding="utf-8"))
    return {
        "napari_scroll_p50_ms": found["p50_ms"],
        "napari_scroll_p95_ms": found["p95_ms"],
        "napari_scroll_ratio": found["p95_ms"] / ours_ms,
    }


def _display() -> list[str]:
    """Return what a program has to be started with to have a display."""
    if os.environ.get("DISPLAY"):
        return []
    if shutil.which("xvfb-run") is None:
        raise PeerError("napari needs an X display; install one of memory (Debian: apt-get install -y xvfb xauth).")
    return ["xvfb-run", "-a", "-s", "-screen 0 1600x1400x24"]


def _decoded(path: Path) -> np.ndarray:
    """Return all slices of a volume, (slices, rows, columns)."""
    image = scan([path]).exams[0].images[0]
    reader = FrameReader()
    try:
        return np.stack([reader.read(image, index) for index in range(image.frames)])
    finally:
        reader.close()
