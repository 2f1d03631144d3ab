from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.types import Roi
from tests.helpers.hung_images import make_image, make_result
from viewer.model.bar import bar_of, highlights, next_highlight, profile_columns, slice_at, slice_span
from viewer.model.results import ResultsModel
from viewer.model.viewstate import ImageState

IMAGE = make_image("R-CC", "DBT", frames=20, slice_spacing_mm=1.0)


def finished_results() -> ResultsModel:
    saliency = np.zeros((20, 2, 6, 4), np.float16)
    saliency[4, 1, 2, 2] = 0.9
    saliency[12, 0, 1, 1] = 0.6
    rois = (Roi(4, 0, 0, 8, 8, 0.7), Roi(9, 0, 0, 8, 8, 0.1), Roi(15, 5, 5, 9, 9, 0.2))
    results = ResultsModel()
    results.restore(make_result(IMAGE, saliency=saliency, rois=rois))
    return results


def test_the_bar_of_a_finished_image() -> None:
    state = ImageState(IMAGE)
    state.seen |= {9, 10}
    bar = bar_of(state, finished_results().get(IMAGE.sop_uid), {10, 11})
    assert (bar.slices, bar.current) == (20, 10)
    assert bar.position == "slice 11 / 20  10 mm"
    assert bar.seen == {9, 10}
    assert bar.loaded == {10, 11}
    assert bar.highlighted == (4, 9, 12, 15)
    assert [(tick.slice_index, tick.index) for tick in bar.ticks] == [(9, 1), (15, 2), (4, 0)]  # strongest on top
    assert int(bar.profile[:, 1].argmax()) == 4
    assert bar.profile[4, 1] == pytest.approx(0.9, abs=1e-3)


def test_the_bar_before_and_during_a_run() -> None:
    bar = bar_of(ImageState(IMAGE), None)
    assert np.isnan(bar.profile).all()
    assert bar.ticks == bar.highlighted == ()
    results = ResultsModel()
    results.expect("job", (IMAGE.sop_uid,))
    assert bar_of(ImageState(IMAGE), results.get(IMAGE.sop_uid)).profile.shape == (20, 2)


def test_an_image_with_one_slice_has_a_bar_without_mm() -> None:
    bar = bar_of(ImageState(make_image(slice_spacing_mm=1.0)), None)
    assert bar.position == "slice 1 / 1"


def test_n_visits_every_highlighted_slice_in_order_and_wraps() -> None:
    found = highlights(finished_results().get(IMAGE.sop_uid))
    visited, current = [], 10
    for _ in range(5):
        current = next_highlight(found, current, +1) or 0
        visited.append(current)
    assert visited == [12, 15, 4, 9, 12]
    visited, current = [], 10
    for _ in range(5):
        current = next_highlight(found, current, -1) or 0
        visited.append(current)
    assert visited == [9, 4, 15, 12, 9]


def test_without_highlights_n_goes_nowhere() -> None:
    assert next_highlight((), 3, +1) is None
    assert next_highlight((7,), 7, +1) == 7
    assert next_highlight((7,), 7, -1) == 7
    assert highlights(None) == ()


def test_slices_that_share_a_pixel_show_their_maximum() -> None:
    profile = np.zeros((10, 2), np.float32)
    profile[3, 1] = 0.5
    profile[4] = np.nan
    profile[8:] = np.nan
    columns = profile_columns(profile, 5)
    assert columns[:4, 1].tolist() == [0.0, 0.5, 0.0, 0.0]
    assert np.isnan(columns[4]).all()


def test_a_slice_may_be_many_pixels_wide() -> None:
    columns = profile_columns(np.array([[0, 0.1], [0, 0.2]], np.float32), 5)
    assert columns[:, 1].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.2])
    assert profile_columns(np.zeros((0, 2), np.float32), 3).shape == (3, 2)
    assert profile_columns(np.zeros((4, 2), np.float32), 0).shape == (0, 2)


@given(slices=st.integers(1, 200), width=st.integers(1, 1500))
@settings(deadline=None, max_examples=60)
def test_a_click_on_a_slice_goes_to_that_slice(slices: int, width: int) -> None:
    for index in range(0, slices, max(slices // 7, 1)):
        begin, end = slice_span(index, width, slices)
        assert slice_at((begin + end) / 2, width, slices) == index
    assert slice_at(-5, width, slices) == 0
    assert slice_at(width + 5, width, slices) == slices - 1
    assert slice_at(5, 0, slices) == 0
