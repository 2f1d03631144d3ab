"""Milliseconds per scroll step of the real window: from the change of slice until everything is painted.

All frames are decoded before; malignant and benign overlays, patch boxes, corner text and the slice bar are on.
With four viewports one step scrolls all four.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QApplication

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from gmic_core.types import ImageResult, Provenance, Roi
from viewer.app.application import Application
from viewer.app.window_run import make_qt

VIEWPORT = (900, 1100)
"""Width and height of each viewport in pixels, as in the comparison of rendering methods in docs/adr."""

CELLS = (42, 31)
PATIENCE_S = 120.0


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description="measure scrolling")
    parser.add_argument("path", type=Path)
    parser.add_argument("--viewports", type=int, choices=(1, 4), required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    qt = make_qt()
    app = Application(qt, remember=False)
    try:
        _open(qt, app, args.path, args.viewports)
        percentiles = np.array([np.percentile(_sweep(qt, app), [50, 95]) for _ in range(args.runs)])
        p50, p95 = percentiles.min(axis=0)
    finally:
        app.shutdown()
    name = f"scroll_{args.viewports}"
    args.out.write_text(json.dumps({f"{name}_p50_ms": p50, f"{name}_p95_ms": p95}), encoding="utf-8")


def _open(qt: QApplication, app: Application, path: Path, viewports: int) -> None:
    """Hang the exam, give each viewport its size and every image a result, and wait for all frames."""
    exam = scan([path]).exams[0]
    app.opening.open_exam(exam)
    app.opening.hang("single" if viewports == 1 else "2x2")
    app.window.show()
    for image in exam.images:
        app.session.results.restore(_result(image))
    wanted = (VIEWPORT[0], VIEWPORT[1]) if viewports == 1 else (2 * VIEWPORT[0], 2 * VIEWPORT[1])
    for _ in range(3):  # the panels take their share of the window at each size anew
        qt.processEvents()
        grid = app.window.grid
        app.window.resize(
            app.window.width() + wanted[0] - grid.width(), app.window.height() + wanted[1] - grid.height()
        )
    states = [view.state for view in app.window.grid.views]
    if len(states) != viewports or None in states:
        raise SystemExit(f"{viewports} viewports were wanted, {len(states)} hang")
    _wait_for_frames(qt, app)


def _wait_for_frames(qt: QApplication, app: Application) -> None:
    end = time.monotonic() + PATIENCE_S
    states = [view.state for view in app.window.grid.views if view.state is not None]
    while any(len(app.loader.loaded(state.image)) < state.image.frames for state in states):
        qt.processEvents()
        time.sleep(0.01)
        if time.monotonic() > end:
            raise SystemExit("the frames were not decoded in time")
    qt.processEvents()


def _sweep(qt: QApplication, app: Application) -> list[float]:
    """Scroll through the stack and back; return the milliseconds of each step."""
    states = [view.state for view in app.window.grid.views if view.state is not None]
    count = min(state.image.frames for state in states)
    for state in states:
        state.go_to_slice(0)
    qt.processEvents()
    steps = []
    for index in [*range(1, count), *range(count - 2, -1, -1)]:
        start = time.perf_counter()
        for state in states:
            state.go_to_slice(index)
        qt.processEvents()
        steps.append(1000.0 * (time.perf_counter() - start))
    return steps


def _result(image: MammoImage) -> ImageResult:
    """Return a made-up result with smooth maps that cover about a third of the image."""
    rng = np.random.default_rng(0)
    coarse = rng.random((image.frames, 2, 7, 6)).repeat(6, axis=2).repeat(6, axis=3)[:, :, : CELLS[0], : CELLS[1]]
    maps = np.clip(1.6 * coarse - 0.6, 0.0, 1.0).astype(np.float16)
    to_stored = PlaneMap.resampling(image.rows / CELLS[0], image.columns / CELLS[1]).matrix
    rois = tuple(
        Roi(int(k), 300 + 40 * i, 300 + 30 * i, 556 + 40 * i, 556 + 30 * i, 1 / 8)
        for i, k in enumerate(np.linspace(0, image.frames - 1, 8))
    )
    provenance = Provenance(
        "gmic3d", "bench", "0" * 64, True, "none", "bench", "float32", "cpu", 0.0, "bench", "2026-01-01T00:00:00+00:00"
    )
    return ImageResult(
        sop_uid=image.sop_uid, modality=image.modality, laterality=image.laterality, view=image.view,
        y=(0.5, 0.5), y_global=(0.5, 0.5), y_local=(0.5, 0.5), rois=rois, saliency=maps,
        saliency_to_stored=to_stored, window_to_stored=np.eye(3), window_shape=(image.rows, image.columns),
        profile=maps.max(axis=(2, 3)).astype(np.float32), outside_fraction=0.0, provenance=provenance,
    )  # fmt: skip


if __name__ == "__main__":
    main()
