"""A place that the network did not see is told as such."""

from __future__ import annotations

import dataclasses

from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import ImageResult
from tests.helpers.panel_fakes import COLUMNS, ROWS, make_image, make_result
from viewer.model.seen_window import is_analysed, outside_boxes, seen_within, window_box


def with_window(row0: float, col0: float, shape: tuple[int, int]) -> ImageResult:
    result = make_result(make_image("L"))
    matrix = PlaneMap.scale_offset(1.0, 1.0, row0, col0).matrix
    return dataclasses.replace(result, window_to_stored=matrix, window_shape=shape)


def test_a_window_that_covers_the_image_leaves_nothing_outside() -> None:
    result = with_window(-20, -10, (ROWS + 50, COLUMNS + 50))
    assert outside_boxes(result, ROWS, COLUMNS) == []
    assert is_analysed(result, 0, 0)
    assert is_analysed(result, ROWS - 1, COLUMNS - 1)


def test_a_dot_outside_the_window_is_not_analysed_and_one_inside_is() -> None:
    result = with_window(100, 0, (300, 200))
    assert window_box(result) == (100, 0, 400, 200)
    for row, column, seen in ((99, 50, False), (100, 50, True), (399, 199, True), (400, 50, False), (200, 200, False)):
        assert is_analysed(result, row, column) is seen, (row, column)


def test_what_is_outside_adds_up_to_the_rest_of_the_image() -> None:
    result = with_window(100, -30, (300, 200))
    boxes = outside_boxes(result, ROWS, COLUMNS)
    outside = sum((row1 - row0) * (col1 - col0) for row0, col0, row1, col1 in boxes)
    assert outside == ROWS * COLUMNS - 300 * 170
    assert boxes[0] == (0, 0, 100, COLUMNS)


def test_a_turned_image_keeps_its_window_where_it_is() -> None:
    result = make_result(make_image("R"))  # faces the other way: the window is turned back
    assert window_box(result) == (0, 0, ROWS, COLUMNS)
    turned = dataclasses.replace(result, window_shape=(ROWS, 100))  # the hundred columns at the chest wall
    assert not is_analysed(turned, 10, 10)
    assert is_analysed(turned, 10, COLUMNS - 10)


def test_the_window_is_drawn_as_far_as_the_image_goes() -> None:
    assert seen_within(with_window(-20, -10, (ROWS + 50, COLUMNS + 50)), ROWS, COLUMNS) == (0, 0, ROWS, COLUMNS)
    assert seen_within(with_window(100, -30, (300, 200)), ROWS, COLUMNS) == (100, 0, 400, 170)
    assert seen_within(with_window(ROWS, 0, (300, 200)), ROWS, COLUMNS) is None
