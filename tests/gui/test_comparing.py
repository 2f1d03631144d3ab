"""The window that compares folders, in the running program: tables, pictures, curves, files, and what goes wrong."""

from __future__ import annotations

import csv
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from gmic_core.cli import main
from gmic_core.comparison.classes import remembered
from gmic_core.comparison.folder import Compared
from gmic_core.types import Finding
from tests.core.comparison.test_compare_command import CELLS, cells, labels, save
from tests.gui.test_access import CONTROLS, faults, widgets
from tests.helpers.dicom_files import write_exam
from tests.helpers.panel_fakes import make_context, make_exam
from viewer.app import Application
from viewer.commands import COMMANDS, run
from viewer.model.comparing import Work
from viewer.views.compare_window import CompareWindow
from viewer.views.text_table import UNDEFINED

WAIT = 60_000
BOXES = "PatientID,StudyUID,View,Subject,Slice,X,Y,Width,Height,Class,AD"
TOLD = "PatientID,StudyUID,View,X,Width,Y,Height,Z,Depth,Score"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Maps and masks of three images, one of which has no benign map, and a file that is none."""
    made = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(("Ada one", "two", "three")):
        save(made / f"maps/{name}_malignant.nii.gz", cells(seed=seed), CELLS)
        if name != "three":
            save(made / f"maps/{name}_benign.nii.gz", cells(seed=seed + 7), CELLS)
        drawn = labels(seed=seed)
        save(made / f"masks/{name}_seg.nii.gz", np.where(drawn == 2, 0, drawn) if name == "two" else drawn)
    (made / "masks/lonely_seg.nii.gz").write_text("nothing")
    return made


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may change."""
    return shutil.copytree(made, tmp_path / "compared")


@pytest.fixture
def app(qtbot: QtBot, qapp: QApplication) -> Iterator[Application]:
    application = Application(qapp)
    application.window.resize(1200, 800)
    application.window.show()
    run("compare.folder", application.context)
    yield application
    application.window.close()
    application.shutdown()


def window_of(app: Application) -> CompareWindow:
    window = app.comparisons.window
    assert window is not None
    return window


def compare(qtbot: QtBot, app: Application, folder: Path, *, by_map: bool = True) -> CompareWindow:
    """Choose the folders and compare; wait until the tables are there."""
    model, window = app.session.comparing, window_of(app)
    window.resize(1100, 760)
    model.choose(results=folder / "maps", segmentations=folder / "masks", by_map=by_map)
    model.set_map({1: Finding.MALIGNANT, 2: Finding.BENIGN})
    run("compare.run", app.context)
    qtbot.waitUntil(lambda: model.work is None, timeout=WAIT)
    qtbot.wait(20)
    return window


FOUND: list[Compared] = []
"""What the first comparison of these maps came to."""


def look(qtbot: QtBot, app: Application, folder: Path) -> CompareWindow:
    """Show the tables; after the first time without the seconds of the same comparison."""
    model = app.session.comparing
    if not FOUND:
        window = compare(qtbot, app, folder)
        assert model.found is not None
        FOUND.append(model.found)
        return window
    window = window_of(app)
    window.resize(1100, 760)
    model.choose(results=folder / "maps", segmentations=folder / "masks", by_map=True)
    model.set_map({1: Finding.MALIGNANT, 2: Finding.BENIGN})
    model.take(FOUND[0])
    qtbot.wait(20)
    return window


def shown(window: CompareWindow, column: str) -> list[str]:
    table = window.rows.view.rows
    place = [one.title for one in table.columns].index(column)
    return [table.data(table.index(row, place)) for row in range(table.rowCount())]


def choose_file(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let every file dialog answer with a path."""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_args: str(path))
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_args: (str(path), ""))


def test_the_table_has_a_row_per_image_label_and_class(qtbot: QtBot, app: Application, folder: Path) -> None:
    window = look(qtbot, app, folder)
    assert app.session.comparing.message == ""
    assert window.state.text() == "3 images compared, 2 files or images not"
    assert shown(window, "image") == ["Ada one", "Ada one", "three", "two", "two"]
    assert shown(window, "label") == ["2", "1", "1", "2", "1"]
    assert shown(window, "class") == ["benign", "malignant", "malignant", "benign", "malignant"]
    figures = shown(window, "pxap_3d")
    assert figures[3] == UNDEFINED, "two shows no benign lesion"
    assert all(0 < float(text) < 1 for place, text in enumerate(figures) if place != 3)
    assert window.rows.count.text() == "5 rows"
    run("compare.per_label", app.context)
    qtbot.wait(20)
    assert shown(window, "label") == ["all"] * 5


@pytest.mark.parametrize("column", ["dice_soft", "pxap_3d", "pointing_hit"])
def test_sorting_leaves_what_does_not_exist_last(qtbot: QtBot, app: Application, folder: Path, column: str) -> None:
    window = look(qtbot, app, folder)
    for descending in (False, True):
        run("compare.sort", app.context, column, descending)
        qtbot.wait(20)
        texts = shown(window, column)
        values = [float(text) for text in texts[:-1]]
        assert texts[-1] == UNDEFINED
        assert values == sorted(values, reverse=descending)
    assert window.rows.order.currentText() == f"By {column}"


def test_the_keyboard_sorts_and_filters(qtbot: QtBot, app: Application, folder: Path) -> None:
    window = look(qtbot, app, folder)
    view, model = window.rows.view, app.session.comparing
    place = [one.title for one in view.rows.columns].index("iou_max")
    view.setCurrentIndex(view.rows.index(0, place))
    for expected in (False, True):
        qtbot.keyClick(view, Qt.Key.Key_S)
        qtbot.wait(20)
        assert (model.shown.column, model.shown.descending) == ("iou_max", expected)
        view.setCurrentIndex(view.rows.index(0, place))
    window.rows.finding.setCurrentText("Benign")
    qtbot.wait(20)
    assert set(shown(window, "class")) == {"benign"}
    assert window.rows.count.text() == "2 of 5"
    window.rows.finding.setCurrentText("Both classes")
    qtbot.keyClicks(window.rows.field, "ada ONE")
    qtbot.keyClick(window.rows.field, Qt.Key.Key_Return)
    qtbot.wait(20)
    assert shown(window, "image") == ["Ada one", "Ada one"]


def test_the_chosen_row_shows_its_picture_and_its_numbers(qtbot: QtBot, app: Application, folder: Path) -> None:
    window = look(qtbot, app, folder)
    window.rows.view.selectRow(1)
    assert not window.rows.picture.pixmap().isNull()
    assert window.rows.name.text() == "Ada one"
    assert window.rows.about.text().startswith("Label 1, malignant. DSC 0.")
    window.rows.view.selectRow(3)
    assert window.rows.picture.pixmap().isNull()
    assert window.rows.picture.text() == (
        "No lesion of this class is drawn on the image, so there is no figure and no picture."
    )


def test_means_reasons_and_notes(qtbot: QtBot, app: Application, folder: Path) -> None:
    window = look(qtbot, app, folder)
    found = app.session.comparing.found
    assert found is not None
    window.tabs.setCurrentIndex(1)
    rows = {(row[0], row[1]): row for row in window.means.rows.rows}
    mine = [row.measures.pxap for row in found.batch.images if row.finding is Finding.MALIGNANT]
    assert rows["malignant", "pxap"][4:7] == ("3", f"{np.mean(mine):.3f}", f"{np.std(mine, ddof=1):.3f}")
    assert rows["benign", "pxap"][4] == "1"
    assert rows["benign", "pxap"][6] == UNDEFINED, "one image has no spread"
    assert window.means.rows.rows[0][0] == "malignant"
    assert f"PxAP(M) {np.mean(mine):.3f} ± {np.std(mine, ddof=1):.3f}" in window.means.head.text()
    assert window.tabs.tabText(3) == "Not compared (2)"
    window.tabs.setCurrentIndex(3)
    reasons = dict(window.reasons.unused.rows)
    assert set(reasons) == {"lonely_seg.nii.gz", "three (benign)"}
    assert reasons["three (benign)"] == "it has no benign saliency"
    assert reasons["lonely_seg.nii.gz"].startswith("no saliency goes by this name")


def test_what_is_saved_is_what_the_command_writes(
    qtbot: QtBot, app: Application, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(qtbot, app, folder)
    model = app.session.comparing
    choose_file(monkeypatch, folder / "labels.toml")
    run("compare.save_map", app.context)
    assert model.message == "Saved the map of labels; gmic-core compare --map reads it."
    choose_file(monkeypatch, folder / "window")
    run("compare.save", app.context)
    qtbot.waitUntil(lambda: model.work is None, timeout=WAIT)
    assert model.message == ("Saved metrics.csv, images.csv, summary.csv, froc.csv, not_compared.csv and report.html.")
    arguments = [str(folder / "maps"), str(folder / "masks"), "--map", str(folder / "labels.toml")]
    assert main(["compare", *arguments, "--out", str(folder / "command")]) == 0
    names = sorted(path.name for path in (folder / "command").iterdir())
    assert names == ["froc.csv", "images.csv", "metrics.csv", "not_compared.csv", "report.html", "summary.csv"]
    for name in names:
        assert (folder / "window" / name).read_bytes() == (folder / "command" / name).read_bytes(), name


def test_the_map_is_edited_and_remembered(
    qtbot: QtBot, app: Application, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = compare(qtbot, app, folder)
    model = app.session.comparing
    named = {1: Finding.MALIGNANT, 2: Finding.BENIGN}
    assert dict(app.session.measuring.classes.classes) == named  # labels mean the same beside the image
    qtbot.waitUntil(lambda: dict(remembered().classes) == named, timeout=10_000)
    qtbot.keyClicks(window.map.number, "9")
    window.map.add.click()
    qtbot.wait(20)
    assert model.classes == {1: Finding.MALIGNANT, 2: Finding.BENIGN, 9: Finding.MALIGNANT}
    box = window.map.table.cellWidget(1, 1)
    assert isinstance(box, QComboBox)
    box.setCurrentText("Ignore")
    window.map.table.selectRow(2)
    window.map.table.setFocus()
    qtbot.keyClick(window.map.table, Qt.Key.Key_Delete)
    assert model.classes == {1: Finding.MALIGNANT, 2: None}
    path = folder / "bad.toml"
    path.write_text("1 = 'odd'")
    choose_file(monkeypatch, path)
    run("compare.load_map", app.context)
    assert (model.level, model.message) == (
        "error", "bad.toml: 'odd' is no class; write benign, malignant or ignore.",
    )  # fmt: skip
    model.set_map({2: None})
    reason = COMMANDS["compare.run"].why_disabled(app.context)
    assert reason == (
        "the map of labels names no benign or malignant label; add one, or count every label as malignant."
    )
    model.choose(by_map=False)
    qtbot.wait(20)
    assert not window.map.isVisible()
    assert "The choices above have changed since; Compare brings the tables up to date." in window.message.text()


def test_stopping_keeps_what_was_shown(qtbot: QtBot, app: Application, folder: Path) -> None:
    compare(qtbot, app, folder)
    model = app.session.comparing
    before = model.found
    run("compare.run", app.context)
    assert COMMANDS["compare.run"].why_disabled(app.context) is not None
    run("compare.stop", app.context)
    qtbot.waitUntil(lambda: model.work is None, timeout=WAIT)
    assert (model.level, model.message) == ("hint", "Stopped; nothing was kept of it.")
    assert model.found is before
    assert COMMANDS["compare.stop"].why_disabled(app.context) == "nothing is being compared."


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are killed otherwise here")
def test_a_process_that_dies_is_told(qtbot: QtBot, app: Application, folder: Path) -> None:
    model = app.session.comparing
    model.choose(results=folder / "maps", segmentations=folder / "masks")
    run("compare.run", app.context)
    named = lambda: [p for p in multiprocessing.active_children() if p.name == "gmic-compare"]  # noqa: E731
    qtbot.waitUntil(lambda: bool(named()), timeout=WAIT)
    os.kill(named()[0].pid or 0, signal.SIGKILL)
    qtbot.waitUntil(lambda: model.work is None, timeout=WAIT)
    assert model.level == "error"
    assert model.message.startswith("Comparing ended unexpectedly (exit code -9); there may be too little memory.")


def test_an_empty_folder_is_told(qtbot: QtBot, app: Application, folder: Path) -> None:
    (folder / "maps2").mkdir()
    model = app.session.comparing
    model.choose(results=folder / "maps2", segmentations=folder / "masks")
    run("compare.run", app.context)
    qtbot.waitUntil(lambda: model.work is None, timeout=WAIT)
    assert model.level == "error"
    assert model.message.endswith(
        "holds no file that can be compared; give the folder with the saliency files, or the output of gmic-core "
        "predict."
    )


def test_a_row_opens_its_image_where_its_exam_is_at_hand(qtbot: QtBot, app: Application, folder: Path) -> None:
    paths = write_exam(folder / "exam", 60, 50)
    image = pydicom.dcmread(next(path for path in paths if "L_MLO" in path.name))
    uid = str(image.SOPInstanceUID)
    save(folder / f"maps/{uid}_malignant.nii.gz", cells(1, seed=3), CELLS)
    save(folder / f"masks/{uid}_seg.nii.gz", labels(1, seed=3))
    window = compare(qtbot, app, folder, by_map=False)
    model, session = app.session.comparing, app.session
    place = shown(window, "image").index(uid)
    window.rows.view.selectRow(place)
    qtbot.keyClick(window.rows.view, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: model.message != "", timeout=WAIT)
    assert model.level == "warning"
    assert model.message.startswith("No open exam has this image, and none on the worklist;")
    app.actions.open_paths([folder / "exam"])
    qtbot.waitUntil(lambda: session.exam is not None, timeout=WAIT)
    qtbot.keyClick(window.rows.view, Qt.Key.Key_Return)
    assert model.message == ""
    assert session.active_image is not None
    assert (session.active_image.sop_uid, session.active_image.label) == (uid, "L-MLO")


def test_an_exam_of_the_worklist_is_opened_at_the_image(qtbot: QtBot, app: Application, folder: Path) -> None:
    paths = write_exam(folder / "exam", 60, 50)
    uid = str(pydicom.dcmread(next(path for path in paths if "L_CC" in path.name)).SOPInstanceUID)
    save(folder / f"maps/{uid}.nii.gz", cells(1, seed=3), CELLS)
    save(folder / f"masks/{uid}.nii.gz", labels(1, seed=3))
    app.worklist.desk.start()
    app.actions.worklist.add_folders([folder / "exam"])
    qtbot.waitUntil(lambda: bool(app.session.worklist.exams) and app.session.worklist.scan is None, timeout=WAIT)
    window = compare(qtbot, app, folder, by_map=False)
    window.rows.view.selectRow(shown(window, "image").index(uid))
    run("compare.open_image", app.context)
    qtbot.waitUntil(
        lambda: app.session.active_image is not None and app.session.active_image.sop_uid == uid, timeout=WAIT
    )
    assert app.session.worklist.shown is False


def test_curves_are_read_with_keys_and_mouse(qtbot: QtBot, app: Application, folder: Path) -> None:
    window = look(qtbot, app, folder)
    window.tabs.setCurrentIndex(2)
    page = window.detection
    plot = page.plot
    found = app.session.comparing.found
    assert found is not None
    assert [row[0] for row in page.rows.rows] == [
        "malignant, peaks", "malignant, patches", "benign, peaks", "benign, patches",
    ]  # fmt: skip
    froc = next(one.froc for one in found.detections if (one.finding, one.pointer) == (Finding.MALIGNANT, "peaks"))
    assert froc is not None
    assert list(page.rows.rows[0][1:4]) == [f"{froc.fauc():.3f}", f"{froc.at(0.5):.3f}", f"{froc.at(1.0):.3f}"]
    assert page.rows.rows[1][1] == UNDEFINED
    assert "malignant, patches: Ada one has no patches on record; only peaks can be scored." in page.note.text()
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_End)
    last = froc.thresholds.size - 1
    assert page.readout.text() == (
        f"malignant, peaks: at threshold {froc.thresholds[last]:.4g} sensitivity {froc.sensitivity[last]:.3f} "
        f"({round(froc.sensitivity[last] * froc.lesions)} of {froc.lesions} lesions), "
        f"{froc.false_positives[last]:.2f} false positives per image."
    )
    assert plot.accessibleDescription() == page.readout.text().rstrip(".")
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert page.readout.text().startswith("benign, peaks: ")
    assert page.table.currentIndex().row() == 2
    at = plot.at(float(froc.false_positives[0]), float(froc.sensitivity[0]))
    page.table.selectRow(0)
    move = QMouseEvent(
        QMouseEvent.Type.MouseMove, at, plot.mapToGlobal(at), Qt.MouseButton.NoButton, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(plot, move)
    assert f"at threshold {plot.curves[plot.active].froc.thresholds[plot.place]:.4g}" in page.readout.text()
    where = plot.at(
        float(plot.curves[plot.active].froc.false_positives[plot.place]),
        float(plot.curves[plot.active].froc.sensitivity[plot.place]),
    )
    assert (where - QPointF(at)).manhattanLength() < 1.0
    assert plot.grab().toImage().pixelColor(QPoint(round(at.x()), round(at.y()))) == plot.curves[plot.active].color


def test_a_submission_is_scored(qtbot: QtBot, app: Application, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    window, model = window_of(app), app.session.comparing
    window.tabs.setCurrentIndex(4)
    assert COMMANDS["compare.score"].why_disabled(app.context) == "choose the table of the submission first."
    (folder / "boxes.csv").write_text(
        f"{BOXES}\nP1,S1,lcc,0.0,10.0,500.0,600.0,50.0,40.0,cancer,0.0\nP2,S2,rmlo,0.0,5.0,100.0,100.0,50.0,40.0,benign,0.0\n"
    )
    (folder / "told.csv").write_text(
        f"{TOLD}\nP1,S1,lcc,500,50,600,40,12,1,0.9\nP1,S1,lcc,1500,50,600,40,12,1,0.8\nP3,S3,rcc,1,1,1,1,1,1,0.7\n"
    )
    for what, name in (("submission", "told.csv"), ("boxes", "boxes.csv")):
        choose_file(monkeypatch, folder / name)
        run("compare.choose_table", app.context, what)
    run("compare.score", app.context)
    qtbot.waitUntil(lambda: model.work is None and model.message != "", timeout=WAIT)
    assert (model.level, model.scored) == ("error", None)
    assert model.message.startswith("How many slices S1 lcc has is not known, so a hit cannot be told")
    qtbot.keyClicks(window.submission.slices, "40")
    run("compare.score", app.context)
    qtbot.waitUntil(lambda: model.scored is not None, timeout=WAIT)
    qtbot.wait(20)
    assert window.submission.page.rows.rows == [("submission", "0.500", "0.500", "0.500", "2", "3")]
    assert window.submission.page.readout.text() == (
        "submission: at threshold 0.9 sensitivity 0.500 (1 of 2 lesions), 0.00 false positives per volume."
    )
    note = window.submission.page.note.text().splitlines()
    assert note == [
        "3 volumes: 1 with a box and predictions, 1 with a box only, 1 with predictions only, whose predictions are "
        "false positives.",
        "40 slices were taken for every volume of which no table says it.",
    ]
    (folder / "told.csv").write_text("a,b\n1,2\n")
    run("compare.score", app.context)
    qtbot.waitUntil(lambda: model.work is None and model.message != "", timeout=WAIT)
    assert model.message.startswith("told.csv has no column PatientID, StudyUID")


def test_results_are_exported_as_a_submission(
    qtbot: QtBot, app: Application, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = app.session.comparing
    assert COMMANDS["compare.export"].why_disabled(app.context) == "choose the folder with the results first."
    (folder / "paths.csv").write_text("PatientID,StudyUID,View,descriptive_path,classic_path\n")
    choose_file(monkeypatch, folder / "paths.csv")
    run("compare.choose_table", app.context, "paths")
    model.choose(results=folder / "maps")
    choose_file(monkeypatch, folder / "predictions.csv")
    run("compare.export", app.context)
    qtbot.waitUntil(lambda: model.work is None and model.message != "", timeout=WAIT)
    assert model.level == "error"
    assert "give the folder that `gmic-core predict --out` wrote" in model.message
    patch = {"slice": 3, "row0": 10, "col0": 20, "row1": 110, "col1": 140, "attention": 0.5}
    entry = {
        "image_index": "i", "modality": "DBT", "laterality": "L", "view": "CC", "study_uid": "9.9",
        "saliency": {"slices": 20}, "patches": [patch], "scores": {"malignant": {"y": 0.4}},
    }  # fmt: skip
    (folder / "r").mkdir()
    (folder / "r/results.json").write_text(__import__("json").dumps({"images": [entry]}))
    (folder / "paths.csv").write_text(
        "PatientID,StudyUID,View,descriptive_path,classic_path\nP1,S1,lcc,x,BCS/P1/9.9/8.8/1-1.dcm\n"
    )
    model.choose(results=folder / "r")
    model.tell("", "")
    run("compare.export", app.context)
    qtbot.waitUntil(lambda: model.work is None and model.message != "", timeout=WAIT)
    assert (model.level, model.message) == ("hint", "1 boxes of 1 volumes were written.")
    rows = list(csv.reader((folder / "predictions.csv").read_text().splitlines()))
    assert rows[1] == ["P1", "S1", "lcc", "20", "120", "10", "100", "3", "1", "0.2"]


def test_hidden_identity_shows_no_name_of_a_file(qtbot: QtBot, app: Application, folder: Path) -> None:
    window = look(qtbot, app, folder)
    qtbot.keyClicks(window.rows.field, "Ada")
    qtbot.keyClick(window.rows.field, Qt.Key.Key_Return)
    app.session.set_identity_hidden(True)
    for page in range(window.tabs.count()):
        window.tabs.setCurrentIndex(page)
        qtbot.wait(30)
        texts = [widget.text() for widget in window.findChildren(QLabel)] + [window.rows.field.text()]
        models = (window.rows.view.rows, window.reasons.unused, window.reasons.notes, window.detection.rows)
        for table in models:
            texts += [
                str(table.data(table.index(row, column), role))
                for row in range(table.rowCount())
                for column in range(table.columnCount())
                for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
            ]
        text = "\n".join(texts)
        for word in ("Ada", "lonely", "three", str(folder)):
            assert word not in text, (page, word)


SIZES = {"a desk": (1240, 800), "1366x768 at 200 %": (640, 324)}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_nothing_is_cut_and_everything_explains_itself(
    qtbot: QtBot, app: Application, folder: Path, size: tuple[int, int]
) -> None:
    window = look(qtbot, app, folder)
    window.resize(*size)
    for page in range(window.tabs.count()):
        window.tabs.setCurrentIndex(page)
        qtbot.wait(30)
        assert (window.width(), window.height()) == size
        found = [text for text in faults(window) if "QHeaderView" not in text]
        assert found == [], page
    silent = [w for w in own(window) if isinstance(w, CONTROLS) and not w.toolTip() and _takes_focus(w)]
    assert silent == []
    nameless = [w for w in own(window) if _takes_focus(w) and not (w.accessibleName() or _text(w))]
    assert nameless == []


def own(window: QWidget) -> list[QWidget]:
    """The widgets of a window but Qt's own arrows beside tabs, which are never shown."""
    return [widget for widget in widgets(window) if not widget.objectName().startswith("Scroll")]


def _takes_focus(widget: QWidget) -> bool:
    return widget.focusPolicy() != Qt.FocusPolicy.NoFocus and type(widget).__name__ != "QTabWidget"


def _text(widget: QWidget) -> str:
    reader: Callable[[], str] = getattr(widget, "text", str)
    return reader()


def test_disabled_controls_say_why(qtbot: QtBot) -> None:
    context = make_context(make_exam())
    window = CompareWindow(context)
    qtbot.addWidget(window)
    window.show()
    context.session.comparing.choose(by_map=True)
    context.session.comparing.set_map({})
    context.session.comparing.set_work(Work("Comparing", 1, 3, "x"))
    qtbot.wait(30)
    off = [w for w in own(window) if isinstance(w, CONTROLS) and not w.isEnabled()]
    assert {w.text() for w in off if hasattr(w, "text")} >= {"Compare", "Save", "Open image", "Remove", "Score"}
    assert [w for w in off if "Not available" not in w.toolTip()] == []
    assert [w for w in off if "Not available" not in w.accessibleDescription()] == []
    assert window.progress.text == "1/3"
    assert window.state.text() == "Comparing x"
