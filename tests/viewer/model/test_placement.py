from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.exam.geometry import ORIENTATIONS, Orientation
from tests.helpers.hung_images import make_image, with_orientation
from viewer.model.placement import (
    MAX_SCALE,
    MIN_SCALE,
    Placement,
    extent_mm,
    fit_scale,
    fitted,
    image_orientation,
    stored_to_screen,
    view_mm_map,
)

SIZE = (90, 120)  # width, height of the viewport


@pytest.mark.parametrize("stored", ORIENTATIONS)
@pytest.mark.parametrize("side", ["L", "R"])
def test_fit_puts_the_chest_wall_on_the_inner_edge_and_the_middle_in_the_middle(stored: Orientation, side: str) -> None:
    image = make_image(f"{side}-MLO", shape=(300, 200), spacing=(0.1, 0.1), stored=stored)
    scale = fit_scale(image, *SIZE)
    assert scale == pytest.approx(4.0)  # 30 mm on 120 pixels; 20 mm take 80 of the 90 columns
    to_screen = stored_to_screen(image, fitted(SIZE[0], scale), *SIZE)
    box = to_screen.apply_box((0, 0, image.rows, image.columns))
    assert box == pytest.approx((0, 0, 120, 80) if side == "L" else (0, 10, 120, 90))


def test_a_wide_image_is_fitted_by_its_width() -> None:
    image = make_image("L-CC", shape=(100, 400), spacing=(0.1, 0.1))
    assert fit_scale(image, *SIZE) == pytest.approx(90 / 40)
    assert extent_mm(image) == pytest.approx((10, 40))
    turned = make_image("L-CC", shape=(100, 400), spacing=(0.1, 0.2), stored=Orientation(transpose=True))
    assert extent_mm(turned) == pytest.approx((10, 80))


def test_without_spacing_a_pixel_counts_as_a_millimetre() -> None:
    assert extent_mm(make_image(shape=(300, 200), spacing=None)) == (300, 200)


def test_the_same_placement_shows_the_same_mm_in_every_modality_of_a_view() -> None:
    placement = Placement("free", 6.4, -3.0, 42.0)
    corners = []
    for spacing in (0.065, 0.1):
        shape = (round(150 / spacing), round(110 / spacing))
        image = make_image("R-CC", shape=shape, spacing=(spacing, spacing))
        to_screen = stored_to_screen(image, placement, *SIZE)
        object_mm = [(-50.0, 0.0), (50.0, 100.0)]  # 100 x 100 mm from the chest wall
        stored = view_mm_map(image).inverse().apply(object_mm)
        corners.append(to_screen.apply(stored))
    assert np.abs(corners[0] - corners[1]).max() < 0.01
    extent = np.abs(corners[0][1] - corners[0][0])
    assert extent == pytest.approx([640, 640], abs=1.0)


def test_left_and_right_mirror_each_other() -> None:
    placement = Placement("free", 5.0, 1.0, 8.0)
    right = stored_to_screen(make_image("R-CC"), placement, *SIZE).apply_box((10, 30, 20, 35))
    left = stored_to_screen(make_image("L-CC"), placement, *SIZE).apply_box((10, 5, 20, 10))  # the same tissue
    assert right[0] == pytest.approx(left[0])
    assert (right[1], right[3]) == pytest.approx((90 - left[3], 90 - left[1]))


@given(
    side=st.sampled_from("LR"),
    stored=st.sampled_from(ORIENTATIONS),
    scale=st.floats(1.0, 50.0),
    factor=st.floats(0.3, 3.0),
    cursor=st.tuples(st.floats(0, 119), st.floats(0, 89)),
)
@settings(deadline=None, max_examples=60)
def test_zooming_keeps_the_point_under_the_cursor(
    side: str, stored: Orientation, scale: float, factor: float, cursor: tuple[float, float]
) -> None:
    image = make_image(f"{side}-MLO", shape=(300, 200), spacing=(0.07, 0.09), stored=stored)
    before = Placement("free", scale, 2.0, 9.0)
    point = stored_to_screen(image, before, *SIZE).inverse().apply(cursor)
    down, depth = view_mm_map(image).apply(point)
    after = before.zoomed(factor, float(down), float(depth))
    assert after.mode == "free"
    assert after.scale == pytest.approx(scale * factor)
    assert stored_to_screen(image, after, *SIZE).apply(point) == pytest.approx(cursor, abs=1e-6)


@given(factor=st.floats(1e-6, 1e6), scale=st.floats(1e-4, 1e4))
@settings(deadline=None, max_examples=60)
def test_zoom_has_limits_but_never_goes_the_wrong_way(factor: float, scale: float) -> None:
    after = Placement("fit", scale).zoomed(factor, 0.0, 0.0).scale
    assert min(MIN_SCALE, scale) <= after <= max(MAX_SCALE, scale)
    assert (after >= scale) if factor >= 1 else (after <= scale)


@pytest.mark.parametrize("side", ["L", "R"])
def test_panning_moves_the_image_with_the_mouse(side: str) -> None:
    image = make_image(f"{side}-CC")
    before = Placement("free", 3.0, 0.0, 5.0)
    mouse_right = 12.0
    after = before.panned(7.0, mouse_right if side == "L" else -mouse_right)
    moved = stored_to_screen(image, after, *SIZE).apply([3, 4]) - stored_to_screen(image, before, *SIZE).apply([3, 4])
    assert moved == pytest.approx([7.0, 12.0])


def test_a_fitted_image_that_is_panned_no_longer_follows_the_viewport() -> None:
    assert fitted(90, 4.0).panned(1, 1).mode == "free"
    assert Placement("one_to_one", 10.0).panned(1, 1).mode == "one_to_one"


@pytest.mark.parametrize("size", [(90, 120), (91, 121), (90, 121)])
def test_at_one_to_one_stored_pixels_fall_on_screen_pixels(size: tuple[int, int]) -> None:
    image = make_image("R-CC", shape=(301, 200), spacing=(0.07, 0.07))
    for shift in (0.0, 0.013, 0.5):
        to_screen = stored_to_screen(image, Placement("one_to_one", 1 / 0.07, shift, 4.0 + shift), *size)
        exact = to_screen.apply([[0, 0], [1, 0], [0, 1]])
        assert np.abs(exact - np.rint(exact)).max() < 1e-9
        assert np.abs(exact[1] - exact[0]).tolist() == pytest.approx([1, 0])
    near = stored_to_screen(image, Placement("free", 1.01 / 0.07, 0.013, 4.0), *size).apply([0, 0])
    assert np.abs(near - np.rint(near)).max() > 1e-3  # zooming itself is smooth


def test_an_image_of_unknown_side_or_orientation_is_shown_as_stored() -> None:
    assert image_orientation(make_image("?-CC")) == Orientation()
    assert image_orientation(with_orientation(make_image("R-CC"), ("L", "F"))) == Orientation()
    to_screen = stored_to_screen(make_image("?-CC"), Placement("free", 10.0, 0.0, 0.0), 100, 100)
    assert to_screen.apply([5, 5])[1] > to_screen.apply([5, 4])[1]
