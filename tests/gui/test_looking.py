"""Slab, lens and sweep in the window: what the pixels are, and that the screen says what it shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from gmic_core.exam.model import VoiWindow
from gmic_core.types import Modality
from tests.helpers.mouse import leave, move, wheel
from tests.helpers.panel_fakes import FakeFrames, make_context, make_exam, make_image
from viewer.commands import Context, run
from viewer.model.viewstate import Slot
from viewer.views.main_window import MainWindow
from viewer.views.viewport_view import ViewportView

OpenWindow = Callable[[Context], MainWindow]


def gray(view: ViewportView) -> np.ndarray:
    """Return what the viewport shows, (height, width) of the green channel."""
    QApplication.processEvents()
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return pixels[:, : image.width(), 1].astype(int)


def words(view: ViewportView) -> list[str]:
    return [word for placed in view.corner_lines() for word in (placed.line.text, *(b[0] for b in placed.line.badges))]


def painted(view: ViewportView) -> np.ndarray:
    """Return the painted picture alone, (height, width)."""
    picture = view.picture()
    assert picture is not None
    image = picture.image
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 1]


@pytest.mark.parametrize(("mode", "combined"), [("mean", np.mean), ("maximum", np.max)])
def test_the_pixels_of_a_slab_are_numpys(
    open_window: OpenWindow, mode: str, combined: Callable[..., np.ndarray]
) -> None:
    image = make_image("L", "CC", Modality.DBT, frames=12, windows=(VoiWindow(2048.0, 4096.0),))
    context = make_context(make_exam())
    context.session.hang("single", (1, 1), [Slot(0, 0, "L-CC", context.session.state_of(image))])
    view = open_window(context).grid.views[0]
    run("slab.set_thickness", context, 5.0)
    if mode == "maximum":
        run("slab.mode", context)
    run("zoom.one_to_one", context)
    gray(view)
    frames = context.frames
    stack = np.stack([frames.get(image, index)[0] for index in range(4, 9)])  # type: ignore[index]
    slab = np.rint(combined(stack, axis=0)).astype(np.uint16)
    to_screen = view.to_screen()
    assert to_screen is not None
    shown = painted(view)
    rows, cols = np.mgrid[20:500:7, 20:300:7]
    at = np.rint(to_screen.apply(np.stack([rows.ravel(), cols.ravel()], axis=1))).astype(int)
    inside = ((at >= 0) & (at < shown.shape)).all(axis=1)
    assert inside.sum() > 1500
    values = slab[rows.ravel()[inside], cols.ravel()[inside]].astype(float)
    wanted = np.clip(np.rint(255.0 * (values / 4095.0)), 0, 255)
    got = shown[at[inside, 0], at[inside, 1]].astype(float)
    tissue = values > 200
    assert np.abs(got - wanted)[tissue].max() <= 1


def test_the_screen_says_that_a_slab_is_shown_wherever_the_breast_is(open_window: OpenWindow, context: Context) -> None:
    views = open_window(context).grid.views
    run("slab.toggle", context)
    gray(views[0])
    assert all("slab 10 mm mean" in words(view) for view in views)
    for _ in range(16):  # no air is left on the screen
        wheel(views[0], 120, QPointF(views[0].width() - 60, views[0].height() / 2), ctrl())
    gray(views[0])
    assert "slab 10 mm mean" in words(views[0])
    run("slab.toggle", context)
    assert not any(word.startswith("slab") for word in words(views[0]))


def ctrl():
    from PySide6.QtCore import Qt

    return Qt.KeyboardModifier.ControlModifier


def test_a_slab_whose_slices_are_missing_says_so_and_comes_when_they_do(
    open_window: OpenWindow, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, state = context.frames, context.session.active_state
    assert isinstance(frames, FakeFrames)
    assert state is not None
    real, there = FakeFrames.get, {6, 7}
    monkeypatch.setattr(
        FakeFrames, "get", lambda self, image, index: real(self, image, index) if index in there else None
    )
    view = open_window(context).grid.views[0]
    single = gray(view)
    run("slab.set_thickness", context, 3.0)
    gray(view)
    assert "2 / 3 slices loaded" in words(view)
    there.add(5)
    frames.frame_ready.emit(state.image.sop_uid, 5)
    assert np.abs(gray(view) - single).mean() > 0.5
    assert not any("loaded" in word for word in words(view))


def test_the_value_under_the_mouse_is_the_slabs(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    place = QPointF(view.width() - 40, view.height() / 2)
    move(view, place)
    single = view.readout
    run("slab.toggle", context)
    move(view, place)
    image = context.session.active_image
    assert image is not None
    row, col = (round(value) for value in view.stored_at(place))
    slices = context.session.viewing.slab.slices(image, 6)
    values = [int(context.frames.get(image, index)[0][row, col]) for index in slices]  # type: ignore[index]
    assert view.readout.startswith(f"value {np.rint(np.mean(values)):.0f} ")
    assert view.readout != single


def test_a_slab_is_made_once_for_a_picture_however_fast_the_wheel_turns(
    open_window: OpenWindow, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = open_window(context).grid.views[0]
    move(view, QPointF(view.width() - 40, view.height() / 2))
    run("slab.set_thickness", context, 3.0)
    gray(view)
    made = []
    monkeypatch.setattr("viewer.model.slab.combine", lambda frames, *_args, **_named: made.append(1) or frames[0])
    for _ in range(4):
        wheel(view, -120)
    assert made == []
    gray(view)
    wheel(view, 120, QPointF(60, 60), ctrl())  # zoom, grey values and the lens use the slab that is there
    run("zoom.lens", context)
    gray(view)
    assert made == [1]


# -- lens ------------------------------------------------------------------------------------------------------------
def test_the_lens_shows_the_place_under_the_mouse_magnified(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    place = QPointF(view.width() - 90, view.height() / 2)
    before = gray(view)
    move(view, place)
    run("zoom.lens", context)
    state = context.session.active_state
    assert state is not None
    with_lens = gray(view)
    changed = np.argwhere(np.abs(with_lens - before) > 8)
    middle, reach = np.array([place.y(), place.x()]), view.lens.diameter / 2 + 20
    disc = np.linalg.norm(changed - middle, axis=1)
    # apart from the value under the mouse, written in the lower corner, only the lens changed
    assert (disc < reach).mean() > 0.9
    # its middle pixel is the stored pixel under the mouse, beside it the picture is 1 / factor as far away
    factor = view.lens.factor(state)
    assert factor == pytest.approx(max(2.0, 10.0 / context.session.placement(0).scale))
    leave(view)
    run("zoom.lens", context)
    assert np.array_equal(gray(view), before)


def test_lenses_of_one_breast_show_the_same_field_of_view(open_window: OpenWindow) -> None:
    context = make_context(make_exam())
    session = context.session
    images = [
        make_image("R", "CC", Modality.DBT, frames=5, spacing=(0.1, 0.1)),
        make_image("R", "CC", Modality.FFDM, spacing=(0.07, 0.07)),
        make_image("L", "CC", Modality.FFDM, spacing=(0.07, 0.07)),
    ]
    slots = [Slot(0, column, image.label, session.state_of(image)) for column, image in enumerate(images)]
    session.hang("compare", (1, 3), slots)
    first, second, other = open_window(context).grid.views
    run("zoom.lens", context)
    place = QPointF(first.width() / 2, first.height() / 2)
    move(first, place)
    at = second.lens.place()
    assert at is not None
    assert second.to_view_mm(at) == pytest.approx(first.to_view_mm(place))
    assert other.lens.place() is None  # the other breast
    states = [slot.state for slot in session.slots]
    assert states[0] is not None
    assert states[1] is not None
    assert first.lens.factor(states[0]) == pytest.approx(second.lens.factor(states[1]))
    leave(first)
    assert second.lens.place() is None


def test_without_a_mouse_the_lens_stands_in_the_middle_of_the_active_viewport(
    open_window: OpenWindow, context: Context
) -> None:
    views = open_window(context).grid.views
    run("zoom.lens", context)
    shown = [view.lens.place() for view in views]
    assert shown[0] is not None
    assert (shown[0] - QPointF(views[0].rect().center())).manhattanLength() <= 2
    assert shown[1:] == [None, None, None]
    move(views[0], QPointF(40, 50))  # who takes the mouse has it there from now on
    gray(views[0])
    assert views[0].lens.place() == QPointF(40, 50)
    leave(views[0])
    assert views[0].lens.place() is None


# -- sweep -----------------------------------------------------------------------------------------------------------
def test_the_sweep_puts_every_breast_pixel_on_screen(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[1]
    run("layout.activate", context, 1)
    gray(view)
    state = context.session.active_state
    assert state is not None
    frame = context.frames.get(state.image, state.slice_index)
    assert frame is not None
    tissue = frame[0] > 0
    grid = np.stack(np.meshgrid(*map(np.arange, tissue.shape), indexing="ij"), axis=-1).reshape(-1, 2).astype(float)
    seen = np.zeros(tissue.size, np.bool_)
    for _ in range(30):
        run("zoom.sweep_next", context)
        if context.session.placement(1).mode == "fit":
            break
        to_screen = view.to_screen()
        assert to_screen is not None
        at = to_screen.apply(grid)
        width, height = view.device_size()
        seen |= ((at > -0.5) & (at < (height - 0.5, width - 0.5))).all(axis=1)
        assert gray(view).max() > 100
        assert sum(word.startswith("field ") for word in words(view)) == 1
    else:
        pytest.fail("the sweep has no end")
    assert seen.reshape(tissue.shape)[tissue].all()
    assert not any(word.startswith("field ") for word in words(view))


def test_zoom_pan_and_grey_values_survive_scrolling_and_a_hanging_step(
    open_window: OpenWindow, context: Context
) -> None:
    view, session = open_window(context).grid.views[0], context.session
    wheel(view, 360, QPointF(120, 90), ctrl())
    state = session.active_state
    assert state is not None
    state.set_window(VoiWindow(1800.0, 900.0))
    before = session.placement(0)
    for step in range(20):
        wheel(view, -120 if step < 10 else 120)
    assert (session.placement(0), state.current_window) == (before, VoiWindow(1800.0, 900.0))
    slots, image = list(session.slots), state.image
    session.hang("single", (1, 1), [Slot(0, 0, "L-CC", slots[1].state)])
    session.hang("2x2", (2, 2), slots)
    assert session.state_of(image) is state
    assert (session.placement(0), state.current_window) == (before, VoiWindow(1800.0, 900.0))
