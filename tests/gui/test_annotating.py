"""Annotation mode in the window: tools, keys, panel, undo, and what is seen of segmentations."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from gmic_core.segmentation.label_descriptions import LabelDescription
from tests.helpers.mouse import double_click, drag, move, move_held
from viewer.app.annotation_work import AnnotationWork
from viewer.app.post import Poster
from viewer.commands import COMMANDS, Context, run
from viewer.model.annotation.lesion_list import LesionFinder
from viewer.model.annotation.place import image_shape, voxel_mm
from viewer.services.jobs import JobRunner
from viewer.views.main_window import MainWindow
from viewer.views.viewport_view import ViewportView

Open = Callable[[Context], MainWindow]
RED = (255, 0, 0)


@pytest.fixture
def hints(context: Context) -> list[str]:
    told: list[str] = []
    context.session.notice.connect(lambda level, text: told.append(text))
    return told


@pytest.fixture
def window(context: Context, open_window: Open) -> MainWindow:
    shown = open_window(context)
    run("annotate.toggle", context)
    QApplication.processEvents()
    return shown


def _view(window: MainWindow, index: int = 0) -> ViewportView:
    return window.grid.views[index]


def _at(view: ViewportView, row: float, column: float) -> QPointF:
    """Return where a stored place is on the widget."""
    to_screen = view.to_screen()
    assert to_screen is not None
    down, right = to_screen.apply([row, column])
    return QPointF(right + 0.5, down + 0.5)


def _pixels(view: ViewportView) -> np.ndarray:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    array = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return array[:, : image.width(), 2::-1].astype(int)


def _labels(context: Context, index: int = 0) -> np.ndarray:
    state = context.session.slots[index].state
    assert state is not None
    found = context.session.annotation.of(state.image.sop_uid)
    return found.map.dense() if found is not None else np.zeros(image_shape(state.image), np.uint8)


def _key(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(window, key, modifiers)
    QApplication.processEvents()


def test_keys_are_itk_snaps_in_the_mode_and_the_readers_outside(window: MainWindow, context: Context) -> None:
    settings = context.session.annotation
    _view(window).setFocus()
    tools = {Qt.Key.Key_3: "polygon", Qt.Key.Key_4: "paint", Qt.Key.Key_2: "pan", Qt.Key.Key_1: "navigate"}
    for key, tool in tools.items():
        _key(window, key)
        assert settings.settings.tool == tool
    _key(window, Qt.Key.Key_D)
    assert settings.settings.opacity == 0.35
    _key(window, Qt.Key.Key_A)
    _key(window, Qt.Key.Key_A)
    assert settings.settings.opacity == 0.25
    _key(window, Qt.Key.Key_S)
    assert not settings.settings.visible
    _key(window, Qt.Key.Key_S)
    _key(window, Qt.Key.Key_Equal)
    assert settings.settings.brush.size_mm == 6.0
    _key(window, Qt.Key.Key_Minus)
    _key(window, Qt.Key.Key_Minus)
    assert settings.settings.brush.size_mm == 4.0
    assert context.session.placement(0).mode == "fit"  # 1 did not show pixels 1:1
    assert COMMANDS["zoom.one_to_one"].key_now(context) == ""
    _key(window, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert not settings.on
    _key(window, Qt.Key.Key_1)
    assert context.session.placement(0).mode == "one_to_one"


def test_outside_of_the_mode_every_command_says_how_to_get_there(context: Context, hints: list[str]) -> None:
    assert not run("annotate.tool_paint", context)
    assert hints == ["Paint: annotation mode is off; press Ctrl+A."]
    run("annotate.toggle", context)
    assert not run("annotate.interpolate", context)
    expected = "this image has no segmentation; paint one with 4 or open one with Ctrl+Alt+O."
    assert hints[-1] == f"Fill between slices: {expected}"


@pytest.mark.parametrize("index", range(4))
def test_a_stroke_is_painted_where_the_mouse_is(window: MainWindow, context: Context, index: int) -> None:
    run("annotate.tool_paint", context)
    view = _view(window, index)
    drag(view, _at(view, 150.0, 100.0), _at(view, 250.0, 180.0) - _at(view, 150.0, 100.0))
    labels = _labels(context, index)
    where = context.session.slots[index].state
    assert where is not None
    assert sorted(set(np.nonzero(labels)[0])) == [where.slice_index]
    _, rows, columns = np.nonzero(labels)
    assert abs(rows.min() - 125) <= 2  # the brush is 5 mm, 50 pixels, across
    assert abs(rows.max() - 275) <= 2
    assert abs(columns.min() - 75) <= 2
    assert abs(columns.max() - 205) <= 2
    assert context.session.history.undo_label == "Paint stroke"


def differing(one: QImage, other: QImage) -> int:
    """Return how many pixels of two pictures of 32 bits differ."""
    pixels = [np.frombuffer(image.constBits(), np.uint32) for image in (one, other)]
    return int((pixels[0] != pixels[1]).sum())


@pytest.mark.parametrize("place", ["zoom.fit", "zoom.one_to_one"])
@pytest.mark.parametrize("erases", [False, True])
def test_a_stroke_repaints_a_part_and_the_picture_is_as_if_all_of_it_were_painted(
    window: MainWindow, context: Context, place: str, erases: bool
) -> None:
    run(place, context)
    run("annotate.tool_paint", context)
    context.session.annotation.update(brush_size_mm=8.0)
    view, left, right = _view(window), Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
    start = QPointF(view.width() / 2 - 60, view.height() / 2 - 40)
    drag(view, start, QPointF(120, 90))
    button = right if erases else left
    QTest.mousePress(view, button, pos=start.toPoint())
    QApplication.processEvents()
    parts = []
    lay_part = view.pixels._lay_part
    view.pixels._lay_part = lambda *args: (parts.append(args[1]), lay_part(*args))  # type: ignore[method-assign]
    for step in range(1, 9):
        move_held(view, start + QPointF(17.0 * step, 5.0 * (step % 3)), button)
        shown = view.picture()
        assert shown is not None
        image = shown.image.copy()
        view.pixels._painted = None  # as if nothing was painted before
        again = view.picture()
        assert again is not None
        assert differing(image, again.image) <= 4  # ties of nearest neighbours, where a part begins elsewhere
    assert len(parts) >= 5  # where nothing is left to erase, nothing is painted
    QTest.mouseRelease(view, button, pos=(start + QPointF(136, 0)).toPoint())
    assert context.session.history.undo_label == "Paint stroke"


def test_undo_and_redo_go_through_strokes_and_everything_else(window: MainWindow, context: Context) -> None:
    run("annotate.tool_paint", context)
    view = _view(window)
    pictures = [_labels(context)]
    for row in (100.0, 200.0, 300.0):
        drag(view, _at(view, row, 150.0), QPointF(40, 0))
        pictures.append(_labels(context))
    run("window.invert", context)
    for expected in (pictures[3], pictures[2], pictures[1]):
        run("edit.undo", context)
        assert (_labels(context) == expected).all()
    run("edit.undo", context)
    assert _labels(context).sum() == 0
    for expected in (pictures[1], pictures[2], pictures[3]):
        run("edit.redo", context)
        assert (_labels(context) == expected).all()


def test_the_right_button_erases_the_active_label_only(window: MainWindow, context: Context) -> None:
    run("annotate.tool_paint", context)
    view = _view(window)
    drag(view, _at(view, 200.0, 150.0), QPointF(0, 30))
    run("annotate.new_label", context)
    drag(view, _at(view, 200.0, 250.0), QPointF(0, 30))
    before = np.bincount(_labels(context).ravel(), minlength=3)
    drag(view, _at(view, 200.0, 250.0), _at(view, 200.0, 150.0) - _at(view, 200.0, 250.0), Qt.MouseButton.RightButton)
    after = np.bincount(_labels(context).ravel(), minlength=3)
    assert after[1] == before[1]
    assert 0 < after[2] < before[2]


def test_escape_takes_an_unfinished_stroke_back(window: MainWindow, context: Context) -> None:
    run("annotate.tool_paint", context)
    view = _view(window)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=_at(view, 200.0, 200.0).toPoint())
    assert _labels(context).sum() > 1900
    window.escape()
    assert _labels(context).sum() == 0
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=_at(view, 200.0, 200.0).toPoint())
    assert context.session.history.undo_label is None
    window.escape()
    assert context.session.annotation.settings.tool == "navigate"


def test_a_polygon_is_drawn_by_clicks_and_filled(window: MainWindow, context: Context, hints: list[str]) -> None:
    run("annotate.tool_polygon", context)
    view = _view(window)
    for row, column in ((100, 100), (100, 200), (180, 200), (180, 100)):
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=_at(view, row, column).toPoint())
    drawn = context.session.annotation.polygon
    assert drawn is not None
    assert len(drawn[2]) == 4
    _key(window, Qt.Key.Key_Backspace)
    assert len(context.session.annotation.polygon[2]) == 3  # type: ignore[index]
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=_at(view, 180, 100).toPoint())
    _key(window, Qt.Key.Key_Return)
    assert context.session.annotation.polygon is None
    assert abs(int((_labels(context) == 1).sum()) - 8000) < 500
    assert context.session.history.undo_label == "Fill polygon"
    assert not run("annotate.close_polygon", context)
    assert hints[-1].startswith("Fill polygon: no polygon of three corners is drawn; choose 3 ")


@pytest.fixture
def work(window: MainWindow, context: Context) -> Iterator[AnnotationWork]:
    """What fills between slices, as in the application."""
    post = Poster()
    work = AnnotationWork(context, window, JobRunner(context.session, post), post)
    context.actions.annotations = work  # type: ignore[attr-defined]
    yield work
    work.close()
    post.close()


def _draw_two_slices(window: MainWindow, context: Context) -> ViewportView:
    state = context.session.active_state
    assert state is not None
    run("annotate.tool_paint", context)
    view = _view(window)
    for index in (2, 6):
        state.go_to_slice(index)
        drag(view, _at(view, 200.0, 150.0), QPointF(20, 0))
    return view


def test_slices_between_two_drawn_ones_are_filled(
    window: MainWindow, context: Context, hints: list[str], work: AnnotationWork, qtbot: QtBot
) -> None:
    _draw_two_slices(window, context)
    run("annotate.interpolate", context)
    qtbot.waitUntil(lambda: hints[-1] == "Filled 3 slices of “Label 1”.", timeout=20_000)
    areas = (_labels(context) == 1).sum(axis=(1, 2))
    assert (areas[2:7] == areas[2]).all()
    assert areas[[0, 1, 7]].sum() == 0
    assert context.session.activity is None
    assert context.session.history.undo_label == "Fill between slices"
    run("edit.undo", context)
    assert (_labels(context) == 1).sum(axis=(1, 2))[3:6].sum() == 0


def test_what_was_filled_of_a_segmentation_that_changed_meanwhile_is_dropped(
    window: MainWindow, context: Context, hints: list[str], work: AnnotationWork, qtbot: QtBot
) -> None:
    view = _draw_two_slices(window, context)
    run("annotate.interpolate", context)
    run("annotate.interpolate", context)
    assert hints[-1].endswith("slices are being filled already; wait until they are there.")
    drag(view, _at(view, 300.0, 150.0), QPointF(20, 0))  # before the window hears of what was filled
    told = "Nothing was filled: the segmentation was changed meanwhile. Fill between slices again."
    qtbot.waitUntil(lambda: hints[-1] == told, timeout=20_000)
    assert (_labels(context) == 1).sum(axis=(1, 2))[3:6].sum() == 0
    assert context.session.history.undo_label == "Paint stroke"
    run("annotate.interpolate", context)
    context.session.annotation.clear()
    qtbot.waitUntil(lambda: hints[-1] == "Nothing was filled: the segmentation is no longer there.", timeout=20_000)


def test_the_label_under_the_cursor_is_picked(window: MainWindow, context: Context, hints: list[str]) -> None:
    run("annotate.tool_paint", context)
    view = _view(window)
    drag(view, _at(view, 200.0, 150.0), QPointF(5, 0))
    run("annotate.new_label", context)
    assert context.session.annotation.settings.label == 2
    move(view, _at(view, 200.0, 152.0))
    _key(window, Qt.Key.Key_P)
    assert context.session.annotation.settings.label == 1
    assert hints[-1] == "Active label: 1 Label 1"
    move(view, _at(view, 400.0, 152.0))
    _key(window, Qt.Key.Key_P)
    assert hints[-1] == "There is no label there; the active label stays."
    run("annotate.tool_pick", context)
    run("annotate.next_label", context)
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=_at(view, 200.0, 152.0).toPoint())
    assert context.session.annotation.settings.label == 1


@pytest.mark.parametrize("index", range(4))
def test_outlines_lie_on_the_voxels_in_each_viewport(window: MainWindow, context: Context, index: int) -> None:
    state = context.session.slots[index].state
    assert state is not None
    found = context.session.annotation.begin(state.image.sop_uid, image_shape(state.image))
    edit = found.map.replaced(state.slice_index, (120, 60), np.ones((90, 140), np.uint8))
    context.session.annotation.commit(state.image.sop_uid, edit, written=False)
    context.session.annotation.update(fill=False)
    view = _view(window, index)
    QApplication.processEvents()
    rows, columns = np.nonzero((_pixels(view) == RED).all(axis=-1))
    corners = [_at(view, r, c) for r, c in ((119.5, 59.5), (209.5, 199.5))]
    left, right = sorted(p.x() - 0.5 for p in corners)
    top, bottom = sorted(p.y() - 0.5 for p in corners)
    assert abs(rows.min() - top) <= 1.5
    assert abs(rows.max() - bottom) <= 1.5
    assert abs(columns.min() - left) <= 1.5
    assert abs(columns.max() - right) <= 1.5
    hollow = (rows > top + 3) & (rows < bottom - 3) & (columns > left + 3) & (columns < right - 3)
    assert not hollow.any()
    context.session.annotation.update(visible=False)
    QApplication.processEvents()
    assert not (_pixels(view) == RED).all(axis=-1).any()


def uid_of(context: Context) -> str:
    image = context.session.active_image
    assert image is not None
    return image.sop_uid


def test_the_panel_lists_labels_and_changes_them(window: MainWindow, context: Context) -> None:
    run("annotate.tool_paint", context)
    view = _view(window)
    drag(view, _at(view, 200.0, 150.0), QPointF(5, 0))
    run("annotate.new_label", context)
    window.annotation.refresh()
    labels = window.annotation.labels
    assert [labels.item(k).text() for k in range(labels.count())] == ["1  Label 1", "2  Label 2"]
    assert labels.currentRow() == 1
    labels.setCurrentRow(0)
    assert context.session.annotation.settings.label == 1
    labels.setFocus()
    QTest.keyClick(labels, Qt.Key.Key_Space)
    assert not context.session.annotation.of(uid_of(context)).name(1).visible  # type: ignore[union-attr]
    QTest.keyClick(labels, Qt.Key.Key_Space)
    QTest.keyClick(labels, Qt.Key.Key_F2)  # a window preset elsewhere
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    editor.setText("1  ")
    QTest.keyClicks(editor, "Raumforderung 3")
    QTest.keyClick(editor, Qt.Key.Key_Backspace)
    QTest.keyClick(editor, Qt.Key.Key_Return)  # fills a polygon elsewhere
    QApplication.processEvents()
    uid = context.session.active_image.sop_uid  # type: ignore[union-attr]
    found = context.session.annotation.of(uid)
    assert found is not None
    assert found.name(1).name == "Raumforderung"
    eye = labels.visualItemRect(labels.item(0))
    at = eye.center() + (eye.topRight() - eye.topLeft()) / 2
    QTest.mouseClick(labels.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert not found.name(1).visible
    run("edit.undo", context)
    run("edit.undo", context)
    assert found.name(1).name == "Label 1"
    run("annotate.describe", context, LabelDescription(1, "", (1, 2, 3)))
    assert found.name(1) == LabelDescription(1, "Label 1", (1, 2, 3))
    assert "none yet" not in window.annotation.file.text()


def test_lesions_have_numbers_and_notes(window: MainWindow, context: Context, hints: list[str]) -> None:
    annotation, panel = context.session.annotation, window.annotation
    state = context.session.active_state
    assert state is not None
    found = annotation.begin(state.image.sop_uid, image_shape(state.image))
    finder = LesionFinder(found.map.shape, voxel_mm(state.image))

    def put(row: int, size: int) -> None:
        edit = found.map.replaced(3, (row, 100), np.ones((size, size), np.uint8))
        annotation.commit(state.image.sop_uid, edit, written=False)
        rows = finder.find(found.map.planes, frozenset({1}), frozenset({1}), lambda: False)
        assert rows is not None
        annotation.list_lesions(state.image.sop_uid, found.map.revision, rows)
        panel.refresh()

    assert not panel.note.isVisible()
    put(100, 10)
    assert not panel.note.isEnabled()
    assert panel.note.accessibleDescription() == (
        "Not available: no lesion is chosen; click one in the list or press N."
    )
    run("annotate.next_lesion", context)
    panel.refresh()
    panel.note.setFocus()
    QTest.keyClicks(panel.note, "calcified, stable since 2019")
    assert context.session.annotation.settings.tool == "navigate"  # letters and digits are no commands here
    QTest.keyClick(panel.note, Qt.Key.Key_Return)
    assert found.remarks == ((1, "calcified, stable since 2019"),)
    put(20, 30)  # above it: first in the list, but the number and the note stay where they were
    texts = [panel.lesions.item(k).text().split("\n") for k in range(panel.lesions.count())]
    assert [text[0] for text in texts] == ["2  Label 1   slice 4", "1  Label 1   slice 4"]
    assert texts[1][2] == "calcified, stable since 2019"
    assert panel.lesions.sizeHintForRow(1) == panel.lesions.sizeHintForRow(0) + 15
    panel.lesions.setFocus()
    panel.lesions.setCurrentRow(1)
    QTest.keyClick(panel.lesions, Qt.Key.Key_F2)
    panel.refresh()
    assert QApplication.focusWidget() is panel.note
    assert panel.note.text() == "calcified, stable since 2019"
    panel.note.selectAll()
    QTest.keyClicks(panel.note, "something else")
    QTest.keyClick(panel.note, Qt.Key.Key_Escape)
    assert panel.note.text() == "calcified, stable since 2019"
    run("edit.undo", context)  # the paint of the second one was no command: the note is the last step
    assert found.remarks == ()
    run("edit.redo", context)
    assert found.remarks == ((1, "calcified, stable since 2019"),)


def test_the_sheet_of_keys_fits_a_small_screen_with_the_keys_of_annotation_mode(
    window: MainWindow, context: Context
) -> None:
    window.resize(1280, 800)
    run("help.show", context)
    window.help.toggle()
    QApplication.processEvents()
    body, area = window.help.area.widget(), window.help.area
    assert body is not None
    assert body.sizeHint().width() <= area.width()
    assert body.sizeHint().height() <= area.height()
    shown = {label.text() for label in body.findChildren(QLabel)}
    assert {"Shift+O", "Outlines of other modalities", "Fill between slices", "Paint"} <= shown


def test_a_double_click_closes_a_polygon_and_does_not_maximise(window: MainWindow, context: Context) -> None:
    run("annotate.tool_polygon", context)
    view = _view(window)
    for row, column in ((100, 100), (100, 200)):
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=_at(view, row, column).toPoint())
    double_click(view, _at(view, 180, 150))
    assert context.session.maximised is None
    assert _labels(context).sum() > 0


def test_the_panel_comes_and_goes_with_the_mode(window: MainWindow, context: Context) -> None:
    assert window.annotation.isVisible()
    run("annotate.toggle", context)
    QApplication.processEvents()
    assert not window.annotation.isVisible()
    assert window.panel_visible("ai")
