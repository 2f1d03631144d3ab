"""The window says of simulated images that they are, and of weights that never saw a patient what they are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from gmic_core.exam.model import Exam
from gmic_core.types import Modality
from tests.helpers.panel_fakes import RecordedActions, make_context, make_exam, make_image, make_result
from tests.helpers.shipped_weights import NAME_2D, NAME_3D, ship, write_header
from viewer.app.weights import chosen_weights, offered_weights
from viewer.commands import Context
from viewer.model.corner_text import marker_line
from viewer.views import theme
from viewer.views.banner import standing_notices
from viewer.views.main_window import MainWindow
from viewer.views.menus import main_menu
from viewer.views.toolbar import exam_title
from viewer.views.viewport_marks import Box, label_places, visible_boxes

OpenWindow = Callable[[Context], MainWindow]


def simulated(exam: Exam) -> Exam:
    return replace(exam, images=tuple(replace(image, simulated=True) for image in exam.images))


def amber(window: MainWindow, left: int, top: int, width: int, height: int) -> int:
    """Return how many pixels of the study list have the colour of warnings."""
    image = window.study.list.grab().toImage()
    wanted = QColor(theme.WARNING)
    return sum(
        abs(image.pixelColor(x, y).red() - wanted.red()) < 40
        and abs(image.pixelColor(x, y).blue() - wanted.blue()) < 40
        and abs(image.pixelColor(x, y).green() - wanted.green()) < 40
        for x in range(left, min(left + width, image.width()))
        for y in range(top, min(top + height, image.height()))
    )


def test_every_viewport_says_so() -> None:
    plain = make_image()
    assert "SIMULATED" not in dict(marker_line(plain, untrained=False).badges)
    line = marker_line(replace(plain, simulated=True), untrained=True)
    assert line.badges == (("FFDM", "secondary"), ("SIMULATED", "warning"), ("UNTRAINED", "warning"))


def test_the_study_list_says_so_even_when_the_name_is_hidden(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(make_context(simulated(make_exam())))
    list_ = window.study.list
    index = list_.study_model.index(0, 0)
    assert "Simulated, no patient" in list_.study_model.itemFromIndex(index).toolTip()
    first = list_.study_model.index(0, 0, index)
    assert "Simulated, no patient" in list_.study_model.itemFromIndex(first).toolTip()
    assert amber(window, 0, 0, 240, 44) == 0  # the patient is called SIMULATED
    window._context.session.set_identity_hidden(True)
    qtbot.waitUntil(lambda: amber(window, 0, 0, 240, 44) > 40, timeout=5_000)
    assert exam_title(window._context.session.exam, identity_hidden=True) == "Identity hidden   simulated"
    assert exam_title(make_exam(), identity_hidden=True) == "Identity hidden"


def result_by_shipped(exam: Exam) -> object:
    result = make_result(exam.images[0])
    source = replace(result.provenance, weights=NAME_3D, training_data="simulated breasts only: seeds 1 to 9")
    return replace(result, provenance=source)


def test_on_a_patient_such_weights_are_announced_in_amber() -> None:
    for exam, told in ((make_exam(), True), (simulated(make_exam()), False)):
        context = make_context(exam)
        context.session.results.restore(result_by_shipped(exam))  # type: ignore[arg-type]
        notices = standing_notices(context)
        assert [notice.level for notice in notices] == (["warning"] if told else [])
        if told:
            assert notices[0].text == (
                f"The weights {NAME_3D} were trained on simulated breasts only; "
                "what they mark here says nothing about patients."
            )
            assert notices[0].fixed


# -- weights ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_header(tmp_path, NAME_3D, "gmic3d")
    write_header(tmp_path, NAME_2D, "gmic2d_park")
    ship(monkeypatch, tmp_path)


def test_unnamed_shipped_weights_run_on_simulated_images_only(shipped: None) -> None:
    patient = [make_image(modality=Modality.DBT, frames=3), make_image(modality=Modality.FFDM)]
    ours = [replace(image, simulated=True) for image in patient]
    assert chosen_weights(patient, {}, {}) == {}
    assert chosen_weights(ours, {}, {}) == {"gmic3d": (NAME_3D,), "gmic2d_park": (NAME_2D,)}
    assert chosen_weights([ours[0], patient[1]], {}, {}) == {}
    assert chosen_weights(patient, {"gmic3d": (NAME_3D,)}, {}) == {"gmic3d": (NAME_3D,)}
    assert chosen_weights(ours, {}, {"gmic2d": ["mine"]}) == {"gmic3d": (NAME_3D,), "gmic2d": ("mine",)}


def test_an_exam_opens_without_waiting_for_the_digest_of_the_weights(
    shipped: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> str:
        raise AssertionError(f"{path} is read from end to end while the window waits")

    monkeypatch.setattr("gmic_core.models.shipped.file_sha256", read)
    images = [replace(make_image(modality=Modality.DBT, frames=3), simulated=True)]
    assert chosen_weights(images, {}, {}) == {"gmic3d": (NAME_3D,)}
    assert [offer.ref for offer in offered_weights({}, {}) if offer.ref == NAME_3D] == [NAME_3D]


def test_the_menu_offers_them_and_says_what_they_are(shipped: None, open_window: OpenWindow) -> None:
    offers = offered_weights({}, {"gmic3d": [NAME_3D]})
    assert [(one.model, one.ref, one.text, one.chosen) for one in offers] == [
        ("gmic3d", NAME_3D, f"{NAME_3D} (simulated breasts only)", True),
        ("gmic3d", "random:0", "random:0 (UNTRAINED)", False),
        ("gmic2d", "random:0", "random:0 (UNTRAINED)", False),
        ("gmic2d_park", NAME_2D, f"{NAME_2D} (simulated breasts only)", False),
        ("gmic2d_park", "random:0", "random:0 (UNTRAINED)", False),
    ]
    context = make_context(make_exam())
    actions = context.actions
    assert isinstance(actions, RecordedActions)
    actions.offered_weights = lambda: offers  # type: ignore[method-assign]
    window = open_window(context)
    menu = main_menu(context, window)
    ai = next(action.menu() for action in menu.actions() if action.text() == "AI")
    ai.aboutToShow.emit()
    weights = next(action.menu() for action in ai.actions() if action.text() == "Weights")
    networks = {action.text(): action.menu() for action in weights.actions()}
    assert list(networks) == [
        "3D-GMIC (gmic3d)",
        "GMIC (gmic2d)",
        "GMIC (2D networks of the 3D-GMIC paper) (gmic2d_park)",
    ]
    entries = networks["3D-GMIC (gmic3d)"].actions()
    assert [entry.text() for entry in entries if entry.isChecked()] == [f"{NAME_3D} (simulated breasts only)"]
    entries[2].trigger()
    entries[0].trigger()
    assert actions.calls[-2:] == [("choose_weights", "gmic3d", "random:0"), ("choose_weights", "gmic3d", "")]


# -- boxes -----------------------------------------------------------------------------------------------------------
def test_boxes_end_where_the_image_ends(open_window: OpenWindow, context: Context) -> None:
    image = context.session.active_image
    assert image is not None
    to_screen = open_window(context).grid.views[0].to_screen()
    assert to_screen is not None
    roi = make_result(image, patches=1).rois[0]
    inside = replace(roi, slice_index=0, row0=100, col0=100, row1=200, col1=200)
    across = replace(inside, row0=-60, row1=60)
    outside = replace(inside, row0=image.rows, row1=image.rows + 120)
    beside = replace(inside, col0=-130, col1=0)
    rois = (inside, across, outside, beside)
    boxes = visible_boxes(rois, (image.rows, image.columns), 0, to_screen, 1.0, None)
    assert len(boxes) == 2
    heights = sorted(box.rect.height() for box in boxes)
    np.testing.assert_allclose(heights[0] / heights[1], 0.6, atol=0.01)


def test_labels_of_boxes_on_top_of_each_other_stay_readable() -> None:
    within = QRectF(0, 0, 400, 300)
    spots = [QRectF(100, 100, 80, 80), QRectF(104, 104, 80, 80), QRectF(100, 2, 80, 80), QRectF(102, 100, 80, 80)]
    boxes = [Box(rect, f"{k + 1}  0.25", 1.0, True, k == 3, k) for k, rect in enumerate(spots)]
    places = label_places(boxes, lambda _text: 44.0, within)
    assert [box.rank for box, _ in places] == [3, 0, 2]  # the selected one first; for one there is no room
    assert places[0][1].topLeft() == QPointF(102, 84)
    assert places[1][1].topLeft() == QPointF(100, 180)  # above there is no room
    for index, (_, place) in enumerate(places):
        assert within.contains(place)
        assert not any(place.intersects(other) for _, other in places[:index])
    crowd = [Box(QRectF(100, 100, 40, 40), f"{k}", 1.0, True, False, k) for k in range(6)]
    assert [box.rank for box, _ in label_places(crowd, lambda _text: 44.0, within)] == [0, 1]
