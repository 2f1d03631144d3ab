"""Label maps in memory: strokes, polygons, filling between slices, and going back and forth between states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.errors import SegmentationError
from viewer.model.annotation.brush import Brush, Ink, Stroke, swept
from viewer.model.annotation.edits import Edit, decoded, make_patch
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.shapes import fill_between, fill_polygon, polygon_mask

SHAPE = (6, 40, 50)
MM = (1.0, 0.1, 0.1)
ONE = Ink(1)


def _paint(target: LabelMap, index: int, *points: tuple[float, float], brush: Brush, ink: Ink = ONE) -> Edit:
    stroke = Stroke(target, index, brush, ink, MM)
    for point in points:
        stroke.to(point)
    edit = stroke.end()
    target.advance(edit)
    return edit


def test_a_disc_holds_the_pixels_whose_centres_lie_in_it() -> None:
    found = swept((10.0, 20.0), (10.0, 20.0), 0.25, (0.1, 0.1), (40, 50), square=False)
    assert found is not None
    corner, mask = found
    rows, columns = np.nonzero(mask)
    away = (rows + corner[0] - 10, columns + corner[1] - 20)
    covered = {(int(row), int(column)) for row, column in zip(*away, strict=True)}
    assert covered == {(r, c) for r in range(-3, 4) for c in range(-3, 4) if r * r + c * c <= 6.25}
    assert len(covered) == 21


@pytest.mark.parametrize("square", [False, True])
def test_a_moving_brush_covers_what_it_covers_on_its_way(square: bool) -> None:
    start, end, spacing = (5.3, 6.2), (22.7, 31.9), (0.1, 0.08)
    found = swept(start, end, 0.37, spacing, (40, 50), square=square)
    assert found is not None
    whole = np.zeros((40, 50), bool)
    whole[found[0][0] : found[0][0] + found[1].shape[0], found[0][1] : found[0][1] + found[1].shape[1]] = found[1]
    rows, columns = np.mgrid[0:40, 0:50]
    expected = np.zeros((40, 50), bool)
    for share in np.linspace(0.0, 1.0, 4001):
        dy = (rows - (start[0] + share * (end[0] - start[0]))) * spacing[0]
        dx = (columns - (start[1] + share * (end[1] - start[1]))) * spacing[1]
        expected |= np.maximum(abs(dy), abs(dx)) <= 0.37 if square else dy * dy + dx * dx <= 0.37**2
    assert (whole & ~expected).sum() <= 1  # a centre on the rim falls either way
    assert (expected & ~whole).sum() == 0


def test_a_brush_smaller_than_a_pixel_paints_the_pixel_under_it() -> None:
    target = LabelMap(SHAPE)
    _paint(target, 2, (7.4, 8.6), brush=Brush(0.01))
    assert target.counts == {1: 1}
    assert target.label_at(2, 7, 9) == 1


def test_a_ball_reaches_into_the_slices_beside() -> None:
    target = LabelMap(SHAPE)
    _paint(target, 2, (20.0, 25.0), brush=Brush(4.0, deep=True))
    assert sorted(target.planes) == [0, 1, 2, 3, 4]
    areas = [int((target.planes[k] == 1).sum()) for k in range(5)]
    assert areas[2] == max(areas)
    assert areas[1] == areas[3] > areas[0] == areas[4] == 1  # the poles of the ball are single pixels
    cube = LabelMap(SHAPE)
    _paint(cube, 2, (20.0, 25.0), brush=Brush(2.0, square=True, deep=True))
    assert {k: int(plane.sum()) for k, plane in cube.planes.items()} == {1: 441, 2: 441, 3: 441}


def test_painting_over_one_label_leaves_the_others_alone() -> None:
    target = LabelMap(SHAPE)
    _paint(target, 0, (10.0, 10.0), brush=Brush(1.0))
    before = dict(target.counts)
    _paint(target, 0, (10.0, 14.0), brush=Brush(1.0), ink=Ink(2, over=0))
    assert target.counts[1] == before[1] == 81
    _paint(target, 0, (10.0, 12.0), brush=Brush(2.0), ink=Ink(0, over=1))  # erasing takes away label 1 only
    assert 1 not in target.counts
    assert target.counts[2] > 0


def test_a_label_beyond_255_widens_the_map() -> None:
    target = LabelMap(SHAPE)
    _paint(target, 0, (10.0, 10.0), brush=Brush(0.3), ink=Ink(7))
    assert target.dtype == np.uint8
    _paint(target, 1, (10.0, 10.0), brush=Brush(0.3), ink=Ink(300))
    assert target.dtype == np.uint16
    assert (target.label_at(0, 10, 10), target.label_at(1, 10, 10)) == (7, 300)


def test_slices_without_labels_take_no_memory() -> None:
    target = LabelMap((70, 2457, 1996))
    Stroke(target, 35, Brush(5.0), Ink(1), (1.0, 0.1, 0.1)).to((1000.0, 900.0))
    assert list(target.planes) == [35]


def test_a_stroke_that_is_dropped_leaves_nothing() -> None:
    target = LabelMap(SHAPE)
    _paint(target, 1, (10.0, 10.0), brush=Brush(1.0))
    before = target.dense()
    stroke = Stroke(target, 1, Brush(3.0, deep=True), Ink(2), MM)
    stroke.to((12.0, 12.0))
    stroke.to((20.0, 30.0))
    assert (target.dense() != before).any()
    stroke.drop()
    assert (target.dense() == before).all()


def _random_edit(target: LabelMap, rng: np.random.Generator) -> Edit:
    kind = rng.integers(4)
    index = int(rng.integers(SHAPE[0]))
    ink = Ink(int(rng.integers(0, 4)), None if rng.random() < 0.5 else int(rng.integers(0, 4)))
    points = [(float(rng.uniform(-5, 45)), float(rng.uniform(-5, 55))) for _ in range(int(rng.integers(3, 7)))]
    if kind < 2:
        brush = Brush(float(rng.uniform(0.05, 2.5)), bool(rng.integers(2)), bool(rng.integers(2)))
        stroke = Stroke(target, index, brush, ink, MM)
        for point in points:
            stroke.to(point)
        return stroke.end()
    if kind == 2 or rng.random() < 0.8:
        edit = fill_polygon(target, index, points, ink)
    else:
        edit = fill_between(target, Ink(ink.label or 1)).edit
    target.write(edit)
    return edit


@pytest.mark.parametrize("seed", range(2))
def test_five_hundred_random_edits_can_be_taken_back_and_done_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = LabelMap.of(rng.integers(0, 3, SHAPE).astype(np.uint8) * (rng.random(SHAPE) < 0.2))
    states, pictures = [target.state], [target.dense()]
    for _ in range(500):
        edit = _random_edit(target, rng)
        target.advance(edit)
        states.append(target.state)
        pictures.append(target.dense())
    for step in [*range(499, -1, -1), *range(1, 501), *rng.integers(0, 501, 60)]:
        list(target.go_to(states[step]))
        assert (target.dense() == pictures[step]).all()
        numbers, voxels = np.unique(pictures[step], return_counts=True)
        assert target.counts == {int(n): int(v) for n, v in zip(numbers, voxels, strict=True) if n}


def test_an_edit_survives_being_written_down() -> None:
    rng = np.random.default_rng(5)
    target = LabelMap(SHAPE)
    for _ in range(40):
        before = target.dense()
        edit = _random_edit(target, rng)
        if not edit.patches:
            continue
        again = LabelMap.of(before)
        again.write(decoded(edit.encoded(), SHAPE))
        again.write(decoded(edit.encoded(), SHAPE))  # twice does no harm
        assert (again.dense() == target.dense()).all()


def test_damaged_bytes_are_refused() -> None:
    patch = make_patch(3, (5, 6), np.zeros((4, 4), np.uint8), np.eye(4, dtype=np.uint8))
    assert patch is not None
    data = Edit((patch,)).encoded()
    assert decoded(data, SHAPE).counts() == {0: -4, 1: 4}
    for wrong in (data[:-3], b"", b"no edit at all", data[:5] + bytes([data[5] ^ 255]) + data[6:]):
        with pytest.raises(SegmentationError, match=r"damaged|longer"):
            decoded(wrong, SHAPE)
    for small in ((3, 40, 50), (6, 8, 50), (6, 40, 9)):
        with pytest.raises(SegmentationError, match="damaged"):
            decoded(data, small)


def test_a_polygon_holds_the_pixels_whose_centres_lie_in_it() -> None:
    found = polygon_mask([(2.5, 3.5), (2.5, 7.5), (5.5, 7.5), (5.5, 3.5)], (20, 20))
    assert found is not None
    assert found[1].sum() == 12
    rows, columns = np.nonzero(found[1])
    assert (rows.min() + found[0][0], rows.max() + found[0][0]) == (3, 5)
    assert (columns.min() + found[0][1], columns.max() + found[0][1]) == (4, 7)
    bow = polygon_mask([(1.5, 1.5), (8.5, 8.5), (1.5, 8.5), (8.5, 1.5)], (20, 20))
    assert bow is not None
    assert bow[1][5 - bow[0][0], 8 - bow[0][1]]
    assert not bow[1][2 - bow[0][0], 5 - bow[0][1]]  # above the knot is outside
    assert polygon_mask([(1.0, 1.0), (2.0, 2.0)], (20, 20)) is None
    outside = polygon_mask([(-5.0, -5.0), (-5.0, 4.5), (4.5, 4.5), (4.5, -5.0)], (20, 20))
    assert outside is not None
    assert outside[0] == (0, 0)
    assert outside[1].sum() == 25


def _square(target: LabelMap, index: int, row: int, column: int, edge: int, label: int = 1) -> None:
    target.write(target.replaced(index, (row, column), np.full((edge, edge), label, np.uint8)))


def test_slices_between_two_outlines_change_steadily() -> None:
    target = LabelMap(SHAPE)
    _square(target, 0, 10, 10, 5)
    _square(target, 4, 16, 18, 13)
    filled = fill_between(target, Ink(1))
    target.write(filled.edit)
    assert (filled.slices, filled.alone) == (3, 0)
    areas = [int((target.planes[k] == 1).sum()) for k in range(5)]
    assert areas == sorted(areas)
    assert areas[0] == 25
    assert areas[4] == 169
    rows, columns = np.nonzero(target.planes[2] == 1)
    assert (rows.mean(), columns.mean()) == (17.0, 18.0)  # half way between (12, 12) and (22, 24)
    assert np.ptp(rows) == np.ptp(columns) == 8


def test_two_lesions_are_not_bridged() -> None:
    target = LabelMap(SHAPE)
    _square(target, 0, 5, 5, 5)
    _square(target, 0, 30, 40, 4)
    _square(target, 3, 6, 6, 5)
    filled = fill_between(target, Ink(1))
    target.write(filled.edit)
    assert (filled.slices, filled.alone) == (2, 1)
    assert target.planes[1][25:, 30:].sum() == 0
    assert target.planes[1][:15, :15].sum() == 25


def test_filling_leaves_other_labels_where_it_must_not_paint_over_them() -> None:
    target = LabelMap(SHAPE)
    _square(target, 0, 10, 10, 6)
    _square(target, 2, 10, 10, 6)
    _square(target, 1, 12, 12, 2, label=2)
    target.write(fill_between(target, Ink(1, over=0)).edit)
    assert target.label_at(1, 12, 12) == 2
    assert target.label_at(1, 10, 10) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-6, 40), st.floats(-6, 50)), min_size=1, max_size=9),
    st.sampled_from([0.3, 2.0, 7.0, 15.0]),
    st.integers(0, 4),
    st.booleans(),
)
def test_slices_that_are_painted_later_get_what_they_would_have_got_at_once(
    path: list[tuple[float, float]], size: float, deep: int, whole: bool
) -> None:
    """The ball of each place and the way between them, slice by slice, as the disc of the slice that is seen."""
    spacing, shape = (1.5, 0.5, 0.4), (9, 34, 45)
    if whole:  # places on pixel centres: borders through centres, rows that are not left
        path = [(float(round(row)), float(round(column))) for row, column in path]
    painted, expected = LabelMap(shape), np.zeros(shape, bool)
    stroke, brush = Stroke(painted, 4, Brush(size, deep=True), Ink(1), spacing), Brush(size, deep=True)
    for start, end in zip([path[0], *path], path, strict=False):
        stroke.to(end, deep)
        for away, radius in brush.radii(spacing[0]):
            found = swept(start, end, radius, spacing[1:], shape[1:], square=False)
            if 0 <= 4 + away < shape[0] and found is not None:
                (row, column), mask = found
                expected[4 + away, row : row + mask.shape[0], column : column + mask.shape[1]] |= mask
    edit = stroke.end()
    assert ((painted.dense() == 1) == expected).all()
    assert painted.counts == ({1: int(expected.sum())} if expected.any() else {})
    for patch in edit.inverted().patches:
        patch.write(painted.touch(patch.slice_index, patch.box, 0))
    assert not painted.dense().any()
