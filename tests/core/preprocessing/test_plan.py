"""One image, all steps: where its window lies, what it holds, and what the notes say."""

from __future__ import annotations

import dataclasses
import itertools

import cv2
import numpy as np
import pytest

from gmic_core.errors import GeometryError, InferenceError, ModelError
from gmic_core.exam.geometry import ORIENTATIONS
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.models.registry import InputSpec, ModelSpec, get_spec
from gmic_core.preprocessing import PixelLevels, Projection, WindowPlan, crop_breast, optimal_centre, plan_window
from gmic_core.types import Laterality, Modality
from tests.helpers.breasts import breast, hanging, patient_orientation

SIDES_AND_VIEWS = tuple(itertools.product("LR", ("CC", "MLO")))


def spec_for(rows: int, columns: int, spacing: float = 0.07, *, is_3d: bool = False) -> ModelSpec:
    inputs = tuple(InputSpec(m, rows, columns, spacing, 0.1) for m in (Modality.FFDM, Modality.MG, Modality.DBT))
    return dataclasses.replace(get_spec("gmic3d" if is_3d else "gmic2d"), inputs=inputs)


def image_of(pixels: np.ndarray, side: str = "L", view: str | None = "CC", **fields) -> MammoImage:
    frames = 1 if pixels.ndim == 2 else len(pixels)
    values = {
        "modality": Modality.FFDM, "spacing_mm": (0.07, 0.07), "pixel": PixelFormat(bits_stored=12),
        "patient_orientation": patient_orientation(side, view or "MLO", ORIENTATIONS[0] if side == "L" else FLIPPED),
    }  # fmt: skip
    values.update(fields)
    laterality = Laterality(side)
    return MammoImage(
        "1.2.3", values.pop("modality"), laterality, view, frames, *pixels.shape[-2:],
        PixelSource("dicom", ()), values.pop("pixel"), **values,
    )  # fmt: skip


FLIPPED = next(turn for turn in ORIENTATIONS if turn.flip_cols and not turn.flip_rows and not turn.transpose)


def planned(pixels: np.ndarray, image: MammoImage, spec: ModelSpec) -> tuple[WindowPlan, np.ndarray]:
    frames = pixels[None] if pixels.ndim == 2 else pixels
    projection = Projection(PixelLevels.of(image.pixel))
    for frame in frames:
        projection.add(frame)
    levels, highest = projection.finish()
    plan = plan_window(highest, levels, image, spec)
    return plan, np.stack([plan.take(frame) for frame in frames])


def seen_twice(plan: WindowPlan, frame: np.ndarray) -> np.ndarray:
    """Sample the stored pixels at every network pixel through the map; what lies outside is 0."""
    rows, cols = np.indices((plan.window.rows, plan.window.columns))
    at = plan.window.stored_to_network().inverse().apply(np.stack([rows, cols], axis=-1))
    index = np.rint(at).astype(int)
    inside = ((index >= 0) & (index < frame.shape)).all(axis=-1)
    out = np.zeros(inside.shape, frame.dtype)
    out[inside] = frame[index[inside, 0], index[inside, 1]]
    return out


@pytest.mark.parametrize(("side", "view"), SIDES_AND_VIEWS)
@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_same_breast_gives_the_same_window_however_it_is_stored(side, view, turn, photometric):
    facing = breast(300, 220, seed=1)
    values = facing if photometric == "MONOCHROME2" else 4095 - facing
    stored = np.ascontiguousarray(turn.apply(values))
    pixel = PixelFormat(bits_stored=12, photometric=photometric)
    spec = spec_for(200, 150)
    image = image_of(stored, side, view, pixel=pixel, patient_orientation=patient_orientation(side, view, turn))
    plan, (window,) = planned(stored, image, spec)
    upright = image_of(facing, side, view, patient_orientation=patient_orientation(side, view, ORIENTATIONS[0]))
    reference, (expected,) = planned(facing, upright, spec)
    np.testing.assert_array_equal(window, expected)
    assert plan.outside_fraction == reference.outside_fraction
    np.testing.assert_array_equal(seen_twice(plan, plan.levels.apply(stored)), window)


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_mirrored_breasts_share_window_and_pixels_when_the_window_holds_them(view):
    facing = breast(300, 220, seed=2)
    spec = spec_for(320, 240)
    _, left = planned(facing, image_of(facing, "L", view), spec)
    mirrored = hanging(facing, "R")
    plan, right = planned(mirrored, image_of(mirrored, "R", view), spec)
    np.testing.assert_array_equal(left, right)
    assert plan.outside_fraction == 0


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_a_right_breast_wider_than_the_window_lies_one_column_further_as_published(view):
    facing = breast(300, 220, seed=2)
    spec = spec_for(200, 100)
    left, _ = planned(facing, image_of(facing, "L", view), spec)
    mirrored = hanging(facing, "R")
    right, _ = planned(mirrored, image_of(mirrored, "R", view), spec)
    assert right.window.col0 == left.window.col0 + 1 > 1
    assert right.window.row0 == left.window.row0


def test_what_lies_outside_the_crop_is_zero_even_where_the_image_goes_on():
    facing = breast(700, 300, seed=3)
    facing[5:25, 250:290] = 4000  # a lead letter
    plan, (window,) = planned(facing, image_of(facing, "L", "MLO"), spec_for(700, 300))
    row0, col0, row1, col1 = plan.crop_box
    assert (plan.window.row0, plan.window.col0) == (row0, col0)  # padded at the bottom and on the right
    assert row0 > 25
    assert row1 < 700
    assert facing[5:25, 250:290].min() == 4000
    np.testing.assert_array_equal(window[: row1 - row0, : col1 - col0], facing[row0:row1, col0:col1])
    assert not window[row1 - row0 :].any()
    assert not window[:, col1 - col0 :].any()


def test_tissue_outside_the_window_is_counted():
    facing = np.zeros((300, 220), np.uint16)
    facing[:, :160] = 1000
    plan, (window,) = planned(facing, image_of(facing, "L", "CC"), spec_for(200, 120))
    assert window.shape == (200, 120)
    # all rows are equally full: the middle ones; the tip is column 159, so the centre is 159 - 60 - 1 = 98
    assert (plan.window.row0, plan.window.col0) == (50, 38)
    mask = crop_breast(facing).mask
    expected = 1 - np.count_nonzero(mask[50:250, 38:158]) / np.count_nonzero(mask)
    assert plan.outside_fraction == pytest.approx(expected)
    assert 0.4 < expected < 0.6


def test_the_centre_of_a_rectangle_by_hand():
    image = np.zeros((400, 300), np.uint16)
    image[:, :260] = 9
    crop = crop_breast(image)
    assert crop.opening == 100
    assert crop.box == (0, 0, 400, 300)
    assert crop.rightmost == 259
    assert crop.bottommost == 399
    assert optimal_centre(image, crop, "CC", (100, 80)) == (200, 259 - 40 - 1)
    assert optimal_centre(image, crop, "CC", (100, 80), far_edge=True) == (200, 260 - 40 - 1)
    assert optimal_centre(image, crop, "MLO", (100, 80)) == (399 - 50 - 1, 218)
    assert optimal_centre(image, crop, "CC", (500, 80)) == (200, 218)


# --- scale -----------------------------------------------------------------------------------------------------


def test_a_known_spacing_within_the_tolerance_is_left_alone():
    facing = breast(300, 220)
    plan, _ = planned(facing, image_of(facing, spacing_mm=(0.0652, 0.0652)), spec_for(320, 240))
    assert (plan.window.row_scale, plan.window.col_scale) == (1.0, 1.0)
    assert not any("Resampled" in note for note in plan.notes)


def test_a_finer_image_is_averaged_to_the_expected_spacing():
    facing = breast(600, 440)
    plan, (window,) = planned(facing, image_of(facing, spacing_mm=(0.035, 0.035)), spec_for(320, 240))
    assert (plan.window.row_scale, plan.window.col_scale) == (0.5, 0.5)
    assert plan.notes[0] == (
        "Resampled from 0.035x0.035 mm to the 0.07 mm pixels that the network was trained on."
    )  # fmt: skip
    means = facing.reshape(300, 2, 220, 2).mean(axis=(1, 3))
    row0, col0, row1, col1 = plan.crop_box
    top, left = row0 - int(plan.window.row0), col0 - int(plan.window.col0)
    seen = window[top : top + row1 - row0, left : left + col1 - col0]
    np.testing.assert_allclose(seen, means[row0:row1, col0:col1], rtol=1e-6)
    # network pixel (top + 10, left + 5) covers stored rows 20, 21 and columns 10, 11 after the crop's start
    at = plan.window.stored_to_network().apply([2 * (row0 + 10) + 0.5, 2 * (col0 + 5) + 0.5])
    np.testing.assert_allclose(at, [top + 10, left + 5])


def test_a_coarser_image_is_interpolated_and_never_below_zero():
    facing = breast(300, 220)
    plan, (window,) = planned(facing, image_of(facing, spacing_mm=(0.14, 0.14)), spec_for(620, 460))
    assert (plan.window.row_scale, plan.window.col_scale) == (2.0, 2.0)
    assert window.min() == 0
    bigger = np.maximum(cv2.resize(facing.astype(np.float32), (440, 600), interpolation=cv2.INTER_CUBIC), 0)
    row0, col0, row1, col1 = plan.crop_box
    top, left = row0 - int(plan.window.row0), col0 - int(plan.window.col0)
    seen = window[top : top + row1 - row0, left : left + col1 - col0]
    np.testing.assert_array_equal(seen, bigger[row0:row1, col0:col1])


def test_the_spacing_of_a_transposed_image_is_swapped():
    turn = next(t for t in ORIENTATIONS if t.transpose and not t.flip_rows and not t.flip_cols)
    facing = breast(300, 220)
    stored = np.ascontiguousarray(turn.apply(facing))
    directions = patient_orientation("L", "CC", turn)
    image = image_of(stored, patient_orientation=directions, spacing_mm=(0.035, 0.14))  # rows run along the wall
    plan, _ = planned(stored, image, spec_for(620, 240))
    assert (plan.window.row_scale, plan.window.col_scale) == (2.0, 0.5)


def test_film_of_unknown_spacing_is_shrunk_until_the_breast_fits():
    facing = breast(1300, 900, seed=4)
    image = image_of(facing, modality=Modality.MG, spacing_mm=None)
    plan, _ = planned(facing, image, spec_for(600, 450))
    assert plan.outside_fraction < 0.002
    assert 0.3 < plan.window.row_scale < 0.5
    assert plan.window.row_scale == pytest.approx(plan.window.col_scale, rel=2e-3)
    assert "The pixel spacing is unknown; the image was shrunk to" in plan.notes[0]


def test_film_of_unknown_spacing_that_fits_is_left_alone():
    facing = breast(500, 380)
    plan, _ = planned(facing, image_of(facing, modality=Modality.MG, spacing_mm=None), spec_for(600, 450))
    assert plan.window.row_scale == 1
    assert not any("spacing" in note for note in plan.notes)


def test_an_image_of_the_training_formats_is_taken_at_its_pixels():
    facing = breast(700, 500)
    plan, _ = planned(facing, image_of(facing, modality=Modality.FFDM, spacing_mm=None), spec_for(400, 300))
    assert plan.window.row_scale == 1
    assert plan.outside_fraction > 0


# --- notes and refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "note"),
    [
        ("ML", "ML was placed like MLO; the networks were trained on CC and MLO only."),
        ("XCCL", "XCCL was placed like CC; the networks were trained on CC and MLO only."),
        (None, "This view was placed like MLO; the networks were trained on CC and MLO only."),
    ],
)
def test_other_views_are_placed_by_the_nearer_rule_and_say_so(view, note):
    facing = breast(300, 220)
    plan, _ = planned(facing, image_of(facing, "L", view), spec_for(200, 150))
    like, _ = planned(facing, image_of(facing, "L", "CC" if view == "XCCL" else "MLO"), spec_for(200, 150))
    assert note in plan.notes
    assert note not in like.notes
    assert plan.window == like.window


def test_a_volume_is_masked_by_its_maximum_projection():
    facing = breast(300, 220, bits=10)
    volume = np.zeros((3, 300, 220), np.uint16) + 40  # reconstruction noise
    for index in range(3):
        volume[index, 100 * index : 100 * index + 100] = np.maximum(facing[100 * index : 100 * index + 100], 40)
    image = image_of(volume, modality=Modality.DBT, pixel=PixelFormat(bits_stored=10))
    plan, windows = planned(volume, image, spec_for(200, 150, is_3d=True))
    expected, _ = planned(facing, image_of(facing), spec_for(200, 150))
    assert plan.crop_box == expected.crop_box
    assert windows.shape == (3, 200, 150)
    assert windows.dtype == np.uint16


def test_an_empty_image_is_refused():
    black = np.zeros((300, 220), np.uint16)
    with pytest.raises(InferenceError, match="holds no breast"):
        planned(black, image_of(black), spec_for(200, 150))


def test_an_unknown_side_and_a_foreign_modality_are_refused():
    facing = breast(300, 220)
    with pytest.raises(GeometryError, match="side"):
        planned(facing, dataclasses.replace(image_of(facing), laterality=None), spec_for(200, 150))
    with pytest.raises(ModelError, match="does not take S2D"):
        planned(facing, image_of(facing, modality=Modality.S2D), spec_for(200, 150))
