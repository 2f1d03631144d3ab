"""What comes back when the program is started again, and what dropped files do: the whole application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QObject, QPointF, Qt, QUrl, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.helpers.dicom_files import write_exam
from viewer.app import Application
from viewer.commands import COMMANDS, run
from viewer.model.last_exam import is_last_exam
from viewer.model.settings import load_settings, settings_path

SLICES = 5
Start = Callable[..., Application]


@pytest.fixture(scope="module")
def exam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exam")
    write_exam(folder, 96, 72, modalities=("FFDM", "DBT"), slices=SLICES)
    return folder


@pytest.fixture
def start(qtbot: QtBot, qapp: QApplication) -> Iterator[Start]:
    started: list[Application] = []

    def begin(*paths: Path) -> Application:
        app = Application(qapp)
        started.append(app)
        app.window.show()
        if paths:
            app.actions.open_paths(paths)
            qtbot.waitUntil(lambda: app.session.exam is not None, timeout=30_000)
        return app

    yield begin
    for app in started:
        app.window.close()
        app.shutdown()


def drop(app: Application, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    app.window.dropEvent(event)


def test_a_restart_brings_back_window_overlay_keys_and_the_open_exam(
    qtbot: QtBot, start: Start, exam_folder: Path
) -> None:
    first = start(exam_folder)
    first.window.resize(760, 560)
    first.session.overlays.update(benign=False, opacity=0.4)
    run("settings.assign_key", first.context, "zoom.fit", "Ctrl+Alt+F")
    run("view.study_list", first.context)
    first.actions.hang("single")
    dbt = next(image for image in first.session.exam.images if image.frames == SLICES and image.label == "L-MLO")
    first.session.put_image(0, dbt)
    first.session.state_of(dbt).go_to_slice(3)
    first.window.close()
    first.shutdown()

    again = start()
    assert (again.window.width(), again.window.height()) == (760, 560)
    assert not again.window.panel_visible("study")
    settings = again.session.overlays.settings
    assert (settings.benign, settings.malignant, settings.opacity) == (False, True, 0.4)
    assert COMMANDS["zoom.fit"].keys_now(again.context) == ("Ctrl+Alt+F",)
    assert again.session.exam is None
    assert COMMANDS["file.open_last"].why_disabled(again.context) is None
    run("file.open_last", again.context)
    qtbot.waitUntil(
        lambda: again.session.active_image is not None and again.session.active_image.sop_uid == dbt.sop_uid,
        timeout=30_000,
    )
    assert again.session.layout == "single"
    qtbot.waitUntil(lambda: again.session.active_state.slice_index == 3, timeout=10_000)


def test_the_last_exam_is_not_remembered_when_that_is_switched_off(start: Start, exam_folder: Path) -> None:
    first = start(exam_folder)
    run("settings.offer_last", first.context, False)
    first.window.close()
    first.shutdown()
    assert load_settings().last_exam == {}
    assert "no exam is remembered" in str(COMMANDS["file.open_last"].why_disabled(start().context))


def test_a_last_exam_that_is_gone_is_told(qtbot: QtBot, start: Start, tmp_path: Path) -> None:
    app = start()
    app.settings.last_exam = {
        "path": str(tmp_path / "gone"), "study": "1", "layout": "2x2", "image": "", "slots": [], "slices": {},
    }  # fmt: skip
    with qtbot.waitSignal(_notices(app), timeout=1000) as told:
        run("file.open_last", app.context)
    assert told.args[0] == "warning"
    assert told.args[1].startswith("The last exam is not where it was")


class Relay(QObject):
    """Tells notices by a Qt signal, which tests can wait for."""

    told = Signal(str, str)


def _notices(app: Application) -> object:
    relay = Relay(app)
    app.session.notice.connect(lambda level, text: relay.told.emit(level, text))
    return relay.told


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ({}, True),
        ({"path": "a", "study": "1", "layout": "2x2", "image": "", "slots": [], "slices": {"1": 3}}, True),
        ({"path": "a", "study": "1", "layout": "2x2", "image": "", "slots": [], "slices": {"1": -3}}, False),
        ({"path": "a", "study": 1, "layout": "2x2", "image": "", "slots": [], "slices": {}}, False),
        ([], False),
        ({"path": "a"}, False),
    ],
)
def test_a_record_from_a_file_is_checked(value: object, good: bool) -> None:
    assert is_last_exam(value) is good


def test_changes_in_the_settings_are_on_the_disk_at_once(start: Start) -> None:
    app = start()
    run("settings.ui_scale", app.context, 1.5)
    run("settings.device", app.context, "cpu")
    kept = json.loads(settings_path().read_text("utf-8"))
    assert (kept["ui_scale"], kept["device"]) == (1.5, "cpu")
    assert [path.name for path in settings_path().parent.glob("settings.json*")] == ["settings.json"]


def test_a_dropped_label_map_leaves_the_exam_and_says_what_it_is(
    qtbot: QtBot, start: Start, exam_folder: Path, tmp_path: Path
) -> None:
    app = start(exam_folder)
    labels = tmp_path / "0_L-CC_seg.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((8, 8, 3), np.uint8), np.eye(4)), labels)
    before = app.session.exam
    with qtbot.waitSignal(_notices(app), timeout=60_000) as told:
        drop(app, labels)
    level, text = told.args
    assert level == "error"
    assert text.startswith("0_L-CC_seg.nii.gz: The segmentation does not belong to this image: neither place nor size")
    assert "Segmentation: 8 x 8 pixels x 3 slices" in text
    assert app.session.annotation.images == {}
    assert app.session.exam is before
    assert [rejection.path.name for rejection in app.session.rejected] == ["0_L-CC_seg.nii.gz"]


def test_a_dropped_folder_opens(qtbot: QtBot, start: Start, exam_folder: Path) -> None:
    app = start()
    drop(app, exam_folder)
    qtbot.waitUntil(lambda: app.session.exam is not None, timeout=30_000)
    assert app.settings.recent == [str(exam_folder)]


def test_windows_beside_the_images_open_once(qtbot: QtBot, start: Start) -> None:
    app = start()
    for command_id in ("settings.show", "help.guide", "settings.show"):
        run(command_id, app.context)
    preferences = app.preferences
    assert preferences.settings_dialog is not None
    assert preferences.settings_dialog.isVisible()
    assert preferences.guide is not None
    assert preferences.guide.isVisible()
    run("help.palette", app.context)
    assert app.window.palette_box.isVisible()
    app.window.palette_box.field.setText("hide identity")
    qtbot.keyClick(app.window.palette_box.field, Qt.Key.Key_Return)
    assert app.session.identity_hidden
    assert not app.window.palette_box.isVisible()

    app.window.close()
    assert not preferences.settings_dialog.isVisible()
    assert not preferences.guide.isVisible()
