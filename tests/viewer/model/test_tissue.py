from __future__ import annotations

import numpy as np
import pytest

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import PixelFormat, VoiWindow
from gmic_core.exam.voi import stored_to_gray
from tests.helpers.breasts import breast
from tests.helpers.hung_images import make_image
from viewer.model.render import render
from viewer.model.resample import build_pyramid
from viewer.model.tissue import find_tissue

PIXEL = PixelFormat(bits_stored=12)


def film(seed: int = 1) -> np.ndarray:
    """Return a breast on noisy film with a bright label, as digitised mammograms have."""
    rng = np.random.default_rng(seed)
    frame = breast(480, 360, seed=3).astype(np.int32) + rng.integers(20, 61, (480, 360))
    frame[20:60, 250:350] = 3900
    return frame.clip(0, 4095).astype(np.uint16)


def test_air_of_exactly_zero_is_zero_only() -> None:
    tissue = find_tissue(build_pyramid(breast(480, 360, seed=3)), PIXEL)
    assert tissue.air == (0, 0)


def test_noise_counts_as_air_and_a_label_does_not_widen_it() -> None:
    tissue = find_tissue(build_pyramid(film()), PIXEL)
    assert tissue.air is not None
    low, high = tissue.air
    assert low == 0
    assert 40 <= high <= 120  # the averaged noise; the label is at 3900, the darkest tissue above 200


def test_monochrome1_has_its_air_at_the_top() -> None:
    pixel = PixelFormat(bits_stored=12, photometric="MONOCHROME1")
    tissue = find_tissue(build_pyramid(4095 - film()), pixel)
    assert tissue.air is not None
    low, high = tissue.air
    assert high == 4095
    assert 3975 <= low <= 4055


@pytest.mark.parametrize("level", [0, 700])
def test_a_blank_frame_has_neither_tissue_nor_air(level: int) -> None:
    tissue = find_tissue(build_pyramid(np.full((100, 80), level, np.uint16)), PIXEL)
    assert tissue.air is None
    assert not tissue.mask.any()
    assert not tissue.touches(PlaneMap.identity(), 0, 0, 100, 80)


def test_text_knows_where_the_breast_is() -> None:
    tissue = find_tissue(build_pyramid(film()), PIXEL)
    assert tissue.touches(PlaneMap.identity(), 200, 20, 220, 60)
    assert not tissue.touches(PlaneMap.identity(), 0, 330, 15, 359)
    assert not tissue.touches(PlaneMap.identity(), 20, 250, 60, 350)  # the label is no breast


def noisy(pixel: PixelFormat) -> np.ndarray:
    """Return a breast with air that is normal noise, cut off at zero."""
    rng = np.random.default_rng(5)
    noise = rng.normal(30, 25, (960, 720)).round().clip(0)
    frame = np.repeat(np.repeat(breast(480, 360, seed=3), 2, 0), 2, 1) * 0.7 + noise
    frame = frame.clip(0, 4095).astype(np.uint16)
    return 4095 - frame if pixel.inverted else frame


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("window", [VoiWindow(2048, 4096), VoiWindow(40, 60), VoiWindow(-500, 10)])
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_noise_of_the_air_is_black_at_any_window(
    photometric: str, invert: bool, window: VoiWindow, scale: float
) -> None:
    pixel = PixelFormat(bits_stored=12, photometric=photometric)
    pyramid = build_pyramid(noisy(pixel))
    tissue = find_tissue(pyramid, pixel)
    lut = stored_to_gray(make_image("L-CC", shape=(960, 720), photometric=photometric), None, window, invert)
    to_screen = PlaneMap.scale_offset(scale, scale, 0, 0)
    width, height = round(720 * scale), round(960 * scale)
    shown = render(pyramid, to_screen, width, height, lut, tissue=tissue)[..., 0]
    assert not shown[:, round(width * 0.9) :].any()
    assert shown[height // 2, width // 8] == lut[int(pyramid[0][480, 90])] or scale != 1.0


def test_a_ramp_has_no_air() -> None:
    ramp = np.repeat(np.linspace(0, 4095, 500).astype(np.uint16)[:, None], 400, axis=1)
    tissue = find_tissue(build_pyramid(ramp), PIXEL)
    assert (tissue.air, tissue.far) == (None, None)


def test_what_is_dark_inside_the_breast_stays_as_it_is() -> None:
    frame = noisy(PIXEL)
    frame[400:460, 150:210] = 25  # as dark as the air
    tissue = find_tissue(build_pyramid(frame), PIXEL)
    lut = np.full(65536, 200, np.uint8)
    shown = render((frame,), PlaneMap.identity(), 720, 960, lut, tissue=tissue)[..., 0]
    assert (shown[380:480, 130:230] == 200).all()
    assert not shown[20:60, 600:700].any()


def test_nothing_of_the_breast_is_taken_for_air() -> None:
    pixel = PixelFormat(bits_stored=12)
    pyramid = build_pyramid(noisy(pixel))
    tissue = find_tissue(pyramid, pixel)
    lut = np.full(65536, 200, np.uint8)
    shown = render(pyramid, PlaneMap.identity(), 720, 960, lut, tissue=tissue)[..., 0]
    inside = np.repeat(np.repeat(breast(480, 360, seed=3), 2, 0), 2, 1) > 300
    assert (shown[inside] == 200).mean() > 0.995


def test_air_with_flat_margins_is_black_in_between_too() -> None:
    rng = np.random.default_rng(6)
    frame = film()
    frame[:, 300:] = 0  # what the scanner cut off
    frame[:, 190:300] = rng.integers(0, 40, (480, 110))
    frame[:90] = frame[390:] = 0
    tissue = find_tissue(build_pyramid(frame), PIXEL)
    lut = np.full(65536, 200, np.uint8)
    shown = render((frame,), PlaneMap.identity(), 360, 480, lut, tissue=tissue)[..., 0]
    assert not shown[200:280, 260:].any()
