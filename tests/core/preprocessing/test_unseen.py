"""What a window leaves out: breast, tissue and dots, counted in stored pixels whichever way the image is stored."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gmic_core.coverage import Structure, amber_notes, calm_notes
from gmic_core.exam.geometry import ORIENTATIONS
from gmic_core.exam.model import PixelFormat
from gmic_core.preprocessing.unseen import MAX_STRUCTURES
from gmic_core.types import Modality
from tests.core.preprocessing.test_plan import image_of, planned, spec_for
from tests.helpers.breasts import breast, hanging, patient_orientation

SIDES_AND_VIEWS = tuple(itertools.product("LR", ("CC", "MLO")))


def block(rows: int = 400, columns: int = 400) -> np.ndarray:
    """A breast of 200 x 200 pixels at the chest wall, in the middle of the rows; air is 0."""
    image = np.zeros((rows, columns), np.uint16)
    image[100:300, :200] = 1000
    return image


def coverage_of(image: np.ndarray, *, window: tuple[int, int] = (300, 250), **fields):
    plan, _ = planned(image, image_of(image, **fields), spec_for(*window))
    assert plan.coverage is not None
    return plan.coverage


@pytest.mark.parametrize(("side", "view"), SIDES_AND_VIEWS)
@pytest.mark.parametrize("turn", ORIENTATIONS)
def test_a_planted_dot_is_found_where_it_is_stored(side, view, turn):
    facing = block()
    facing[30:42, 340:352] = 3000  # 12 x 12, far from breast, window and crop
    stored = np.ascontiguousarray(turn.apply(facing))
    image = image_of(stored, side, view, patient_orientation=patient_orientation(side, view, turn))
    plan, (window,) = planned(stored, image, spec_for(300, 250))
    where = np.argwhere(stored == 3000)
    (row0, col0), (row1, col1) = where.min(axis=0), where.max(axis=0) + 1
    assert plan.coverage is not None
    assert plan.coverage.structures == (Structure(row0, col0, row1, col1, 144, attached=False),)
    assert (row1 - row0, col1 - col0) == (12, 12)
    assert plan.notes[-1] == (
        f"1 structure of 12x12 pixels at row {row0}, column {col0} lies outside what the network saw and was not "
        "analysed. Side markers and labels count as well."
    )
    assert window.max() == 1000  # the network really saw nothing of it
    seen = np.zeros_like(stored)
    top, left, bottom, right = plan.coverage.seen
    seen[top:bottom, left:right] = stored[top:bottom, left:right]
    assert np.count_nonzero(seen) == np.count_nonzero(window) == 200 * 200
    assert np.count_nonzero(stored) - np.count_nonzero(seen) == 144


def test_breast_outside_the_window_is_counted_by_hand():
    facing = np.zeros((300, 220), np.uint16)
    facing[:, :160] = 1000
    found = coverage_of(facing, window=(200, 120))
    # the window is rows 50..250 and columns 38..158 (test_plan); a block of 300 x 160 opened by 50 crosses loses a
    # triangle of 1 + 2 + .. + 50 = 1275 pixels at each corner
    assert found.seen == (50, 38, 250, 158)
    assert found.breast_pixels == 300 * 160 - 4 * 1275 == 42900
    assert found.breast_outside == 42900 - 200 * 120 == 18900
    assert found.tissue_outside == 4 * 1275
    assert found.outside_fraction == pytest.approx(0.440559, abs=1e-6)
    assert found.tissue_fraction == pytest.approx((18900 + 5100) / 42900)
    assert amber_notes(found) == (
        "44.1% of the breast (18900 of 42900 pixels) lies outside the network's window and was not analysed.",
    )
    # what is left of the breast around the window is one ring
    assert found.structures == (Structure(0, 0, 300, 160, 24000, attached=True),)


def test_a_breast_inside_the_window_leaves_nothing_to_say():
    found = coverage_of(block())
    assert found.seen == (50, 0, 350, 250)  # the crop: 50 pixels around the breast, none at the chest wall
    assert (found.breast_outside, found.tissue_outside, found.structures, found.structures_total) == (0, 0, (), 0)
    assert found.outside_fraction == 0
    assert not found.is_short
    assert amber_notes(found) == calm_notes(found) == ()


def test_a_dot_in_the_window_but_beside_the_crop_was_not_seen_either():
    image = block()
    image[20:26, 100:106] = 2000  # above the crop (rows 50..350), inside a window of 400 rows
    plan, (window,) = planned(image, image_of(image, view="MLO"), spec_for(400, 400))
    assert plan.coverage is not None
    assert plan.coverage.structures == (Structure(20, 100, 26, 106, 36, attached=False),)
    assert window.max() == 1000


def test_a_dot_inside_what_was_seen_is_no_matter():
    image = block()
    image[70:82, 220:232] = 2000  # in the margin of the crop
    plan, (window,) = planned(image, image_of(image), spec_for(300, 250))
    assert plan.coverage is not None
    assert plan.coverage.structures == ()
    assert window.max() == 2000


@pytest.mark.parametrize(("side", "told"), [(2, False), (3, True)])
def test_specks_of_a_few_pixels_are_noise(side, told):
    image = block()
    image[10 : 10 + side, 300 : 300 + side] = 4000
    assert bool(coverage_of(image).structures) is told


def test_noise_in_the_air_is_neither_tissue_nor_a_structure():
    image = block()
    noise = np.random.default_rng(0).integers(0, 40, image.shape).astype(np.uint16)  # the breast is at 1000
    noisy = np.maximum(image, noise)
    noisy[10:22, 380:392] = 900
    found = coverage_of(noisy)
    assert found.tissue_outside == 0
    assert found.structures == (Structure(10, 380, 22, 392, 144, attached=False),)


def test_the_letters_of_a_marker_are_one_structure_and_a_dot_beside_it_another():
    image = block()
    for letter in range(5):
        image[10:30, 230 + 30 * letter : 245 + 30 * letter] = 3000
    image[370:382, 380:392] = 3000
    found = coverage_of(image)
    assert found.structures == (
        Structure(10, 230, 30, 365, 5 * 20 * 15, attached=False),
        Structure(370, 380, 382, 392, 144, attached=False),
    )
    assert calm_notes(found) == (
        "2 structures lie outside what the network saw and were not analysed: 20x135 pixels at row 10, column 230; "
        "12x12 pixels at row 370, column 380. Side markers and labels count as well.",
    )
    assert not found.is_short  # a marker is no reason for amber


def test_tissue_that_the_crop_cuts_off_is_told_in_amber():
    image = np.zeros((900, 400), np.uint16)
    image[100:500, :300] = 1000
    image[500:900, :40] = 1000  # a fold below the breast: too thin for the published outline
    found = coverage_of(image, window=(900, 400), view="MLO")
    assert found.outside_fraction == 0
    assert found.seen == (50, 0, 550, 350)
    assert found.structures == (Structure(550, 0, 900, 40, 350 * 40, attached=True),)
    assert found.tissue_outside == 14000
    assert found.is_short
    share = 14000 / found.breast_pixels
    assert amber_notes(found) == (
        f"Tissue connected with the breast (14000 pixels, {share:.1%} of its size) lies outside what the network saw "
        "and was not analysed.",
    )
    assert calm_notes(found) == (
        "1 part connected with the breast of 350x40 pixels at row 550, column 0 lies outside what the network saw and "
        "was not analysed.",
    )


def test_a_sliver_of_the_breast_is_counted_but_not_listed():
    facing = np.zeros((1090, 1200), np.uint16)
    facing[50:1040, :1100] = 1000
    found = coverage_of(facing, window=(1200, 1099))
    assert found.seen == (0, 0, 1090, 1099)
    # the last column of 990 pixels; a hundred of them at either end belong to rounded corners
    assert (found.breast_outside, found.tissue_outside) == (790, 200)
    assert found.structures == ()
    assert found.structures_total == 0
    assert not found.is_short
    assert amber_notes(found) == calm_notes(found) == ()


def test_many_structures_are_bounded():
    image = np.zeros((1200, 1200), np.uint16)
    image[500:700, :200] = 1000
    for row in range(0, 1200, 60):
        image[row : row + 4, 700:1190:70] = 2000
        for column in range(700, 1190, 70):
            image[row : row + 4, column : column + 4] = 2000
    found = coverage_of(image)
    assert len(found.structures) == MAX_STRUCTURES == 20
    assert found.structures_total == 20 * 7
    assert calm_notes(found)[0].startswith(
        "140 structures lie outside what the network saw and were not analysed: 4x4 "
    )
    assert "; 135 more. Side markers" in calm_notes(found)[0]


def test_of_a_volume_the_maximum_over_all_slices_counts():
    volume = np.zeros((3, 300, 220), np.uint16)
    volume[:, :, :160] = 800
    volume[2, 5:17, 200:212] = 900  # in one slice only
    image = image_of(volume, modality=Modality.DBT, pixel=PixelFormat(bits_stored=10))
    plan, windows = planned(volume, image, spec_for(200, 120, is_3d=True))
    assert plan.coverage is not None
    assert plan.coverage.projected
    assert plan.coverage.structures[-1] == Structure(5, 200, 17, 212, 144, attached=False)
    assert windows.max() == 800
    assert plan.notes[1] == (
        "44.1% of the breast (18900 of 42900 pixels of the maximum over all slices) lies outside the network's window "
        "and was not analysed."
    )


def test_a_resampled_image_is_counted_in_its_own_pixels():
    facing = np.zeros((600, 440), np.uint16)
    facing[200:400, :200] = 1000
    facing[20:44, 400:424] = 3000
    found = coverage_of(facing, window=(160, 130), spacing_mm=(0.035, 0.035))
    assert found.structures == (Structure(20, 400, 44, 424, 576, attached=False),)
    assert found.seen == (140, 0, 460, 260)  # 160 x 130 pixels of the network, two stored pixels each
    assert found.breast_outside == 0


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_dot_outside_changes_neither_window_nor_pixels(side):
    facing = breast(700, 600, seed=3)
    planted = facing.copy()
    planted[5:17, 560:572] = 4095
    without, with_dot = (hanging(pixels, side) for pixels in (facing, planted))
    plan, (window,) = planned(without, image_of(without, side, "CC"), spec_for(500, 400))
    other, (same,) = planned(with_dot, image_of(with_dot, side, "CC"), spec_for(500, 400))
    assert other.window == plan.window
    np.testing.assert_array_equal(same, window)
    assert plan.coverage is not None
    assert other.coverage is not None
    assert other.coverage.structures_total == plan.coverage.structures_total + 1
    assert other.coverage.breast_outside == plan.coverage.breast_outside
