"""Marks in the real window: drawn, moved and written with mouse and keys, painted exactly where they belong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.exam.geometry import ORIENTATIONS
from gmic_core.exam.model import VoiWindow
from tests.helpers import hung_images
from tests.helpers.mouse import double_click, drag, move, wheel
from tests.helpers.panel_fakes import RecordedActions
from viewer.commands import Context, run
from viewer.model.marks import Mark
from viewer.model.placement import Placement
from viewer.model.viewstate import Slot
from viewer.views import theme
from viewer.views.command_widgets import install_shortcuts
from viewer.views.main_window import MainWindow
from viewer.views.marks_layer import MarksLayer
from viewer.views.viewport_grid import ViewportGrid
from viewer.views.viewport_view import ViewportView

OpenWindow = Callable[[Context], MainWindow]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication, context: Context) -> ViewportView:
    """The viewports alone, with the keys of the window: a whole window takes a second more."""
    if not qapp.styleSheet():
        theme.apply(qapp)
    grid = ViewportGrid(context)
    qtbot.addWidget(grid)
    install_shortcuts(grid, context)
    grid.resize(820, 640)
    grid.show()
    qtbot.waitExposed(grid)
    qapp.processEvents()
    return grid.views[0]


def picture(view: ViewportView) -> QImage:
    QApplication.processEvents()
    return view.grab().toImage()


def click(view: ViewportView, at: QPointF) -> None:
    QTest.mouseClick(view, LEFT, pos=at.toPoint())


def marks(context: Context) -> tuple[Mark, ...]:
    image = context.session.active_image
    assert image is not None
    return context.session.marks.of(image.sop_uid).marks


def add(context: Context, kind: str, *points: tuple[float, float], slice_index: int = 6, text: str = "") -> Mark:
    image = context.session.active_image
    assert image is not None
    mark = Mark(kind, image.sop_uid, slice_index, points, text)  # type: ignore[arg-type]
    run("marks.add", context, mark)
    return mark


def on_screen(view: ViewportView, point: tuple[float, float]) -> QPointF:
    to_screen = view.to_screen()
    assert to_screen is not None
    row, column = to_screen.apply(point)
    return QPointF(float(column) + 0.5, float(row) + 0.5)


# -- where it is painted ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("label", ["R-CC", "L-MLO"])
def test_a_mark_is_painted_where_it_belongs(view: ViewportView, context: Context, label: str) -> None:
    session, checked = context.session, 0
    facing = ((100.0, 40.0), (180.0, 120.0))  # of the right-facing breast
    for number, turn in enumerate(ORIENTATIONS):
        image = hung_images.make_image(
            label, uid=str(number), shape=(512, 384), stored=turn, windows=(VoiWindow(2048.0, 4096.0),)
        )
        session.open_exam(hung_images.make_exam(image))
        session.hang("single", (1, 1), [Slot(0, 0, label, session.state_of(image))])
        numbers = np.arange(512 * 384).reshape(512, 384)
        stored = [np.argwhere(turn.apply(numbers) == numbers[round(row), round(col)])[0] for row, col in facing]
        add(context, "length", *((float(row), float(col)) for row, col in stored), slice_index=0)
        for placement in (None, Placement("free", 11.0, -8.0, 9.0)):
            session.place(0, placement)
            found, now, size = picture(view), session.placement(0), (view.width(), view.height())
            for point in facing:
                row, col = hung_images.expected_screen(
                    image, point, (512, 384), (0.1, 0.1), (now.scale, now.down, now.depth), size
                )
                if 4 < row < size[1] - 4 and 4 < col < size[0] - 4:
                    assert found.pixelColor(round(col), round(row)) == QColor(theme.ACCENT), (turn, point, row, col)
                    checked += 1
    assert checked >= 24


def test_a_mark_is_faint_and_without_words_nearby_and_gone_further_away(view: ViewportView, context: Context) -> None:
    add(context, "length", (200.0, 200.0), (260.0, 300.0))
    state = context.session.active_state
    assert state is not None
    seen = []
    for index in (6, 7, 11, 0):
        state.go_to_slice(index)
        look = view.look()
        assert look is not None
        shown = view.marks.shown(state, look)
        words = view.marks.labels(shown, state, look, [], lambda _rect: False)
        seen.append([(round(item.opacity, 2), item.on_slice, len(words)) for item in shown])
    assert seen == [[(1.0, True, 1)], [(0.5, False, 0)], [(0.2, False, 0)], []]


@pytest.mark.parametrize("place", [(40.0, 40.0), (250.0, 330.0), (480.0, 370.0)])
def test_words_never_lie_on_a_mark_nor_on_other_words(view: ViewportView, context: Context, place) -> None:
    row, col = place
    add(context, "ellipse", (row - 30, col - 30), (row + 30, col + 30))
    add(context, "length", (row - 40, col - 20), (row - 10, col + 20))
    add(context, "place", (row, col))
    add(context, "arrow", (row + 30, col - 35), (row + 8, col - 5), text="a cluster of faint calcifications")
    state, look = context.session.active_state, view.look()
    assert state is not None
    assert look is not None
    shown = view.marks.shown(state, look)
    taken = [line.rect for line in view.corner_lines()]
    labels = view.marks.labels(shown, state, look, taken, view.over.touches(state, look))
    assert len(labels) == 5  # with the guessed nipple's
    for number, label in enumerate(labels):
        assert look.rect.contains(label.rect)
        assert not any(label.rect.intersects(item.rect) for item in shown), label.lines
        assert not any(label.rect.intersects(other.rect) for other in labels[:number]), label.lines
        assert not any(label.rect.intersects(rect) for rect in taken), label.lines


# -- drawing ----------------------------------------------------------------------------------------------------------
def test_a_length_is_drawn_by_dragging_and_the_tool_laid_down(view: ViewportView, context: Context) -> None:
    state = context.session.active_state
    assert state is not None
    window = state.current_window
    QTest.keyClick(view, Qt.Key.Key_D)
    assert context.session.marks.tool == "length"
    drag(view, QPointF(200, 120), QPointF(60, 80))
    (mark,) = marks(context)
    assert on_screen(view, mark.points[0]).toTuple() == pytest.approx((200, 120), abs=0.6)
    assert on_screen(view, mark.points[1]).toTuple() == pytest.approx((260, 200), abs=0.6)
    assert (mark.kind, mark.slice_index, context.session.marks.tool) == ("length", 6, None)
    assert state.current_window == window  # the drag was no window drag
    drag(view, QPointF(30, 30), QPointF(60, 0))
    assert state.current_window != window


def test_both_ends_can_be_clicked_and_the_mouse_shows_the_value_in_between(
    view: ViewportView, context: Context
) -> None:
    run("marks.tool_length", context)
    click(view, QPointF(200, 120))
    move(view, QPointF(250, 160))
    draft = context.session.marks.draft
    assert draft is not None
    assert on_screen(view, draft.points[1]).toTuple() == pytest.approx((250, 160), abs=0.6)
    assert marks(context) == ()
    click(view, QPointF(260, 170))
    assert [mark.kind for mark in marks(context)] == ["length"]


def test_an_angle_takes_a_drag_and_a_click(view: ViewportView, context: Context) -> None:
    run("marks.tool_angle", context)
    drag(view, QPointF(200, 120), QPointF(50, 0))
    move(view, QPointF(250, 150))
    click(view, QPointF(250, 170))
    (mark,) = marks(context)
    state = context.session.active_state
    assert state is not None
    assert view.marks.values.short_lines(mark, state.image) == ("90.0°",)


def test_a_region_is_drawn_by_hand(view: ViewportView, context: Context) -> None:
    run("marks.tool_freeform", context)
    QTest.mousePress(view, LEFT, pos=QPoint(200, 120))
    for place in [(x, 120) for x in range(205, 261, 5)] + [(260, y) for y in range(125, 181, 5)] + [(200, 180)]:
        move(view, QPointF(*place))
    QTest.mouseRelease(view, LEFT, pos=QPoint(200, 180))
    (mark,) = marks(context)
    assert mark.kind == "freeform"
    assert len(mark.points) == 4  # the corners of a square
    state = context.session.active_state
    assert state is not None
    found = view.marks.values.statistics(mark, state.image)
    scale = context.session.placement(0).scale
    assert found is not None
    assert found.area_mm2 == pytest.approx(3600 / scale**2, rel=0.03)


def test_a_slip_of_the_hand_leaves_nothing(view: ViewportView, context: Context) -> None:
    run("marks.tool_ellipse", context)
    drag(view, QPointF(200, 120), QPointF(60, 0))
    assert marks(context) == ()
    assert context.session.marks.draft is None
    assert not context.session.history.undo_label


def test_escape_leaves_the_mark_then_the_tool_and_touches_no_grey_values(view: ViewportView, context: Context) -> None:
    state, session = context.session.active_state, context.session
    assert state is not None
    window = state.current_window
    run("marks.tool_length", context)
    click(view, QPointF(200, 120))
    session.marks.escape()
    assert (session.marks.draft, session.marks.tool) == (None, "length")
    session.marks.escape()
    assert session.marks.tool is None
    assert (marks(context), state.current_window) == ((), window)


def test_scrolling_and_zooming_work_while_a_tool_is_in_hand(view: ViewportView, context: Context) -> None:
    run("marks.tool_length", context)
    wheel(view, -120)
    wheel(view, 120, QPointF(200, 120), Qt.KeyboardModifier.ControlModifier)
    drag(view, QPointF(200, 120), QPointF(60, 80))
    (mark,) = marks(context)
    assert mark.slice_index == 7
    assert on_screen(view, mark.points[1]).toTuple() == pytest.approx((260, 200), abs=0.6)


# -- moving -----------------------------------------------------------------------------------------------------------
def test_a_line_is_moved_and_a_handle_pulled_in_one_step_each(view: ViewportView, context: Context) -> None:
    mark = add(context, "length", (200.0, 200.0), (200.0, 300.0))
    one, other = (on_screen(view, point) for point in mark.points)
    drag(view, (one + other) / 2, QPointF(20, 30))
    (moved,) = marks(context)
    assert on_screen(view, moved.points[0]).toTuple() == pytest.approx((one + QPointF(20, 30)).toTuple())
    drag(view, other + QPointF(20, 30), QPointF(15, -40))
    (pulled,) = marks(context)
    assert pulled.points[0] == moved.points[0]
    assert on_screen(view, pulled.points[1]).toTuple() == pytest.approx((other + QPointF(35, -10)).toTuple())
    history = context.session.history
    assert [history.undo() for _ in range(3)] == ["Move length", "Move length", "Add mark"]
    assert marks(context) == ()


def test_escape_in_the_middle_of_a_drag_puts_the_mark_back(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    view = window.grid.views[0]
    mark = add(context, "length", (200.0, 200.0), (200.0, 300.0))
    middle = (on_screen(view, mark.points[0]) + on_screen(view, mark.points[1])) / 2
    QTest.mousePress(view, LEFT, pos=middle.toPoint())
    move(view, middle + QPointF(40, 40))
    assert marks(context) != (mark,)
    with context.session.history.step("Close"):  # as the key does
        window.escape()
    assert marks(context) == (mark,)
    QTest.mouseRelease(view, LEFT, pos=middle.toPoint())
    assert context.session.history.undo_label == "Add mark"


def test_a_click_beside_everything_lets_go(view: ViewportView, context: Context) -> None:
    add(context, "length", (200.0, 200.0), (200.0, 300.0))
    click(view, QPointF(20, 20))
    assert context.session.marks.selected is None


def test_the_guessed_nipple_shows_with_a_place_and_can_be_moved(view: ViewportView, context: Context) -> None:
    state = context.session.active_state
    assert state is not None
    add(context, "place", (280.0, 250.0))
    guess = view.marks.values.nipple(state.image)
    assert guess is not None
    assert guess[1]
    context.session.marks.select(None)
    at = on_screen(view, guess[0])
    drag(view, at, QPointF(10, 12))
    nipple = context.session.marks.nipple(state.image.sop_uid)
    assert nipple is not None
    assert on_screen(view, nipple.points[0]).toTuple() == pytest.approx((at + QPointF(10, 12)).toTuple())
    lines = view.marks.values.short_lines(marks(context)[0], state.image)
    assert lines[1].endswith(" mm from nipple")
    assert context.session.history.undo() == "Place nipple"
    assert context.session.marks.nipple(state.image.sop_uid) is None


# -- words ------------------------------------------------------------------------------------------------------------
def test_text_is_written_in_place_and_letters_are_no_commands(
    view: ViewportView, context: Context, qtbot: QtBot
) -> None:
    run("marks.tool_text", context)
    click(view, QPointF(200, 150))
    editor = view.marks.editor
    assert editor.isVisible()
    assert marks(context) == ()
    qtbot.keyClicks(editor, "skin fold KEG")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    (mark,) = marks(context)
    assert (mark.kind, mark.text) == ("text", "skin fold KEG")
    assert not editor.isVisible()
    assert context.session.overlays.settings.visible  # G did not reach the window
    assert context.session.history.undo() == "Write text"
    assert marks(context) == ()


def test_escape_in_the_editor_keeps_nothing_and_double_click_writes_on_a_mark(
    view: ViewportView, context: Context, qtbot: QtBot
) -> None:
    mark = add(context, "length", (200.0, 200.0), (200.0, 300.0))
    middle = (on_screen(view, mark.points[0]) + on_screen(view, mark.points[1])) / 2
    double_click(view, middle)
    editor = view.marks.editor
    assert (editor.isVisible(), context.session.maximised) == (True, None)
    qtbot.keyClicks(editor, "not this")
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert marks(context) == (mark,)
    run("marks.edit_text", context)
    qtbot.keyClicks(editor, "mass")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert marks(context)[0].text == "mass"


# -- keys alone -------------------------------------------------------------------------------------------------------
def test_keys_alone_place_move_and_delete(view: ViewportView, context: Context) -> None:
    for key, modifier in [
        (Qt.Key.Key_D, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_Insert, Qt.KeyboardModifier.NoModifier),
    ]:
        QTest.keyClick(view, key, modifier)
    (mark,) = marks(context)
    before = [on_screen(view, point) for point in mark.points]
    QTest.keyClick(view, Qt.Key.Key_H)
    for _ in range(3):
        QTest.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ShiftModifier)
    after = [on_screen(view, point) for point in marks(context)[0].points]
    assert (after[0] - before[0]).toTuple() == pytest.approx((3, 0))
    assert (after[1] - before[1]).toTuple() == pytest.approx((0, 0))
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert marks(context) == ()
    QTest.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(marks(context)) == 1


# -- list and key images ----------------------------------------------------------------------------------------------
def test_the_list_shows_what_is_marked_and_goes_there(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    panel = window.study.marks
    assert panel.isHidden()
    run("marks.key_image", context)
    mark = add(context, "length", (200.0, 200.0), (260.0, 280.0), slice_index=9)
    QApplication.processEvents()
    assert not panel.isHidden()
    titles = [panel.list.item(n).data(Qt.ItemDataRole.AccessibleTextRole) for n in range(panel.list.count())]
    assert titles == ["Key image, R-CC DBT   slice 7", "Length 10.0 mm, R-CC DBT   slice 10"]
    assert panel.detail.text().startswith("10.0 mm, with the spacing that the file states")
    run("navigate.next_viewport", context)
    context.session.marks.select(None)
    panel.list.itemClicked.emit(panel.list.item(1))
    state = context.session.active_state
    assert state is not None
    assert (context.session.active, state.slice_index, context.session.marks.selected) == (0, 9, mark.id)
    panel.list.itemClicked.emit(panel.list.item(0))
    assert state.slice_index == 6
    assert any("key image" in (word for word, _ in line.line.badges) for line in window.grid.views[0].corner_lines())
    run("edit.undo", context)
    run("edit.undo", context)
    QApplication.processEvents()
    assert panel.isHidden()


def test_values_are_copied_without_identity(open_window: OpenWindow, context: Context) -> None:
    open_window(context)
    add(context, "length", (200.0, 200.0), (260.0, 280.0))
    run("marks.copy", context)
    actions = context.actions
    assert isinstance(actions, RecordedActions)
    name, text = actions.calls[-1]
    assert name == "copy_text"
    assert str(text).splitlines()[0] == "R-CC DBT slice 7: Length"
    assert "10.0 mm" in str(text)
    assert "SIM" not in str(text)


def test_the_toolbar_offers_the_tools(open_window: OpenWindow, context: Context) -> None:
    button = open_window(context).toolbar.measure
    menu = button.menu()
    menu.aboutToShow.emit()
    texts = [action.text().split("\t")[0] for action in menu.actions()]
    assert texts[:8] == ["Length", "Angle", "Ellipse", "Free-form", "Arrow", "Text", "Place", "Nipple"]
    run("marks.tool_angle", context)
    assert button.isChecked()
    assert button.accessibleName() == "Measure and mark: angle is chosen"


def test_hidden_marks_are_not_painted_and_cannot_be_taken(view: ViewportView, context: Context) -> None:
    mark = add(context, "length", (200.0, 200.0), (200.0, 300.0))
    middle = (on_screen(view, mark.points[0]) + on_screen(view, mark.points[1])) / 2
    shown = picture(view)
    run("marks.toggle_visible", context)
    assert picture(view) != shown
    assert view.marks.hit(middle) is None
    assert isinstance(view.marks, MarksLayer)


def test_the_slice_bar_shows_key_images_and_slices_with_marks(open_window: OpenWindow, context: Context) -> None:
    bar = open_window(context).slices
    run("marks.key_image", context)
    add(context, "length", (200.0, 200.0), (260.0, 280.0), slice_index=2)
    run("navigate.go_to_slice", context, 10)
    QApplication.processEvents()
    shown = bar.grab().toImage()
    bright = [
        shown.pixelColor(round(bar._track().left() + bar._instrument(bar.bar()).middle(index)), 40)
        for index in (2, 6, 4)
    ]  # type: ignore[arg-type]
    assert bright[:2] == [QColor(theme.TEXT)] * 2
    assert bright[2].lightness() < 40
