"""The physics of the simulated acquisition: where things land, how much arrives, what a slice shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.errors import CancelledError
from gmic_core.phantom.attenuation import MAMMOGRAPHY, TOMOSYNTHESIS, per_mm, quanta_per_mm2_mgy
from gmic_core.phantom.geometry import (
    ANGLES_DEG,
    PixelAxes,
    pixels_to_pixels,
    plane_to_detector,
    project,
    source_at,
)
from gmic_core.phantom.projection import Detector, Projector, expose
from gmic_core.phantom.reconstruction import back_project, filtered
from gmic_core.phantom.simulate import Acquired, acquire, acquire_full_field, acquire_slices
from gmic_core.phantom.spec import PLATES, BreastSpec
from gmic_core.phantom.view_tissue import Calcification, Grid, ViewTissue
from gmic_core.types import Laterality

PLATE = PLATES["small", "18x24"]


def block(thickness: int = 40, dense: float = 0.0) -> ViewTissue:
    """Return a block of fat of 180 x 100 mm with ``dense`` of fibroglandular tissue everywhere."""
    grid = Grid((thickness, 120, 50), (1.0, 2.0, 2.0), (0.5, 1.0, 1.0))
    shape = np.zeros(grid.shape, np.float32)
    shape[:, 15:105] = 1.0
    return ViewTissue(grid, (dense * shape).astype(np.float32), grid, shape, (20.0, 120.0, 100.0))


def spec(thickness: int = 40, side: Laterality = Laterality.L) -> BreastSpec:
    return BreastSpec(3, side, "b", thickness, (), PLATE, "small")


def test_a_point_on_the_support_is_magnified_by_700_over_675() -> None:
    y, x = project([(0.0, PLATE.height_mm / 2, 100.0)], 0.0, PLATE)[0]
    assert x == pytest.approx(100.0 * 700.0 / 675.0)
    assert y == pytest.approx(PLATE.height_mm / 2)


def test_a_raised_point_moves_against_the_tube() -> None:
    moved = [project([(40.0, 100.0, 50.0)], angle, PLATE)[0, 0] for angle in (-7.5, 0.0, 7.5)]
    assert moved[0] > moved[1] > moved[2]
    assert moved[0] - moved[2] == pytest.approx(2 * 65.0 * np.tan(np.deg2rad(7.5)), rel=0.12)


@settings(deadline=None, max_examples=40)
@given(st.floats(-3, 100), st.floats(0, 230), st.floats(0, 170), st.sampled_from(ANGLES_DEG), st.floats(0.05, 2.0))
def test_planes_and_points_are_projected_alike(z: float, y: float, x: float, angle: float, pixel: float) -> None:
    here, there = PixelAxes.from_corner(pixel), PixelAxes.from_corner(PLATE.projection_mm)
    affine = pixels_to_pixels(plane_to_detector(z, source_at(angle, PLATE)), here, there)
    column, row = affine @ [x / pixel - 0.5, y / pixel - 0.5, 1.0]
    expected = project([(z, y, x)], angle, PLATE)[0] / PLATE.projection_mm - 0.5
    np.testing.assert_allclose([row, column], expected, atol=1e-6)


def test_coefficients_are_those_of_the_table() -> None:
    assert per_mm("fat", 20.0) == pytest.approx(0.0456)
    assert per_mm("fibroglandular", 25.0) == pytest.approx(0.0506)
    assert quanta_per_mm2_mgy(20.0) == pytest.approx(5.79e6, rel=0.01)


def test_line_integrals_are_thickness_and_dense_millimetres() -> None:
    detector = Detector(416, 320, PLATE.projection_mm)
    projector = Projector(block(40, 0.25), PLATE)
    at = (208, 60)
    assert projector.dense_mm(0.0, detector)[at] == pytest.approx(10.0, abs=0.01)
    assert projector.breast_mm(0.0, detector)[at] == pytest.approx(40.0, abs=0.01)
    assert projector.dense_mm(0.0, detector)[at[0], -1] == 0.0


def test_a_grain_keeps_its_volume_at_every_angle() -> None:
    tissue = block()
    tissue.calcifications.append(Calcification((20.0, 120.0, 60.0), (0.5, 0.8, 0.4), mineral=0.5))
    projector = Projector(tissue, PLATE)
    detector = Detector(416, 320, PLATE.projection_mm)
    volume = 4 / 3 * np.pi * 0.5 * 0.8 * 0.4 * 0.5
    for angle in (-7.5, 0.0, 5.0):
        magnified = source_at(angle, PLATE).magnification(20.0) ** 2
        seen = float(projector.mineral_mm(angle, detector).sum()) * PLATE.projection_mm**2 / magnified
        assert seen == pytest.approx(volume, rel=0.06)


def test_noise_is_that_of_the_quanta_that_arrive() -> None:
    projector = Projector(block(40), PLATE)
    detector = Detector(416, 320, PLATE.projection_mm)
    for technique in (TOMOSYNTHESIS, MAMMOGRAPHY):
        excess, breast = expose(projector, 0.0, detector, technique, 40.0, np.random.default_rng(0))
        patch = excess[150:260, 20:120]
        quanta = technique.quanta(detector.pixel_mm, 40.0) * np.exp(-technique.fat * 40.0)
        expected = np.sqrt((1.0 + technique.scatter) / quanta) / technique.contrast
        assert patch.std() == pytest.approx(expected, rel=0.05)
        assert patch.mean() == pytest.approx(0.0, abs=5 * expected / 100)
        assert breast[200, 60] == pytest.approx(40.0, abs=0.01)


def test_a_dose_four_times_as_high_halves_the_noise() -> None:
    from dataclasses import replace

    projector, detector = Projector(block(40), PLATE), Detector(416, 320, PLATE.projection_mm)
    noise = [
        expose(projector, 0.0, detector, technique, 40.0, np.random.default_rng(1))[0][150:260, 20:120].std()
        for technique in (TOMOSYNTHESIS, replace(TOMOSYNTHESIS, kerma_mgy=4 * TOMOSYNTHESIS.kerma_mgy))
    ]
    assert noise[0] / noise[1] == pytest.approx(2.0, rel=0.02)


def slices_of(tissue: ViewTissue, heights: list[float]) -> list[np.ndarray]:
    detector = Detector(416, 320, PLATE.projection_mm)
    projector = Projector(tissue, PLATE)
    ready = []
    for angle in ANGLES_DEG:
        plane = projector.dense_mm(angle, detector) + 30.0 * projector.mineral_mm(angle, detector)
        ready.append(filtered(plane, detector.pixel_mm, angle, 7.5, 40.0))
    return list(back_project(ready, ANGLES_DEG, detector, PLATE, heights, 300))


def test_a_grain_is_in_focus_at_its_own_height_and_place() -> None:
    tissue = block()
    tissue.calcifications.append(Calcification((22.0, 90.3, 60.2), (0.4, 0.4, 0.4)))
    heights = [float(z) for z in range(2, 40, 4)]
    planes = slices_of(tissue, heights)
    peaks = [float(plane[200:260].max()) for plane in planes]
    assert heights[int(np.argmax(peaks))] == 22.0
    row, column = np.unravel_index(int(planes[5].argmax()), planes[5].shape)
    mm = PLATE.dbt_mm
    assert (row + 0.5) * mm == pytest.approx(90.3, abs=mm)
    assert (column + 0.5) * mm == pytest.approx(60.2, abs=mm)


def test_out_of_plane_blur_runs_along_the_tube() -> None:
    tissue = block()
    tissue.calcifications.append(Calcification((20.0, 120.0, 60.0), (0.4, 0.4, 0.4)))
    far = slices_of(tissue, [36.0])[0]
    bright = np.argwhere(far > 0.5 * far.max())
    spread = np.ptp(bright, axis=0) * PLATE.dbt_mm
    assert spread[0] > 2.5  # 16 mm away: 2 * 16 * tan(7.5 degrees) = 4.2 mm from end to end
    assert spread[1] < 1.5


def test_a_uniform_block_keeps_its_share_of_dense_tissue() -> None:
    plane = slices_of(block(40, 0.3), [20.0])[0]
    assert plane[307, 100] == pytest.approx(0.3, abs=0.02)


@pytest.fixture(scope="module")
def images() -> Acquired:
    return acquire(spec(), "CC", block(40, 0.3))


def test_images_have_the_sizes_and_depths_of_the_system(images: Acquired) -> None:
    assert images.dbt.shape == (46, 614, 472)
    assert images.s2d.shape == (614, 472)
    assert images.ffdm.shape == (832, 640)
    assert images.dbt.max() <= 1023
    assert 1023 < images.ffdm.max() <= 4095
    assert images.dbt[:, :, 400:].max() == 0, "air is black"
    assert images.ffdm[:, 600:].max() == 0


def test_a_right_breast_is_stored_as_the_mirror_image_of_where_things_are() -> None:
    right = acquire_full_field(spec(side=Laterality.R), "CC", block(40, 0.3))
    assert right[:, :200].max() == 0
    assert right[400, 630] > 500


def test_single_slices_are_those_of_the_volume(images: Acquired) -> None:
    np.testing.assert_array_equal(acquire_slices(spec(), "CC", block(40, 0.3), [20, 3]), images.dbt[[20, 3]])


def test_the_same_breast_gives_the_same_pixels_whatever_the_threads(images: Acquired) -> None:
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        again = acquire(spec(), "CC", block(40, 0.3))
    finally:
        cv2.setNumThreads(threads)
    for name in ("dbt", "s2d", "ffdm"):
        np.testing.assert_array_equal(getattr(again, name), getattr(images, name))


def test_acquisition_can_be_cancelled() -> None:
    def stop(share: float, _text: str) -> None:
        if share > 0.1:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        acquire(spec(), "CC", block(), stop)
