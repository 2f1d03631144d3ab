from __future__ import annotations

import numpy as np

from gmic_core.exam.model import VoiTable, VoiWindow
from gmic_core.exam.voi import stored_to_gray
from tests.helpers.hung_images import make_image
from viewer.model.viewstate import ImageState

OWN = VoiWindow(2000, 1000)


def test_the_middle_slice_comes_first() -> None:
    assert ImageState(make_image(frames=70)).slice_index == 35
    assert ImageState(make_image()).slice_index == 0


def test_slices_stop_at_the_ends_and_are_told_when_they_change() -> None:
    state = ImageState(make_image(frames=5))
    told: list[int] = []
    state.slice_changed.connect(told.append)
    for index in (3, 3, 99, 4, -7):
        state.go_to_slice(index)
    assert told == [3, 4, 0]


def test_window_and_inversion_survive_scrolling() -> None:
    state = ImageState(make_image(frames=30, windows=(OWN,)))
    chosen = VoiWindow(1500, 300, "SIGMOID")
    state.set_window(chosen)
    state.set_inverted(True)
    for index in range(20):
        state.go_to_slice(index)
    assert state.current_window is chosen
    assert state.inverted


def test_the_window_in_force() -> None:
    table = VoiTable(0, 8, tuple(range(256)))
    state = ImageState(make_image(windows=(OWN, VoiWindow(1, 2)), voi_tables=(table,)))
    assert state.current_window == OWN
    assert ImageState(make_image(voi_tables=(table,))).current_window is table
    state.set_window(table)
    assert state.current_window is table
    state.set_window(None)
    assert state.current_window == OWN
    bare = ImageState(make_image())
    assert bare.current_window is None
    bare.set_auto_window(VoiWindow(700, 600))
    assert bare.current_window == VoiWindow(700, 600)


def test_frames_may_have_windows_of_their_own() -> None:
    windows = tuple(VoiWindow(100.0 * index, 50.0) for index in range(4))
    state = ImageState(make_image(frames=4, windows=(OWN,), frame_windows=windows))
    state.go_to_slice(3)
    assert state.current_window == windows[3]


def test_changes_of_presentation_are_told() -> None:
    state = ImageState(make_image())
    told: list[bool] = []
    state.presentation_changed.connect(lambda: told.append(True))
    state.set_window(OWN)
    state.set_inverted(True)
    state.set_auto_window(OWN)
    assert told == [True] * 3


def test_the_table_is_made_anew_only_when_it_changes() -> None:
    image = make_image(frames=3, windows=(OWN,))
    state = ImageState(image)
    first = state.lut()
    state.go_to_slice(2)
    assert state.lut() is first
    state.set_inverted(True)
    assert np.array_equal(state.lut(), stored_to_gray(image, 2, OWN, invert=True))
    state.set_inverted(False)
    assert np.array_equal(state.lut(), first)
