"""Milliseconds of a stroke in annotation mode: from a movement of the mouse until the viewport is painted.

The real window with one viewport on a volume of 2457x1996; overlays, boxes and corner text are on. Each movement goes
9 px on; the breast is fitted, or shown at one device pixel per stored pixel. What is listed: the 95th percentile of the
movements of one stroke, the best of the runs; brushes of 5 and 30 mm, as a disc and as a ball through the slices.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
from measure import repeat
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from stage import hang_at_size

from viewer.app.application import Application
from viewer.app.window_run import make_qt
from viewer.commands import run
from viewer.views.viewport_view import ViewportView

MOVES, STEP_PX = 120, 9.0
CASES = {
    "disc_5": (5.0, False, "zoom.fit"),
    "ball_5": (5.0, True, "zoom.fit"),
    "disc_30": (30.0, False, "zoom.fit"),
    "ball_30": (30.0, True, "zoom.fit"),
    "disc_5_zoomed": (5.0, False, "zoom.one_to_one"),
    "ball_30_zoomed": (30.0, True, "zoom.one_to_one"),
}
"""Name -> diameter in mm, whether it reaches through the slices, how the image is placed."""


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description="measure strokes")
    parser.add_argument("path", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    qt = make_qt()
    app = Application(qt, remember=False)
    figures = {}
    try:
        hang_at_size(qt, app, args.path, 1)
        for name, case in CASES.items():
            p95 = min(repeat(lambda case=case: float(np.percentile(_stroke(qt, app, *case), 95)), args.runs))
            figures[f"stroke_{name}_p95_ms"] = p95
    finally:
        app.shutdown()
    args.out.write_text(json.dumps(figures), encoding="utf-8")


def _stroke(qt: QApplication, app: Application, size_mm: float, deep: bool, place: str) -> list[float]:
    """Paint one stroke around the middle of the viewport; return the milliseconds of each movement."""
    context, annotation = app.context, app.session.annotation
    if not annotation.on:
        run("annotate.toggle", context)
    run(place, context)
    annotation.update(tool="paint", brush_size_mm=size_mm, brush_deep=deep)
    view = app.window.grid.views[0]
    qt.processEvents()
    middle = QPointF(view.width() / 2, view.height() / 2)
    places = [_around(middle, step) for step in range(MOVES + 1)]
    _mouse(view, QEvent.Type.MouseButtonPress, places[0])
    qt.processEvents()
    times = []
    for at in places[1:]:
        start = time.perf_counter()
        _mouse(view, QEvent.Type.MouseMove, at)
        qt.processEvents()
        times.append(1000.0 * (time.perf_counter() - start))
    _mouse(view, QEvent.Type.MouseButtonRelease, places[-1])
    run("edit.undo", context)
    qt.processEvents()
    return times


def _around(middle: QPointF, step: int) -> QPointF:
    """Return a place on a spiral, ``STEP_PX`` from the one before."""
    angle = math.sqrt(2.0 * STEP_PX * step / 12.0)
    radius = 30.0 + 12.0 * angle
    return middle + QPointF(radius * math.cos(angle), radius * math.sin(angle))


def _mouse(view: ViewportView, kind: QEvent.Type, at: QPointF) -> None:
    released, moved = kind == QEvent.Type.MouseButtonRelease, kind == QEvent.Type.MouseMove
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    place = QPointF(view.mapToGlobal(at))
    event = QMouseEvent(kind, at, place, none if moved else left, none if released else left,
                        Qt.KeyboardModifier.NoModifier)  # fmt: skip
    QApplication.sendEvent(view, event)


if __name__ == "__main__":
    main()
