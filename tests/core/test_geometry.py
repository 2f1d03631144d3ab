"""Sides, views and turns, with numbers and pictures worked out by hand.

The pictures are 3 x 4 images whose pixels are named after what they show: w chest wall, n nipple, u and d the two other
edges (CC: u lateral, d medial; MLO: u head, d feet).
"""

from __future__ import annotations

import numpy as np
import pytest

from gmic_core.errors import GeometryError
from gmic_core.exam.geometry import (
    NetworkWindow,
    Orientation,
    PlaneMap,
    PlanePosition,
    display_orientation,
    facing_orientation,
    network_to_saliency,
    nifti_affine,
    stored_to_patient,
    stored_to_view_mm,
)
from gmic_core.types import Laterality

L, R = Laterality.L, Laterality.R


def picture(*rows: str) -> np.ndarray:
    return np.array([list(row) for row in rows])


RIGHT_FACING = picture("wuu.", "w..n", "wdd.")
LEFT_FACING = picture(".uuw", "n..w", ".ddw")

STORED = {
    # side, view, Patient Orientation (columns, rows): the picture as stored, written out by hand
    "L-CC as usual": (L, "CC", ("A", "R"), picture("wuu.", "w..n", "wdd.")),
    "R-CC as usual": (R, "CC", ("P", "L"), picture(".uuw", "n..w", ".ddw")),
    "L-MLO as usual": (L, "MLO", ("A", "FR"), picture("wuu.", "w..n", "wdd.")),
    "R-MLO as usual": (R, "MLO", ("P", "FL"), picture(".uuw", "n..w", ".ddw")),
    "L-CC, rotated (Siemens)": (L, "CC", ("R", "P"), picture(".n.", "u.d", "u.d", "www")),
    "L-CC, turned by 180 degrees (BCS-DBT)": (L, "CC", ("P", "L"), picture(".ddw", "n..w", ".uuw")),
    "R-CC, turned by 180 degrees": (R, "CC", ("A", "R"), picture("wdd.", "w..n", "wuu.")),
    "R-MLO, upside down": (R, "MLO", ("P", "H"), picture(".ddw", "n..w", ".uuw")),
    "R-MLO, stored facing right": (R, "MLO", ("A", "F"), picture("wuu.", "w..n", "wdd.")),
    "R-CC, chest wall on top": (R, "CC", ("L", "A"), picture("www", "u.d", "u.d", ".n.")),
    "L-ML, head to the left": (L, "ML", ("F", "A"), picture("www", "u.d", "u.d", ".n.")),
    "L-MLO, columns to the head": (L, "MLO", ("H", "P"), picture(".n.", "d.u", "d.u", "www")),
}


@pytest.mark.parametrize("name", STORED)
def test_every_image_hangs_in_the_standard_way(name):
    side, view, directions, stored = STORED[name]
    hung = display_orientation(directions, side, view).apply(stored)
    np.testing.assert_array_equal(hung, RIGHT_FACING if side is L else LEFT_FACING)


@pytest.mark.parametrize("name", STORED)
def test_every_breast_faces_right_for_the_networks(name):
    side, view, directions, stored = STORED[name]
    np.testing.assert_array_equal(facing_orientation(directions, side, view).apply(stored), RIGHT_FACING)


@pytest.mark.parametrize(("side", "turn"), [(L, Orientation()), (R, Orientation(flip_cols=True))])
@pytest.mark.parametrize("view", ["CC", "MLO", None])
def test_without_tags_left_faces_right_and_right_faces_left(side, turn, view):
    assert display_orientation(None, side, view) == Orientation()
    assert facing_orientation(None, side, view) == turn


def test_an_empty_second_direction_counts_as_down():
    assert display_orientation(("A", ""), L, "CC") == Orientation()
    assert display_orientation(("P", ""), L, "MLO") == Orientation(flip_cols=True)


def test_lower_case_and_blanks_are_read():
    assert display_orientation((" p", "l "), L, "CC") == Orientation(flip_rows=True, flip_cols=True)


@pytest.mark.parametrize("directions", [("A", "P"), ("L", "F"), ("", "")])
def test_directions_without_one_chest_wall_axis_are_refused(directions):
    with pytest.raises(GeometryError, match="does not say where the chest wall is"):
        display_orientation(directions, L, "CC")


def test_the_same_letter_counts_differently_in_cc_and_mlo():
    # rows run to the feet and, obliquely, to the patient's left: medial for the right breast, lateral for the left
    assert not display_orientation(("P", "FL"), R, "MLO").flip_rows
    assert not display_orientation(("P", "FL"), R, "CC").flip_rows
    assert display_orientation(("A", "FL"), L, "CC").flip_rows
    assert not display_orientation(("A", "FL"), L, "MLO").flip_rows


# --- a window, by hand -----------------------------------------------------------------------------------------


def test_a_window_of_a_right_breast():
    # 100 x 80 stored, facing left; window of 40 x 30 from facing row 10, column 5
    window = NetworkWindow(Orientation(flip_cols=True), (100, 80), 10, 5, 40, 30)
    to_network = window.stored_to_network()
    assert to_network.apply([10, 74]).tolist() == [0, 0]  # facing column 5 is stored column 79 - 5
    assert to_network.apply([49, 45]).tolist() == [39, 29]
    assert to_network.inverse().apply([3, 4]).tolist() == [13, 70]
    assert to_network.inverse().apply_box((0, 0, 40, 30)) == (10, 45, 50, 75)


def test_a_window_of_a_rotated_breast_at_half_size():
    # 60 x 100 stored, chest wall at the bottom: facing is 100 x 60, resized to 50 x 30
    window = NetworkWindow(Orientation(transpose=True, flip_cols=True), (60, 100), -2, 3, 20, 10, 0.5, 0.5)
    to_network = window.stored_to_network()
    # stored (59, 0) -> facing (0, 0) -> resized (-0.25, -0.25) -> window (1.75, -3.25)
    np.testing.assert_allclose(to_network.apply([59, 0]), [1.75, -3.25])
    # stored (40, 31) -> facing (31, 19) -> resized (15.25, 9.25) -> window (17.25, 6.25)
    np.testing.assert_allclose(to_network.apply([40, 31]), [17.25, 6.25])


def test_saliency_cells_lie_on_stored_pixels():
    # 128 x 64 network pixels under 4 x 2 cells: cell (0, 0) covers network pixels 0..31, its centre is 15.5
    window = NetworkWindow(Orientation(flip_cols=True), (200, 100), 20, 0, 128, 64)
    to_stored = window.saliency_to_stored((4, 2))
    assert to_stored.apply([0, 0]).tolist() == [35.5, 83.5]
    assert to_stored.apply([3, 1]).tolist() == [131.5, 51.5]
    assert to_stored.apply_box((1, 0, 2, 1)) == (52, 68, 84, 100)


def test_unequal_cells():
    # 2116 x 1339 pixels under 33 x 21 cells
    to_cells = network_to_saliency((2116, 1339), (33, 21))
    np.testing.assert_allclose(to_cells.apply([2116 / 2 - 0.5, 1339 / 2 - 0.5]), [16, 10])
    np.testing.assert_allclose(to_cells.inverse().apply([0, 0]), [2116 / 33 / 2 - 0.5, 1339 / 21 / 2 - 0.5])


def test_an_upright_window_at_two_scales():
    window = NetworkWindow(Orientation(), (100, 100), 0, 0, 50, 200, 0.5, 2.0)
    np.testing.assert_allclose(window.stored_to_network().apply([10, 10]), [4.75, 20.5])


# --- millimetres -----------------------------------------------------------------------------------------------


def test_view_millimetres_of_a_left_and_a_right_breast():
    # 11 rows of 0.2 mm, 8 columns of 0.1 mm; the wall edge is half a pixel before the first column's centre
    left = stored_to_view_mm(Orientation(), (11, 8), (0.2, 0.1), L)
    np.testing.assert_allclose(left.apply([[5, 0], [0, 7], [10, 0]]), [[0, 0.05], [-1, 0.75], [1, 0.05]])
    right = stored_to_view_mm(Orientation(), (11, 8), (0.2, 0.1), R)
    np.testing.assert_allclose(right.apply([[5, 7], [0, 0], [10, 7]]), [[0, 0.05], [-1, 0.75], [1, 0.05]])


def test_view_millimetres_of_a_transposed_image_swap_the_spacing():
    # stored 8 x 11, rows 0.1 mm, columns 0.2 mm, chest wall at the bottom
    turned = stored_to_view_mm(Orientation(transpose=True, flip_cols=True), (8, 11), (0.1, 0.2), L)
    np.testing.assert_allclose(turned.apply([[7, 5], [0, 0], [7, 10]]), [[0, 0.05], [-1, 0.75], [1, 0.05]])


def test_without_spacing_a_pixel_counts_as_one_millimetre():
    view_mm = stored_to_view_mm(Orientation(), (3, 3), None, L)
    assert view_mm.apply([1, 1]).tolist() == [0, 1.5]


def test_patient_coordinates_follow_the_stated_plane():
    plane = PlanePosition((10.0, 20.0, 30.0), (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.5))
    to_patient = stored_to_patient((0.1, 0.2), 1.0, plane)
    # slice 2, row 10, column 5: x = 10 - 10 * 0.1, y = 20 - 5 * 0.2, z = 30 + 2 * 1.5
    np.testing.assert_allclose(to_patient @ [2, 10, 5, 1], [9, 19, 33, 1])


def test_a_nifti_without_position_has_the_published_affine():
    affine = nifti_affine(stored_to_patient(None, None, None))
    np.testing.assert_array_equal(affine, np.diag([-1.0, -1.0, 1.0, 1.0]))
    affine = nifti_affine(stored_to_patient((0.1, 0.2), 0.7, None))
    np.testing.assert_allclose(affine, np.diag([-0.2, -0.1, 0.7, 1.0]))  # axes (column, row, slice), RAS


def test_a_saliency_nifti_lies_on_its_image():
    # cells of 32 x 16 stored pixels, mirrored columns, on pixels of 0.1 x 0.2 mm
    cells = PlaneMap(np.array([[32.0, 0, 15.5], [0, -16.0, 91.5], [0, 0, 1]]))
    affine = nifti_affine(stored_to_patient((0.1, 0.2), 0.7, None), cells)
    # cell column 2, row 1, slice 3 -> stored row 47.5, column 59.5 -> LPS (11.9, 4.75, 2.1) -> RAS
    np.testing.assert_allclose(affine @ [2, 1, 3, 1], [-11.9, -4.75, 2.1, 1])


def test_a_transposed_saliency_nifti_lies_on_its_image():
    cells = PlaneMap(np.array([[0.0, 4.0, 1.5], [2.0, 0.0, 0.5], [0, 0, 1]]))  # cell rows run along stored columns
    plane = PlanePosition((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
    affine = nifti_affine(stored_to_patient((1.0, 1.0), 1.0, plane), cells)
    # cell column 2, row 3, slice 1 -> stored row 9.5, column 6.5 -> LPS (6.5, 1, -9.5)
    np.testing.assert_allclose(affine @ [2, 3, 1, 1], [-6.5, -1, -9.5, 1])


def test_a_degenerate_map_has_no_inverse():
    with pytest.raises(GeometryError, match="degenerate"):
        PlaneMap.scale_offset(0.0, 1.0, 0.0, 0.0).inverse()
    with pytest.raises(GeometryError, match="degenerate"):
        PlaneMap.scale_offset(float("nan"), 1.0, 0.0, 0.0).inverse()
