from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.exam.model import VoiTable, VoiWindow
from tests.helpers.hung_images import make_image
from viewer.model.gestures import (
    DRAG_PIXELS,
    WheelAccumulator,
    dragged_window,
    start_window,
    wheel_zoom_factor,
    zoom_drag_factor,
)


def test_sixty_notches_are_sixty_slices() -> None:
    wheel = WheelAccumulator()
    assert [wheel.add(120) for _ in range(60)] == [1] * 60
    assert [wheel.add(-120) for _ in range(60)] == [-1] * 60
    assert wheel.add(360) == 3


def test_a_touchpad_adds_up_to_steps() -> None:
    wheel = WheelAccumulator()
    assert [wheel.add(50) for _ in range(12)] == [0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1]  # 600 = 5 notches
    assert wheel.add(-119) == 0
    assert wheel.add(-1) == -1


def test_turning_back_does_not_pay_off_the_remainder_first() -> None:
    wheel = WheelAccumulator()
    assert wheel.add(110) == 0
    assert wheel.add(-120) == -1
    wheel.add(100)
    wheel.reset()
    assert wheel.add(30) == 0


@given(deltas=st.lists(st.integers(1, 400), max_size=50))
@settings(deadline=None, max_examples=50)
def test_no_part_of_a_notch_is_lost(deltas: list[int]) -> None:
    wheel = WheelAccumulator()
    assert sum(wheel.add(delta) for delta in deltas) == sum(deltas) // 120


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_drag_feels_the_same_at_any_bit_depth(bits: int) -> None:
    image = make_image(bits=bits)
    start = VoiWindow(2.0**bits / 2, 2.0**bits / 4)
    down = dragged_window(start, 0, DRAG_PIXELS / 2, image)
    assert (down.center - start.center) / start.width == pytest.approx(0.5)  # half a window in half the way
    assert down.width == start.width
    wide = dragged_window(start, DRAG_PIXELS, 0, image)
    assert wide.width / start.width == pytest.approx(math.e)
    assert wide.center == start.center


def test_up_is_brighter_whatever_the_photometric_interpretation_and_inversion() -> None:
    from gmic_core.exam.voi import stored_to_gray

    start = VoiWindow(2000, 1500)
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        for inverted in (False, True):
            image = make_image(photometric=photometric)
            up = dragged_window(start, 0, -40, image, inverted=inverted)
            before = stored_to_gray(image, 0, start, inverted)[1000:3000].mean()
            assert stored_to_gray(image, 0, up, inverted)[1000:3000].mean() > before + 5


def test_dragging_back_restores_the_window_and_its_function() -> None:
    start = VoiWindow(1800, 900, "SIGMOID", "soft")
    there = dragged_window(start, 0, 0, make_image())
    assert (there.center, there.width, there.function) == (1800, 900, "SIGMOID")


@given(right=st.floats(-1e5, 1e5), down=st.floats(-1e5, 1e5), bits=st.sampled_from([8, 10, 12, 16]))
@settings(deadline=None, max_examples=80)
def test_no_drag_loses_the_image(right: float, down: float, bits: int) -> None:
    image = make_image(bits=bits)
    span = 2**bits
    window = dragged_window(VoiWindow(span / 2, span / 2), right, down, image)
    assert 1.0 <= window.width <= 4.01 * span
    assert -1 <= window.center <= span + 1


def test_a_window_beyond_the_limits_can_still_be_dragged() -> None:
    image = make_image(bits=12)
    odd = VoiWindow(-5000.0, 1e6)  # some files state such
    assert dragged_window(odd, 0, 0, image) == odd
    assert dragged_window(odd, -DRAG_PIXELS, 0, image).width == pytest.approx(1e6 / math.e)
    assert dragged_window(odd, 0, 10, image).center > -5000


def test_a_drag_starts_from_what_is_in_force() -> None:
    image = make_image(bits=12)
    window = VoiWindow(100, 50)
    assert start_window(image, window) is window
    assert start_window(image, VoiTable(1000, 12, tuple(range(500)))) == VoiWindow(1250.0, 500.0)
    everything = start_window(image, None)
    assert (everything.center, everything.width) == (2048, 4096)


def test_signed_values_have_their_own_range() -> None:
    image = make_image(bits=12, signed=True)
    assert dragged_window(VoiWindow(0, 100), 0, -1e6, image).center == -2048
    assert dragged_window(VoiWindow(0, 100), 0, 1e6, image).center == 2048


def test_zooming_by_drag_and_wheel() -> None:
    assert zoom_drag_factor(0) == 1.0
    assert zoom_drag_factor(-100) > 1 > zoom_drag_factor(100)
    assert zoom_drag_factor(-30) * zoom_drag_factor(-20) == pytest.approx(zoom_drag_factor(-50))
    assert math.isfinite(zoom_drag_factor(-1e9))
    assert wheel_zoom_factor(120) == pytest.approx(1.15)
    assert wheel_zoom_factor(60) ** 2 == pytest.approx(1.15)
    assert wheel_zoom_factor(-120) == pytest.approx(1 / 1.15)
