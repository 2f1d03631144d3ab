"""What is to be seen: the truth of simulated breasts dropped on the exam, and its outline on the lesion everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from scipy import ndimage

from gmic_core.exam.model import MammoImage
from gmic_core.phantom.exam import write_exam
from tests.helpers.small_exams import small_exam
from viewer.app import Application
from viewer.commands import run
from viewer.model.annotation.linked_outlines import linked_outlines
from viewer.model.annotation.place import image_shape

WAIT = 60_000
VIEWS = ("CC", "MLO")
MODALITIES = ("DBT", "FFDM", "S2D")
RED = (255, 0, 0)
Start = Callable[[str], tuple[Application, Path]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An exam with a lesion in the right breast, and one with a lesion in the left."""
    return {
        side: write_exam(small_exam(seed), tmp_path_factory.mktemp(f"lesion-{side}"))
        for side, seed in (("R", 4), ("L", 3))
    }


@pytest.fixture
def start(qtbot: QtBot, qapp: QApplication, folders: dict[str, Path]) -> Iterator[Start]:
    """Open the exam with a lesion in one breast, in annotation mode, without marks and texts on the images."""
    started: list[Application] = []

    def begin(side: str) -> tuple[Application, Path]:
        app = Application(qapp, remember=False)
        started.append(app)
        app.window.resize(1200, 900)
        app.window.show()
        app.actions.open_paths([folders[side]])
        qtbot.waitUntil(lambda: app.session.exam is not None, timeout=WAIT)
        run("annotate.toggle", app.context)
        app.session.annotation.update(fill=False)
        return app, folders[side]

    yield begin
    for app in started:
        app.window.close()
        app.shutdown()


def drop(qtbot: QtBot, app: Application, paths: list[Path]) -> None:
    run("file.open_paths", app.context, paths)
    annotation = app.session.annotation
    qtbot.waitUntil(lambda: len(annotation.images) == len(paths), timeout=WAIT)


def show(qtbot: QtBot, app: Application, image: MammoImage, index: int) -> np.ndarray:
    """Hang one image alone at a slice; return bool (rows, columns): the pixels of the viewport that are the label's."""
    app.actions.hang("single")
    app.session.put_image(0, image)
    app.session.state_of(image).go_to_slice(index)
    QApplication.processEvents()
    view = app.window.grid.views[0]
    qtbot.waitUntil(lambda: view.picture() is not None, timeout=WAIT)
    grabbed = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(grabbed.constBits(), np.uint8).reshape(grabbed.height(), grabbed.bytesPerLine() // 4, 4)
    return (pixels[:, : grabbed.width(), 2::-1] == RED).all(axis=-1)


def stored_places(app: Application, drawn: np.ndarray) -> np.ndarray:
    to_screen = app.window.grid.views[0].to_screen()
    assert to_screen is not None
    return to_screen.inverse().apply(np.argwhere(drawn))


def truth(folder: Path, image: MammoImage) -> np.ndarray:
    path = folder / f"{image.label}_{image.modality}_truth.nii.gz"
    return np.asarray(nibabel.load(path).dataobj).T.reshape(image_shape(image))


def finding(folder: Path, image: MammoImage) -> dict[str, float]:
    """Return what truth.json says of the place of the only finding."""
    document = json.loads((folder / "truth.json").read_text("utf-8"))
    (view,) = (v for v in document["views"] if f"{v['laterality']}-{v['view']}" == image.label)
    (one,) = view["images"][str(image.modality)]["findings"]
    return dict(one["centre_pixel"])


def from_centre(image: MammoImage, places: np.ndarray, centre: dict[str, float]) -> float:
    """Return how far the middle of the box around stored places lies from a finding's centre, mm."""
    away = (places.min(axis=0) + places.max(axis=0)) / 2 - (centre["row"], centre["column"])
    assert image.spacing_mm is not None
    return float(np.hypot(*(away * image.spacing_mm)))


@pytest.mark.parametrize("side", "RL")
def test_the_outline_of_the_truth_lies_on_the_lesion_in_every_image(qtbot: QtBot, start: Start, side: str) -> None:
    app, folder = start(side)
    drop(qtbot, app, sorted(folder.glob("*_truth.nii.gz")))
    exam = app.session.exam
    assert exam is not None
    assert len(exam.images) == 12
    looked = []
    for image in exam.images:
        labels = truth(folder, image)
        slices = np.flatnonzero(labels.any(axis=(1, 2)))
        if not image.label.startswith(side):
            assert not slices.size
            assert not show(qtbot, app, image, image.frames // 2).any()
            continue
        centre = finding(folder, image)
        index = round(centre.get("slice", 0))
        drawn = show(qtbot, app, image, index)
        places = stored_places(app, drawn)
        mask = labels[index] > 0
        edge = mask & ~ndimage.binary_erosion(mask, np.ones((3, 3)))
        nearest = ndimage.distance_transform_edt(~edge)[tuple(np.rint(places).astype(int).T)]
        assert nearest.max() <= 1.0  # stored pixels: on the border, inside the label
        assert from_centre(image, places, centre) < 1.5  # the mass has spicules: its box is not quite around its centre
        if image.frames > 1:
            assert not show(qtbot, app, image, max(int(slices[0]) - 1, 0)).any()
            assert not show(qtbot, app, image, min(int(slices[-1]) + 1, image.frames - 1)).any()
        looked.append((image.label, str(image.modality)))
    assert sorted(looked) == [(f"{side}-{view}", modality) for view in VIEWS for modality in MODALITIES]


@pytest.mark.parametrize("side", "RL")
def test_the_truth_of_the_volumes_alone_is_seen_dashed_on_the_other_modalities(
    qtbot: QtBot, start: Start, side: str
) -> None:
    app, folder = start(side)
    drop(qtbot, app, sorted(folder.glob(f"{side}-*_DBT_truth.nii.gz")))
    annotation, session = app.session.annotation, app.session
    qtbot.waitUntil(lambda: len(annotation.projections) == 2, timeout=WAIT)
    exam = session.exam
    assert exam is not None
    for image in exam.images:
        if image.frames > 1:
            continue
        drawn = show(qtbot, app, image, 0)
        if not image.label.startswith(side):
            assert not drawn.any()
            continue
        assert drawn.sum() > 30
        centre = finding(folder, image)
        places = stored_places(app, drawn)
        assert from_centre(image, places, centre) < 1.5
    run("annotate.linked", app.context)
    flat = next(image for image in exam.images if image.label == f"{side}-CC" and image.modality == "FFDM")
    assert not show(qtbot, app, flat, 0).any()
    assert linked_outlines(session, flat) == ()


def test_a_stroke_on_the_volume_is_seen_on_the_other_modalities_when_it_ends(qtbot: QtBot, start: Start) -> None:
    app, _ = start("R")
    session, annotation = app.session, app.session.annotation
    exam = session.exam
    assert exam is not None
    images = {str(image.modality): image for image in exam.images if image.label == "R-MLO"}
    volume = images["DBT"]
    found = annotation.begin(volume.sop_uid, image_shape(volume))
    edit = found.map.replaced(5, (100, 100), np.ones((40, 30), np.uint8))
    annotation.commit(volume.sop_uid, edit, written=False)
    qtbot.waitUntil(lambda: volume.sop_uid in annotation.projections, timeout=WAIT)
    assert show(qtbot, app, images["S2D"], 0).sum() > 30
    app.window.annotation.refresh()
    assert app.window.annotation.keeping.text() == "Dashed: outlines of the DBT, for orientation."
    before = show(qtbot, app, images["FFDM"], 0)
    grown = found.map.replaced(9, (140, 100), np.ones((30, 30), np.uint8))
    annotation.commit(volume.sop_uid, grown, written=False)
    qtbot.waitUntil(lambda: annotation.projections[volume.sop_uid].box[2] == 170, timeout=WAIT)
    after = show(qtbot, app, images["FFDM"], 0)
    assert np.nonzero(after)[0].max() > np.nonzero(before)[0].max() + 20
    annotation.go_to(volume.sop_uid, found.map.state.parent.parent)
    qtbot.waitUntil(lambda: annotation.projections == {}, timeout=WAIT)
    assert not show(qtbot, app, images["FFDM"], 0).any()
