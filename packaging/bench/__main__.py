"""``make bench``: speed and memory of the window and the networks, as a table and as build/bench.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import papers
from document import Full, document
from engine import Engine, first_table, measure_engine, measure_gpu, measure_layers, ratio_notes, ratio_table
from figures import draw
from machine import describe
from measure import BenchError
from networks import measure_networks
from peers import PeerError, install, measure_napari
from scaling import measure_scaling
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
    "stroke_disc_5_p95_ms": ("stroke of a 5 mm disc, breast fitted, 95th percentile", "ms", 16.0),
    "stroke_ball_5_p95_ms": ("stroke of a 5 mm ball, breast fitted, 95th percentile", "ms", 16.0),
    "stroke_disc_30_p95_ms": ("stroke of a 30 mm disc, breast fitted, 95th percentile", "ms", 16.0),
    "stroke_ball_30_p95_ms": ("stroke of a 30 mm ball, breast fitted, 95th percentile", "ms", 16.0),
    "stroke_disc_5_zoomed_p95_ms": ("stroke of a 5 mm disc at 1:1, 95th percentile", "ms", 16.0),
    "stroke_ball_30_zoomed_p95_ms": ("stroke of a 30 mm ball at 1:1, 95th percentile", "ms", 16.0),
    "hanging_step_ms": ("slowest hanging step, frames decoded", "ms", 150.0),
    "exam_switch_s": ("first image of another exam", "s", 0.5),
    "exam_switch_ahead_s": ("first image of another exam, read ahead", "s", 0.5),
    "viewer_rss_over_pixels_mib": ("memory beyond 1.3 x decoded pixels, 70 frames", "MiB", 400.0),
    "compare_figures_s": ("AI result against a segmentation, all figures of a class, 70 slices", "s", 1.0),
    "compare_misses_s": ("the same with the list of misses and false positives", "s", None),
    "napari_scroll_p50_ms": ("napari, scroll step of the same volume, median", "ms", None),
    "napari_scroll_p95_ms": ("napari, scroll step, 95th percentile", "ms", None),
    "napari_scroll_ratio": ("napari's 95th percentile over that of 1 viewport", "x", None),
    "gmic2d_s": ("2D GMIC, one mammogram", "s", None),
    "gmic2d_peak_rss_gib": ("2D GMIC, peak memory", "GiB", None),
    "gmic3d_24_s": ("3D-GMIC, 24 slices of 2457x1996", "s", None),
    "gmic3d_24_peak_rss_gib": ("3D-GMIC, 24 slices, peak memory", "GiB", None),
    "gmic3d_96_s": ("3D-GMIC, 96 slices of 2457x1996", "s", None),
    "gmic3d_96_peak_rss_gib": ("3D-GMIC, 96 slices, peak memory", "GiB", 1.2),
    "gmic3d_24_eager_s": ("3D-GMIC, 24 slices, the frozen baseline without files", "s", None),
    "gmic3d_24_ratio_to_eager": ("3D-GMIC, our time without files over the baseline's", "", 0.5),
    "gmic3d_first_saliency_s": ("3D-GMIC, first slice's saliency, warm worker, slices decoded", "s", 1.5),
    "gmic2d_ratio_to_eager": ("2D GMIC, our time without files over the baseline's", "", 0.6),
    "gmic3d_70_device_ms": ("3D-GMIC, 70 slices on the GPU, from pixels on the device, fast mode", "ms", 40.0),
    "gmic3d_70_host_ms": ("3D-GMIC, 70 slices on the GPU, from uint16 on the host, fast mode", "ms", 100.0),
    "gmic3d_70_gpu_peak_gib": ("3D-GMIC, 70 slices on the GPU, peak memory of the device", "GiB", 1.0),
}
"""Key in bench.json -> what it is, unit, target."""


def main() -> int:
    """Measure everything; return 0, or 1 when a measured program failed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="repeat the long runs; layers, scaling, papers, napari")
    parser.add_argument("--only", choices=("window", "networks", "engine"), help="measure one part")
    parser.add_argument("--install-peers", action="store_true", help="install what --full compares with, and end")
    args = parser.parse_args()
    if args.install_peers:
        return install()
    start = time.monotonic()
    machine = describe()
    try:
        figures, engine, full = _measure(args)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    BUILD.mkdir(exist_ok=True)
    rounded = {name: round(figures[name], 3) for name in ROWS if name in figures}
    (BUILD / "bench.json").write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    text = table(figures)
    (BUILD / "performance.md").write_text(document(machine, text, engine, full), encoding="utf-8")
    print("\n".join(f"- {label}: {value}" for label, value in machine.items()), text, sep="\n\n")
    if engine is not None:
        print("", ratio_table(engine), ratio_notes(engine), "", first_table(engine.first), sep="\n")
    where = f"{BUILD / 'bench.json'}; tables: {BUILD / 'performance.md'}"
    print(f"\nfigures: {where}; measured in {time.monotonic() - start:.0f} s")
    return 0


def _measure(args: argparse.Namespace) -> tuple[dict[str, float], Engine | None, Full | None]:
    """Measure the wanted parts; return the figures of :data:`ROWS` and what has tables of its own."""
    figures: dict[str, float] = {}
    engine: Engine | None = None
    full: Full | None = None
    volumes = prepare(BUILD / "bench")
    if args.only in (None, "window"):
        figures |= measure_window(volumes, runs=10 if args.full else 3)
        if args.full:
            figures |= _peers(volumes, figures["scroll_1_p95_ms"])
    if args.only in (None, "networks"):
        figures |= measure_networks(volumes, times=3, budget_s=120.0 if args.full else 15.0)
    if args.only in (None, "engine"):
        engine = measure_engine(volumes, full=args.full)
        figures |= engine.figures() | measure_gpu(volumes)
        if args.full:
            full = _full(volumes, engine)
    return figures, engine, full


def _full(volumes: Volumes, engine: Engine) -> Full:
    """Measure and count what only the full run has, and draw it."""
    full = Full(measure_layers(), measure_scaling(volumes.dbt96), papers.table_of_3d(), papers.table_of_2d())
    draw(BUILD, full.points, full.layers, full.table_3d, engine.ratio_3d["eager_s"] / engine.ratio_3d["slices"])
    return full


def _peers(volumes: Volumes, ours_ms: float) -> dict[str, float]:
    """Return the figures of the peers; without them the rest is measured all the same."""
    try:
        return measure_napari(volumes, ours_ms, runs=3)
    except PeerError as error:
        print(f"bench: {error}", file=sys.stderr)
        return {}


def table(figures: dict[str, float]) -> str:
    """Return the figures as Markdown."""
    lines = ["| what | measured | target |", "|---|---:|---:|"]
    for name, (what, unit, target) in ROWS.items():
        if name in figures:
            digits = {"ms": 1, "x": 1, "MiB": 0}.get(unit, 2)
            wanted = "" if target is None else f"<= {target:g} {unit}".strip()
            lines.append(f"| {what} | {f'{figures[name]:.{digits}f} {unit}'.strip()} | {wanted} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
