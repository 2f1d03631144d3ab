"""Zoom, pan and grey values of the active viewport."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gmic_core.exam.model import VoiTable, VoiWindow
from tests.helpers.panel_fakes import hang_four, make_context, make_exam, make_image
from viewer.commands import COMMANDS, Context, run
from viewer.commands.window import presets
from viewer.model.viewstate import ImageState


@pytest.fixture
def context() -> Context:
    """Images of 512 x 384 pixels of 0.1 mm (51.2 x 38.4 mm) in viewports of 400 x 500 device pixels."""
    return make_context(make_exam())


def placement(context: Context, index: int = 0):
    return context.session.placement(index)


def checked(context: Context, command_id: str) -> bool:
    check = COMMANDS[command_id].checked
    assert check is not None
    return check(context)


def test_fit_is_the_same_scale_everywhere(context: Context) -> None:
    assert placement(context).mode == "fit"
    assert placement(context).scale == pytest.approx(500 / 51.2)
    assert checked(context, "zoom.fit")


def test_one_to_one_is_one_device_pixel_per_stored_pixel(context: Context) -> None:
    run("zoom.one_to_one", context)
    now = placement(context)
    assert (now.mode, now.scale, now.down, now.depth) == ("one_to_one", 10.0, 0.0, pytest.approx(19.2))
    assert checked(context, "zoom.one_to_one")
    assert not checked(context, "zoom.fit")
    run("zoom.fit", context)
    assert placement(context).mode == "fit"


def test_one_to_one_without_spacing_counts_pixels() -> None:
    exam = replace(make_exam(), images=(make_image(spacing=None),))
    context = make_context(exam)
    run("zoom.one_to_one", context)
    assert placement(context).scale == 1.0
    assert COMMANDS["zoom.true_size"].why_disabled(context) == (
        "R-CC states no pixel spacing, so its true size is not known; use 1:1 (key 1)."
    )


def test_true_size_takes_the_screens_scale(context: Context) -> None:
    run("zoom.true_size", context)
    assert (placement(context).mode, placement(context).scale) == ("true_size", 4.0)
    context.actions.scale = None
    assert COMMANDS["zoom.true_size"].why_disabled(context) == (
        "this screen does not tell its size, so true size is not known; use 1:1 (key 1)."
    )


def test_changing_the_scale_keeps_the_middle_but_on_the_image(context: Context) -> None:
    run("zoom.one_to_one", context)
    session = context.session
    session.place(0, replace(placement(context), down=7.0, depth=90.0))
    run("zoom.true_size", context)
    assert (placement(context).down, placement(context).depth) == (7.0, pytest.approx(38.4))


def test_zoom_steps_are_a_quarter_and_undo_each_other(context: Context) -> None:
    run("zoom.one_to_one", context)
    run("zoom.in", context)
    assert (placement(context).scale, placement(context).mode) == (12.5, "free")
    run("zoom.out", context)
    assert placement(context).scale == pytest.approx(10.0)
    assert placement(context).depth == pytest.approx(19.2)


@pytest.mark.parametrize(("index", "deeper"), [(0, -6.4), (1, 6.4)], ids=["R", "L"])
def test_the_image_moves_where_the_arrow_points(context: Context, index: int, deeper: float) -> None:
    context.session.activate(index)
    run("zoom.one_to_one", context)
    run("zoom.pan_left", context)  # image to the left: what is to the right of it comes to the middle
    run("zoom.pan_down", context)
    now = placement(context, index)
    assert now.depth - 19.2 == pytest.approx(deeper)
    assert now.down == pytest.approx(-6.4)
    run("zoom.pan_right", context)
    run("zoom.pan_up", context)
    assert (placement(context, index).depth, placement(context, index).down) == (pytest.approx(19.2), pytest.approx(0))


def test_modalities_of_one_view_zoom_together(context: Context) -> None:
    ffdm = context.session.exam.images[4]
    context.session.put_image(3, ffdm)
    context.session.activate(0)
    run("zoom.one_to_one", context)
    assert placement(context, 3) == placement(context, 0)
    assert placement(context, 1).mode == "fit"


def state_with(**fields: object) -> ImageState:
    return ImageState(replace(make_image(), **fields))


def test_presets_are_the_files_then_harder_and_softer() -> None:
    windows = (VoiWindow(2000, 1000, explanation="NORMAL"), VoiWindow(2100, 700, explanation="HARDER"))
    table = VoiTable(0, 8, (0, 255), "CURVE")
    found = presets(state_with(windows=windows, voi_tables=(table,)))
    assert [preset.label for preset in found] == ["normal", "harder", "curve", "harder"]
    assert found[0].window is None
    assert found[1].window == windows[1]
    assert found[3].window == VoiWindow(2000, 600, explanation="harder, made here")


def test_presets_without_any_window_wait_for_the_pixels() -> None:
    state = state_with(windows=())
    assert [preset.label for preset in presets(state)] == ["default"]
    state.set_auto_window(VoiWindow(500, 200))
    assert [(preset.label, getattr(preset.window, "width", None)) for preset in presets(state)] == [
        ("default", None), ("harder", 120.0), ("softer", 320.0),
    ]  # fmt: skip


def test_preset_keys_choose_and_show_the_window(context: Context) -> None:
    state = context.session.active_state
    run("window.preset_2", context)
    assert state.window.width == pytest.approx(4096 * 0.6)
    assert checked(context, "window.preset_2")
    assert not checked(context, "window.preset_1")
    run("window.preset_1", context)
    assert state.window is None
    assert COMMANDS["window.preset_4"].why_disabled(context) == "this image has 3 window presets."


def test_reset_takes_back_window_and_inversion(context: Context) -> None:
    state = context.session.active_state
    run("window.preset_3", context)
    run("window.invert", context)
    assert (state.inverted, state.window is None) == (True, False)
    run("window.reset", context)
    assert (state.inverted, state.window) == (False, None)


def test_brightness_and_contrast_by_keys(context: Context) -> None:
    state = context.session.active_state
    run("window.brighter", context)
    assert state.current_window.center < 2048
    run("window.darker", context)
    assert state.current_window.center == pytest.approx(2048)
    run("window.more_contrast", context)
    assert state.current_window.width < 4096
    run("window.less_contrast", context)
    assert state.current_window.width == pytest.approx(4096)


def test_brighter_is_brighter_when_inverted_too(context: Context) -> None:
    state = context.session.active_state
    run("window.invert", context)
    run("window.brighter", context)
    assert state.current_window.center > 2048


def test_only_the_active_image_is_changed(context: Context) -> None:
    run("window.invert", context)
    hung = [slot.state.inverted for slot in context.session.slots]
    assert hung == [True, False, False, False]
    hang_four(context.session, context.session.exam)
    assert context.session.slots[0].state.inverted
