"""Trying out results in the real window: drawing, ticking, maps, the window that the network saw, hold to compare."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.inference.ensemble import ensemble_mean
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import ShiftOutcome, peak_of, shifts_for
from gmic_core.inference.whatif import Reduced
from gmic_core.types import Finding, ImageResult
from tests.helpers.mouse import drag, move
from tests.helpers.panel_fakes import RecordedActions, make_context, make_exam, make_result
from viewer.commands import COMMANDS, Context, run
from viewer.model.trials import Experiment, Steadiness, WhatIf
from viewer.views import hold_key
from viewer.views.main_window import MainWindow
from viewer.views.viewport_view import ViewportView

OpenWindow = Callable[[Context], MainWindow]


def calls(context: Context) -> list[tuple[object, ...]]:
    assert isinstance(context.actions, RecordedActions)
    return context.actions.calls


def base_of(context: Context) -> ImageResult:
    image = context.session.active_image
    entry = context.session.results.get(image.sop_uid) if image else None
    assert entry is not None
    assert entry.result is not None
    return entry.result


def pixels(view: ViewportView) -> np.ndarray:
    """Return what the viewport shows, (rows, columns, BGR)."""
    QApplication.processEvents()
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    array = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return array[:, : image.width(), :3].astype(int)


def badges(view: ViewportView) -> list[str]:
    return [text for placed in view.corner_lines() for text, _ in placed.line.badges]


def with_experiment(context: Context) -> Experiment:
    """Put a finished occlusion of the malignant peak on the active image."""
    image, base, trials = context.session.active_image, base_of(context), context.session.trials
    assert image is not None
    peak = peak_of(base, Finding.MALIGNANT)
    assert peak is not None
    row, column = round(peak.row) - 40, round(peak.column) - 40
    place = Occlusion(row, column, row + 80, column + 80, 0, image.frames - 1, "ellipse")
    trials.begin(Experiment("trial-1", image, base, occlusion=place))
    gone = base.saliency.copy()
    gone[:, Finding.MALIGNANT] = 0
    profile = gone.astype(np.float32).max(axis=(2, 3))
    trials.occluded("trial-1", dataclasses.replace(base, y=(0.12, 0.30), saliency=gone, profile=profile))
    experiment = trials.experiment(image.sop_uid)
    assert experiment is not None
    return experiment


# -- occlude and rerun -------------------------------------------------------------------------------------------
def test_a_drawn_ellipse_is_the_place_that_is_filled(open_window: OpenWindow, results_context: Context) -> None:
    context, session = results_context, results_context.session
    view = open_window(context).grid.views[1]  # the left breast: not turned
    run("trial.draw", context)
    assert session.trials.drawing
    middle = QPointF(view.rect().center())
    wanted = [*view.stored_at(middle), *view.stored_at(middle + QPointF(60, 40))]
    drag(view, middle, QPointF(60, 40))
    ((name, image, place),) = calls(context)
    assert (name, image) == ("try_out", session.slots[1].state.image)
    assert session.active == 1
    assert place.box == (round(wanted[0]), round(wanted[1]), round(wanted[2]) + 1, round(wanted[3]) + 1)
    assert (place.first, place.last, place.shape) == (0, 11, "ellipse")
    assert not session.trials.drawing
    window_before = session.slots[1].state.window
    drag(view, middle, QPointF(60, 40))  # and now the mouse is the window's again
    assert session.slots[1].state.window != window_before
    assert len(calls(context)) == 1


def test_a_slip_of_the_hand_occludes_nothing_and_escape_ends_drawing(
    open_window: OpenWindow, results_context: Context
) -> None:
    context, hints = results_context, []
    window = open_window(context)
    context.session.notice.connect(lambda _level, text: hints.append(text))
    run("trial.draw", context)
    drag(window.grid.views[0], QPointF(300, 150), QPointF(2, 1))
    assert calls(context) == []
    assert hints == ["Draw the place to occlude larger, or press Esc."]
    assert context.session.trials.drawing
    window.escape()
    assert not context.session.trials.drawing


def test_the_selected_patch_is_filled_in_all_slices_or_near_its_own(results_context: Context) -> None:
    context = results_context
    image, base = context.session.active_image, base_of(context)
    context.session.select_patch(image.sop_uid, 1)
    run("trial.occlude_patch", context)
    run("trial.whole_depth", context)
    run("trial.occlude_patch", context)
    (_, _, whole), (_, _, near) = calls(context)
    roi = base.rois[1]
    assert whole == Occlusion(roi.row0, roi.col0, roi.row1, roi.col1, 0, 11)
    assert (near.first, near.last) == (max(roi.slice_index - 5, 0), min(roi.slice_index + 5, 11))


def test_of_a_patch_across_the_edge_only_what_is_inside_is_filled(results_context: Context) -> None:
    context, hints = results_context, []
    context.session.notice.connect(lambda _level, text: hints.append(text))
    image, base = context.session.active_image, base_of(context)
    across = dataclasses.replace(base.rois[0], row0=-60, col0=30, row1=60, col1=150)
    beside = dataclasses.replace(across, row0=image.rows, row1=image.rows + 120)
    base = dataclasses.replace(base, rois=(across, beside))
    context.session.results.get(image.sop_uid).result = base
    context.session.select_patch(image.sop_uid, 0)
    run("trial.occlude_patch", context)
    assert [what for *_, what in calls(context)] == [Occlusion(0, 30, 60, 150, 0, 11)]
    context.session.select_patch(image.sop_uid, 1)
    run("trial.occlude_patch", context)
    assert len(calls(context)) == 1
    assert hints == ["The patch lies outside the image; there is nothing to fill."]


def test_an_experiment_is_marked_on_the_image_and_its_numbers_stand_beside_the_result(
    open_window: OpenWindow, results_context: Context
) -> None:
    context = results_context
    window = open_window(context)
    view = window.grid.views[0]
    before = pixels(view)
    assert "EXPERIMENT: place filled" not in badges(view)
    experiment = with_experiment(context)
    after = pixels(view)
    assert "EXPERIMENT: place filled" in badges(view)
    at = view.to_screen().apply(
        [
            (experiment.occlusion.row0 + experiment.occlusion.row1) / 2,
            (experiment.occlusion.col0 + experiment.occlusion.col1) / 2,
        ]
    )
    row, column = (int(value) for value in at)
    orange = before[row, column, 2] - before[row, column, 0]
    assert orange > 40  # red over blue: the malignant map
    assert abs(after[row, column, 2] - after[row, column, 0]) < 10  # gone with the place
    run("overlay.map_result", context)
    np.testing.assert_array_equal(pixels(view)[row, column], before[row, column])
    run("overlay.next_map", context)
    assert context.session.trials.map == "after"
    panel = window.ai.trials
    rows = {name: label.text() for name, label in panel.occlusion.rows.values.items()}
    assert rows["malignant"] == "0.71 → 0.30 (-0.41)"
    assert rows["benign"] == "0.12 → 0.12 (the same)"
    assert rows["malignant peak"].endswith("→ 0.00 (-0.71)")
    assert panel.occlusion.text.text() == "An ellipse of 8x8 mm, all slices, filled with the mean of its surroundings."
    assert window.ai.scores.image.numbers[Finding.MALIGNANT, "score"].text() == "0.71"  # the result stays
    run("overlay.toggle_all", context)
    assert "EXPERIMENT: place filled" not in badges(view)
    np.testing.assert_allclose(pixels(view)[row, column, 2], pixels(view)[row, column, 0], atol=1)
    run("overlay.toggle_all", context)
    run("trial.end", context)
    assert context.session.trials.experiment(view.state.image.sop_uid) is None
    np.testing.assert_array_equal(pixels(view)[row, column], before[row, column])


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("trial.occlude_patch", "there is no AI result"),
        ("trial.draw", "there is no finished AI result"),
        ("trial.stability", "there is no finished AI result"),
        ("trial.patch", "there is no AI result"),
        ("trial.all_patches", "all patches of this image count"),
        ("overlay.map_spread", "there is no AI result"),
        ("overlay.window", "there is no finished AI result"),
        ("ai.model_card", "no network has read this image yet"),
    ],
)
def test_without_a_result_every_trial_says_why_not(context: Context, command: str, reason: str) -> None:
    assert reason in COMMANDS[command].why_disabled(context)


def test_while_something_runs_nothing_else_is_tried(results_context: Context) -> None:
    context, image = results_context, results_context.session.active_image
    context.session.trials.begin(Steadiness("trial-1", image, base_of(context), shifts=shifts_for(image)))
    for command in ("trial.occlude_patch", "trial.draw", "trial.stability"):
        assert "a run is under way" in COMMANDS[command].why_disabled(context)
    assert COMMANDS["ai.cancel"].why_disabled(context) is None
    assert COMMANDS["trial.patch"].why_disabled(context) is None  # answered beside the run
    assert "one set of weights" in COMMANDS["overlay.map_spread"].why_disabled(context)
    assert "no place of this image" in COMMANDS["overlay.map_after"].why_disabled(context)


# -- stability ---------------------------------------------------------------------------------------------------
def test_the_badge_tells_range_and_drift_of_all_shifted_runs(open_window: OpenWindow, results_context: Context) -> None:
    context, image = results_context, results_context.session.active_image
    window, base = open_window(context), base_of(results_context)
    run("trial.stability", context)
    assert calls(context) == [("try_out", image, shifts_for(image))]
    shifts = shifts_for(image)
    context.session.trials.begin(Steadiness("trial-1", image, base, shifts=shifts))
    peak = peak_of(base, Finding.MALIGNANT)
    for number, shift in enumerate(shifts):
        QApplication.processEvents()
        assert window.ai.trials.badge.text() == (f"{number} of 6 shifted runs" if number else "")
        moved = dataclasses.replace(peak, row=peak.row + 2 * number, slice_index=peak.slice_index - (number == 0))
        context.session.trials.shifted("trial-1", ShiftOutcome(shift, (0.12, 0.70 + number / 100), (None, moved)))
    QApplication.processEvents()
    panel = window.ai.trials
    assert panel.badge.text() == "steady under shifts, scores within 0.05"
    rows = {name: label.text() for name, label in panel.stability.rows.values.items()}
    assert rows["malignant"] == "0.70–0.75"
    assert rows["malignant peak drift"] == "1.0 mm, 1 slice"
    assert rows["benign peak drift"] == "no peak"
    context.session.trials.begin(Steadiness("trial-2", image, base, shifts=shifts[:1]))
    context.session.trials.shifted("trial-2", ShiftOutcome(shifts[0], (0.12, 0.30), (None, None)))
    QApplication.processEvents()
    assert panel.badge.text() == "moves under shifts, scores within 0.41"
    assert panel.badge.tone == "warning"


# -- patches left out --------------------------------------------------------------------------------------------
def test_a_click_on_the_box_of_a_patch_leaves_it_out_and_on_the_picture_goes_there(
    open_window: OpenWindow, qtbot: QtBot, results_context: Context
) -> None:
    context, image = results_context, results_context.session.active_image
    strip = open_window(context).ai.patches
    index = strip.list.patches.index(1, 0)
    number = strip.list.patches.patches[1].number
    box = strip.list.box_of(strip.list.visualRect(index))
    qtbot.mouseClick(strip.list.viewport(), Qt.MouseButton.LeftButton, pos=box.center())
    keep = [other != number for other in range(6)]
    assert calls(context) == [("score_patches", image, keep)]
    assert context.session.selected_patch is None
    context.session.trials.begin(WhatIf("what-if-1", image, base_of(context), keep=tuple(keep)))
    QApplication.processEvents()
    assert strip.what_if.text() == "What if: without 1 patch of 6; not the result"
    assert strip.what_if_rows.values["malignant, score"].text() == "—"
    context.session.trials.rescored("what-if-1", Reduced((0.10, 0.50), (0.09, 0.40), tuple(map(float, keep))))
    QApplication.processEvents()
    assert strip.what_if_rows.values["malignant, local"].text() == "0.70 → 0.40 (-0.30)"
    assert strip.what_if_rows.values["malignant, score"].text() == "0.71 → 0.50 (-0.21)"
    assert strip.list.patches.data(index, Qt.ItemDataRole.AccessibleTextRole).endswith(", left out")
    assert strip.list.patches.data(index, Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked
    qtbot.mouseClick(strip.list.viewport(), Qt.MouseButton.LeftButton, pos=box.center())  # the last one back: all count
    QApplication.processEvents()
    assert context.session.trials.what_if(image.sop_uid) is None
    assert strip.what_if.isHidden()
    picture = strip.list.visualRect(index).center() + QPoint(10, 0)
    qtbot.mouseClick(strip.list.viewport(), Qt.MouseButton.LeftButton, pos=picture)
    assert context.session.selected_patch == (image.sop_uid, number)
    run("trial.patch", context)
    assert calls(context)[-1] == ("score_patches", image, keep)


# -- several sets of weights -------------------------------------------------------------------------------------
@pytest.fixture
def ensemble_context() -> Context:
    """Two sets of weights on the active image."""
    context = make_context(make_exam())
    image = context.session.active_image
    members = []
    for name, y, seed in (("one", (0.12, 0.71), 1), ("two", (0.20, 0.55), 2)):
        result = make_result(image, y=y, seed=seed)
        members.append(dataclasses.replace(result, provenance=dataclasses.replace(result.provenance, weights=name)))
    context.session.results.restore(ensemble_mean(members))
    return context


def test_an_ensemble_tells_its_spread_and_shows_where_it_disagrees(
    open_window: OpenWindow, ensemble_context: Context
) -> None:
    context = ensemble_context
    window = open_window(context)
    QApplication.processEvents()
    members = window.ai.scores.members
    assert members.text() == "2 sets of weights: malignant 0.55–0.71, SD 0.08; benign 0.12–0.20, SD 0.04"
    assert "one: malignant 0.71, benign 0.12" in members.toolTip()
    assert "the standard deviation is 0.08 (malignant) and 0.04 (benign)" in members.toolTip()
    assert window.ai.overlay.maps.isVisibleTo(window)
    context.session.overlays.update(threshold_malignant=0.05, threshold_benign=0.05)
    view = window.grid.views[0]
    before = pixels(view)
    run("overlay.map_spread", context)
    assert (pixels(view) != before).any()
    assert "disagreement of the weights" in badges(view)
    patches = window.ai.patches.list.patches.patches
    assert {patch.weights for patch in patches} == {"one", "two"}
    for name in ("one", "two"):
        assert sum(patch.roi.attention for patch in patches if patch.weights == name) == pytest.approx(1.0)
    assert "sum to 1 within each set of weights; this patch was chosen by" in patches[0].tooltip


def test_one_set_of_weights_has_no_choice_of_maps(open_window: OpenWindow, results_context: Context) -> None:
    window = open_window(results_context)
    QApplication.processEvents()
    assert not window.ai.overlay.maps.isVisibleTo(window)
    assert window.ai.scores.members.isHidden()


# -- the window that the network saw -----------------------------------------------------------------------------
def test_what_the_network_did_not_see_is_hatched_and_said_under_the_mouse(
    open_window: OpenWindow, context: Context
) -> None:
    session = context.session
    image = session.slots[1].state.image
    result = make_result(image)
    session.results.restore(dataclasses.replace(result, window_to_stored=np.eye(3), window_shape=(300, image.columns)))
    view = open_window(context).grid.views[1]
    session.activate(1)
    before = pixels(view)
    run("overlay.window", context)
    after = pixels(view)

    def at(row: float, column: float) -> QPointF:
        down, across = view.to_screen().apply([row, column])
        return QPointF(across, down)

    outside, inside = at(400, 60).toPoint(), at(200, 60).toPoint()
    there, here = (slice(point.y() - 8, point.y() + 8) for point in (outside, inside))
    columns = slice(outside.x() - 8, outside.x() + 8)
    assert (after[there, columns] != before[there, columns]).any()
    np.testing.assert_array_equal(after[here, columns], before[here, columns])
    move(view, QPointF(outside))
    assert view.readout.endswith("outside the network's window, not analysed")
    move(view, QPointF(inside))
    assert "not analysed" not in view.readout


# -- notices and provenance --------------------------------------------------------------------------------------
def test_input_outside_the_training_is_told_before_the_run(open_window: OpenWindow, context: Context) -> None:
    image = context.session.active_image
    note = "Made by SIEMENS; the published networks saw Hologic images only."
    context.session.set_ai(notes={image.sop_uid: (note,)})
    scores = open_window(context).ai.scores
    QApplication.processEvents()
    assert scores.notes.text() == note
    assert scores.notes.tone == "warning"
    context.session.results.restore(make_result(image))
    QApplication.processEvents()
    assert scores.notes.isHidden()  # the result has notes of its own, or none


def test_other_images_with_something_to_know_before_the_run_are_named(
    open_window: OpenWindow, context: Context
) -> None:
    shown, *others = context.session.exam.images
    context.session.activate(next(i for i, s in enumerate(context.session.slots) if s.state.image is shown))
    context.session.set_ai(notes={image.sop_uid: ("Its pixels are small.",) for image in others})
    scores = open_window(context).ai.scores
    QApplication.processEvents()
    named = ", ".join(f"{image.label} {image.modality}" for image in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    assert scores.notes.text() == f"To be known before a run of {named}{more} too: show it to read it."
    assert scores.notes.tone == "warning"
    context.session.set_ai(notes=dict.fromkeys((i.sop_uid for i in (shown, *others)), ("Its pixels are small.",)))
    QApplication.processEvents()
    assert scores.notes.text() == "Its pixels are small."


def test_what_can_be_tried_out_appears_with_the_result(open_window: OpenWindow, context: Context) -> None:
    trials = open_window(context).ai.trials
    assert trials.fold.isHidden()
    context.session.results.restore(make_result(context.session.active_image))
    QApplication.processEvents()
    assert not trials.fold.isHidden()
    run("overlay.toggle_all", context)
    QApplication.processEvents()
    assert trials.fold.isHidden()


def test_the_model_card_is_asked_for_every_set_of_weights(ensemble_context: Context) -> None:
    run("ai.model_card", ensemble_context)
    assert calls(ensemble_context) == [("show_model_card", "gmic3d", ["one", "two"])]


# -- hold to compare ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("held_s", "visible"), [(0.0, True), (60.0, False)], ids=["held", "pressed"])
def test_letting_the_key_go_shows_all_ai_again_only_if_it_was_held(
    open_window: OpenWindow,
    qtbot: QtBot,
    results_context: Context,
    monkeypatch: pytest.MonkeyPatch,
    held_s: float,
    visible: bool,
) -> None:
    monkeypatch.setattr(hold_key, "HELD_S", held_s)
    window, overlays = open_window(results_context), results_context.session.overlays
    qtbot.keyPress(window.grid, Qt.Key.Key_G)
    assert not overlays.settings.visible
    qtbot.keyRelease(window.grid, Qt.Key.Key_G)
    assert overlays.settings.visible is visible
    qtbot.keyPress(window.grid, Qt.Key.Key_N)  # other keys are not meant
    qtbot.keyRelease(window.grid, Qt.Key.Key_N)
    assert overlays.settings.visible is visible


def test_a_clicked_switch_is_not_held(
    open_window: OpenWindow, qtbot: QtBot, results_context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_key, "HELD_S", 0.0)
    window, overlays = open_window(results_context), results_context.session.overlays
    run("overlay.toggle_all", results_context)
    qtbot.mouseClick(window.grid.views[0], Qt.MouseButton.RightButton)
    qtbot.keyRelease(window.grid, Qt.Key.Key_G)
    assert not overlays.settings.visible
