"""The whole application: real files, real processes, the real window; only the screen is missing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.types import Modality
from tests.helpers.breasts import breast, hanging
from tests.helpers.dicom_files import write_exam, write_mg
from viewer.app import Application
from viewer.commands import run
from viewer.model.settings import load_settings
from viewer.views.viewport_view import ViewportView

SLICES = 6
Start = Callable[..., Application]


@pytest.fixture(scope="module")
def exam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four views of FFDM and DBT, small."""
    folder = tmp_path_factory.mktemp("exam")
    write_exam(folder, 192, 144, modalities=("FFDM", "DBT"), slices=SLICES)
    return folder


@pytest.fixture
def start(qtbot: QtBot, qapp: QApplication) -> Iterator[Start]:
    """Start applications and close them at the end."""
    started: list[Application] = []

    def begin(*paths: Path, **options: object) -> Application:
        app = Application(qapp, **options)  # type: ignore[arg-type]
        started.append(app)
        app.window.resize(1200, 800)
        app.window.show()
        if paths:
            app.actions.open_paths(paths)
            qtbot.waitUntil(lambda: app.session.exam is not None, timeout=30_000)
        return app

    yield begin
    for app in started:
        app.window.close()
        app.shutdown()


def pixels(view: ViewportView) -> np.ndarray:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    array = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return array[:, : image.width()].astype(int)


def wait_for_images(qtbot: QtBot, app: Application) -> None:
    qtbot.waitUntil(lambda: all(view.picture() is not None for view in app.window.grid.views), timeout=30_000)
    QApplication.processEvents()


def test_opened_folder_hangs_with_the_chest_walls_touching(qtbot: QtBot, start: Start, exam_folder: Path) -> None:
    app = start(exam_folder)
    wait_for_images(qtbot, app)
    views = app.window.grid.views
    assert [view.state.image.label for view in views if view.state] == ["R-CC", "L-CC", "R-MLO", "L-MLO"]
    right, left = (pixels(view)[..., 1] for view in views[:2])
    middle = slice(int(len(right) * 0.55), int(len(right) * 0.65))  # below the orientation letter at half height
    assert right[middle, -3:].mean() > 60
    assert left[middle, 1:4].mean() > 60
    assert right[middle, :40].max() == 0
    assert left[middle, -40:].max() == 0
    assert app.window.windowTitle().endswith("GMIC Viewer")
    assert app.settings.recent == [str(exam_folder)]


def test_nothing_found_says_why(qtbot: QtBot, start: Start, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not an image")
    app = start()
    with qtbot.waitSignal(_qt_signal(app.session.notice), timeout=30_000) as told:
        app.actions.open_paths([tmp_path / "notes.txt"])
    assert told.args == ["error", "notes.txt cannot be shown: a document, not an image"]
    assert app.session.exam is None


def _qt_signal(signal: object) -> object:
    """Return a Qt signal that repeats a model signal, for waitSignal."""
    from PySide6.QtCore import QObject, Signal

    class Bridge(QObject):
        told = Signal(str, str)

    bridge = Bridge()
    signal.connect(bridge.told.emit)  # type: ignore[attr-defined]
    _BRIDGES.append(bridge)
    return bridge.told


_BRIDGES: list[object] = []


def test_image_without_a_window_gets_one_from_its_pixels(qtbot: QtBot, start: Start, tmp_path: Path) -> None:
    write_mg(tmp_path / "a.dcm", hanging(breast(128, 96), "R"), "R", "CC", window=None)
    app = start(tmp_path)
    wait_for_images(qtbot, app)
    state = app.session.active_state
    assert state is not None
    qtbot.waitUntil(lambda: state.auto_window is not None, timeout=10_000)
    assert state.current_window.explanation == "from the pixels"  # type: ignore[union-attr]
    assert app.session.layout == "single"


def test_pixels_that_contradict_the_header_are_asked_about_and_the_answer_is_kept(
    qtbot: QtBot, start: Start, tmp_path: Path
) -> None:
    # stored facing right although the header says that the chest wall of this right breast is on the right
    write_mg(tmp_path / "a.dcm", breast(128, 96), "R", "CC", patient_orientation=("P", "L"))
    app = start(tmp_path)
    image = app.session.active_image
    assert image is not None
    qtbot.waitUntil(lambda: bool(app.session.image(image.sop_uid).questions), timeout=10_000)  # type: ignore[union-attr]
    app.runs.run("exam")
    entry = app.session.results.get(image.sop_uid)
    assert entry is None or entry.status == "failed"
    from viewer.model.answers import Answer

    app.opening.answer(app.session.image(image.sop_uid), Answer(image.laterality, "CC", "mirrored"))  # type: ignore[arg-type]
    assert app.session.active_image.questions == ()  # type: ignore[union-attr]
    wait_for_images(qtbot, app)
    hung = pixels(app.window.grid.views[0])[..., 1]
    assert hung[len(hung) // 2, -3:].mean() > 60
    app.window.close()
    again = start(tmp_path)
    assert again.session.active_image.questions == ()  # type: ignore[union-attr]


# -- AI --------------------------------------------------------------------------------------------------------------
def test_networks_run_in_their_process_and_the_overlay_appears(
    qtbot: QtBot, start: Start, tmp_path: Path, gmic_home: Path
) -> None:
    write_mg(tmp_path / "a.dcm", hanging(breast(192, 144), "R"), "R", "CC", modality="S2D")
    app = start(tmp_path, named=["random:0"])
    wait_for_images(qtbot, app)
    view = app.window.grid.views[0]
    before = pixels(view)
    qtbot.keyClick(app.window, Qt.Key.Key_R)
    assert app.session.results.pending
    image = app.session.active_image
    assert image is not None
    qtbot.waitUntil(lambda: app.session.results.get(image.sop_uid).status == "done", timeout=120_000)  # type: ignore[union-attr]
    after = pixels(view)
    tinted = np.abs(after[..., 2] - after[..., 0]) > 20
    assert tinted.sum() > 500
    assert not (np.abs(before[..., 2] - before[..., 0])[60:] > 60).any()
    # the result is there at once when the exam is opened again
    qtbot.waitUntil(lambda: len(list((gmic_home / "results").glob("*.npz"))) == 1, timeout=10_000)
    app.actions.open_exam(app.session.exam)  # type: ignore[arg-type]
    begun = time.monotonic()
    qtbot.waitUntil(lambda: app.session.results.get(image.sop_uid) is not None, timeout=5_000)
    assert time.monotonic() - begun < 2.0
    assert app.session.results.get(image.sop_uid).status == "done"  # type: ignore[union-attr]


def test_run_can_be_cancelled(qtbot: QtBot, start: Start, exam_folder: Path) -> None:
    app = start(exam_folder, named=["random:0"])
    run("ai.run_exam", app.context)
    assert len(app.session.results.pending) == 8
    begun = time.monotonic()
    run("ai.cancel", app.context)
    assert app.session.results.pending == ()
    qtbot.waitUntil(lambda: app.session.ai.state == "idle", timeout=20_000)
    assert time.monotonic() - begun < 15


@pytest.mark.usefixtures("no_shipped_weights")
def test_without_weights_the_reader_is_told_how_to_get_some(start: Start, exam_folder: Path) -> None:
    app = start(exam_folder)
    told: list[tuple[str, str]] = []
    app.session.notice.connect(lambda level, text: told.append((level, text)))
    run("ai.run_exam", app.context)
    assert told == [("error", told[0][1])]
    assert "gmic-core models import" in told[0][1]
    assert app.session.results.pending == ()


# -- life ------------------------------------------------------------------------------------------------------------
def test_closing_stops_every_process_within_five_seconds(start: Start, exam_folder: Path, qtbot: QtBot) -> None:
    before = {child.pid for child in psutil.Process(os.getpid()).children(recursive=True)}
    app = start(exam_folder, named=["random:0"])
    app.runs.run("exam")
    qtbot.waitUntil(lambda: app.client.worker_pid is not None, timeout=10_000)
    ours = [child for child in psutil.Process(os.getpid()).children(recursive=True) if child.pid not in before]
    ours = [child for child in ours if "resource_tracker" not in " ".join(child.cmdline())]
    assert len(ours) >= 3  # decoder, scanner, worker
    begun = time.monotonic()
    app.window.close()
    assert time.monotonic() - begun < 5.5
    _, alive = psutil.wait_procs(ours, timeout=2)
    assert alive == []


def test_settings_come_back(start: Start, exam_folder: Path) -> None:
    app = start(exam_folder)
    run("layout.compare", app.context)
    app.session.overlays.update(opacity=0.4)
    run("view.hide_identity", app.context)
    run("view.ai_panel", app.context)
    app.window.close()
    kept = load_settings()
    assert (kept.layout, kept.overlay.opacity, kept.identity_hidden) == ("compare", 0.4, True)
    again = start(exam_folder)
    assert again.session.layout == "compare"
    assert again.session.identity_hidden
    assert not again.window.panel_visible("ai")


def test_cine_plays_there_and_back_and_stops(qtbot: QtBot, start: Start, exam_folder: Path) -> None:
    app = start(exam_folder)
    dbt = next(image for image in app.session.exam.images if image.modality is Modality.DBT)  # type: ignore[union-attr]
    app.opening.focus(dbt, "single")
    state = app.session.active_state
    assert state is not None
    qtbot.waitUntil(lambda: len(app.loader.loaded(dbt)) == SLICES, timeout=20_000)
    seen: list[int] = []
    state.slice_changed.connect(seen.append)
    app.settings.cine_fps = 30.0
    run("navigate.toggle_cine", app.context)
    assert app.session.cine_fps == 30.0
    qtbot.waitUntil(lambda: len(seen) >= 10, timeout=5_000)
    assert seen[:10] == [4, 5, 4, 3, 2, 1, 0, 1, 2, 3]
    run("navigate.toggle_cine", app.context)
    assert (app.session.cine_fps, app.cine.playing) == (0.0, False)


def test_hanging_steps_visit_everything_and_say_where_they_end(start: Start, exam_folder: Path) -> None:
    app = start(exam_folder)
    hints: list[str] = []
    app.session.notice.connect(lambda level, text: hints.append(text) if level == "hint" else None)
    layouts = [app.session.layout]
    for _ in range(12):
        run("layout.next", app.context)
        layouts.append(app.session.layout)
    assert {"2x2", "compare"} <= set(layouts)
    assert hints[-1] == "This is the last hanging step."
    for _ in range(12):
        run("layout.previous", app.context)
    assert hints[-1] == "This is the first hanging step."


def test_worker_that_dies_is_told_and_replaced(qtbot: QtBot, start: Start, exam_folder: Path) -> None:
    app = start(exam_folder, named=["random:0"])
    told: list[str] = []
    app.session.notice.connect(lambda level, text: told.append(text) if level == "error" else None)
    app.runs.run("image")
    qtbot.waitUntil(lambda: app.client.worker_pid is not None, timeout=10_000)
    first = app.client.worker_pid
    assert first is not None
    psutil.Process(first).kill()
    qtbot.waitUntil(lambda: bool(told) and app.client.worker_pid not in (None, first), timeout=20_000)
    assert "Run it again" in told[0] or "run" in told[0]
    assert app.window.isVisible()
