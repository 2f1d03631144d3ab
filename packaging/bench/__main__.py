"""``make bench``: speed and memory of the window and the networks, as a table and as build/bench.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from machine import describe
from measure import BenchError
from networks import measure_networks
from peers import PeerError, install, measure_napari
from volumes import Volumes, prepare
from window import measure_window

BUILD = Path("build")

ROWS = {
    "time_to_window_s": ("window on screen", "s", 1.0),
    "first_image_s": ("first image, 70-frame JPEG-LS volume", "s", 1.5),
    "scroll_1_p50_ms": ("scroll step, 1 viewport, median", "ms", None),
    "scroll_1_p95_ms": ("scroll step, 1 viewport, 95th percentile", "ms", 16.7),
    "scroll_4_p50_ms": ("scroll step, 4 viewports, median", "ms", None),
    "scroll_4_p95_ms": ("scroll step, 4 viewports, 95th percentile", "ms", 50.0),
    "wl_drag_p95_ms": ("grey value drag, 1 viewport, 95th percentile", "ms", 16.7),
    "wl_drag_4_p95_ms": ("grey value drag in one of 4 viewports, 95th percentile", "ms", 50.0),
    "hanging_step_ms": ("slowest hanging step, frames decoded", "ms", 150.0),
    "exam_switch_s": ("first image of another exam", "s", 0.5),
    "exam_switch_ahead_s": ("first image of another exam, read ahead", "s", 0.5),
    "viewer_rss_over_pixels_mib": ("memory beyond 1.3 x decoded pixels, 70 frames", "MiB", 400.0),
    "napari_scroll_p50_ms": ("napari, scroll step of the same volume, median", "ms", None),
    "napari_scroll_p95_ms": ("napari, scroll step, 95th percentile", "ms", None),
    "napari_scroll_ratio": ("napari's 95th percentile over that of 1 viewport", "x", None),
    "gmic2d_s": ("2D GMIC, one mammogram", "s", None),
    "gmic2d_peak_rss_gib": ("2D GMIC, peak memory", "GiB", None),
    "gmic3d_24_s": ("3D-GMIC, 24 slices of 2457x1996", "s", None),
    "gmic3d_24_peak_rss_gib": ("3D-GMIC, 24 slices, peak memory", "GiB", None),
    "gmic3d_96_s": ("3D-GMIC, 96 slices of 2457x1996", "s", None),
    "gmic3d_96_peak_rss_gib": ("3D-GMIC, 96 slices, peak memory", "GiB", 2.0),
}
"""Key in bench.json -> what it is, unit, target."""


def main() -> int:
    """Measure everything; return 0, or 1 when a measured program failed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="repeat the long runs, too")
    parser.add_argument("--only", choices=("window", "networks"), help="measure one half")
    parser.add_argument("--install-peers", action="store_true", help="install what --full compares with, and end")
    args = parser.parse_args()
    if args.install_peers:
        return install()
    start = time.monotonic()
    machine = describe()
    figures: dict[str, float] = {}
    try:
        volumes = prepare(BUILD / "bench")
        if args.only != "networks":
            figures |= measure_window(volumes, runs=10 if args.full else 3)
        if args.full and args.only != "networks":
            figures |= _peers(volumes, figures["scroll_1_p95_ms"])
        if args.only != "window":
            figures |= measure_networks(volumes, times=5 if args.full else 3, budget_s=3600.0 if args.full else 45.0)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    BUILD.mkdir(exist_ok=True)
    rounded = {name: round(figures[name], 3) for name in ROWS if name in figures}
    (BUILD / "bench.json").write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    print(table(machine, figures))
    print(f"\nfigures: {BUILD / 'bench.json'}; measured in {time.monotonic() - start:.0f} s")
    return 0


def _peers(volumes: Volumes, ours_ms: float) -> dict[str, float]:
    """Return the figures of the peers; without them the rest is measured all the same."""
    try:
        return measure_napari(volumes, ours_ms, runs=3)
    except PeerError as error:
        print(f"bench: {error}", file=sys.stderr)
        return {}


def table(machine: dict[str, str], figures: dict[str, float]) -> str:
    """Return the figures and the machine as Markdown."""
    lines = [f"- {label}: {text}" for label, text in machine.items()]
    lines += ["", "| what | measured | target |", "|---|---:|---:|"]
    for name, (what, unit, target) in ROWS.items():
        if name in figures:
            digits = {"ms": 1, "x": 1, "MiB": 0}.get(unit, 2)
            wanted = "" if target is None else f"<= {target:g} {unit}"
            lines.append(f"| {what} | {figures[name]:.{digits}f} {unit} | {wanted} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
