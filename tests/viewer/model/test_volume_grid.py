"""Voxels lie where the 2D images say: in every orientation, for both sides, never mirrored in depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmic_core.exam.geometry import PlanePosition, stored_to_patient
from gmic_core.exam.model import MammoImage
from gmic_core.types import Modality
from tests.helpers.panel_fakes import make_exam, make_image
from tests.helpers.volumes import volume_image_of, volume_of
from viewer.model.placement import view_mm_map
from viewer.model.volume import VolumeModel, cursor_place, filled_box, patch_box, slice_outline, volume_image
from viewer.model.volume_grid import (
    BUDGET_VOXELS,
    middle,
    reduced,
    slices_run_away,
    stored_to_plane,
    view_mm_to_world,
    volume_grid,
    world_to_view_mm,
)
from viewer.model.volume_project import Stack

ORIENTATIONS = [None, ("A", "F"), ("P", "F"), ("A", "H"), ("P", "H"), ("F", "A"), ("H", "A"), ("F", "P"), ("H", "P")]


def test_a_clinical_volume_stays_within_its_budget() -> None:
    image = volume_image_of(shape=(66, 2457, 1996), spacing=(0.085, 0.085))
    grid = volume_grid(image)
    assert grid.shape == (66, 625, 508)
    assert np.prod(grid.shape) <= BUDGET_VOXELS == 20_971_520
    assert grid.spacing == pytest.approx((1.0, 0.085 * 2457 / 625, 0.085 * 1996 / 508))
    # 40 MiB of stored and 20 MiB of grey values
    assert 3 * np.prod(grid.shape) / 2**20 == pytest.approx(60.0, abs=0.1)


def test_a_longer_volume_is_reduced_more_and_a_small_one_not_at_all() -> None:
    assert volume_grid(volume_image_of(shape=(120, 2457, 1996))).shape == (120, 463, 376)
    small = volume_grid(volume_image_of(shape=(20, 60, 40)))
    assert small.shape == (20, 60, 40)
    assert small.spacing == (1.0, 0.5, 0.5)


def test_slices_keep_their_number_and_their_distance() -> None:
    grid = volume_grid(volume_image_of(shape=(66, 2457, 1996), step=1.5))
    assert grid.shape[0] == 66
    assert [grid.z_of(k) for k in (0, 1, 65)] == [0.0, 1.5, 97.5]
    assert [grid.slice_at(z) for z in (-9.0, 0.7, 0.8, 97.5, 400.0)] == [0, 0, 1, 65, 65]


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_bright_pixel_lies_where_the_2d_image_has_it(side: str, orientation: tuple[str, str] | None) -> None:
    image = volume_image_of(side, (6, 60, 40), orientation=orientation)
    frame = np.zeros((60, 40), np.uint16)
    frame[13, 7] = 900
    grid = volume_grid(image)
    small = reduced(frame, grid)
    row, column = (int(index[0]) for index in np.nonzero(small))
    y, x = (grid.to_world @ [2, row, column, 1])[1:3]
    down, depth = view_mm_map(image).apply([13, 7])
    assert world_to_view_mm(image, (y, x)) == pytest.approx((down, depth))
    assert view_mm_to_world(image, (down, depth)) == pytest.approx((y, x))
    assert tuple(stored_to_plane(image).apply([13, 7])) == pytest.approx((y, x))


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_reduced_pixel_lies_there_too(side: str) -> None:
    image = volume_image_of(side, (4, 64, 48), spacing=(0.5, 0.25))
    grid = volume_grid(image, budget=4 * 16 * 12)
    assert grid.shape == (4, 16, 12)
    assert grid.spacing == (1.0, 2.0, 1.0)
    frame = np.zeros((64, 48), np.uint16)
    frame[20:24, 8:12] = 160
    small = reduced(frame, grid)
    assert small.max() == 160  # one cell is exactly these pixels
    row, column = (int(index[0]) for index in np.nonzero(small))
    place = (grid.to_world @ [0, row, column, 1])[1:3]
    assert tuple(place) == pytest.approx(tuple(stored_to_plane(image).apply([21.5, 9.5])))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_values_are_averaged_in_their_own_kind_of_number(dtype: type) -> None:
    image = volume_image_of("L", (2, 4, 4))
    frame = np.array([[10, 20, 0, 0], [30, 40, 0, 0], [0, 0, 100, 100], [0, 0, 100, 100]], dtype)
    small = reduced(frame, volume_grid(image, budget=2 * 2 * 2))
    assert small.dtype == dtype
    assert small.tolist() == [[25, 0], [0, 100]]


def plane(along_columns: tuple[float, ...], along_rows: tuple[float, ...], up: float) -> PlanePosition:
    across = np.cross(along_columns, along_rows) * up
    return PlanePosition((0.0, 0.0, 0.0), along_columns, along_rows, tuple(float(v) for v in across))  # type: ignore[arg-type]


@pytest.mark.parametrize("up", [1.0, -1.0])
@pytest.mark.parametrize(
    ("side", "orientation", "columns", "rows"),
    [
        ("L", ("A", "R"), (0, -1, 0), (-1, 0, 0)),
        ("R", ("P", "L"), (0, 1, 0), (1, 0, 0)),
        ("R", ("A", "L"), (0, -1, 0), (1, 0, 0)),  # stored mirrored: hung by a flip of its columns
        ("L", ("A", "L"), (0, -1, 0), (1, 0, 0)),
        ("R", ("L", "P"), (1, 0, 0), (0, 1, 0)),
    ],
)
def test_the_breast_is_never_mirrored_in_depth(
    side: str, orientation: tuple[str, str], columns: tuple[float, ...], rows: tuple[float, ...], up: float
) -> None:
    image = volume_image_of(side, orientation=orientation, plane=plane(columns, rows, up))
    grid = volume_grid(image)
    assert grid.away == slices_run_away(image) in (1, -1)
    stored_to_world = np.eye(4)
    stored_to_world[0, 0] = grid.away * grid.spacing[0]
    stored_to_world[1:3, 1:3] = stored_to_plane(image).matrix[:2, :2]
    to_patient = stored_to_patient(image.spacing_mm, image.slice_spacing_mm, image.plane)
    world_to_patient = (to_patient @ np.linalg.inv(stored_to_world))[:3, :3]
    # (x, y, z) of the world is right-handed, so is LPS: what maps one to the other is a rotation, never a reflection
    assert np.linalg.det(world_to_patient[:, ::-1]) == pytest.approx(1.0)


def test_slices_that_come_nearer_are_placed_before_each_other() -> None:
    image = volume_image_of("L", orientation=("A", "R"), plane=plane((0, -1, 0), (-1, 0, 0), -1.0))
    grid = volume_grid(image)
    assert grid.away == -1
    assert grid.z_of(3) == -3.0
    assert grid.slice_at(-3.2) == 3
    assert grid.bounds[0][0] == -19.5
    assert tuple(grid.voxels_at([-3.0, *grid.origin[1:]])) == pytest.approx((3.0, 0.0, 0.0))


def test_a_file_without_spacing_is_marked() -> None:
    assert volume_grid(volume_image_of()).calibrated
    assert not volume_grid(volume_image_of(spacing=None)).calibrated
    assert not volume_grid(replace(volume_image_of(), slice_spacing_mm=None)).calibrated


# -- what stands in the world ----------------------------------------------------------------------------------------
def test_a_patch_is_its_square_one_slice_thick() -> None:
    image = volume_image_of("R", (20, 60, 40))
    grid = volume_grid(image)
    from gmic_core.types import Roi

    corners = patch_box(Roi(7, 10, 4, 26, 20, 0.5), image, grid, stored_to_plane(image))
    assert corners is not None
    low, high = corners.min(axis=0), corners.max(axis=0)
    assert (low[0], high[0]) == (6.5, 7.5)
    assert high[1:] - low[1:] == pytest.approx((8.0, 8.0))  # 16 pixels of 0.5 mm
    assert (low[1] + high[1]) / 2 == pytest.approx(stored_to_plane(image).apply([17.5, 11.5])[0])
    assert (low[2] + high[2]) / 2 == pytest.approx(stored_to_plane(image).apply([17.5, 11.5])[1])
    # the network's window may reach beyond the image: only what is inside is drawn
    across = patch_box(Roi(7, 52, -8, 68, 8, 0.5), image, grid, stored_to_plane(image))
    assert across is not None
    np.testing.assert_allclose(np.ptp(across, axis=0), (1.0, 4.0, 4.0))
    assert patch_box(Roi(7, 60, 0, 76, 16, 0.5), image, grid, stored_to_plane(image)) is None


def test_the_view_is_fitted_to_what_is_not_air() -> None:
    frames = np.zeros((20, 60, 40), np.uint8)
    frames[5:15, 10:50, 0:30] = 100
    volume = volume_of(volume_image_of(), frames)
    assert volume.extent == ((4.5, -10.0, 0.0), (14.5, 10.0, 15.0))
    assert slice_outline(volume, 7)[:, 0].tolist() == [7.0] * 4
    assert middle(volume.extent) == (9.5, 0.0, 7.5)
    model = VolumeModel()
    assert cursor_place(model, volume, 3) == (3.0, 0.0, 7.5)
    model.point((2.0, 4.0))
    assert cursor_place(model, volume, 3) == (3.0, 2.0, 4.0)
    empty = Stack(np.zeros((20, 60, 40), np.uint8), volume.grid.to_world)
    assert filled_box(volume.grid, empty) == volume.grid.bounds


def test_a_mammogram_leads_to_the_volume_of_its_breast_and_view() -> None:
    exam = make_exam()
    ffdm = next(image for image in exam.images if image.modality is Modality.FFDM and image.label == "R-MLO")
    found = volume_image(exam, ffdm)
    assert found is not None
    assert (found.label, found.modality, found.frames) == ("R-MLO", Modality.DBT, 12)
    assert volume_image(exam, found) is found
    assert volume_image(exam, None) is None
    assert volume_image(None, ffdm) is None


def test_an_image_of_unknown_side_leads_nowhere() -> None:
    exam = make_exam()
    unknown: MammoImage = replace(make_image(), laterality=None, view=None)
    volumes = tuple(replace(image, laterality=None, view=None) for image in exam.images if image.frames > 1)
    assert volume_image(replace(exam, images=(*volumes, unknown)), unknown) is None
