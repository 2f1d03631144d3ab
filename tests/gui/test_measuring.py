"""Measuring beside the image: figures, curves that move thresholds, misses, classes of labels, what is out of date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.comparison.classes import REMEMBERED, ClassMap, Subject
from gmic_core.segmentation.label_descriptions import LabelDescription
from gmic_core.types import Finding, Modality
from tests.helpers.mouse import drag
from tests.helpers.panel_fakes import make_context, make_exam, make_result
from tests.helpers.plain_measures import covered, plain, same, upsampled
from viewer.app.measuring import Measuring
from viewer.app.post import Poster
from viewer.commands import COMMANDS, Context, run
from viewer.commands.table import with_keys
from viewer.model.annotation.place import image_shape
from viewer.model.measuring import Figures
from viewer.views.main_window import MainWindow

Open = Callable[[Context], MainWindow]
WAIT = 20_000
NONE = "\u2013"


@pytest.fixture
def hints(results_context: Context) -> list[str]:
    told: list[str] = []
    results_context.session.notice.connect(lambda level, text: told.append(text))
    return told


@pytest.fixture
def context(results_context: Context) -> Context:
    return results_context


@pytest.fixture
def measuring(context: Context) -> Iterator[Measuring]:
    post = Poster()
    running = Measuring(context.session, post)
    yield running
    post.close()
    running.close()


@pytest.fixture
def window(context: Context, measuring: Measuring, open_window: Open) -> MainWindow:
    shown = open_window(context)
    shown.resize(1600, 1000)
    run("annotate.toggle", context)
    run("measure.toggle", context)
    QApplication.processEvents()
    return shown


def _draw(context: Context, index: int, boxes: dict[int, tuple[int, int, int, int, int, int]]) -> np.ndarray:
    """Draw {label: (slice0, slice1, row0, row1, col0, col1)} on the image of a viewport; make it the active one."""
    session = context.session
    session.activate(index)
    image = session.active_image
    assert image is not None
    found = session.annotation.begin(image.sop_uid, image_shape(image))
    for label, (k0, k1, r0, r1, c0, c1) in boxes.items():
        for k in range(k0, k1):
            edit = found.map.replaced(k, (r0, c0), np.full((r1 - r0, c1 - c0), label, np.uint8))
            session.annotation.commit(image.sop_uid, edit, written=False)
    return found.map.dense()


def _measured(qtbot: QtBot, context: Context) -> None:
    model = context.session.measuring
    qtbot.waitUntil(lambda: model.current and model.misses_current, timeout=WAIT)
    QApplication.processEvents()
    QApplication.processEvents()


def _lesion(context: Context, index: int, k0: int = 4, k1: int = 8) -> np.ndarray:
    """Draw a lesion a little beside the peak of the malignant map."""
    context.session.activate(index)
    image = context.session.active_image
    assert image is not None
    row, column = _peak_of(context)
    return _draw(context, index, {1: (k0, min(k1, image.frames), row - 30, row + 40, column - 20, column + 50)})


def _peak_of(context: Context) -> tuple[int, int]:
    image = context.session.active_image
    assert image is not None
    entry = context.session.results.get(image.sop_uid)
    assert entry is not None
    assert entry.result is not None
    fine = upsampled(entry.result, Finding.MALIGNANT, image_shape(image)).max(axis=0)
    row, column = np.argwhere(fine == fine.max()).mean(axis=0)
    return int(row), int(column)


# -- figures ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("index", range(4))
def test_figures_are_those_of_numpy_on_every_side_and_view(
    qtbot: QtBot, window: MainWindow, context: Context, index: int
) -> None:
    mask = _lesion(context, index) > 0
    _measured(qtbot, context)
    model = context.session.measuring
    assert model.result is not None
    assert model.figures is not None
    compared = model.figures.compared
    assert compared is not None
    fine = upsampled(model.result, Finding.MALIGNANT, mask.shape)
    flat = plain(fine.max(axis=0), mask.any(axis=0), covered(model.result, mask, deep=False))
    deep = plain(fine, mask, covered(model.result, mask, deep=True))
    assert compared.measures_3d is not None
    same(compared.measures, flat)
    same(compared.measures_3d, deep)
    shown = window.measuring.figures.values
    assert shown["dice_soft", 0].text() == f"{flat.dice_soft:.3f}"
    assert shown["pxap", 1].text() == f"{deep.pxap:.3f}"
    assert shown["pointing_hit", 0].text() == "hit"
    over = fine.max(axis=0) > np.float32(0.1)
    painted = 2 * (over & mask.any(axis=0)).sum() / (over.sum() + mask.any(axis=0).sum())
    assert shown["painted", 0].text() == f"{painted:.3f}"
    assert window.measuring.figures.names["painted"].text() == "Dice above 0.10"


def test_single_images_have_no_column_of_slices(qtbot: QtBot, window: MainWindow, context: Context) -> None:
    session = context.session
    assert session.exam is not None
    image = next(i for i in session.exam.images if i.modality is Modality.FFDM and i.label == "L-MLO")
    session.put_image(1, image)
    mask = _lesion(context, 1, 0, 1) > 0
    _measured(qtbot, context)
    model = session.measuring
    assert model.result is not None
    assert model.figures is not None
    assert model.figures.compared is not None
    fine = upsampled(model.result, Finding.MALIGNANT, mask.shape)
    same(model.figures.compared.measures, plain(fine, mask, covered(model.result, mask, deep=False)))
    assert model.figures.compared.measures_3d is None
    assert not window.measuring.figures.values["dice_soft", 1].isVisible()
    button = window.measuring.buttons["measure.deep"]
    assert not button.isEnabled()
    assert "L-MLO FFDM has one slice; its figures are those of the image." in button.toolTip()


def test_figures_that_do_not_exist_say_why(qtbot: QtBot, window: MainWindow, context: Context) -> None:
    session = context.session
    image = session.active_image
    assert image is not None
    session.results.clear()
    session.results.restore(make_result(image, patches=0))
    _draw(context, 0, {1: (0, image.frames, 0, image.rows, 0, image.columns)})
    _measured(qtbot, context)
    values = window.measuring.figures.values
    assert values["pixel_auc", 0].text() == NONE
    assert "every pixel is lesion" in values["pixel_auc", 0].toolTip()
    assert values["patch_coverage", 0].text() == "0.000"
    assert window.measuring.indicated.text() == "Patches cover less than 70 %: not indicated."


def test_class_label_and_lesion_are_chosen_and_follow_the_list(
    qtbot: QtBot, window: MainWindow, context: Context
) -> None:
    labels = _draw(context, 0, {1: (4, 8, 100, 200, 100, 200), 2: (2, 5, 300, 360, 40, 90)})
    session = context.session
    uid = session.active_image.sop_uid  # type: ignore[union-attr]
    session.annotation.describe(uid, LabelDescription(2, "benign cyst", (0, 255, 0)))
    from viewer.model.annotation.lesion_list import LesionFinder

    planes = session.annotation.of(uid).map.planes  # type: ignore[union-attr]
    rows = LesionFinder(labels.shape, (1.0, 0.1, 0.1)).find(  # type: ignore[arg-type]
        planes, frozenset({1, 2}), frozenset(), lambda: False
    )
    assert rows is not None
    session.annotation.list_lesions(uid, 1, rows)
    _measured(qtbot, context)
    box = window.measuring.subjects
    assert [box.itemText(k).strip() for k in range(box.count())] == [
        "Malignant, all labels", "1  Label 1", "Label 1, lesion 1",
        "Benign, all labels", "2  benign cyst", "benign cyst, lesion 1",
    ]  # fmt: skip
    box.setCurrentIndex(4)
    box.activated.emit(4)
    assert session.measuring.subject == Subject(Finding.BENIGN, 2)
    assert not session.measuring.current
    _measured(qtbot, context)
    fine = upsampled(session.measuring.result, Finding.BENIGN, labels.shape)  # type: ignore[arg-type]
    expected = plain(fine, labels == 2, covered(session.measuring.result, labels == 2, deep=True))  # type: ignore[arg-type]
    same(session.measuring.figures.compared.measures_3d, expected)  # type: ignore[arg-type, union-attr]
    run("annotate.go_to_lesion", context, rows[0])
    assert session.measuring.subject == Subject(Finding.MALIGNANT, 1, 1)
    _measured(qtbot, context)
    assert box.currentText().strip() == "Label 1, lesion 1"


# -- thresholds ------------------------------------------------------------------------------------------------------
def _painted(window: MainWindow, index: int = 0) -> int:
    """Return how many pixels of a viewport are tinted like a malignant finding."""
    image = window.grid.views[index].grab().toImage()
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return int((pixels[..., 2].astype(int) - pixels[..., 0] > 60).sum())


def test_dragging_on_the_dice_curve_moves_the_slider_and_what_is_painted(
    qtbot: QtBot, window: MainWindow, context: Context
) -> None:
    _lesion(context, 0)
    run("annotate.visible", context)
    run("overlay.patches", context)
    _measured(qtbot, context)
    before = _painted(window)
    assert before > 200
    curve = window.measuring.dice
    plot = curve.plot()
    start = curve.handle()
    assert start is not None
    assert abs(start.x() - plot.point(0.1, 0).x()) < 0.01
    drag(curve, start, plot.point(0.5, 0.0) - start)
    assert context.session.overlays.settings.threshold_malignant == pytest.approx(0.5, abs=0.01)
    QApplication.processEvents()
    slider = window.ai.overlay.thresholds[Finding.MALIGNANT]
    assert abs(slider.value() - 50) <= 1
    assert 0 < _painted(window) < before / 2
    slider.setValue(30)
    _measured(qtbot, context)
    handle = curve.handle()
    assert handle is not None
    assert abs(handle.x() - curve.plot().point(0.3, 0.0).x()) < 0.01
    assert curve.told().endswith(" above 0.30")
    curve.setFocus()
    QTest.keyClick(curve, Qt.Key.Key_Right)
    QTest.keyClick(curve, Qt.Key.Key_PageUp)
    assert context.session.overlays.settings.threshold_malignant == 0.41
    assert context.session.overlays.settings.threshold_benign == 0.10


def test_dragging_on_the_precision_recall_curve_goes_to_its_points(
    qtbot: QtBot, window: MainWindow, context: Context
) -> None:
    mask = _lesion(context, 0).any(axis=0)
    _measured(qtbot, context)
    curve = window.measuring.recall
    assert curve.state.curve is not None
    fine = upsampled(context.session.measuring.result, Finding.MALIGNANT, (12, *mask.shape)).max(axis=0)  # type: ignore[arg-type]
    for target in (0.2, 0.6, 0.9):
        nearest = int(np.argmin(abs(curve.state.curve.recall - target)))
        at = curve.plot().point(float(curve.state.curve.recall[nearest]), float(curve.state.curve.precision[nearest]))
        handle = curve.handle()
        assert handle is not None
        drag(curve, handle, at - handle)
        threshold = context.session.overlays.settings.threshold_malignant
        over = fine > np.float32(threshold)
        precision, recall = (over & mask).sum() / over.sum(), (over & mask).sum() / mask.sum()
        QApplication.processEvents()
        assert curve.told() == f"{precision:.3f} at recall {recall:.3f}"
        assert recall == pytest.approx(target, abs=0.1)


def test_the_best_threshold_paints_the_very_region_that_scored_it(
    qtbot: QtBot, window: MainWindow, context: Context
) -> None:
    mask = _lesion(context, 0)
    _measured(qtbot, context)
    model = context.session.measuring
    assert model.figures is not None
    assert model.figures.compared is not None
    for deep in (False, True):
        if deep:
            run("measure.deep", context)
        assert run("measure.best_threshold", context)
        fine, own = upsampled(model.result, Finding.MALIGNANT, mask.shape), mask > 0  # type: ignore[arg-type]
        if not deep:
            fine, own = fine.max(axis=0), own.any(axis=0)
        over = fine > np.float32(context.session.overlays.settings.threshold_malignant)
        measures = model.figures.compared.measures_3d if deep else model.figures.compared.measures
        assert measures is not None
        assert (over == (fine >= np.float32(measures.dice_max_threshold))).all()
        assert 2 * (over & own).sum() / (over.sum() + own.sum()) == pytest.approx(measures.dice_max, abs=1e-12)
        _measured(qtbot, context)
        assert window.measuring.figures.values["painted", int(deep)].text() == f"{measures.dice_max:.3f}"
        mark = window.measuring.dice.handle()
        assert mark is not None
        expected = window.measuring.dice.plot().point(measures.dice_max_threshold, measures.dice_max)
        assert (mark - expected).manhattanLength() < 0.1


def test_a_hidden_overlay_keeps_its_threshold_and_says_so(
    qtbot: QtBot, window: MainWindow, context: Context, hints: list[str]
) -> None:
    _lesion(context, 0)
    _measured(qtbot, context)
    run("overlay.toggle_all", context)
    QApplication.processEvents()
    curve = window.measuring.dice
    assert "Not to be dragged: all AI is hidden; press G to show it." in curve.toolTip()
    QTest.mouseClick(curve, Qt.MouseButton.LeftButton, pos=QPoint(150, 60))
    assert context.session.overlays.settings.threshold_malignant == 0.10
    assert not run("measure.best_threshold", context)
    assert hints[-1] == "Threshold of the largest Dice: all AI is hidden; press G to show it."


# -- misses ----------------------------------------------------------------------------------------------------------
def test_misses_are_listed_and_clicked_through(
    qtbot: QtBot, window: MainWindow, context: Context, hints: list[str]
) -> None:
    _draw(context, 0, {1: (2, 4, 400, 440, 30, 60)})
    _measured(qtbot, context)
    session, panel = context.session, window.measuring
    misses = session.measuring.misses
    assert misses is not None
    kinds = [miss.kind for miss in misses.entries]
    assert kinds == ["lesion", "region", *["patch"] * 6]
    assert panel.counts.text() == "Missed lesions: 1 of 1. On no lesion: regions 1, patches 6."
    reason = "not painted (0.00), patches 0 %"
    assert panel.misses.item(0).text() == f"Missed: Label 1  1\nslices 3 - 4   {reason}"
    assert panel.misses.item(1).text().startswith("Painted on no lesion  1\nslices ")
    assert panel.misses.item(1).text().endswith("highest 0.71")
    assert [miss.score for miss in misses.entries[2:]] == sorted((m.score for m in misses.entries[2:]), reverse=True)
    state = session.active_state
    assert state is not None
    item = panel.misses.visualItemRect(panel.misses.item(1)).center()
    QTest.mouseClick(panel.misses.viewport(), Qt.MouseButton.LeftButton, pos=item)
    assert state.slice_index == 6
    view = window.grid.views[0]
    to_screen = view.to_screen()
    assert to_screen is not None
    row, column = _peak_of(context)
    y, x = to_screen.apply([row, column])
    assert abs(x - view.width() / 2) < 25
    assert abs(y - view.height() / 2) < 25
    run("measure.previous_miss", context)
    assert state.slice_index in (2, 3)
    assert panel.misses.currentRow() in (0, 1)
    run("measure.previous_miss", context)
    assert session.selected_patch == (session.active_image.sop_uid, misses.entries[-1].patch)  # type: ignore[union-attr]
    run("measure.next_miss", context)
    assert session.measuring.selected == misses.entries[0]
    run("overlay.threshold_malignant", context, 0.72)
    assert not session.measuring.misses_current
    assert not run("measure.next_miss", context)
    assert hints[-1] == "Next miss: the errors are being listed; wait a moment."
    QApplication.processEvents()
    assert not panel.misses.isEnabled()
    _measured(qtbot, context)
    assert [miss.kind for miss in session.measuring.misses.entries] == ["lesion", *["patch"] * 6]  # type: ignore[union-attr]
    assert panel.misses.isEnabled()


def test_a_lesion_that_is_painted_and_covered_is_no_miss(
    qtbot: QtBot, window: MainWindow, context: Context, hints: list[str]
) -> None:
    session = context.session
    session.activate(0)
    image = session.active_image
    assert image is not None
    row, column = _peak_of(context)
    result = make_result(image)
    roi = replace(result.rois[0], slice_index=5, row0=row - 60, col0=column - 60, row1=row + 60, col1=column + 60)
    session.results.clear()
    session.results.restore(replace(result, rois=(roi,)))
    _draw(context, 0, {1: (4, 8, row - 30, row + 30, column - 30, column + 30)})
    _measured(qtbot, context)
    assert window.measuring.counts.text() == "Missed lesions: 0 of 1. On no lesion: regions 0, patches 0."
    assert not run("measure.next_miss", context)
    assert hints[-1] == "Next miss: no lesion is missed, and nothing is painted beside one."
    _draw(context, 0, {1: (4, 8, row - 30, row + 30, column + 30, column + 100)})
    _measured(qtbot, context)
    assert window.measuring.misses.item(0).text().endswith("   patches 69 %")


def test_noise_of_untrained_weights_is_called_so(qtbot: QtBot, window: MainWindow, context: Context) -> None:
    image = context.session.active_image
    assert image is not None
    context.session.results.clear()
    context.session.results.restore(make_result(image, untrained=True))
    _lesion(context, 0)
    _measured(qtbot, context)
    assert window.measuring.state.text().startswith("R-CC DBT, gmic3d, UNTRAINED: noise\n")


# -- what is out of date ---------------------------------------------------------------------------------------------
def test_an_edit_makes_figures_stale_until_they_are_measured_anew(
    qtbot: QtBot, window: MainWindow, context: Context
) -> None:
    _lesion(context, 0)
    _measured(qtbot, context)
    label = window.measuring.figures.values["dice_soft", 0]
    before = label.text()
    assert label.isEnabled()
    run("annotate.tool_paint", context)
    view = window.grid.views[0]
    to_screen = view.to_screen()
    assert to_screen is not None
    down, right = to_screen.apply([400.0, 150.0])
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=QPointF(right, down).toPoint())
    QApplication.processEvents()
    assert not context.session.measuring.current  # in the middle of the stroke already
    assert not label.isEnabled()
    assert label.text() == before
    assert "Older than what is on screen" in label.toolTip()
    assert window.measuring.dice.state.stale
    assert window.measuring.state.text() == "Being measured…"
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPointF(right, down).toPoint())
    _measured(qtbot, context)
    assert label.isEnabled()
    assert label.text() != before
    run("edit.undo", context)
    assert not context.session.measuring.current
    _measured(qtbot, context)
    assert label.text() == before


def test_an_answer_that_comes_too_late_is_dropped(qtbot: QtBot, window: MainWindow, context: Context) -> None:
    _lesion(context, 0)
    _measured(qtbot, context)
    model = context.session.measuring
    late, listed = model.figures, model.misses
    assert late is not None
    assert listed is not None
    context.session.activate(1)
    QApplication.processEvents()
    assert window.measuring.state.text().startswith("Nothing to measure: this image has no segmentation; ")
    assert not window.measuring.body.isVisible()
    _lesion(context, 1)
    assert not model.about_active
    model.take_figures(late)
    model.take_misses(listed)
    assert not model.current
    assert not model.misses_current
    QApplication.processEvents()
    assert window.measuring.figures.values["dice_soft", 0].text() == NONE
    _measured(qtbot, context)
    other = model.figures
    assert other is not None
    assert other is not late
    image = context.session.active_image
    assert image is not None
    context.session.results.clear()
    context.session.results.restore(make_result(image, y=(0.4, 0.3)))  # another network's result
    model.take_figures(Figures(other.basis, other.subject, other.compared))
    assert not model.current
    assert not model.about_active
    _measured(qtbot, context)
    assert model.figures is not other


def test_nothing_is_measured_while_nobody_looks(qtbot: QtBot, window: MainWindow, context: Context) -> None:
    run("measure.toggle", context)
    assert not window.measuring.isVisible()
    _lesion(context, 0)
    qtbot.wait(200)
    assert context.session.measuring.figures is None
    run("measure.toggle", context)
    assert window.measuring.isVisible()
    _measured(qtbot, context)
    run("annotate.toggle", context)
    assert not window.measuring.isVisible()


# -- what labels mean ------------------------------------------------------------------------------------------------
def test_classes_are_changed_undone_and_remembered(
    qtbot: QtBot, window: MainWindow, context: Context, measuring: Measuring, gmic_home: Path, hints: list[str]
) -> None:
    _lesion(context, 0)
    _measured(qtbot, context)
    assert window.measuring.state.text() == "R-CC DBT, gmic3d\nNo label of this image is benign."
    labels = window.annotation.labels
    window.annotation.refresh()
    assert "measured as malignant" in labels.item(0).toolTip()
    row = labels.visualItemRect(labels.item(0))
    square = QPoint(labels.viewport().width() - 34, row.center().y())
    QTest.mouseClick(labels.viewport(), Qt.MouseButton.LeftButton, pos=square)
    assert context.session.measuring.classes == ClassMap({1: Finding.BENIGN})
    assert hints[-1] == "Label 1 Label 1: benign"
    _measured(qtbot, context)
    assert context.session.measuring.subject == Subject(Finding.BENIGN)
    assert window.measuring.subjects.currentText() == "Benign, all labels"
    QTest.keyClick(window, Qt.Key.Key_C, Qt.KeyboardModifier.AltModifier)
    assert context.session.measuring.classes == ClassMap({1: None})
    QApplication.processEvents()
    assert window.measuring.state.text() == (
        "Nothing to measure: every label of this image is ignored; press Alt+C to give the active one a class."
    )
    run("edit.undo", context)
    assert context.session.measuring.classes == ClassMap({1: Finding.BENIGN})
    qtbot.waitUntil(lambda: '1 = "benign"' in (gmic_home / REMEMBERED).read_text(), timeout=WAIT)
    again = make_context(make_exam())
    other = Measuring(again.session, Poster())
    assert again.session.measuring.classes.of(1) is Finding.BENIGN
    other.close()


def test_a_damaged_list_of_classes_is_told(qtbot: QtBot, gmic_home: Path) -> None:
    (gmic_home / REMEMBERED).write_text("nonsense")
    told: list[tuple[str, str]] = []
    context = make_context(make_exam())
    context.session.notice.connect(lambda level, text: told.append((level, text)))
    running = Measuring(context.session, Poster())
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT)
    assert told[0][0] == "warning"
    assert told[0][1].startswith("What labels mean is not known any more: label-classes.toml is no TOML file")
    running.close()


# -- reasons ---------------------------------------------------------------------------------------------------------
def test_every_reason_is_said_in_words(window: MainWindow, context: Context, hints: list[str]) -> None:
    session = context.session

    def said() -> str:
        QApplication.processEvents()
        return window.measuring.state.text().removeprefix("Nothing to measure: ")

    image = session.active_image
    assert image is not None
    assert said() == "this image has no segmentation; paint one with 4 or open one with Ctrl+Alt+O."
    session.annotation.begin(image.sop_uid, image_shape(image))
    assert said() == "the segmentation of this image is empty; paint a lesion with 4."
    _draw(context, 0, {1: (0, 1, 10, 20, 10, 20)})
    session.results.clear()
    assert said() == "there is no AI result for this image; press R to run it."
    session.results.expect("job", (image.sop_uid,))
    assert said() == "the AI has not finished this image; wait until the run is done."
    session.results.failed("job", image.sop_uid, "no")
    assert said() == "the AI gave no result for this image; press R to run it again."
    assert not window.measuring.subjects.isEnabled()
    assert "Not available: the AI gave no result" in window.measuring.subjects.toolTip()
    run("measure.toggle", context)
    assert not run("measure.next_miss", context)
    run("annotate.toggle", context)
    assert not run("measure.toggle", context)
    assert hints[-1] == with_keys("Measuring: annotation mode is off; press {annotate.toggle}.", context)
    assert COMMANDS["measure.toggle"].keys == ("Shift+M",)
