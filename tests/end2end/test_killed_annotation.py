"""The program is killed while somebody paints: everything but the unfinished stroke is there again, files untouched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.exam.scan import scan
from gmic_core.segmentation.write import write_labels
from tests.helpers.dicom_files import write_exam
from viewer.app import Application
from viewer.model.annotation.place import image_geometry

ROWS, COLUMNS, SLICES = 192, 144, 5
LABEL = "R-MLO"
WAIT = 60_000

CHILD = """
import sys, time
from pathlib import Path
import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtWidgets import QApplication
from tests.helpers.mouse import drag, move_held, _send, NO_MODIFIER
from viewer.app import Application
from viewer.app.window_run import make_qt
from viewer.commands import run

def main():
    qt = make_qt()
    app = Application(qt)
    session, annotation = app.session, app.session.annotation
    app.window.resize(1200, 800)
    app.window.show()

    def until(ready):
        end = time.monotonic() + 60
        while not ready():
            qt.processEvents()
            time.sleep(0.005)
            if time.monotonic() > end:
                raise SystemExit("waited in vain")

    app.actions.open_paths([Path(sys.argv[1])])
    until(lambda: session.exam is not None)
    image = next(one for one in session.exam.images if one.label == "R-MLO")
    app.actions.hang("single")
    session.put_image(0, image)
    view = app.window.grid.views[0]
    until(lambda: view.picture() is not None)
    run("annotate.toggle", app.context)
    run("annotate.open_files", app.context, [Path(sys.argv[2])], None)
    until(lambda: annotation.of(image.sop_uid) is not None)
    run("annotate.tool_paint", app.context)
    annotation.update(brush_deep=True, brush_size_mm=1.0, label=2)
    labels = annotation.of(image.sop_uid).map
    left = Qt.MouseButton.LeftButton
    for number in range(1000):
        start = QPointF(view.width() / 2 + number % 7 * 12 - 40, view.height() / 2 + number % 11 * 14 - 70)
        drag(view, start, QPointF(30, 10))
        qt.processEvents()
        if number >= 3:  # a stroke that goes on: never finished
            _send(view, QEvent.Type.MouseButtonPress, start, left, left, NO_MODIFIER)
            move_held(view, start + QPointF(60, 60), left)
        app.annotating.store.flush()
        if number == 3:
            print("painting", flush=True)
            time.sleep(60)
        np.save(Path(sys.argv[3], f"state-{number}.npy"), labels.dense())

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Run the program in a process of its own until its fourth stroke is done and a fifth goes on, and kill it."""
    exam, states = tmp_path / "exam", tmp_path / "states"
    states.mkdir()
    write_exam(exam, ROWS, COLUMNS, modalities=("DBT",), slices=SLICES)
    image = next(image for image in scan([exam]).exams[0].images if image.label == LABEL)
    mask = tmp_path / f"{LABEL}_seg.nii.gz"
    labels = np.zeros((SLICES, ROWS, COLUMNS), np.uint8)
    labels[1:3, 180:188, 130:140] = 1
    write_labels(mask, labels, image_geometry(image))
    script = tmp_path / "paints.py"
    script.write_text(CHILD, encoding="utf-8")
    root = str(Path(__file__).resolve().parents[2])
    environment = dict(os.environ, QT_QPA_PLATFORM="offscreen", PYTHONPATH=root)
    command = [sys.executable, str(script), str(exam), str(mask), str(states)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        child.kill()
        child.wait()
    assert line == "painting\n"
    return exam, mask, states


def test_everything_but_the_unfinished_stroke_is_there_again(
    qtbot: QtBot, qapp: QApplication, killed: tuple[Path, Path, Path]
) -> None:
    exam, mask, states = killed
    before = mask.read_bytes()
    known = [np.load(states / f"state-{number}.npy") for number in range(3)]
    app = Application(qapp)
    told: list[tuple[str, str]] = []
    app.session.notice.connect(lambda level, text: told.append((level, text)))
    try:
        app.window.show()
        app.actions.open_paths([exam])
        annotation = app.session.annotation
        qtbot.waitUntil(lambda: bool(annotation.images), timeout=WAIT)
        (found,) = annotation.images.values()
        dense = found.map.dense()
        assert (dense[known[2] > 0] > 0).all()  # three strokes whose end was seen
        assert (dense == 2).sum() > (known[2] == 2).sum()  # the fourth one was synced before the end came
        assert (dense[1:3, 180:188, 130:140] == 1).all()
        assert found.map.counts == {label: int((dense == label).sum()) for label in (1, 2)}
        assert (
            "info",
            f"The program ended without closing. The segmentation of {LABEL} DBT was recovered, with 4 edits since the "
            "last full save; look at it before you go on.",
        ) in told
        assert (found.origin.path, found.unsaved) == (mask, True)
        assert mask.read_bytes() == before
    finally:
        app.window.close()
        app.shutdown()
