"""The sweep at 1:1: every pixel of the breast is on the screen in some field, whatever the breast and the viewport."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.exam.geometry import Orientation
from gmic_core.exam.model import MammoImage
from tests.helpers.breasts import breast, hanging
from tests.helpers.hung_images import make_image
from viewer.model.placement import Placement, stored_to_screen
from viewer.model.resample import build_pyramid, screen_region
from viewer.model.sweep import field_shown, fields, outline, sampled

ROWS, COLUMNS = 640, 480


def seen_pixels(image: MammoImage, placements: list[Placement], width: int, height: int) -> npt.NDArray[np.bool_]:
    """Return which stored pixels were on the screen of a viewport: their centres fell on one of its pixels."""
    seen = np.zeros((image.rows, image.columns), np.bool_)
    grid = np.stack(np.meshgrid(np.arange(image.rows), np.arange(image.columns), indexing="ij"), axis=-1)
    for placement in placements:
        to_screen = stored_to_screen(image, placement, width, height)
        at = np.rint(to_screen.apply(grid.reshape(-1, 2).astype(float))).reshape(grid.shape)
        seen |= ((at >= 0) & (at < (height, width))).all(axis=-1)
        assert screen_region(to_screen, seen.shape, width, height) is not None
    return seen


@pytest.mark.parametrize("side", ["R", "L"])
@pytest.mark.parametrize("size", [(200, 150), (333, 221), (640, 480), (1000, 900), (97, 700)])
def test_every_breast_pixel_was_on_screen(side: str, size: tuple[int, int]) -> None:
    image = make_image(f"{side}-CC", shape=(ROWS, COLUMNS), spacing=(0.1, 0.1))
    pixels = hanging(breast(ROWS, COLUMNS, seed=3), side)
    found = fields(image, outline(image, [build_pyramid(pixels)]), *size)
    seen = seen_pixels(image, found, *size)
    assert (pixels > 0).sum() > 60_000
    assert seen[pixels > 0].all()
    assert {field.mode for field in found} == {"one_to_one"}
    assert {field.scale for field in found} == {10.0}  # device pixels per mm at 0.1 mm pixels


@settings(max_examples=12, deadline=None)
@given(
    width=st.integers(60, 700),
    height=st.integers(60, 700),
    side=st.sampled_from(["R-CC", "L-CC", "R-MLO", "L-MLO"]),
    turn=st.sampled_from([Orientation(), Orientation(flip_rows=True), Orientation(transpose=True)]),
)
def test_whatever_the_viewport_and_however_the_image_is_stored(
    width: int, height: int, side: str, turn: Orientation
) -> None:
    image = make_image(side, shape=(240, 180), spacing=(0.25, 0.25), stored=turn)
    stored = np.zeros((image.rows, image.columns), np.uint16)
    centre = np.array(stored.shape) / 2.0
    rows, cols = np.mgrid[0 : image.rows, 0 : image.columns]
    inside = ((rows - centre[0]) / (0.45 * image.rows)) ** 2 + ((cols - centre[1]) / (0.35 * image.columns)) ** 2 < 1
    stored[inside] = 900
    found = fields(image, outline(image, [build_pyramid(stored)]), width, height)
    assert seen_pixels(image, found, width, height)[inside].all()


def test_fields_go_to_and_fro_from_the_chest_wall_and_leave_air_out() -> None:
    image = make_image("L-CC", shape=(ROWS, COLUMNS), spacing=(0.1, 0.1))
    pixels = np.zeros((ROWS, COLUMNS), np.uint16)
    pixels[100:500, :100] = 800
    pixels[280:320, :400] = 800  # a breast with a narrow tip: only the middle row of fields reaches it
    found = fields(image, outline(image, [build_pyramid(pixels)]), 160, 160)
    places = [(round(field.down, 1), round(field.depth, 1)) for field in found]
    rows = sorted({down for down, _ in places})
    assert places[0][0] == rows[0]
    assert places[0][1] == pytest.approx(8.0, abs=0.1)  # the chest wall at the edge of the viewport
    assert [len([1 for down, _ in places if down == row]) for row in rows] == [1, 3, 1]
    middle = [depth for down, depth in places if down == rows[1]]
    assert middle == sorted(middle, reverse=True)  # back from the nipple


def test_without_an_outline_the_whole_image_is_swept() -> None:
    image = make_image("R-CC", shape=(300, 200), spacing=(0.1, 0.1))
    found = fields(image, outline(image, [build_pyramid(np.full((300, 200), 7, np.uint16))]), 100, 100)
    assert seen_pixels(image, found, 100, 100).all()


def test_outlines_of_several_slices_are_joined() -> None:
    image = make_image("L-CC", "DBT", shape=(320, 200), spacing=(0.1, 0.1), frames=9)
    narrow, wide = np.zeros((320, 200), np.uint16), np.zeros((320, 200), np.uint16)
    narrow[120:200, :60], wide[20:300, :150] = 900, 900
    joined = fields(image, outline(image, [build_pyramid(narrow), build_pyramid(wide)]), 90, 90)
    assert seen_pixels(image, joined, 90, 90)[wide > 0].all()
    assert len(fields(image, outline(image, [build_pyramid(narrow)]), 90, 90)) < len(joined)


def test_which_slices_stand_for_the_volume() -> None:
    assert sampled(list(range(61)), 7) == [0, 7, 15, 30, 45, 60]
    assert sampled([4, 5], 4) == [4, 5]
    assert sampled([], 12) == [12]


def test_the_field_that_is_shown_is_read_off_the_placement() -> None:
    among = [Placement("one_to_one", 10.0, down, 8.0) for down in (-5.0, 0.0, 5.0)]
    assert field_shown(Placement("one_to_one", 10.0, 0.0, 8.0), among) == 1
    assert field_shown(Placement("free", 10.0, 0.3, 8.0), among) is None
    assert field_shown(Placement("free", 11.0, 0.0, 8.0), among) is None
