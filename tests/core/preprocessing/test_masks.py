"""Binary masks: the distance transform does exactly what a hundred passes with the cross do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from gmic_core.preprocessing.masks import dilate, erode, fill_holes, largest_component, opened_component
from tests.reference import inputs


def random_mask(seed: int, rows: int, cols: int, share: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = ndimage.gaussian_filter(rng.random((rows, cols)), 1.5)
    return coarse > np.quantile(coarse, 1 - share)


masks = st.builds(
    random_mask, st.integers(0, 10**6), st.integers(3, 50), st.integers(3, 50), st.sampled_from([0.3, 0.6, 0.9, 0.99])
)


@settings(deadline=None, max_examples=60)
@given(masks, st.integers(1, 9))
def test_erosion_and_dilation_equal_repeated_crosses(mask, times):
    np.testing.assert_array_equal(erode(mask, times), ndimage.binary_erosion(mask, iterations=times))
    np.testing.assert_array_equal(dilate(mask, times), ndimage.binary_dilation(mask, iterations=times))


def test_a_hundred_crosses_on_a_breast():
    mask = inputs.mammogram(620, 500, 3) > 0
    mask[:40, 420:] = True  # a label
    eroded = ndimage.binary_erosion(mask, iterations=100)
    np.testing.assert_array_equal(erode(mask, 100), eroded)
    np.testing.assert_array_equal(dilate(eroded, 100), ndimage.binary_dilation(eroded, iterations=100))


@settings(deadline=None, max_examples=60)
@given(masks)
def test_holes_are_filled_as_scipy_fills_them(mask):
    np.testing.assert_array_equal(fill_holes(mask), ndimage.binary_fill_holes(mask))


@settings(deadline=None, max_examples=60)
@given(masks)
def test_the_largest_component_is_connected_by_crosses(mask):
    labels, _ = ndimage.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    expected = labels == 1 + int(np.argmax(sizes))  # scipy numbers in reading order
    np.testing.assert_array_equal(largest_component(mask), expected)


def test_diagonal_neighbours_are_apart_and_the_first_of_equals_wins():
    mask = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]], bool)
    assert largest_component(mask).tolist() == [[False, True, False], [False] * 3, [False] * 3]
    assert not largest_component(np.zeros((3, 3), bool)).any()


@pytest.mark.parametrize(("size", "applied"), [(240, 100), (110, 50), (3, 1), (1, 0)])
def test_a_small_breast_is_opened_less(size, applied):
    mask = np.zeros((300, 300), bool)
    mask[20 : 20 + size, 10 : 10 + size] = True
    component, times = opened_component(mask, 100)
    assert times == applied
    assert component.any()
    assert not component[~mask].any()
