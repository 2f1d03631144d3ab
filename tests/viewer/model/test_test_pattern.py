"""The pattern to check screens with."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.model.test_pattern import STEPS, make_pattern, patch_centres


@pytest.mark.parametrize("size", [(800, 600), (1366, 768), (2048, 2560)])
def test_the_patches_are_16_equal_steps(size: tuple[int, int]) -> None:
    pattern = make_pattern(*size)
    assert pattern.shape == size[::-1]
    found = [int(pattern[place]) for place in patch_centres(*size)]
    assert found == list(STEPS) == list(range(0, 256, 17))


def test_the_ramps_hold_every_level_and_run_against_each_other() -> None:
    pattern = make_pattern(1600, 1200)
    left, right = pattern[75:1125, 800 - 7 * 75 + 20], pattern[75:1125, 800 + 6 * 75 + 20]
    assert np.unique(left).size == 256
    np.testing.assert_array_equal(left, right[::-1])


def test_single_pixels_alternate_in_the_line_pairs() -> None:
    pattern = make_pattern(1600, 1200)
    middle = pattern[600 - 30, 801:840].astype(int)  # above the middle, right of it: lines of one pixel side by side
    assert set(np.abs(np.diff(middle)).tolist()) == {255}


def test_the_slightest_contrasts_are_there() -> None:
    pattern = make_pattern(1600, 1200)
    row, column = patch_centres(1600, 1200)[8]
    assert int(pattern[row - 55, column - 55]) - int(pattern[row, column]) == 4
    assert {0, 13} <= set(np.unique(pattern[600 - 150 - 40 : 600 - 150 + 40, 650 - 40 : 650 + 40]).tolist())


def test_a_tiny_screen_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        make_pattern(300, 200)
