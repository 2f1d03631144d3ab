"""The viewports: pixels on the right side, text off the breast, mouse, linked cursor, what is painted when."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import VoiWindow
from gmic_core.types import ImageResult, Modality
from tests.helpers.mouse import double_click, drag, leave, move, wheel
from tests.helpers.panel_fakes import FakeFrames, make_context, make_exam, make_image, make_result
from viewer.commands import Context, run
from viewer.model.viewstate import Slot
from viewer.views.main_window import MainWindow
from viewer.views.study_model import SOP_UID_MIME
from viewer.views.viewport_view import ViewportView

OpenWindow = Callable[[Context], MainWindow]


def gray(view: ViewportView) -> np.ndarray:
    """Return what the viewport shows, (height, width) of the green channel."""
    QApplication.processEvents()
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return pixels[:, : image.width(), 1].astype(int)


def middle_rows(view: ViewportView) -> np.ndarray:
    pixels = gray(view)
    return pixels[int(len(pixels) * 0.45) : int(len(pixels) * 0.55)]


# -- where the image lies --------------------------------------------------------------------------------------------
def test_chest_walls_touch_in_the_middle(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    right, left = window.grid.views[0], window.grid.views[1]
    assert right.geometry().right() + 1 == left.geometry().left()
    on_right, on_left = middle_rows(right), middle_rows(left)
    # tissue reaches the shared border (one hairline apart), air is on the outside
    assert on_right[:, -2:].mean() > 40
    assert on_left[:, 1:3].mean() > 40
    assert on_right[:, :20].max() == 0
    assert on_left[:, -20:].max() == 0


def test_empty_slot_says_what_is_missing(open_window: OpenWindow, context: Context) -> None:
    session = context.session
    session.hang("single", (1, 1), [Slot(0, 0, "no S2D R-CC")])
    view = open_window(context).grid.views[0]
    assert view.accessibleName() == "Empty viewport: no S2D R-CC"
    assert gray(view).max() > 40  # the words
    assert view.picture() is None


def test_maximised_viewport_fills_the_middle_and_goes_back(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    view, whole = window.grid.views[2], window.grid.rect()
    before = view.geometry()
    double_click(view)
    assert view.geometry() == whole
    assert [other.isVisible() for other in window.grid.views] == [False, False, True, False]
    double_click(view)
    assert view.geometry() == before
    assert all(other.isVisible() for other in window.grid.views)


def test_grid_shares_odd_sizes_without_a_gap(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    window.grid.resize(811, 607)
    rects = [view.geometry() for view in window.grid.views]
    assert rects[0].right() + 1 == rects[1].left()
    assert rects[0].bottom() + 1 == rects[2].top()
    assert (rects[3].right() + 1, rects[3].bottom() + 1) == (811, 607)


# -- scrolling -------------------------------------------------------------------------------------------------------
def test_sixty_notches_are_sixty_slices(open_window: OpenWindow) -> None:
    context = make_context(make_exam(frames=70))
    view = open_window(context).grid.views[0]
    state = context.session.active_state
    assert state is not None
    state.go_to_slice(3)
    for _ in range(60):
        wheel(view, -120)
    assert state.slice_index == 63
    for _ in range(30):  # a touchpad: eight parts of a notch
        for _ in range(8):
            wheel(view, 15)
    assert state.slice_index == 33


def test_scrolling_asks_for_the_frame_and_paints_it(
    open_window: OpenWindow, context: Context, fake_frames: FakeFrames
) -> None:
    view = open_window(context).grid.views[0]
    before = gray(view)
    wheel(view, -120)
    assert fake_frames.requested[-1] == (context.session.active_image.sop_uid, 7)  # type: ignore[union-attr]
    assert np.abs(gray(view) - before).mean() > 1
    assert 7 in context.session.active_state.seen  # type: ignore[union-attr]


def test_wheel_acts_on_the_viewport_under_the_mouse_and_makes_it_active(
    open_window: OpenWindow, context: Context
) -> None:
    view = open_window(context).grid.views[3]
    wheel(view, -120)
    assert context.session.active == 3
    assert [slot.state.slice_index for slot in context.session.slots if slot.state] == [6, 6, 6, 7]


def test_loading_viewport_says_which_slice_and_shows_it_when_it_comes(
    open_window: OpenWindow, context: Context, fake_frames: FakeFrames
) -> None:
    fake_frames.ready = False
    view = open_window(context).grid.views[0]
    waiting = gray(view)
    assert view.picture() is None
    assert 20 < waiting.max() < 220  # an outline and words in grey
    fake_frames.ready = True
    state = context.session.active_state
    assert state is not None
    fake_frames.frame_ready.emit(state.image.sop_uid, state.slice_index)
    assert np.count_nonzero(gray(view) > 40) > 4 * np.count_nonzero(waiting > 40)


def test_a_frame_that_cannot_be_decoded_says_so(
    open_window: OpenWindow, context: Context, fake_frames: FakeFrames
) -> None:
    fake_frames.ready = False
    view = open_window(context).grid.views[0]
    state = context.session.active_state
    assert state is not None
    fake_frames.frame_failed.emit(state.image.sop_uid, state.slice_index, "Slice 7 is damaged; copy the file again.")
    image = view.grab().toImage()
    colors = {image.pixelColor(x, image.height() // 2 + y).name() for x in range(image.width()) for y in range(-8, 8)}
    assert "#f2665c" in colors


# -- grey values, zoom, pan ------------------------------------------------------------------------------------------
def test_left_drag_changes_the_window_and_dragging_back_restores_it(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    state = context.session.active_state
    assert state is not None
    drag(view, QPointF(100, 100), QPointF(80, 0))
    assert state.current_window == VoiWindow(pytest.approx(2048), pytest.approx(4096 * np.exp(80 / 400)))  # type: ignore[arg-type]
    drag(view, QPointF(100, 100), QPointF(2, 1))
    assert state.current_window.width == pytest.approx(4096 * np.exp(0.2))  # type: ignore[union-attr]
    brightness = gray(view).mean()
    drag(view, QPointF(100, 100), QPointF(0, -100))
    assert gray(view).mean() > brightness


def test_middle_drag_pans_and_linked_views_follow(open_window: OpenWindow) -> None:
    context = two_modalities()
    window = open_window(context)
    first, second = window.grid.views
    place = QPointF(60, 120)
    at = second.to_view_mm(place)
    drag(first, QPointF(100, 100), QPointF(30, -20), Qt.MouseButton.MiddleButton)
    moved = second.from_view_mm(at)
    assert moved is not None
    assert (moved - place).toTuple() == pytest.approx((30, -20))
    drag(first, QPointF(100, 100), QPointF(-30, 20), modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert (second.from_view_mm(at) - place).toTuple() == pytest.approx((0, 0))  # type: ignore[operator]


def test_zoom_keeps_the_point_under_the_mouse_in_every_linked_view(open_window: OpenWindow) -> None:
    context = two_modalities()
    first, second = open_window(context).grid.views
    place = QPointF(130, 90)
    at = first.to_view_mm(place)
    where = second.from_view_mm(at)
    wheel(first, 240, place, Qt.KeyboardModifier.ControlModifier)
    assert first.from_view_mm(at).toTuple() == pytest.approx(place.toTuple())  # type: ignore[union-attr]
    # same field of view, at the same place of the viewport
    assert second.from_view_mm(at).toTuple() == pytest.approx(where.toTuple(), abs=1)  # type: ignore[union-attr]
    assert context.session.placement(1).scale == pytest.approx(context.session.placement(0).scale)


def test_right_drag_upwards_magnifies_about_the_press(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    place = QPointF(200, 150)
    at, scale = view.to_view_mm(place), context.session.placement(0).scale
    drag(view, place, QPointF(0, -100), Qt.MouseButton.RightButton)
    assert context.session.placement(0).scale == pytest.approx(scale * np.exp(0.5))
    assert view.from_view_mm(at).toTuple() == pytest.approx(place.toTuple())  # type: ignore[union-attr]


def test_zoom_window_and_slices_of_other_images_survive_twenty_scrolls(
    open_window: OpenWindow, context: Context
) -> None:
    view = open_window(context).grid.views[0]
    drag(view, QPointF(100, 100), QPointF(40, 40))
    wheel(view, 120, QPointF(100, 100), Qt.KeyboardModifier.ControlModifier)
    state = context.session.active_state
    assert state is not None
    window, placement = state.current_window, context.session.placement(0)
    for step in range(20):
        wheel(view, -120 if step < 10 else 120)
    assert (state.current_window, context.session.placement(0), state.slice_index) == (window, placement, 1)


def two_modalities() -> Context:
    """Return FFDM and DBT of one view side by side, with different pixel sizes."""
    context = make_context(make_exam())
    session = context.session
    images = [
        make_image("R", "CC", Modality.DBT, frames=5, spacing=(0.1, 0.1)),
        make_image("R", "CC", Modality.FFDM, spacing=(0.07, 0.07)),
    ]
    slots = [Slot(0, column, image.label, session.state_of(image)) for column, image in enumerate(images)]
    session.hang("compare", (1, 2), slots)
    return context


# -- text ------------------------------------------------------------------------------------------------------------
def texts(view: ViewportView) -> list[str]:
    return [word for placed in view.corner_lines() for word in (placed.line.text, *(b[0] for b in placed.line.badges))]


def test_corner_text_says_what_is_seen_and_hides_the_identity(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    gray(view)
    found = texts(view)
    assert found[:4] == ["R-CC", "DBT", "SIMULATED Ada", "SIM-1  2024-03-18"]
    assert {"slice 7 / 12   6 mm", "W 4096  L 2048"} <= set(found)
    run("view.hide_identity", context)
    assert not any("SIM" in text or "2024" in text for text in texts(view))


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_text_never_covers_the_breast(open_window: OpenWindow, context: Context, index: int) -> None:
    view = open_window(context).grid.views[index]
    gray(view)
    picture = view.picture()
    assert picture is not None
    image = picture.image
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 1]
    lines = view.corner_lines()
    assert len(lines) >= 6
    for placed in lines:
        rect = placed.rect.toAlignedRect()
        under = pixels[rect.top() : rect.bottom() + 1, rect.left() : rect.right() + 1]
        assert under.max(initial=0) == 0, placed.line.text


def test_magnified_breast_keeps_only_its_marker(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    gray(view)
    centre = QPointF(view.width() - 60, view.height() / 2)
    for _ in range(16):
        wheel(view, 120, centre, Qt.KeyboardModifier.ControlModifier)
    gray(view)
    lines = view.corner_lines()
    assert [(placed.line.text, placed.plate) for placed in lines if placed.line.text] == [("R-CC", True)]


# -- AI --------------------------------------------------------------------------------------------------------------
def test_overlay_is_painted_and_hidden_by_one_key(open_window: OpenWindow, results_context: Context) -> None:
    view = open_window(results_context).grid.views[0]

    def coloured() -> int:
        QApplication.processEvents()
        image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4).astype(int)
        return int((pixels[..., 2] - pixels[..., 0] > 60).sum())  # much more red than blue: the malignant ramp

    assert coloured() > 500
    run("overlay.toggle_all", results_context)
    assert coloured() == 0


def test_saliency_appears_on_the_slice_that_is_shown(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    image = context.session.active_image
    assert image is not None
    results, full = context.session.results, make_result(image)
    before = gray(view)
    results.expect("job", (image.sop_uid,))
    results.started(
        "job", image.sop_uid, slices=12, cells=(32, 24), to_stored=results_map(full), model="gmic3d", weights="w",
        untrained=False,
    )  # fmt: skip
    results.slice_computed("job", image.sop_uid, 2, full.saliency[6])
    assert np.array_equal(gray(view), before)
    results.slice_computed("job", image.sop_uid, 6, full.saliency[6])
    assert np.abs(gray(view) - before).max() > 10


def results_map(result: ImageResult) -> PlaneMap:
    return PlaneMap(result.saliency_to_stored)


def test_untrained_maps_are_marked_on_the_image_while_they_are_shown(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    image = context.session.active_image
    assert image is not None
    context.session.results.restore(make_result(image, untrained=True))
    assert "UNTRAINED" in texts(view)
    run("overlay.toggle_all", context)
    assert "UNTRAINED" not in texts(view)


def test_no_result_is_shown_while_the_side_is_in_question(open_window: OpenWindow) -> None:
    context = make_context(make_exam())
    image = make_image("R", "CC", Modality.DBT, frames=5, study="7", questions=("Which breast is this?",))
    context.session.hang("single", (1, 1), [Slot(0, 0, image.label, context.session.state_of(image))])
    context.session.results.restore(make_result(image, untrained=True))
    view = open_window(context).grid.views[0]
    gray(view)
    assert view.pixels.entry(context.session.state_of(image)) is None
    assert "UNTRAINED" not in texts(view)


# -- mouse readout and linked cursor ---------------------------------------------------------------------------------
def test_readout_and_linked_cursor(open_window: OpenWindow) -> None:
    context = two_modalities()
    first, second = open_window(context).grid.views
    place = QPointF(first.width() - 40, first.height() / 2)
    move(first, place)
    assert first.readout.startswith("value ")
    assert "mm deep" in first.readout
    assert first.linked_cursor is None
    assert second.linked_cursor == pytest.approx(first.to_view_mm(place))
    leave(first)
    assert (first.readout, second.linked_cursor) == ("", None)


def test_moving_the_mouse_renders_nothing_anew(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    gray(view)
    picture = view.picture()
    for x in range(20, 200, 20):
        move(view, QPointF(x, 200))
    gray(view)
    assert view.picture() is picture


# -- dropping --------------------------------------------------------------------------------------------------------
def test_image_dropped_from_the_study_list_hangs_there(open_window: OpenWindow, context: Context, qtbot: QtBot) -> None:
    view = open_window(context).grid.views[1]
    exam = context.session.exam
    assert exam is not None
    wanted = next(image for image in exam.images if image.modality is Modality.FFDM and image.label == "L-MLO")
    data = QMimeData()
    data.setData(SOP_UID_MIME, wanted.sop_uid.encode())
    action, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(view, QDragEnterEvent(QPoint(5, 5), action, data, left, none))
    QApplication.sendEvent(view, QDropEvent(QPointF(5, 5), action, data, left, none))
    assert context.session.active_image is wanted
    assert context.session.active == 1
    assert view.state is not None
    assert view.state.image is wanted
