from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.exam.geometry import ORIENTATIONS, PlaneMap
from viewer.model.resample import (
    as_unsigned,
    build_pyramid,
    intersection,
    magnification,
    pick_level,
    sample_values,
    screen_region,
    warp,
)


def test_a_pyramid_holds_area_means_of_the_stored_pixels() -> None:
    frame = np.array([[0, 10, 100], [20, 30, 200], [40, 60, 300]], np.uint16)
    pyramid = build_pyramid(frame)
    assert [level.shape for level in pyramid] == [(3, 3), (2, 2), (1, 1)]
    assert pyramid[0].tolist() == frame.tolist()
    # the odd last row and column are averaged with their own copies
    assert pyramid[1].tolist() == [[15, 150], [50, 300]]
    assert pyramid[2].tolist() == [[129]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_a_pyramid_keeps_the_type_of_the_pixels(dtype: type[np.generic]) -> None:
    pyramid = build_pyramid(np.full((17, 33), 7, dtype), levels=2)
    assert [level.dtype for level in pyramid] == [np.dtype(dtype)] * 3
    assert [int(level.min()) for level in pyramid] == [7, 7, 7]


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.uint32, [0, 70_000, 4_000_000_000], [0, 65_535, 65_535]),
        (np.int32, [-70_000, -5, 70_000], [-32_768, -5, 32_767]),
        (np.int8, [-128, 0, 127], [-128, 0, 127]),
    ],
)
def test_other_integers_are_clipped_to_what_a_table_can_hold(
    dtype: type[np.generic], values: list[int], expected: list[int]
) -> None:
    pyramid = build_pyramid(np.array([values] * 3, dtype))
    assert pyramid[0][0].tolist() == expected
    assert pyramid[0].dtype == (np.uint16 if dtype is np.uint32 else np.int16)


@given(rows=st.integers(2, 60), cols=st.integers(2, 60), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_every_level_lies_on_the_same_place(rows: int, cols: int, seed: int) -> None:
    row, col = np.indices((rows, cols), np.float64)
    a, b = np.random.default_rng(seed).uniform(20, 60, 2)
    plane = (a * row + b * col).astype(np.uint16)  # linear in position: a shifted level would be off by a constant
    for level, reduced in enumerate(build_pyramid(plane)):
        inner = reduced[: rows >> level, : cols >> level]  # cells that cover stored pixels only
        if not inner.size:
            break
        i, j = np.indices(inner.shape, np.float64)
        at = PlaneMap.resampling(2.0**level, 2.0**level).apply(np.stack([i, j], axis=-1))
        assert np.abs(inner - (at @ [a, b])).max() <= 1.0 + level


def test_the_level_leaves_a_reduction_between_one_and_two() -> None:
    pyramid = build_pyramid(np.zeros((64, 64), np.uint16))
    for scale, shape in ((1.5, 64), (1.0, 64), (0.51, 64), (0.5, 32), (0.3, 32), (0.25, 16), (0.05, 4), (1e-4, 1)):
        frame, to_screen = pick_level(pyramid, PlaneMap.resampling(scale, scale))
        assert frame.shape == (shape, shape)
        assert magnification(to_screen) == pytest.approx(scale * 64 / shape)
        corner = to_screen.apply([-0.5, -0.5])
        assert corner == pytest.approx([-0.5, -0.5])


def test_only_pixels_whose_centres_lie_on_the_image_belong_to_it() -> None:
    assert screen_region(PlaneMap.identity(), (10, 8), 100, 100) == (0, 0, 10, 8)
    assert screen_region(PlaneMap.scale_offset(1, 1, 0.4, -0.6), (10, 8), 100, 100) == (0, 0, 10, 7)
    assert screen_region(PlaneMap.scale_offset(1, 1, 0.6, 3), (10, 8), 100, 100) == (1, 3, 11, 11)
    assert screen_region(PlaneMap.scale_offset(1, -1, 0, 7), (10, 8), 5, 6) == (0, 0, 6, 5)
    assert screen_region(PlaneMap.scale_offset(1, 1, 200, 0), (10, 8), 100, 100) is None
    assert screen_region(PlaneMap.scale_offset(1, 1, -10, 0), (10, 8), 100, 100) is None


def test_boxes_that_only_touch_have_nothing_in_common() -> None:
    assert intersection((0, 0, 5, 5), (3, 1, 9, 4)) == (3, 1, 5, 4)
    assert intersection((0, 0, 5, 5), (5, 0, 9, 5)) is None


@given(
    turn=st.sampled_from(ORIENTATIONS),
    scale=st.floats(0.6, 3.5),
    shift=st.tuples(st.floats(-30, 10), st.floats(-30, 10)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from([np.uint8, np.uint16, np.int16]),
)
@settings(deadline=None, max_examples=60)
def test_warp_equals_bilinear_interpolation_written_out(
    turn: object, scale: float, shift: tuple[float, float], size: tuple[int, int], dtype: type[np.generic]
) -> None:
    top = 250 if dtype is np.uint8 else 4000
    frame = np.random.default_rng(1).integers(0, top, (23, 31)).astype(dtype)
    to_screen = PlaneMap.scale_offset(scale, scale, *shift) @ turn.plane_map(23, 31)
    out = warp(frame, to_screen, (0, 0, *size)).astype(float)
    if dtype is np.int16:
        out -= 32768
    at = to_screen.inverse().apply(np.stack(np.indices(size, np.float64), axis=-1))
    low = np.floor(at).astype(int)
    part = at - low
    wanted = np.zeros(size)
    for dr in (0, 1):
        for dc in (0, 1):
            weight = np.abs(1 - dr - part[..., 0]) * np.abs(1 - dc - part[..., 1])
            wanted += weight * frame[np.clip(low[..., 0] + dr, 0, 22), np.clip(low[..., 1] + dc, 0, 30)]
    assert np.abs(out - wanted).max() < 0.75  # rounding, and single precision inside


def test_signed_values_are_shifted_by_half_their_range() -> None:
    assert as_unsigned(np.array([-32768, -1, 0, 32767], np.int16)).tolist() == [0, 32767, 32768, 65535]
    assert as_unsigned(np.array([-128, 0, 127], np.int8)).tolist() == [0, 128, 255]
    unsigned = np.array([1, 2], np.uint16)
    assert as_unsigned(unsigned) is unsigned


def test_the_value_under_the_mouse() -> None:
    frame = np.array([[1, 2, 3], [4, 5, 6]], np.uint16)
    assert sample_values(frame, (0.49, 1.51)) == 3.0
    assert sample_values(frame, (-0.5, -0.5)) == 1.0
    assert sample_values(frame, (1.4, 0.5)) == 5.0
    assert sample_values(frame, (1.5, 0.0)) is None
    assert sample_values(frame, (0.0, -0.51)) is None
