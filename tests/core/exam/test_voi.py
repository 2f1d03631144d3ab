"""Grey levels against separate transcriptions of PS3.3 C.11.2, with literal values."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource, VoiTable, VoiWindow
from gmic_core.exam.voi import auto_window, default_window, stored_to_gray
from gmic_core.types import Laterality, Modality


def make_image(pixel: PixelFormat, **fields: object) -> MammoImage:
    image = MammoImage(
        "1.2.3", Modality.FFDM, Laterality.R, "CC", 3, 8, 8, PixelSource("dicom", (Path("a.dcm"),)), pixel
    )
    return replace(image, **fields)  # type: ignore[arg-type]


def standard_level(value: float, c: float, w: float, function: str) -> float:
    """The standard's pseudo code, value by value, output range 0..255."""
    if function == "SIGMOID":
        return 255.0 / (1.0 + math.exp(-4.0 * (value - c) / w))
    if function == "LINEAR_EXACT":
        if value <= c - w / 2:
            return 0.0
        return 255.0 if value > c + w / 2 else ((value - c) / w + 0.5) * 255.0
    if value <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if value > c - 0.5 + (w - 1) / 2:
        return 255.0
    return ((value - (c - 0.5)) / (w - 1) + 0.5) * 255.0


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (2.0, -100.0)])
@pytest.mark.parametrize(("center", "width"), [(2047.0, 4095.0), (600.0, 333.0)])
def test_levels_follow_the_standard(function, photometric, signed, slope, intercept, center, width):
    pixel = PixelFormat(16, 12, signed, photometric, slope, intercept, padding=(-9, -9) if signed else (0, 0))
    window = VoiWindow(center, width, function)
    lut = stored_to_gray(make_image(pixel), None, window)
    assert lut.shape == (65536,)
    first = -2048 if signed else 1
    offset = 32768 if signed else 0
    for stored in range(first, first + 4000, 37):
        level = standard_level(stored * slope + intercept, center, width, function)
        if photometric == "MONOCHROME1":
            level = 255.0 - level
        assert abs(int(lut[stored + offset]) - level) <= 1.0


def test_literal_levels_of_a_linear_window():
    lut = stored_to_gray(make_image(PixelFormat(16, 12)), None, VoiWindow(128, 256))
    assert [int(lut[v]) for v in (0, 1, 128, 255, 4000)] == [0, 1, 128, 255, 255]


def test_a_width_of_one_is_a_step():
    lut = stored_to_gray(make_image(PixelFormat(16, 12)), None, VoiWindow(100, 1))
    assert [int(lut[v]) for v in (98, 99, 100, 101)] == [0, 0, 255, 255]


def test_voi_table_with_its_ends():
    table = VoiTable(10, 8, (0, 50, 100, 255))
    lut = stored_to_gray(make_image(PixelFormat(16, 12)), None, table)
    assert [int(lut[v]) for v in (1, 10, 11, 12, 13, 900)] == [0, 0, 50, 100, 255, 255]


def test_air_stays_black_when_inverted_and_in_monochrome1():
    for photometric, air in (("MONOCHROME2", 0), ("MONOCHROME1", 4095)):
        image = make_image(PixelFormat(16, 12, False, photometric))
        for invert in (False, True):
            assert stored_to_gray(image, None, VoiWindow(2048, 4096), invert)[air] == 0
    padded = make_image(PixelFormat(16, 12, padding=(0, 30)))
    assert not stored_to_gray(padded, None, VoiWindow(2048, 4096), True)[:31].any()
    assert stored_to_gray(padded, None, VoiWindow(2048, 4096), True)[31] == 253


def test_inverting_twice_by_file_and_reader_gives_the_plain_picture():
    plain = stored_to_gray(make_image(PixelFormat(16, 12, padding=(0, 0))), None, VoiWindow(2048, 4096))
    both = stored_to_gray(
        make_image(PixelFormat(16, 12, False, "MONOCHROME1", padding=(0, 0))), None, VoiWindow(2048, 4096), True
    )
    np.testing.assert_array_equal(plain, both)


def test_each_frame_may_have_its_own_window():
    windows = (VoiWindow(1, 2), VoiWindow(3, 4), VoiWindow(5, 6))
    image = make_image(PixelFormat(), frame_windows=windows, windows=(VoiWindow(9, 9),))
    assert default_window(image, 1) == VoiWindow(3, 4)
    assert default_window(image) == VoiWindow(9, 9)


def test_a_window_from_the_pixels_spans_the_tissue_only():
    pixels = np.zeros((400, 400), np.uint16)
    pixels[:, :200] = np.linspace(1000, 2000, 400, dtype=np.uint16)[:, None]
    window = auto_window(pixels, PixelFormat(16, 12))
    assert abs(window.center - 1500) < 10
    assert 980 < window.width < 1002
    assert auto_window(np.zeros((8, 8), np.uint16), PixelFormat(16, 12)).width == 4096


def test_a_modality_table_comes_before_the_window():
    table = VoiTable(100, 12, tuple(range(0, 4000, 40)))
    image = make_image(PixelFormat(16, 12, modality_table=table))
    lut = stored_to_gray(image, None, VoiWindow(2048, 4096))
    assert [int(lut[v]) for v in (1, 100, 150, 199, 4000)] == [0, 0, round(2000 / 4095 * 255), 247, 247]
    assert stored_to_gray(image, None, None)[199] == 247
