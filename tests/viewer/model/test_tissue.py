from __future__ import annotations

import numpy as np
import pytest

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import PixelFormat
from tests.helpers.breasts import breast
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
