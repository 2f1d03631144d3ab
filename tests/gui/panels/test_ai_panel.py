"""Scores, overlay controls and patches of the active image."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractSlider, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from gmic_core.types import Finding, Laterality
from tests.helpers.panel_fakes import make_context, make_exam, make_result
from viewer.commands import Context
from viewer.model import colormaps
from viewer.views import patch_list, theme, tiles
from viewer.views.ai_panel import AiPanel

Show = Callable[..., QWidget]
R, L = Laterality.R, Laterality.L
BENIGN, MALIGNANT = Finding.BENIGN, Finding.MALIGNANT


@pytest.fixture
def context() -> Context:
    return make_context(make_exam(frames=12))


@pytest.fixture
def panel(shown: Show, context: Context) -> AiPanel:
    return shown(AiPanel(context), theme.AI_PANEL_WIDTH, 900)


def give(context: Context, number: int, **changes: object) -> None:
    context.session.results.restore(make_result(context.session.exam.images[number], **changes))


def scores(panel: AiPanel) -> dict[str, str]:
    return {
        f"{side} {finding.name.lower()}": label.text()
        for (side, finding), label in panel.scores.breasts.numbers.items()
    }


def test_breast_scores_are_means_of_cc_and_mlo(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    for number, y in enumerate(((0.12, 0.71), (0.08, 0.04), (0.20, 0.64), (0.05, 0.06))):  # R-CC, L-CC, R-MLO, L-MLO
        give(context, number, y=y)
    qtbot.wait(10)
    assert scores(panel) == {"R malignant": "0.68", "R benign": "0.16", "L malignant": "0.05", "L benign": "0.07"}
    numbers = panel.scores.breasts.numbers
    assert panel.scores.scale.text() == "DBT, mean of CC and MLO"
    assert numbers[R, MALIGNANT].toolTip() == (
        "R breast, malignant: 0.6750\nMean of R-CC 0.71 and R-MLO 0.64, by gmic3d.\n"
        "An output of a network between 0 and 1; it is no calibrated probability of cancer."
    )
    assert numbers[R, MALIGNANT].accessibleName() == "R malignant 0.68"
    assert not any("%" in label.text() + label.toolTip() for label in numbers.values())


def test_the_active_breast_is_large(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    for number in range(4):
        give(context, number)
    qtbot.wait(10)
    numbers = panel.scores.breasts.numbers
    assert (numbers[R, MALIGNANT].font().pixelSize(), numbers[L, MALIGNANT].font().pixelSize()) == (20, 13)
    context.session.activate(1)
    qtbot.wait(10)
    assert (numbers[R, MALIGNANT].font().pixelSize(), numbers[L, MALIGNANT].font().pixelSize()) == (13, 20)


def test_one_view_alone_is_said_so(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0, y=(0.1, 0.5))
    qtbot.wait(10)
    assert scores(panel) == {"R malignant": "0.50", "R benign": "0.10", "L malignant": "—", "L benign": "—"}
    tip = panel.scores.breasts.numbers[R, MALIGNANT].toolTip()
    assert "From R-CC 0.50 alone" in tip
    assert "R-MLO is missing; a breast score is the mean of both views." in tip


def test_modalities_are_not_mixed(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0, y=(0.1, 0.5))
    give(context, 6, y=(0.1, 0.9))  # FFDM R-MLO
    qtbot.wait(10)
    assert scores(panel)["R malignant"] == "0.50"
    context.session.put_image(0, context.session.exam.images[6])
    qtbot.wait(10)
    assert (scores(panel)["R malignant"], panel.scores.scale.text()) == ("0.90", "FFDM, mean of CC and MLO")


def test_the_image_score_shows_what_it_is_made_of(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0, y=(0.12, 0.71))
    qtbot.wait(10)
    view = panel.scores.image
    assert view.title.text() == "R-CC DBT"
    assert [view.numbers[MALIGNANT, name].text() for name in view.COLUMNS] == ["0.71", "0.72", "0.70"]
    assert (
        view.numbers[BENIGN, "score"]
        .toolTip()
        .startswith("Benign 0.1200: 0.5 x global + 0.5 x local\nglobal 0.14, local 0.10\n")
    )


def test_a_score_without_patches_says_so(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    result = make_result(context.session.exam.images[0], patches=0, notes=("The map is empty: no patch was chosen.",))
    context.session.results.restore(replace(result, y_local=(math.nan, math.nan)))
    qtbot.wait(10)
    assert panel.scores.image.numbers[MALIGNANT, "local"].text() == "—"
    assert "global alone, because no patch could be chosen" in panel.scores.image.numbers[MALIGNANT, "score"].toolTip()
    assert panel.scores.notes.text() == "The map is empty: no patch was chosen."
    assert panel.patches.empty.text() == "The network chose no patch in this image."


def test_random_weights_are_marked(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    assert not panel.scores.untrained.isVisible()
    give(context, 0, untrained=True)
    qtbot.wait(10)
    assert panel.scores.untrained.isVisible()
    assert panel.scores.untrained.text() == "UNTRAINED - random weights, noise"
    assert panel.scores.untrained.tone == "warning"
    assert panel.scores.breasts.numbers[R, MALIGNANT].tone == "secondary"


def test_tissue_outside_the_window_is_told(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    result = make_result(context.session.exam.images[0])
    context.session.results.restore(replace(result, outside_fraction=0.03))
    qtbot.wait(10)
    assert panel.scores.notes.text() == (
        "0.03 of the breast lies outside the window that the network saw and was not analysed."
    )
    assert panel.scores.notes.tone == "warning"


def test_an_open_question_says_why_there_is_no_result(shown: Show) -> None:
    exam = make_exam(frames=12)
    asked = replace(exam.images[0], questions=("Which breast is this?",))
    context = make_context(replace(exam, images=(asked, *exam.images[1:])))
    panel = shown(AiPanel(context), theme.AI_PANEL_WIDTH, 900)
    assert panel.scores.message.text() == "AI waits: answer the question about R-CC DBT first."


def test_what_stands_there_before_a_result(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    view, results = panel.scores, context.session.results
    uid = context.session.exam.images[0].sop_uid
    assert view.message.text() == "No AI result for R-CC DBT yet. R runs all images of the exam."
    assert view.run_button.isVisible()
    qtbot.mouseClick(view.run_button, Qt.MouseButton.LeftButton)
    assert context.actions.calls == [("run_ai", "exam")]
    results.expect("job", (uid,))
    qtbot.wait(10)
    assert view.message.text() == "R-CC DBT waits for its turn."
    assert not view.run_button.isVisible()
    results.progress("job", uid, "slices", 34, 66)
    qtbot.wait(10)
    assert (view.message.isVisible(), view.progress.isVisible(), view.progress.text) == (False, True, "34/66")
    assert view.progress.fraction == pytest.approx(34 / 66)
    results.failed("job", uid, "the image has 2 slices; 3D-GMIC needs more. Choose gmic2d.")
    qtbot.wait(10)
    assert view.message.text() == ("No result for R-CC DBT: the image has 2 slices; 3D-GMIC needs more. Choose gmic2d.")
    assert view.message.tone == "error"
    assert not view.progress.isVisible()


def test_a_cancelled_run_can_be_started_again(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    uid = context.session.exam.images[0].sop_uid
    context.session.results.expect("job", (uid,))
    context.session.results.failed("job", uid, "", cancelled=True)
    qtbot.wait(10)
    assert panel.scores.message.text() == "The run of R-CC DBT was cancelled. R runs it again."
    assert panel.scores.run_button.isVisible()


def test_origin_is_folded_and_complete(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0)
    qtbot.wait(10)
    origin = panel.scores.origin
    assert not origin.body.isVisible()
    qtbot.mouseClick(origin.button, Qt.MouseButton.LeftButton)
    assert origin.body.isVisible()
    shown_values = {name: label.text() for name, label in origin.values.items()}
    assert shown_values == {
        "Model": "gmic3d",
        "Weights": "digital-breast-3d-1",
        "SHA-256": "3fa94c1e",
        "Trained on": "simulated breasts, 400 exams",
        "Preprocessing": "gmic3d-1",
        "Precision": "exact (float32)",
        "Device": "cpu",
        "Duration": "34.2 s",
        "Not analysed": "0.004 of the breast",
        "Software": "gmic-viewer 0.1.0, torch 2.13.0",
        "Made": "2025-01-01T12:00:00Z",
    }
    assert len(origin.values["SHA-256"].toolTip()) == 64


def test_hidden_ai_shows_neither_scores_nor_patches(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0)
    context.session.overlays.update(visible=False)
    qtbot.wait(10)
    assert panel.scores.message.text() == "All AI is hidden. Press G to show it."
    assert not panel.scores.breasts.isVisible()
    assert not panel.scores.image.isVisible()
    assert not panel.patches.list.isVisible()
    assert panel.patches.list.patches.rowCount() == 0
    assert panel.overlay.opacity.toolTip() == "Opacity\nNot available: all AI is hidden; press G to show it."


def test_sliders_change_the_overlay_and_follow_it(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    panel.overlay.opacity.setValue(80)
    assert context.session.overlays.settings.opacity == 0.8
    context.session.overlays.update(threshold_benign=0.33, opacity=0.25)
    qtbot.wait(10)
    assert panel.overlay.thresholds[BENIGN].value() == 33
    assert panel.overlay.opacity.value() == 25
    assert panel.overlay._values["threshold_benign"].text() == "0.33"
    assert context.session.overlays.settings.threshold_benign == 0.33


def test_a_click_on_the_colour_bar_sets_the_threshold(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    bar = panel.overlay.thresholds[MALIGNANT]
    middle = QPoint(bar.width() // 2, 12)
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=middle)
    assert context.session.overlays.settings.threshold_malignant == pytest.approx(0.5, abs=0.01)
    bar.setFocus()
    qtbot.keyClick(bar, Qt.Key.Key_Right)
    qtbot.keyClick(bar, Qt.Key.Key_PageUp)
    assert context.session.overlays.settings.threshold_malignant == pytest.approx(0.61, abs=0.01)


@pytest.mark.parametrize("finding", [MALIGNANT, BENIGN])
def test_the_colour_bar_shows_the_ramp_above_the_threshold(panel: AiPanel, context: Context, finding: Finding) -> None:
    bar = panel.overlay.thresholds[finding]
    bar.show_value(0.4)
    image = bar.grab().toImage()

    def color(value: float) -> np.ndarray:
        x = round(bar.MARGIN + value * (bar.width() - 2 * bar.MARGIN))
        return np.array(image.pixelColor(x, 12).getRgb()[:3])

    np.testing.assert_array_equal(color(0.2), theme.color(theme.TRACK).getRgb()[:3])
    for value in (0.6, 0.9):
        np.testing.assert_allclose(color(value), colormaps.ramp(finding)[round(value * 255)], atol=4)


def test_switches_name_their_keys(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    tips = {name: button.toolTip().splitlines()[0] for name, button in panel.overlay.switches.items()}
    assert tips == {
        "overlay.malignant": "Malignant map (M)",
        "overlay.benign": "Benign map (B)",
        "overlay.patches": "Patch boxes (P)",
        "overlay.contour": "Contours only (O)",
    }
    button = panel.overlay.switches["overlay.benign"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not context.session.overlays.settings.benign
    assert not button.isChecked()


def test_patches_are_ordered_by_attention(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    image = context.session.exam.images[0]
    result = make_result(image, patches=3)
    rois = tuple(replace(roi, attention=a) for roi, a in zip(result.rois, (0.2, 0.7, 0.1), strict=True))
    context.session.results.restore(replace(result, rois=rois))
    qtbot.wait(10)
    rows = panel.patches.list.patches.patches
    assert [(patch.attention, patch.slice_text) for patch in rows] == [
        ("0.70", "slice 6"), ("0.20", "slice 1"), ("0.10", "slice 11"),
    ]  # fmt: skip
    assert panel.patches.detail.text() == (
        "Patch 1 of 3, slice 6, attention 0.70\n"
        "malignant 0.80, benign 0.20 - this patch alone (not part of the published model)"
    )


def test_a_click_on_a_patch_goes_there(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0, patches=6)
    qtbot.wait(10)
    view = panel.patches.list
    place = view.visualRect(view.model().index(1, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert context.session.active_state.slice_index == 5
    assert context.session.placement(0).scale == 10.0
    assert view.currentIndex().row() == 1
    assert panel.patches.detail.text().startswith("Patch 2 of 6, slice 6, attention 0.")


def test_patches_by_keyboard(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0, patches=6)
    qtbot.wait(10)
    view = panel.patches.list
    view.setFocus()
    view.setCurrentIndex(view.model().index(0, 0))
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.currentIndex().row() == 3
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert context.session.selected_patch == (context.session.active_image.sop_uid, 3)
    assert context.session.active_state.slice_index == 3


def test_the_strip_follows_the_selection_and_the_viewport(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0, patches=6)
    give(context, 1, patches=2)
    qtbot.wait(10)
    context.session.select_patch(context.session.exam.images[0].sop_uid, 4)
    assert panel.patches.list.currentIndex().row() == 4
    context.session.activate(1)
    qtbot.wait(10)
    assert panel.patches.list.patches.rowCount() == 2
    context.session.activate(2)
    qtbot.wait(10)
    assert panel.patches.empty.text() == "None yet."


@pytest.mark.parametrize("number", [0, 1], ids=["R", "L"])
def test_a_patch_shows_the_stored_pixels_upright(panel: AiPanel, context: Context, qtbot: QtBot, number: int) -> None:
    """At 1:1 the picture equals the stored pixels: a left breast as stored, a right one too (both hang as stored)."""
    image = context.session.exam.images[number]
    context.session.activate(number)
    give(context, number, patches=2)
    qtbot.wait(10)
    panel.patches.full_size.setChecked(True)
    assert panel.patches.list.side == 128
    patch = panel.patches.list.patches.patches[0]
    picture = panel.patches.list.picture(patch).toImage()
    roi = patch.roi
    stored = context.frames.get(image, roi.slice_index)[0][roi.row0 : roi.row1, roi.col0 : roi.col1]
    shown_gray = np.array([[picture.pixelColor(x, y).red() for x in range(0, 128, 9)] for y in range(0, 128, 9)])
    expected = np.clip((stored[::9, ::9] - 2047.5) / 4095 + 0.5, 0, 1) * 255
    np.testing.assert_allclose(shown_gray, expected, atol=0.51)


def test_a_turned_file_gives_the_same_patch(context: Context) -> None:
    """The same breast stored upside down and mirrored, said so in Patient Orientation, looks the same in a tile."""
    image = context.session.exam.images[1]
    pyramid = context.frames.get(image, 0)
    state = context.session.state_of(image)
    upright = tiles.tile(state, 0, pyramid, (100, 40, 228, 168), 64, 64)
    turned = replace(image, sop_uid="2.25.99", patient_orientation=("P", "L"))
    turned_state = type(state)(turned)
    flipped = tuple(level[::-1, ::-1] for level in pyramid)
    box = (image.rows - 228, image.columns - 168, image.rows - 100, image.columns - 40)
    assert tiles.tile(turned_state, 0, flipped, box, 64, 64) == upright


def test_patches_wait_for_their_slices_and_ask_for_them(
    shown: Show, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patch_list, "ASK_AGAIN_MS", 150)
    context = make_context(make_exam(frames=12), ready=False)
    panel = shown(AiPanel(context), theme.AI_PANEL_WIDTH, 900)
    give(context, 0, patches=2)  # in slices 0 and 5; the reader is in slice 6
    requested = context.frames.requested
    qtbot.waitUntil(lambda: len(requested) == 4)
    uid = context.session.exam.images[0].sop_uid
    assert requested == [(uid, 0), (uid, 6), (uid, 5), (uid, 6)]
    qtbot.waitUntil(lambda: len(requested) == 8)  # still missing: asked again
    context.frames.frame_failed.emit(uid, 0, "truncated")
    context.frames.ready = True
    context.frames.frame_ready.emit(uid, 5)
    view = panel.patches.list
    qtbot.waitUntil(lambda: len(view._pictures) >= 1)
    assert not view._asker.isActive()
    assert [view.is_readable(patch) for patch in view.patches.patches] == [False, True]


def test_two_columns_and_one_at_full_size(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0, patches=6)
    qtbot.wait(10)
    view = panel.patches.list
    tops = [view.visualRect(view.model().index(number, 0)).top() for number in range(4)]
    assert tops[0] == tops[1] < tops[2] == tops[3]
    assert 100 <= view.side <= 140
    panel.patches.full_size.setChecked(True)
    qtbot.wait(10)
    tops = [view.visualRect(view.model().index(number, 0)).top() for number in range(3)]
    assert tops[0] < tops[1] < tops[2]


def test_every_control_has_a_name_and_says_what_it_does(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0)
    qtbot.wait(10)
    for control in (*panel.findChildren(QToolButton), *panel.overlay.findChildren(QAbstractSlider)):
        assert control.accessibleName(), control
        assert control.toolTip(), control


def test_the_panel_fits_its_width(panel: AiPanel, context: Context, qtbot: QtBot) -> None:
    give(context, 0, untrained=True, notes=("A note of ordinary length about what the network did not see.",))
    qtbot.wait(10)
    for section in (panel.scores, panel.overlay, panel.patches):
        assert section.geometry().right() <= panel.width() - 12
