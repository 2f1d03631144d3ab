"""A place that the network did not see is told as such."""

from __future__ import annotations

import dataclasses

import pytest

from gmic_core.coverage import Coverage, Structure
from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import ImageResult
from tests.helpers.panel_fakes import COLUMNS, ROWS, make_image, make_result
from viewer.model.marks import Mark
from viewer.model.seen_window import (
    is_analysed,
    mark_seen,
    outside_boxes,
    seen_within,
    share_words,
    size_words,
    structure_words,
    why_not_analysed,
    window_box,
)


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


# -- the crop of the breast --------------------------------------------------------------------------------------
def with_crop(seen: tuple[int, int, int, int], **fields: object) -> ImageResult:
    """A window of rows 100..400 and columns 0..200 of which the crop fills ``seen``."""
    values = {"breast_pixels": 1000, "breast_outside": 0, "tissue_outside": 0, "structures": (), "structures_total": 0}
    coverage = Coverage(seen=seen, projected=False, **{**values, **fields})  # type: ignore[arg-type]
    return dataclasses.replace(with_window(100, 0, (300, 200)), coverage=coverage)


def test_in_the_window_but_beside_the_crop_nothing_was_seen() -> None:
    result = with_crop((150, 0, 390, 180))
    assert is_analysed(result, 150, 179)
    assert why_not_analysed(result, 150, 179) == ""
    assert why_not_analysed(result, 149, 50) == "outside the network's crop of the breast, not analysed"
    assert why_not_analysed(result, 200, 180) == "outside the network's crop of the breast, not analysed"
    assert why_not_analysed(result, 99, 50) == "outside the network's window, not analysed"
    assert seen_within(result, ROWS, COLUMNS) == (150, 0, 390, 180)
    outside = sum((row1 - row0) * (col1 - col0) for row0, col0, row1, col1 in outside_boxes(result, ROWS, COLUMNS))
    assert outside == ROWS * COLUMNS - 240 * 180


def mark(kind: str, *points: tuple[float, float]) -> Mark:
    return Mark(kind, "1", 0, points)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("drawn", "seen"),
    [
        (mark("length", (160, 10), (300, 100)), "whole"),
        (mark("length", (140, 10), (300, 100)), "part"),
        (mark("length", (100, 50), (140, 50)), "none"),
        (mark("length", (250, 170), (160, 300)), "part"),
        (mark("length", (100, 90), (450, 90)), "part"),  # both ends outside, the middle inside
        (mark("place", (149, 50)), "none"),
        (mark("place", (150, 50)), "whole"),
        (mark("ellipse", (160, 20), (200, 60)), "whole"),
        (mark("ellipse", (130, 160), (170, 200)), "part"),
        (mark("ellipse", (0, 0), (500, 380)), "part"),  # around everything that was seen, or nearly
        (mark("freeform", (10, -1), (10, 300), (450, 300), (450, -1)), "part"),
        (mark("freeform", (10, 200), (10, 300), (450, 300)), "none"),
    ],
)
def test_a_mark_is_seen_as_far_as_its_lines_are(drawn: Mark, seen: str) -> None:
    assert mark_seen(with_crop((150, 0, 390, 180)), drawn) == seen


def test_a_mark_at_the_very_border_of_the_image_lies_in_it() -> None:
    result = with_window(0, 0, (ROWS, COLUMNS))
    assert mark_seen(result, mark("length", (-0.5, -0.5), (ROWS - 0.5, COLUMNS - 0.5))) == "whole"


def test_the_size_of_the_window_is_told_in_pixels_of_the_network() -> None:
    assert size_words(with_window(100, 0, (300, 200)), ROWS, COLUMNS) == "window 300x200 of 512x384"
    result = with_window(0, 0, (2116, 1339))
    assert size_words(result, 2457, 1996) == "window 2116x1339 of 2457x1996"
    turned = dataclasses.replace(result, window_to_stored=PlaneMap.scale_offset(2, 2, 0, 0).matrix)
    assert size_words(turned, 2000, 1000) == "window 2116x1339 of 1000x500"  # the network took half of the pixels


@pytest.mark.parametrize(
    ("outside", "tissue", "words"),
    [
        (0, 0, "the whole breast analysed"),
        (5, 0, "0.5% of the breast not analysed"),
        (52, 0, "5.2% of the breast not analysed"),
        (5, 20, "tissue beside the breast, 2.5% of its size, not analysed"),
    ],
)
def test_the_share_is_told_in_words(outside: int, tissue: int, words: str) -> None:
    coverage = with_crop((0, 0, 9, 9), breast_outside=outside, tissue_outside=tissue).coverage
    assert coverage is not None
    assert share_words(coverage) == words
    assert coverage.is_short is ((words[0] == "t" and tissue > 0) or outside > 10)


def test_structures_apart_are_counted_in_words() -> None:
    apart, cut_off = (Structure(0, 0, 12, 12, 144, attached=attached) for attached in (False, True))
    for structures, total, words in (
        ((), 0, ""),
        ((cut_off,), 1, ""),
        ((apart, cut_off), 2, "1 structure not analysed"),
        ((apart, apart), 30, "30 structures not analysed"),
    ):
        coverage = with_crop((0, 0, 9, 9), structures=structures, structures_total=total).coverage
        assert coverage is not None
        assert structure_words(coverage) == words
