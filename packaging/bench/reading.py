"""What a reader does beside scrolling, timed in the real window until everything is painted.

``drag``: grey values dragged with the left button held, milliseconds per movement of the mouse; ``hanging``: the
slowest hanging step; ``switch``: seconds from the command that opens another exam to its first image, once decoded from
the file and once read ahead. All frames of what hangs are decoded before; overlays, boxes and corner text are on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from measure import repeat
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from stage import PATIENCE_S, hang_at_size, wait_for_frames

from gmic_core.exam.model import Exam
from gmic_core.exam.scan import scan
from viewer.app.application import Application
from viewer.app.window_run import make_qt
from viewer.commands import run
from viewer.model.hanging_steps import stages
from viewer.views.viewport_view import ViewportView

MOVES, STEP_PX = 80, 3.0
"""Movements of one drag, and how far each goes; half of them there, half back."""


def main() -> None:
    """Measure one thing and write its figures."""
    parser = argparse.ArgumentParser(description="measure what a reader does")
    parser.add_argument("what", choices=("drag", "hanging", "switch"))
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--viewports", type=int, choices=(1, 4), default=4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    qt = make_qt()
    app = Application(qt, remember=False)
    try:
        hang_at_size(qt, app, args.paths[0], args.viewports)
        if args.what == "drag":
            name = "wl_drag" if args.viewports == 1 else f"wl_drag_{args.viewports}"
            figures = {f"{name}_p95_ms": min(repeat(lambda: float(np.percentile(_drag(qt, app), 95)), args.runs))}
        elif args.what == "hanging":
            figures = {"hanging_step_ms": min(repeat(lambda: max(_hang_through(qt, app)), args.runs))}
        else:
            figures = _switches(qt, app, args.paths[1], args.runs)
    finally:
        app.shutdown()
    args.out.write_text(json.dumps(figures), encoding="utf-8")


# -- grey values ---------------------------------------------------------------------------------------------------
def _drag(qt: QApplication, app: Application) -> list[float]:
    """Drag the grey values of the first viewport there and back; return the milliseconds of each movement."""
    view = app.window.grid.views[0]
    half = [STEP_PX * step for step in range(2, MOVES // 2 + 2)]
    _mouse(view, QEvent.Type.MouseButtonPress, 0.0)
    _mouse(view, QEvent.Type.MouseMove, STEP_PX + 1.0)  # it is a drag from here on
    qt.processEvents()
    times = [_milliseconds(qt, lambda at=at: _mouse(view, QEvent.Type.MouseMove, at)) for at in [*half, *half[::-1]]]
    _mouse(view, QEvent.Type.MouseButtonRelease, 0.0)
    qt.processEvents()
    return times


def _mouse(view: ViewportView, kind: QEvent.Type, moved: float) -> None:
    """Let the left button be pressed, moved so many pixels to the right and half as many down, or released."""
    at = QPointF(300.0 + moved, 400.0 + moved / 2.0)
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
    place = QPointF(view.mapToGlobal(at))
    QApplication.sendEvent(view, QMouseEvent(kind, at, place, button, held, Qt.KeyboardModifier.NoModifier))


def _milliseconds(qt: QApplication, act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    qt.processEvents()
    return 1000.0 * (time.perf_counter() - start)


# -- hanging steps -------------------------------------------------------------------------------------------------
def _hang_through(qt: QApplication, app: Application) -> list[float]:
    """Go through all hanging steps and back by the commands of ``.`` and ``,``; return the milliseconds of each."""
    exam = app.session.exam
    count = len(stages(exam, app.opening.hanging.protocols)) if exam is not None else 0
    if count < 2:
        raise SystemExit("the exam has no second hanging step")
    commands = ["layout.next"] * (count - 1) + ["layout.previous"] * (count - 1)
    times = []
    for command in commands:
        times.append(_milliseconds(qt, lambda command=command: run(command, app.context)))
        wait_for_frames(qt, app)
    return times


# -- another exam --------------------------------------------------------------------------------------------------
def _switches(qt: QApplication, app: Application, other: Path, runs: int) -> dict[str, float]:
    """Return the slower way of there and back between two exams, the best of ``runs``."""
    exams = [app.session.exam, scan([other]).exams[0]]
    app.session.add_exams([exams[1]], [])
    cold = min(repeat(lambda: max(_there_and_back(qt, app, exams, ahead=False)), runs))
    warm = min(repeat(lambda: max(_there_and_back(qt, app, exams, ahead=True)), runs))
    return {"exam_switch_s": cold, "exam_switch_ahead_s": warm}


def _there_and_back(qt: QApplication, app: Application, exams: Sequence[Exam | None], *, ahead: bool) -> list[float]:
    times = []
    for exam in (exams[1], exams[0]):
        if exam is None:
            raise SystemExit("nothing is open")
        app.loader.expect(exam if ahead else None)
        if ahead:
            _wait_for_first_slices(qt, app, exam)
        times.append(_seconds_to_image(qt, app, exam))
        wait_for_frames(qt, app)
    return times


def _wait_for_first_slices(qt: QApplication, app: Application, exam: Exam) -> None:
    """Wait until the exam to come has a slice of each image: the middle ones are read first."""
    wanted = app.loader.used_bytes + sum(2 * image.rows * image.columns for image in exam.images)
    end = time.monotonic() + PATIENCE_S
    while app.loader.used_bytes < wanted and time.monotonic() < end:
        qt.processEvents()
        time.sleep(0.01)


def _seconds_to_image(qt: QApplication, app: Application, exam: Exam) -> float:
    painted: list[float] = []
    note = app.window.grid.image_painted.connect(lambda: painted.append(time.perf_counter()))
    start = time.perf_counter()
    run("layout.open_exam", app.context, exam)
    while not painted:
        qt.processEvents()
        if time.perf_counter() - start > PATIENCE_S:
            raise SystemExit("the other exam was not painted in time")
    app.window.grid.image_painted.disconnect(note)
    return painted[0] - start


if __name__ == "__main__":
    main()
