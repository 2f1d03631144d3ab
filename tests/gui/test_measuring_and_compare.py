"""The window's figures are those of ``gmic-core compare``: real worker, simulated exam, truth label maps."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.cli import main
from gmic_core.comparison.classes import Subject
from gmic_core.comparison.measures import FIGURES
from gmic_core.exam.model import MammoImage
from gmic_core.inference.document import Prediction, image_indices
from gmic_core.inference.export import Outputs
from gmic_core.phantom.exam import write_exam
from gmic_core.segmentation.write import write_labels
from gmic_core.types import Finding
from tests.helpers.plain_measures import covered, plain, same, upsampled
from tests.helpers.small_exams import small_exam
from viewer.app import Application
from viewer.commands import run
from viewer.model.annotation.place import image_geometry, image_shape

WAIT = 300_000
IMAGES = (("R-CC", "DBT"), ("R-MLO", "FFDM"), ("L-CC", "FFDM"))


@pytest.fixture(scope="module")
def exam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lesions in the right breast."""
    folder = tmp_path_factory.mktemp("exams")
    exam = write_exam(small_exam(findings=("malignant-mass", "benign-cyst")), folder)
    for path in exam.glob("*_S2D*"):
        path.unlink()
    return exam


@pytest.fixture
def app(qtbot: QtBot, qapp: QApplication, exam_folder: Path) -> Iterator[Application]:
    application = Application(qapp)
    application.window.resize(1600, 1000)
    application.window.show()
    application.actions.open_paths([exam_folder])
    qtbot.waitUntil(lambda: application.session.exam is not None, timeout=WAIT)
    yield application
    application.window.close()
    application.shutdown()


def _image(app: Application, label: str, modality: str) -> MammoImage:
    assert app.session.exam is not None
    return next(i for i in app.session.exam.images if (i.label, i.modality) == (label, modality))


def _run_ai(qtbot: QtBot, app: Application, image: MammoImage) -> None:
    app.session.put_image(0, image)
    results = app.session.results
    qtbot.waitUntil(lambda: app.session.ai.state == "idle", timeout=WAIT)
    assert run("ai.run_image", app.context)
    qtbot.waitUntil(lambda: (entry := results.get(image.sop_uid)) is not None and entry.status == "done", timeout=WAIT)


def _measure(qtbot: QtBot, app: Application, subject: Subject) -> dict[str, float]:
    """Return the figures of the window as a row of ``metrics.csv`` has them."""
    model = app.session.measuring
    assert run("measure.subject", app.context, subject)
    qtbot.waitUntil(lambda: model.current and model.misses_current, timeout=WAIT)
    assert model.figures is not None
    compared = model.figures.compared
    assert compared is not None
    row = {name: getattr(compared.measures, name) for name in FIGURES}
    if compared.measures_3d is not None:
        row |= {f"{name}_3d": getattr(compared.measures_3d, name) for name in FIGURES}
    return row


def _table(path: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    with path.open(newline="") as file:
        return {(row["image"], row.get("label", ""), row["class"]): row for row in csv.DictReader(file)}


def test_figures_are_those_of_compare_and_of_numpy(
    qtbot: QtBot, app: Application, exam_folder: Path, tmp_path: Path
) -> None:
    session, segmentations, results = app.session, tmp_path / "segmentations", tmp_path / "results"
    segmentations.mkdir()
    assert session.exam is not None
    indices = image_indices(session.exam.images)
    images = [_image(app, *name) for name in IMAGES]
    outputs = Outputs(results, {image.sop_uid: k for k, image in enumerate(images)}, [], [])
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for image in images:
        _run_ai(qtbot, app, image)
        path = segmentations / f"{image.label}_{image.modality}_truth.nii.gz"
        if image.laterality == "R":
            shutil.copy(exam_folder / path.name, path)
            shutil.copy(exam_folder / "R_labels.txt", segmentations / "R_labels.txt")
        else:  # the left breast is healthy: something is drawn there
            drawn = np.zeros(image_shape(image), np.uint8)
            drawn[:, 100:150, 20:60], drawn[:, 250:280, 30:80] = 1, 2
            write_labels(path, drawn, image_geometry(image))
        if not session.annotation.on:
            run("annotate.toggle", app.context)
        app.segmentations.open_files([path], None)
        qtbot.waitUntil(lambda uid=image.sop_uid: session.annotation.of(uid) is not None, timeout=WAIT)
        assert session.measuring.shown  # by itself: a file was laid on an image with a result
        entry, drawn_map = session.results.get(image.sop_uid), session.annotation.of(image.sop_uid)
        assert entry is not None
        assert entry.result is not None
        assert drawn_map is not None
        if image.laterality == "L":
            run("measure.class_of", app.context, 2, Finding.BENIGN)
        outputs.add(Prediction(image, indices[image.sop_uid], session.exam.study_uid, entry.result))
        labels = drawn_map.map.dense()
        for label, finding in ((1, Finding.MALIGNANT), (2, Finding.BENIGN)):
            for subject in (Subject(finding), Subject(finding, label)):
                row = _measure(qtbot, app, subject)
                name = "" if subject.label is None else str(label)
                found[indices[image.sop_uid], name, finding.name.lower()] = row
            mask, fine = labels == label, upsampled(entry.result, finding, labels.shape)
            compared = session.measuring.figures.compared  # type: ignore[union-attr]
            assert compared is not None
            flat = covered(entry.result, mask, deep=False)
            same(compared.measures, plain(fine.max(axis=0), mask.any(axis=0), flat))
    outputs.write()
    (tmp_path / "labels.toml").write_text('1 = "malignant"\n2 = "benign"\n')
    out = tmp_path / "out"
    assert main(["compare", str(results), str(segmentations), "--map", str(tmp_path / "labels.toml"), "--bootstrap",
                 "10", "--out", str(out)]) == 0  # fmt: skip
    tables = {"": _table(out / "images.csv"), "1": _table(out / "metrics.csv"), "2": _table(out / "metrics.csv")}
    assert len(found) == 12
    for (index, label, word), row in found.items():
        theirs = tables[label][index, label, word]
        for name, value in row.items():
            assert value == pytest.approx(float(theirs[name]), abs=1e-6), (index, label, word, name)
