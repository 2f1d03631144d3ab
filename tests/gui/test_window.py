"""The window around the viewports: slice bar, panels, keys, files dropped, what it remembers, crash reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QApplication
from pytestqt.qtbot import QtBot

from gmic_core.types import Modality
from tests.helpers.mouse import drag, wheel
from tests.helpers.panel_fakes import RecordedActions, make_context, make_exam, make_image, make_result
from viewer.app.crash import CrashDialog, CrashHandler, report_text
from viewer.app.post import Poster
from viewer.app.weights import chosen_weights, named_weights
from viewer.commands import Context
from viewer.model.viewstate import Slot
from viewer.services.late_post import LatePost
from viewer.views.main_window import MainWindow
from viewer.views.slice_bar import SliceBar
from viewer.views.slice_bar_paint import runs

OpenWindow = Callable[[Context], MainWindow]


def picture(bar: SliceBar) -> np.ndarray:
    QApplication.processEvents()
    image = bar.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return pixels[:, : image.width(), 2::-1].astype(int)  # RGB


# -- slice bar -------------------------------------------------------------------------------------------------------
def test_bar_says_where_the_reader_is_and_follows_the_wheel(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    bar = window.slices
    assert (bar.text, bar.value(), bar.maximum()) == ("slice 7 / 12  6 mm", 6, 11)
    wheel(window.grid.views[0], -120)
    assert (bar.text, bar.value()) == ("slice 8 / 12  7 mm", 7)
    assert bar.accessibleDescription() == "slice 8 / 12  7 mm"


def test_click_and_drag_on_the_bar_go_there(open_window: OpenWindow, context: Context) -> None:
    bar = open_window(context).slices
    state = context.session.active_state
    assert state is not None
    track = bar._track()
    share = track.width() / 12
    drag(bar, QPointF(track.left() + 2.5 * share, 20), QPointF(0, 0), steps=1)
    assert state.slice_index == 2
    drag(bar, QPointF(track.left() + 2.5 * share, 20), QPointF(5 * share, 0))
    assert state.slice_index == 7
    drag(bar, QPointF(track.left() + 2.5 * share, 20), QPointF(-500, 0))
    assert state.slice_index == 0
    wheel(bar, -120)
    assert state.slice_index == 1


@pytest.mark.parametrize(
    ("key", "slice_index"),
    [(Qt.Key.Key_Left, 5), (Qt.Key.Key_Right, 7), (Qt.Key.Key_Home, 0), (Qt.Key.Key_End, 11), (Qt.Key.Key_Up, 5)],
)
def test_focused_bar_takes_the_arrow_keys(
    open_window: OpenWindow, context: Context, qtbot: QtBot, key: Qt.Key, slice_index: int
) -> None:
    bar = open_window(context).slices
    bar.setFocus()
    qtbot.keyClick(bar, key)
    assert context.session.active_state.slice_index == slice_index  # type: ignore[union-attr]
    assert context.session.active == 0


def test_bar_paints_malignant_up_and_benign_down_where_the_map_has_them(
    open_window: OpenWindow, results_context: Context
) -> None:
    bar = open_window(results_context).slices
    pixels = picture(bar)
    orange = (pixels[..., 0] - pixels[..., 2] > 60).nonzero()
    cyan = (pixels[..., 2] - pixels[..., 0] > 60).nonzero()
    track = bar._track()
    assert orange[0].size > 100
    assert orange[0].max() < 28  # above the line
    high = orange[1][orange[0] < 20]
    assert abs(high.mean() - (track.left() + track.width() * 6.5 / 12)) < 8  # the peak is in slice 7
    below = cyan[0] > 28
    assert below.any()
    results_context.session.overlays.update(visible=False)
    hidden = picture(bar)
    assert not (hidden[..., 0] - hidden[..., 2] > 60).any()


def test_bar_of_a_single_image_is_off_and_says_so(open_window: OpenWindow) -> None:
    context = make_context(make_exam())
    image = make_image("R", "CC", Modality.FFDM, study="9")
    context.session.hang("single", (1, 1), [Slot(0, 0, image.label, context.session.state_of(image))])
    bar = open_window(context).slices
    assert (bar.text, bar.isEnabled()) == ("one image - no slices", False)
    assert bar.bar() is None


def test_runs_of_slices() -> None:
    assert runs(frozenset({5, 1, 2, 3, 8, 9})) == [(1, 3), (5, 5), (8, 9)]
    assert runs(frozenset()) == []


# -- window ----------------------------------------------------------------------------------------------------------
def test_window_has_its_parts_at_their_sizes(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    assert window.toolbar.height() == 36
    assert window.slices.height() == 56
    assert window.status.height() == 22
    assert window.study.geometry().right() < window.grid.mapTo(window, QPoint(0, 0)).x()
    assert window.status.research.isVisible()


def test_title_names_the_exam_unless_the_identity_is_hidden(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    assert "SIM-1" in window.windowTitle()
    context.session.set_identity_hidden(True)
    assert window.windowTitle() == "Identity hidden - GMIC Viewer"


@pytest.mark.parametrize(
    ("key", "command"), [(Qt.Key.Key_Down, 7), (Qt.Key.Key_PageUp, 5), (Qt.Key.Key_Home, 0), (Qt.Key.Key_End, 11)]
)
def test_keys_scroll_the_active_viewport(
    open_window: OpenWindow, context: Context, qtbot: QtBot, key: Qt.Key, command: int
) -> None:
    window = open_window(context)
    qtbot.keyClick(window, key)
    assert context.session.active_state.slice_index == command  # type: ignore[union-attr]


def test_escape_closes_sheet_then_banner_then_maximised(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    context.session.toggle_maximised()
    context.session.notice.emit("warning", "Something to know.")
    window.help.toggle()
    window.escape()
    assert not window.help.isVisible()
    assert window.banners.isVisible()
    window.escape()
    assert not window.banners.isVisible()
    assert context.session.maximised == 0
    window.escape()
    assert context.session.maximised is None


def test_what_closes_over_the_images_leaves_the_active_viewport_as_it_is(
    open_window: OpenWindow, context: Context, qtbot: QtBot
) -> None:
    window, session = open_window(context), context.session
    session.activate(2)
    window.grid.setFocus()
    window.help.toggle()
    window.escape()
    assert (window.focusWidget(), session.active) == (window.grid, 2)
    window.palette_box.toggle()
    window.palette_box.field.setText("invert")
    qtbot.keyClick(window.palette_box.field, Qt.Key.Key_Return)
    assert (window.focusWidget(), session.active) == (window.grid, 2)
    assert [slot.state.inverted for slot in session.slots if slot.state] == [False, False, True, False]
    for panel, inside in (("study", window.study.list), ("ai", window.ai.overlay.findChild(QAbstractButton))):
        inside.setFocus()
        window.set_panel_visible(panel, False)
        assert (window.focusWidget(), session.active) == (window.grid, 2)


def test_files_dropped_on_a_viewport_are_opened(open_window: OpenWindow, context: Context, tmp_path: Path) -> None:
    window = open_window(context)
    actions = context.actions
    assert isinstance(actions, RecordedActions)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.zip")), QUrl("https://example.org/b.dcm")])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), copy, data, left, none)
    QApplication.sendEvent(window.grid.views[0], enter)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), copy, data, left, none))
    assert actions.calls == [("open_paths", [tmp_path / "a.zip"])]


def test_empty_window_says_what_to_do(open_window: OpenWindow) -> None:
    window = open_window(make_context())
    assert window.windowTitle() == "GMIC Viewer"
    image = window.grid.grab().toImage()
    colors = {image.pixelColor(x, image.height() // 2).name() for x in range(image.width())}
    assert len(colors) > 3  # words on black
    assert window.slices.text == "no image"


def test_geometry_and_panels_are_remembered(open_window: OpenWindow) -> None:
    context = make_context(make_exam())
    window = open_window(context)
    window.resize(790, 640)  # the platform's screen has 800 x 800 pixels, and Qt keeps windows on it
    window.set_panel_visible("study", False)
    QApplication.processEvents()
    window.close()
    again = MainWindow(context)
    again.show()
    assert (again.width(), again.height()) == (790, 640)
    assert not again.panel_visible("study")
    again.close()


def test_high_resolution_screens_get_all_their_pixels(
    open_window: OpenWindow, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = open_window(context).grid.views[0]
    monkeypatch.setattr(type(view), "devicePixelRatioF", lambda _self: 2.0)
    view.mouse._ratio = lambda: 2.0
    view.rebind()
    picture = view.picture()
    assert picture is not None
    assert (picture.image.width(), picture.image.height()) == (2 * view.width(), 2 * view.height())
    place = QPointF(100, 80)
    there = view.from_view_mm(view.to_view_mm(place))
    assert there is not None
    assert there.toTuple() == pytest.approx(place.toTuple())


# -- crash reports ---------------------------------------------------------------------------------------------------
def crash() -> tuple[type[BaseException], BaseException]:
    try:
        raise KeyError("unexpected")
    except KeyError as error:
        return type(error), error


def test_crash_report_can_be_copied_and_the_window_stays(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    kind, error = crash()
    handler = CrashHandler(window)
    handler.handle(kind, error, error.__traceback__)
    dialogs = window.findChildren(CrashDialog)
    assert [dialog.isVisible() for dialog in dialogs] == [True]
    assert not dialogs[0].isModal()
    dialogs[0].copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "KeyError: 'unexpected'" in copied
    assert "PySide6-Essentials" in copied
    handler.handle(kind, error, error.__traceback__)
    assert len(window.findChildren(CrashDialog)) == 1  # one at a time
    assert window.isVisible()


def test_report_has_versions_and_the_traceback() -> None:
    kind, error = crash()
    text = report_text(kind, error, error.__traceback__)
    assert text.startswith("Python 3.")
    assert "in crash" in text


# -- posting ---------------------------------------------------------------------------------------------------------
def test_late_post_keeps_the_order_until_the_gui_is_there() -> None:
    late, said = LatePost(), []
    for number in range(3):
        late(lambda number=number: said.append(number))
    assert said == []
    late.attach(lambda call: call())
    late(lambda: said.append(3))
    assert said == [0, 1, 2, 3]


def test_poster_runs_on_the_gui_thread_and_drops_what_comes_after_the_end(qtbot: QtBot) -> None:
    import threading

    post, where = Poster(), []
    threading.Thread(target=lambda: post(lambda: where.append(threading.current_thread()))).start()
    qtbot.waitUntil(lambda: bool(where), timeout=2000)
    assert where == [threading.main_thread()]
    post(lambda: where.append(None))
    post.close()
    QApplication.processEvents()
    assert len(where) == 1


# -- weights ---------------------------------------------------------------------------------------------------------
def test_named_weights_come_before_remembered_ones() -> None:
    named = named_weights(["gmic3d=/weights/a.p", "random:3"])
    assert named == {
        "gmic3d": ("/weights/a.p", "random:3"),
        "gmic2d": ("random:3",),
        "gmic2d_park": ("random:3",),
    }
    images = [make_image(modality=Modality.DBT, frames=3), make_image(modality=Modality.FFDM)]
    assert chosen_weights(images, {}, {"gmic2d": ["kept"]}) == {"gmic2d": ("kept",)}
    assert chosen_weights(images[1:], named, {"gmic2d": ["kept"]}) == {"gmic2d": ("random:3",)}


def test_patches_are_numbered_by_attention(open_window: OpenWindow, context: Context) -> None:
    from viewer.views.viewport_marks import visible_boxes

    image = context.session.active_image
    assert image is not None
    view = open_window(context).grid.views[0]
    to_screen = view.to_screen()
    assert to_screen is not None
    rois = make_result(image, patches=4).rois[::-1]  # the highest attention last
    boxes = visible_boxes(rois, (image.rows, image.columns), rois[0].slice_index, to_screen, 1.0, None)
    numbers = {box.label.split()[1]: box.label.split()[0] for box in boxes}
    strongest = f"{max(roi.attention for roi in rois):.2f}"
    assert numbers[strongest] == "1"
    on_slice = [box for box in boxes if box.on_slice]
    assert [box.opacity for box in on_slice] == [1.0]
    assert all(box.opacity <= 0.55 for box in boxes if not box.on_slice)
