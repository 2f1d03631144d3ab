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
from measure import repeat
from PySide6.QtWidgets import QApplication
from stage import hang_at_size

from viewer.app.application import Application
from viewer.app.window_run import make_qt


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
        hang_at_size(qt, app, args.path, args.viewports)
        percentiles = np.array(repeat(lambda: np.percentile(_sweep(qt, app), [50, 95]), args.runs))
        p50, p95 = percentiles.min(axis=0)
    finally:
        app.shutdown()
    name = f"scroll_{args.viewports}"
    args.out.write_text(json.dumps({f"{name}_p50_ms": p50, f"{name}_p95_ms": p95}), encoding="utf-8")


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


if __name__ == "__main__":
    main()
