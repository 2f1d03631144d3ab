"""Label maps in the running program: laid on their images, asked about, refused, saved, recovered."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from gmic_core.segmentation.geometry import Match, Reorder, VolumeGeometry
from gmic_core.segmentation.write import write_labels
from tests.helpers.dicom_files import write_exam
from viewer.app import Application
from viewer.commands import COMMANDS, run
from viewer.model.annotation.place import Candidate, image_geometry
from viewer.views.segmentation_dialog import SegmentationDialog

WAIT = 60_000
ROWS, COLUMNS = 192, 144


@pytest.fixture(scope="module")
def exam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exam")
    write_exam(folder, ROWS, COLUMNS, modalities=("FFDM",), slices=1)
    return folder


@pytest.fixture
def app(qtbot: QtBot, qapp: QApplication, exam_folder: Path) -> Iterator[Application]:
    application = Application(qapp)
    application.told = []  # type: ignore[attr-defined]
    application.session.notice.connect(lambda level, text: application.told.append((level, text)))  # type: ignore[attr-defined]
    application.window.resize(1200, 800)
    application.window.show()
    application.actions.open_paths([exam_folder])
    qtbot.waitUntil(lambda: application.session.exam is not None, timeout=WAIT)
    qtbot.waitUntil(lambda: all(view.picture() is not None for view in application.window.grid.views), timeout=WAIT)
    run("annotate.toggle", application.context)
    yield application
    application.window.close()
    application.shutdown()


def _labels() -> np.ndarray:
    labels = np.zeros((1, ROWS, COLUMNS), np.uint8)
    labels[0, 60:90, 30:70] = 1
    labels[0, 100:104, 80:100] = 2
    return labels


def _image(app: Application, label: str):
    assert app.session.exam is not None
    return next(image for image in app.session.exam.images if image.label == label)


def test_a_map_goes_on_its_image_and_a_saved_copy_is_the_same(
    qtbot: QtBot, app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, annotation = _image(app, "L-MLO"), app.session.annotation
    path = tmp_path / "L-MLO_seg.nii.gz"
    write_labels(path, _labels(), image_geometry(image))
    original = path.read_bytes()
    app.actions.open_paths([path])
    qtbot.waitUntil(lambda: annotation.of(image.sop_uid) is not None, timeout=WAIT)
    found = annotation.of(image.sop_uid)
    assert found is not None
    assert list(annotation.images) == [image.sop_uid]
    assert (found.map.dense() == _labels()).all()
    assert ("hint", "2 labels on L-MLO FFDM.") in app.told  # type: ignore[attr-defined]
    assert not found.unsaved
    qtbot.waitUntil(lambda: len(found.lesions) == 2, timeout=WAIT)
    assert [(row.label, row.voxels, row.box) for row in found.lesions] == [
        (1, 1200, (60, 30, 90, 70)), (2, 80, (100, 80, 104, 100)),
    ]  # fmt: skip
    app.session.activate(3)
    run("annotate.go_to_lesion", app.context, found.lesions[1])
    with app.session.history.step("Paint stroke"):
        annotation.commit(image.sop_uid, found.map.replaced(0, (5, 5), np.full((3, 3), 3, np.uint8)), written=False)
    assert found.unsaved
    copy = tmp_path / "again.nii.gz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args, **_named: (str(copy), "NIfTI (*.nii.gz)"))
    run("annotate.save_as", app.context)
    qtbot.waitUntil(lambda: found.origin.path == copy, timeout=WAIT)
    assert not found.unsaved
    assert path.read_bytes() == original
    again, before = nibabel.load(copy), nibabel.load(path)
    assert np.allclose(again.affine, before.affine, atol=1e-6)
    assert (np.asarray(again.dataobj).T == found.map.dense()).all()


def test_the_original_is_overwritten_only_after_asking(qtbot: QtBot, app: Application, tmp_path: Path) -> None:
    image, annotation = _image(app, "R-CC"), app.session.annotation
    path = tmp_path / "R-CC.nii.gz"
    write_labels(path, _labels(), image_geometry(image))
    original = path.read_bytes()
    app.actions.open_paths([path])
    qtbot.waitUntil(lambda: annotation.of(image.sop_uid) is not None, timeout=WAIT)
    found = annotation.of(image.sop_uid)
    assert found is not None
    annotation.commit(image.sop_uid, found.map.replaced(0, (5, 5), np.full((3, 3), 3, np.uint8)), written=False)
    app.session.activate(0)
    for answer, changed in (("Cancel", False), ("Overwrite", True)):
        run("annotate.save", app.context)
        box = app.window.findChildren(QMessageBox)[-1]
        assert box.text() == "Overwrite R-CC.nii.gz with the segmentation as it is now?"
        next(button for button in box.buttons() if button.text().replace("&", "") == answer).click()
        qtbot.waitUntil(lambda: not app.session.exporting, timeout=WAIT)
        QApplication.processEvents()
        assert (path.read_bytes() != original) is changed


def test_where_only_the_size_fits_it_is_asked_with_both_geometries(
    qtbot: QtBot, app: Application, tmp_path: Path
) -> None:
    path = tmp_path / "seg.nii.gz"
    matrix = image_geometry(_image(app, "R-CC")).to_lps.copy()
    matrix[:3, 3] += 40.0
    write_labels(path, _labels(), VolumeGeometry((1, ROWS, COLUMNS), matrix))
    app.window.annotation.setFocus()
    app.session.activate(0)
    run("annotate.open_files", app.context, [path], 0)
    qtbot.waitUntil(lambda: app.window.findChildren(SegmentationDialog) != [], timeout=WAIT)
    dialog = app.window.findChildren(SegmentationDialog)[0]
    texts = " ".join(label.text() for label in dialog.findChildren(type(app.window.annotation.none)))
    assert f"{COLUMNS} x {ROWS} pixels" in texts
    assert "first voxel at (40.0, 40.0, 40.0) mm LPS" in texts
    assert dialog.doubt == "The segmentation has the size of this image, but not its place in space."
    assert not dialog.confirm.isEnabled()
    assert dialog.confirm.accessibleDescription().startswith("Not available: choose a picture")
    assert len(dialog.options) == 4
    assert app.session.annotation.images == {}
    dialog.options[2][2].setChecked(True)
    assert dialog.options[2][1].describe() == "mirrored left-right"
    dialog.confirm.click()
    uid = _image(app, "R-CC").sop_uid
    qtbot.waitUntil(lambda: app.session.annotation.of(uid) is not None, timeout=WAIT)
    found = app.session.annotation.of(uid)
    assert found is not None
    assert (found.map.dense() == _labels()[:, :, ::-1]).all()


def test_the_question_says_that_a_volume_is_stored_upside_down(qtbot: QtBot, app: Application) -> None:
    geometry = VolumeGeometry.of_pixels((1, ROWS, COLUMNS))
    question = "This volume is stored upside down. Segmentation: 1 x 1 pixels. Image: 1 x 1 pixels. How does it lie?"
    turned = Candidate(_image(app, "R-CC"), Match(None, (Reorder(), Reorder(flips=(False, True, True))), question))
    dialog = SegmentationDialog("seg.nii.gz", "", geometry, [turned], lambda *_: None)
    qtbot.addWidget(dialog)
    assert dialog.doubt == "This volume is stored upside down."
    assert [order.describe() for _, order, _ in dialog.options] == ["as stored", "turned by 180 degrees"]


def test_what_fits_nothing_is_refused_with_both_geometries(qtbot: QtBot, app: Application, tmp_path: Path) -> None:
    path = tmp_path / "other.nii.gz"
    write_labels(path, np.ones((1, 50, 60), np.uint8), VolumeGeometry.of_pixels((1, 50, 60)))
    app.actions.open_paths([path])
    qtbot.waitUntil(lambda: any(level == "error" for level, _ in app.told), timeout=WAIT)  # type: ignore[attr-defined]
    text = next(text for level, text in app.told if level == "error")  # type: ignore[attr-defined]
    assert text.startswith("other.nii.gz: The segmentation does not belong to this image: neither place nor size fits.")
    assert "60 x 50 pixels" in text
    assert f"{COLUMNS} x {ROWS} pixels" in text


def test_what_was_drawn_is_there_when_the_exam_is_opened_again(
    qtbot: QtBot, app: Application, exam_folder: Path
) -> None:
    image, annotation = _image(app, "R-MLO"), app.session.annotation
    found = annotation.begin(image.sop_uid, (1, ROWS, COLUMNS))
    annotation.commit(image.sop_uid, found.map.replaced(0, (20, 20), np.full((9, 9), 1, np.uint8)), written=False)
    exam = app.session.exam
    assert exam is not None
    app.actions.open_exam(exam)
    assert annotation.images == {}
    qtbot.waitUntil(lambda: annotation.of(image.sop_uid) is not None, timeout=WAIT)
    back = annotation.of(image.sop_uid)
    assert back is not None
    assert back.map.counts == {1: 81}
    assert ("hint", "The segmentation of R-MLO FFDM is here again as it was left.") in app.told  # type: ignore[attr-defined]
    assert app.session.history.undo_label is None
    run("annotate.toggle", app.context)


def test_segmentations_beside_the_images_are_offered_and_opened_on_them(
    qtbot: QtBot, app: Application, tmp_path: Path
) -> None:
    folder = tmp_path / "with"
    write_exam(folder, ROWS, COLUMNS, modalities=("FFDM",), slices=1)
    assert COMMANDS["annotate.open_beside"].why_disabled(app.context) == (
        "no segmentation lies in the folder of this exam that is not shown yet; choose one with Ctrl+Alt+O."
    )
    for label in ("R-CC", "L-MLO"):
        write_labels(folder / f"{label}_seg.nii.gz", _labels(), image_geometry(_image(app, label)))
    (folder / "notes.txt").write_text("nothing to see")
    before = app.session.exam
    run("annotate.toggle", app.context)
    app.actions.open_paths([folder])
    qtbot.waitUntil(lambda: app.session.exam is not before, timeout=WAIT)
    told = [text for level, text in app.told if level == "hint"]  # type: ignore[attr-defined]
    assert "2 segmentations lie beside the images; Ctrl+Shift+A shows them." in told[-1]
    run("annotate.open_beside", app.context)
    annotation = app.session.annotation
    qtbot.waitUntil(lambda: len(annotation.images) == 2, timeout=WAIT)
    assert annotation.on
    for label in ("R-CC", "L-MLO"):
        found = annotation.of(_image(app, label).sop_uid)
        assert found is not None
        assert (found.map.dense() == _labels()).all()
    assert COMMANDS["annotate.open_beside"].why_disabled(app.context) is not None


def _masks(app: Application, folder: Path) -> list[Path]:
    """Write a benign and a malignant mask of R-CC, each with label 1, of which 20 pixels lie on each other."""
    paths = []
    for word, rows in (("benign", slice(60, 90)), ("malignant", slice(89, 99))):
        labels = np.zeros((1, ROWS, COLUMNS), np.uint8)
        labels[0, rows, 30:50] = 1
        paths.append(folder / f"R-CC_{word}.nii.gz")
        write_labels(paths[-1], labels, image_geometry(_image(app, "R-CC")))
    return paths


def test_masks_that_are_opened_together_lie_together(qtbot: QtBot, app: Application, tmp_path: Path) -> None:
    uid, annotation = _image(app, "R-CC").sop_uid, app.session.annotation
    app.actions.open_paths(_masks(app, tmp_path))
    qtbot.waitUntil(lambda: annotation.of(uid) is not None and len(annotation.of(uid).map.counts) == 2, timeout=WAIT)  # type: ignore[union-attr]
    found = annotation.of(uid)
    assert found is not None
    assert found.map.counts == {1: 600, 2: 180}
    assert [(entry.index, entry.name) for entry in found.labels] == [(1, "benign"), (2, "malignant")]
    text = "1 label added on R-CC FFDM (1 is 2 now). 20 voxels had a label already and keep it."
    assert ("hint", text) in app.told  # type: ignore[attr-defined]
    assert found.unsaved  # no file holds both
    assert app.session.history.undo_label == "Add segmentation"
    run("edit.undo", app.context)
    assert found.map.counts == {1: 600}
    assert [(entry.index, entry.name) for entry in found.labels] == [(1, "benign")]


def _questions(app: Application) -> list[QMessageBox]:
    return [box for box in app.window.findChildren(QMessageBox) if box.isVisible()]


def test_a_second_file_for_an_image_is_asked_about(qtbot: QtBot, app: Application, tmp_path: Path) -> None:
    uid, annotation = _image(app, "R-CC").sop_uid, app.session.annotation
    benign, malignant = _masks(app, tmp_path)
    app.actions.open_paths([benign])
    qtbot.waitUntil(lambda: annotation.of(uid) is not None, timeout=WAIT)
    for answer, counts in (("Cancel", {1: 600}), ("Add", {1: 600, 2: 180}), ("Replace", {1: 200})):
        app.actions.open_paths([malignant])
        qtbot.waitUntil(lambda: _questions(app) != [], timeout=WAIT)
        box = _questions(app)[0]
        lost = " with changes that no file holds" if answer == "Replace" else ""
        assert box.text() == (
            f"R-CC FFDM has a segmentation{lost}. Add the labels of R-CC_malignant.nii.gz to it, or replace it?"
        )
        next(button for button in box.buttons() if button.text().replace("&", "") == answer).click()
        assert _questions(app) == []
        qtbot.waitUntil(lambda counts=counts: annotation.of(uid).map.counts == counts, timeout=WAIT)  # type: ignore[union-attr]


def _asked(app: Application) -> list[str]:
    return [box.text() for box in _questions(app)]


def test_the_original_file_and_notes_are_known_after_a_restart(
    qtbot: QtBot, app: Application, qapp: QApplication, exam_folder: Path, tmp_path: Path
) -> None:
    image = _image(app, "L-CC")
    path = tmp_path / "L-CC_seg.nii.gz"
    write_labels(path, _labels(), image_geometry(image))
    before = path.read_bytes()
    run("annotate.open_files", app.context, [path], None)
    annotation = app.session.annotation
    qtbot.waitUntil(lambda: annotation.of(image.sop_uid) is not None, timeout=WAIT)
    found = annotation.of(image.sop_uid)
    assert found is not None
    qtbot.waitUntil(lambda: len(found.lesions) == 2, timeout=WAIT)
    app.session.put_image(0, image)
    app.session.activate(0)
    run("annotate.go_to_lesion", app.context, found.lesions[1])
    run("annotate.note", app.context, "no change since 2019")
    annotation.commit(image.sop_uid, found.map.replaced(0, (10, 10), np.full((4, 4), 2, np.uint8)), written=False)
    qtbot.waitUntil(lambda: len(found.lesions) == 3, timeout=WAIT)
    app.window.close()
    app.shutdown()

    again = Application(qapp)
    try:
        again.window.show()
        again.actions.open_paths([exam_folder])
        annotation = again.session.annotation
        qtbot.waitUntil(lambda: annotation.of(image.sop_uid) is not None, timeout=WAIT)
        back = annotation.of(image.sop_uid)
        assert back is not None
        assert (back.origin.path, back.unsaved) == (path, True)
        qtbot.waitUntil(lambda: len(back.lesions) == 3, timeout=WAIT)
        assert {row.id: (row.label, back.note(row.id)) for row in back.lesions} == {
            1: (1, ""), 2: (2, "no change since 2019"), 3: (2, ""),
        }  # fmt: skip
        again.session.put_image(0, _image(again, "L-CC"))
        again.session.activate(0)
        run("annotate.toggle", again.context)
        run("annotate.save", again.context)
        assert _asked(again) == ["Overwrite L-CC_seg.nii.gz with the segmentation as it is now?"]
        box = again.window.findChildren(QMessageBox)[0]
        box.button(QMessageBox.StandardButton.Cancel).click()
        assert path.read_bytes() == before
        path.write_bytes(before + b"\0")
        QApplication.processEvents()
        run("annotate.save", again.context)
        assert [text.split(". ")[0] for text in _asked(again)] == [
            "Another program changed L-CC_seg.nii.gz since it was read or saved here"
        ]
        box = next(box for box in again.window.findChildren(QMessageBox) if box.isVisible())
        next(button for button in box.buttons() if button.text() == "Overwrite").click()
        qtbot.waitUntil(lambda: not back.unsaved, timeout=WAIT)
        assert (np.asarray(nibabel.load(path).dataobj).T == back.map.dense()).all()
        logged = "\n".join(again.log.last.lines)
        assert "L-CC_seg" not in logged
        assert str(tmp_path) not in logged
    finally:
        again.window.close()
        again.shutdown()


def test_all_lesions_of_the_exam_are_saved_as_a_table(
    qtbot: QtBot, app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("annotate.save_lesions", app.context)
    assert app.told[-1][1].startswith("Save lesion table: no image holds a lesion; paint one with 4 or")  # type: ignore[attr-defined]
    annotation = app.session.annotation
    for label in ("R-CC", "L-MLO"):
        image = _image(app, label)
        found = annotation.begin(image.sop_uid, (1, ROWS, COLUMNS))
        annotation.commit(image.sop_uid, found.map.replaced(0, (20, 30), np.full((10, 20), 1, np.uint8)), written=False)
        qtbot.waitUntil(lambda found=found: len(found.lesions) == 1, timeout=WAIT)
        annotation.write_note(image.sop_uid, 1, f"asked about {app.session.exam.patient_id}")  # type: ignore[union-attr]
    path = tmp_path / "table.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    run("annotate.save_lesions", app.context)
    qtbot.waitUntil(lambda: ("hint", "Saved the table of 2 lesions.") in app.told, timeout=WAIT)  # type: ignore[attr-defined]
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    assert sorted(row["image"] for row in rows) == ["L-MLO FFDM", "R-CC FFDM"]
    assert {(row["lesion"], row["voxels"], row["centre_row"], row["note"]) for row in rows} == {
        ("1", "200", "24.5", "asked about [hidden]")
    }
    exam = app.session.exam
    assert exam is not None
    assert exam.patient_name not in path.read_text("utf-8")
    for label in ("R-CC", "L-MLO"):
        annotation.remove(_image(app, label).sop_uid)
