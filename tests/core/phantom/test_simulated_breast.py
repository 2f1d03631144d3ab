"""A simulated breast has the anatomy, the sides and the focus of a real one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from gmic_core.errors import GmicError
from gmic_core.exam.geometry import Orientation, display_orientation
from gmic_core.phantom.anatomy import BreastSpec, make_outline, slice_inset
from gmic_core.phantom.fields import limited_angle, power_law
from gmic_core.phantom.imaging import PATIENT_ORIENTATION, SimulatedBreast, simulate_2d, simulate_dbt
from gmic_core.types import Laterality

SIDES_AND_VIEWS = [(side, view) for side in Laterality for view in ("CC", "MLO")]


@cache
def breast(side: Laterality, view: str, seed: int = 1) -> SimulatedBreast:
    return SimulatedBreast(BreastSpec(seed, 12, 320, 256, side, view, spacing_mm=0.3))


@pytest.mark.parametrize(("side", "view"), SIDES_AND_VIEWS)
def test_the_chest_wall_is_on_the_side_that_the_header_states(side: Laterality, view: str) -> None:
    """Stored as hung: the right breast's chest wall is the right edge, the left breast's the left one."""
    middle = breast(side, view).dbt()[6]
    wall, free = (middle[:, -1], middle[:, 0]) if side is Laterality.R else (middle[:, 0], middle[:, -1])
    assert (wall > 0).mean() > 0.8
    assert not free.any()
    assert display_orientation(PATIENT_ORIENTATION[side, view], side, view) == Orientation()


@pytest.mark.parametrize(("side", "view"), SIDES_AND_VIEWS)
def test_the_three_images_show_the_same_outline(side: Laterality, view: str) -> None:
    one = breast(side, view)
    volume, flat, field = one.dbt(), one.synthetic_2d(), one.ffdm()
    assert volume.shape == (12, 320, 256)
    assert flat.shape == (320, 256)
    assert field.shape == (1371, 1097)
    assert volume.dtype == flat.dtype == field.dtype == np.uint16
    share = [(volume[6] > 0).mean(), (flat > 0).mean(), (field > 0).mean()]
    assert max(share) - min(share) < 0.02
    assert volume.max() < 1024
    assert 1024 < field.max() < 4096


def test_air_is_exactly_zero_and_tissue_never_is() -> None:
    """Networks find the breast by ``pixel > 0`` (2D) and ``maximum > 100`` (3D)."""
    one = breast(Laterality.L, "CC")
    mask = one.outline.mask(320, 256, one.spec.width_mm).astype(bool)
    depth = one.outline.depth(320, 256, one.spec.width_mm)
    assert np.array_equal(one.synthetic_2d() > 0, depth > 0)
    assert not one.dbt()[:, ~mask].any()
    assert one.dbt()[:, depth > 6.0].max(axis=0).min() > 100


def test_the_same_seed_gives_the_same_breast_and_another_seed_another_one() -> None:
    first = simulate_dbt(3, 4, 160, 128)
    assert np.array_equal(first, simulate_dbt(3, 4, 160, 128))
    assert not np.array_equal(first, simulate_dbt(4, 4, 160, 128))
    field, flat = simulate_2d(3, 160, 128, slices=4)
    assert field.shape == (229, 183)
    assert flat.shape == first.shape[1:]


def test_both_sides_of_one_seed_are_two_breasts_not_mirror_images() -> None:
    right, left = simulate_dbt(3, 4, 160, 128), simulate_dbt(3, 4, 160, 128, Laterality.L)
    assert not np.array_equal(right, left[:, :, ::-1])


@pytest.mark.parametrize("side", Laterality)
def test_a_mass_is_in_focus_in_its_own_slice(side: Laterality) -> None:
    """The edges that the lesions add to the same breast are sharpest where the truth says."""
    one = breast(side, "CC")
    healthy = SimulatedBreast(replace(one.spec, with_lesions=False))
    added = one.dbt().astype(float) - healthy.dbt()
    assert [lesion.kind for lesion in one.lesions] == ["spiculated", "smooth"]
    for lesion in one.lesions:
        half = round(1.6 * lesion.radius_mm / one.spec.spacing_mm)
        row, column = round(lesion.row), round(lesion.column)
        box = added[:, row - half : row + half + 1, column - half : column + half + 1]
        sharpness = (np.diff(box, axis=1) ** 2).mean(axis=(1, 2))
        assert abs(int(sharpness.argmax()) - lesion.slice_index) <= 1
        assert sharpness[0 if lesion.slice_index >= 6 else 11] < 0.3 * sharpness.max()
        assert box[lesion.slice_index, half - 3 : half + 4, half - 3 : half + 4].mean() > 60


def test_a_breast_without_lesions_has_none() -> None:
    healthy = SimulatedBreast(BreastSpec(1, 4, 160, 128, with_lesions=False))
    assert healthy.lesions == ()
    assert healthy.dbt().shape == (4, 160, 128)


def test_the_pectoral_muscle_is_in_the_upper_corner_of_the_mlo_view_only() -> None:
    mlo, cc = breast(Laterality.L, "MLO").ffdm(), breast(Laterality.L, "CC").ffdm()
    muscle = mlo[40:300, 20:160].mean()
    assert muscle > 1.4 * np.median(mlo[mlo > 0])
    assert cc[300:500, 20:160].mean() < 1.15 * np.median(cc[cc > 0])


def test_the_compressed_breast_bulges_in_the_middle_slices() -> None:
    inset = slice_inset(BreastSpec(1, 20))
    assert inset[0] == pytest.approx(inset[-1])
    assert inset[0] > 5.0
    assert inset[9] < 0.05
    volume = breast(Laterality.R, "CC").dbt()
    assert (volume[6] > 300).sum() > 1.05 * (volume[0] > 300).sum()


def test_out_of_focus_detail_smears_along_the_chest_wall() -> None:
    """The tube moves along the rows' axis, so a point turns into a vertical streak in other slices."""
    volume = np.zeros((24, 65, 65), np.float32)
    volume[12, 32, 32] = 1.0
    blurred = limited_angle(volume, (1.0, 0.3, 0.3), 7.5, 9.0)
    assert np.unravel_index(blurred.argmax(), blurred.shape) == (12, 32, 32)
    assert float(blurred.sum()) == pytest.approx(1.0, abs=1e-4)
    away = np.abs(blurred[16])
    assert away[32, 32] < 0.3 * blurred[12, 32, 32]
    assert away[36, 32] > 0.02 * away[32, 32]
    assert away[:, 33].max() < 1e-6  # columns do not mix


def test_noise_has_the_spectrum_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    field = power_law(rng, (512, 512), (0.1, 0.1), 3.0, (0.2, 40.0))
    assert float(field.std()) == pytest.approx(1.0, abs=1e-3)
    power = np.abs(np.fft.rfft2(field)) ** 2
    frequency = np.hypot(np.fft.fftfreq(512, 0.1)[:, None], np.fft.rfftfreq(512, 0.1)[None])
    low = power[(frequency > 0.1) & (frequency < 0.14)].mean()
    high = power[(frequency > 0.4) & (frequency < 0.56)].mean()
    # four times the frequency: 4**3 = 64, a little more from the roll-off at the short end
    assert 50 < low / high < 90


@pytest.mark.parametrize(
    ("change", "message"),
    [({"view": "ML"}, "use CC or MLO"), ({"slices": 0}, "at least 1 slice"), ({"rows": 10}, "64 x 64")],
)
def test_what_cannot_be_simulated_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(GmicError, match=message):
        BreastSpec(1, **change)  # type: ignore[arg-type]


def test_a_large_volume_is_computed_on_a_coarser_grid() -> None:
    spec = BreastSpec(1, 96, 2457, 1996)
    slices, rows, columns = spec.tissue_shape
    assert (spec.step, slices) == (4, 96)
    assert slices * rows * columns < 32_000_000
    outline = make_outline(spec)
    assert 0.75 * spec.width_mm < outline.edge.max() < spec.width_mm
