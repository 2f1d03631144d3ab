"""Slices stand in position order whatever their order in the file."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.exam.dicom import read_dicom
from gmic_core.exam.geometry import stored_to_patient
from gmic_core.exam.slices import SliceKey, order_slices
from tests.helpers.dicom_files import breast_volume, write_dbt

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # normal +z


def keys(heights: list[float], indices: list[int] | None = None) -> list[SliceKey]:
    numbers = indices or [0] * len(heights)
    return [SliceKey((0.0, 0.0, z), (n,) if indices else ()) for z, n in zip(heights, numbers, strict=True)]


@given(st.permutations(range(9)))
@settings(deadline=None)
def test_any_order_with_indices_is_undone(shuffled: list[int]) -> None:
    order = order_slices(keys([2.5 * s for s in shuffled], [s + 1 for s in shuffled]), AXIAL)
    found = order.order or tuple(range(9))
    assert [shuffled[frame] for frame in found] == list(range(9))
    assert order.spacing_mm == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("heights", "order"),
    [
        ([0, 1, 2, 3], None),
        ([3, 2, 1, 0], None),  # stored the other way round: other viewers count so, too
        ([0, 2, 1, 3], (0, 2, 1, 3)),
        ([3, 1, 2, 0], (3, 1, 2, 0)),
        ([-7, -9, -8], (1, 2, 0)),
    ],
)
def test_order_by_position_alone(heights: list[float], order: tuple[int, ...] | None) -> None:
    assert order_slices(keys(heights), AXIAL).order == order


def test_stated_indices_decide_the_direction() -> None:
    assert order_slices(keys([3, 2, 1, 0], [1, 2, 3, 4]), AXIAL).order is None
    assert order_slices(keys([3, 2, 1, 0], [4, 3, 2, 1]), AXIAL).order == (3, 2, 1, 0)


def test_without_orientation_the_axis_along_which_positions_differ_counts() -> None:
    found = order_slices([SliceKey((x, 5.0, 0.0)) for x in (2.0, 0.0, 1.0)], None)
    assert (found.order, found.spacing_mm, found.plane) == ((1, 2, 0), 1.0, None)


def test_without_positions_the_indices_count() -> None:
    assert order_slices([SliceKey(None, (n,)) for n in (2, 3, 1)], AXIAL).order == (2, 0, 1)
    assert order_slices([SliceKey()] * 3, AXIAL).order is None
    assert order_slices([SliceKey(None, (1,))] * 3, AXIAL).order is None


def test_one_position_for_all_is_said() -> None:
    found = order_slices(keys([0, 0, 0]), AXIAL)
    assert (found.order, found.spacing_mm, found.plane) == (None, None, None)
    assert found.warnings == ("the file gives all slices one position",)


def test_a_missing_slice_is_said() -> None:
    assert order_slices(keys([0, 1, 2, 4, 5]), AXIAL).warnings == ("slices are not evenly spaced; one may be missing",)


def test_shuffled_tomosynthesis(tmp_path: Path) -> None:
    shuffled = list(range(7))
    random.Random(3).shuffle(shuffled)
    windows = [(100 + s, 50) for s in shuffled]
    path = write_dbt(
        tmp_path / "a.dcm", breast_volume(7, 16, 12), "L", "MLO", frame_order=shuffled, slice_spacing=1.25,
        frame_windows=windows,
    )  # fmt: skip
    image = read_dicom(path).image
    assert image.source.frame_order is not None
    assert [shuffled[frame] for frame in image.source.frame_order] == list(range(7))
    assert image.slice_spacing_mm == 1.25
    assert [window.center for window in image.frame_windows] == [100.0 + s for s in range(7)]


def test_plane_of_a_left_mlo(tmp_path: Path) -> None:
    path = write_dbt(tmp_path / "a.dcm", breast_volume(4, 16, 12), "L", "MLO", spacing=0.1, slice_spacing=2.0)
    image = read_dicom(path).image
    assert image.plane is not None
    assert image.plane.along_columns == (0.0, -1.0, 0.0)  # Patient Orientation A\F
    assert image.plane.along_rows == (0.0, 0.0, -1.0)
    matrix = stored_to_patient(image.spacing_mm, image.slice_spacing_mm, image.plane)
    assert np.allclose(matrix @ [3, 10, 5, 1], [6.0, -0.5, -1.0, 1.0])


def test_more_per_frame_items_than_frames(tmp_path: Path) -> None:
    path = write_dbt(tmp_path / "a.dcm", breast_volume(4, 16, 12), per_frame_items=9)
    image = read_dicom(path).image
    assert image.frames == 4
    assert "describes 9 frames, but the pixel data holds 4; the latter counts" in image.warnings


def test_fewer_per_frame_items_than_frames(tmp_path: Path) -> None:
    image = read_dicom(write_dbt(tmp_path / "a.dcm", breast_volume(4, 16, 12), per_frame_items=2)).image
    assert (image.frames, image.source.frame_order) == (4, None)
    assert "describes 2 frames, but the pixel data holds 4; the latter counts" in image.warnings
