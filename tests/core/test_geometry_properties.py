"""Properties of the geometry over 8 stored orientations x 4 views x MONOCHROME1/2."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.exam.geometry import (
    ORIENTATIONS,
    NetworkWindow,
    Orientation,
    PlaneMap,
    display_orientation,
    facing_orientation,
    network_to_saliency,
    nifti_affine,
    stored_to_patient,
    stored_to_view_mm,
)
from gmic_core.exam.model import PixelFormat
from gmic_core.preprocessing.levels import PixelLevels
from gmic_core.types import Laterality
from tests.helpers.breasts import breast, patient_orientation

SIDES = (Laterality.L, Laterality.R)
VIEWS = tuple((side, view) for side in SIDES for view in ("CC", "MLO"))
EVERY = tuple(itertools.product(ORIENTATIONS, VIEWS))

orientations = st.sampled_from(ORIENTATIONS)
sizes = st.integers(1, 60)
shapes = st.tuples(sizes, sizes)
points = st.tuples(st.floats(-50, 50), st.floats(-50, 50))
scales = st.floats(0.1, 4.0)
plane_maps = st.builds(
    lambda turn, shape, rows, cols, up, left: (
        PlaneMap.scale_offset(1, 1, up, left) @ PlaneMap.resampling(rows, cols) @ turn.plane_map(*shape)
    ),
    orientations, shapes, scales, scales, st.floats(-20, 20), st.floats(-20, 20),
)  # fmt: skip
windows = st.builds(
    NetworkWindow,
    orientations,
    shapes,
    st.integers(-10, 30),
    st.integers(-10, 30),
    st.integers(1, 50),
    st.integers(1, 50),
    scales,
    scales,
)


def close(a, b):
    np.testing.assert_allclose(a, b, atol=1e-6)


@settings(deadline=None)
@given(orientations, shapes)
def test_an_orientation_moves_each_pixel_where_its_map_says(turn, shape):
    image = np.arange(shape[0] * shape[1]).reshape(shape)
    turned = turn.apply(image)
    assert turned.shape == turn.shape(*shape)
    rows, cols = np.indices(shape)
    stored = np.stack([rows.ravel(), cols.ravel()], axis=1)
    there = turn.plane_map(*shape).apply(stored).astype(int)
    np.testing.assert_array_equal(turned[there[:, 0], there[:, 1]], image.ravel())


@settings(deadline=None)
@given(orientations, shapes)
def test_an_orientation_and_its_inverse(turn, shape):
    image = np.arange(shape[0] * shape[1]).reshape(shape)
    np.testing.assert_array_equal(turn.inverse().apply(turn.apply(image)), image)
    close(turn.inverse().plane_map(*turn.shape(*shape)).matrix, turn.plane_map(*shape).inverse().matrix)
    assert turn.then(turn.inverse()) == Orientation()


@settings(deadline=None)
@given(orientations, orientations, shapes)
def test_composition_of_orientations(first, second, shape):
    image = np.arange(shape[0] * shape[1]).reshape(shape)
    both = first.then(second)
    np.testing.assert_array_equal(both.apply(image), second.apply(first.apply(image)))
    close(both.plane_map(*shape).matrix, (second.plane_map(*first.shape(*shape)) @ first.plane_map(*shape)).matrix)
    assert both.mirrored == (first.mirrored != second.mirrored)


def test_there_are_eight_orientations_and_half_of_them_mirror():
    assert len(set(ORIENTATIONS)) == 8
    assert sum(turn.mirrored for turn in ORIENTATIONS) == 4
    for turn in ORIENTATIONS:
        determinant = np.linalg.det(turn.plane_map(5, 7).matrix[:2, :2])
        assert turn.mirrored == (determinant < 0)


@settings(deadline=None)
@given(plane_maps, plane_maps, points)
def test_composition_and_inverse_of_maps(first, second, point):
    close((second @ first).apply(point), second.apply(first.apply(point)))
    close(first.inverse().apply(first.apply(point)), point)
    close(first.apply([point, point]), [first.apply(point)] * 2)


@settings(deadline=None)
@given(plane_maps, st.tuples(points, points))
def test_boxes_there_and_back(plane, corners):
    low, high = np.minimum(*corners), np.maximum(*corners)
    box = (low[0], low[1], high[0], high[1])
    there = plane.apply_box(box)
    assert there[0] <= there[2]
    assert there[1] <= there[3]
    close(plane.inverse().apply_box(there), box)


@settings(deadline=None)
@given(orientations, shapes, st.data())
def test_a_box_covers_the_same_pixels(turn, shape, data):
    row0, col0 = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
    row1, col1 = data.draw(st.integers(row0 + 1, shape[0])), data.draw(st.integers(col0 + 1, shape[1]))
    marked = np.zeros(shape, bool)
    marked[row0:row1, col0:col1] = True
    box = turn.plane_map(*shape).apply_box((row0, col0, row1, col1))
    expected = np.zeros(turn.shape(*shape), bool)
    expected[int(box[0]) : int(box[2]), int(box[1]) : int(box[3])] = True
    np.testing.assert_array_equal(turn.apply(marked), expected)


@settings(deadline=None)
@given(shapes, scales, scales)
def test_a_resampling_keeps_the_edges(shape, rows, cols):
    box = PlaneMap.resampling(rows, cols).apply_box((0, 0, *shape))
    close(box, (0, 0, shape[0] * rows, shape[1] * cols))


@settings(deadline=None)
@given(windows, points)
def test_a_window_there_and_back(window, point):
    to_network = window.stored_to_network()
    close(to_network.inverse().apply(to_network.apply(point)), point)
    cells = (max(window.rows // 7, 1), max(window.columns // 5, 1))
    to_cells = network_to_saliency((window.rows, window.columns), cells)
    close(to_cells.inverse().apply(to_cells.apply(point)), point)
    close(window.saliency_to_stored(cells).inverse().apply(point), (to_cells @ to_network).apply(point))
    close(to_cells.apply_box((0, 0, window.rows, window.columns)), (0, 0, *cells))


@settings(deadline=None)
@given(windows, st.integers(0, 30), points)
def test_nifti_coordinates_agree_with_the_stored_ones(window, index, cell):
    cells = (3, 2)
    to_stored = window.saliency_to_stored(cells)
    to_patient = stored_to_patient((0.1, 0.3), 0.9, None)
    row, column = to_stored.apply(cell)
    lps = to_patient @ [index, row, column, 1]
    ras = nifti_affine(to_patient, to_stored) @ [cell[1], cell[0], index, 1]
    close(ras, lps * [-1, -1, 1, 1])


@pytest.mark.parametrize(("turn", "which"), EVERY)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_breast_hangs_and_faces_right_however_it_is_stored(turn, which, photometric):
    side, view = which
    facing = breast(48, 36, seed=5)
    values = facing if photometric == "MONOCHROME2" else 4095 - facing
    stored = turn.apply(values)
    levels = PixelLevels.of(PixelFormat(bits_stored=12, photometric=photometric))
    levelled = levels.apply(np.ascontiguousarray(stored))
    directions = patient_orientation(side, view, turn)
    np.testing.assert_array_equal(facing_orientation(directions, side, view).apply(levelled), facing)
    hung = display_orientation(directions, side, view).apply(levelled)
    np.testing.assert_array_equal(hung, facing if side is Laterality.L else facing[:, ::-1])


@pytest.mark.parametrize(("turn", "which"), EVERY)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_planted_dot_maps_through_all_systems_and_back(turn, which, photometric):
    side, view = which
    facing = np.zeros((60, 44), np.uint16)
    dots = [(7, 3), (31, 40), (52, 11), (59, 0)]
    for value, (row, col) in enumerate(dots, start=1):
        facing[row, col] = value * 1000
    values = facing if photometric == "MONOCHROME2" else 4095 - facing
    stored = np.ascontiguousarray(turn.apply(values))
    directions = patient_orientation(side, view, turn)
    levels = PixelLevels.of(PixelFormat(bits_stored=12, photometric=photometric))
    to_facing = facing_orientation(directions, side, view)
    window = NetworkWindow(to_facing, stored.shape, -4, -2, 80, 64)
    cells = (10, 8)
    to_stored = window.saliency_to_stored(cells)
    to_display = display_orientation(directions, side, view).plane_map(*stored.shape)
    for value, (row, col) in enumerate(dots, start=1):
        at = np.argwhere(levels.apply(stored) == value * 1000)[0]
        assert window.stored_to_network().apply(at).tolist() == [row + 4, col + 2]
        assert to_display.apply(at).tolist() == [row, col if side is Laterality.L else 43 - col]
        cell = np.array([(row + 4) // 8, (col + 2) // 8])  # each cell covers 8 x 8 network pixels
        row0, col0, row1, col1 = to_stored.apply_box((*cell, *(cell + 1)))
        assert row0 <= at[0] < row1
        assert col0 <= at[1] < col1
        assert np.abs(to_stored.apply(cell) - at).max() <= 4


@pytest.mark.parametrize(("turn", "which"), EVERY)
def test_view_millimetres_do_not_depend_on_how_the_image_is_stored(turn, which):
    side, view = which
    shape, (row_mm, col_mm) = (30, 20), (0.2, 0.1)  # of the breast facing right
    directions = patient_orientation(side, view, turn)
    stored_shape = turn.shape(*shape)
    spacing = (col_mm, row_mm) if turn.transpose else (row_mm, col_mm)
    to_mm = stored_to_view_mm(display_orientation(directions, side, view), stored_shape, spacing, side)
    for row, col in [(0, 0), (29, 0), (14, 19), (3, 8)]:
        at = turn.plane_map(*shape).apply([row, col])
        close(to_mm.apply(at), [(row - 14.5) * row_mm, (col + 0.5) * col_mm])
