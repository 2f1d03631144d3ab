"""What is measured on simulated images: slopes, widths, spreads, contrasts and noise with known answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmic_core.errors import PhantomError
from gmic_core.phantom import measurements
from gmic_core.phantom.attenuation import MAMMOGRAPHY, TOMOSYNTHESIS
from gmic_core.phantom.bench import BENCH, flat_noise, slice_profile
from gmic_core.phantom.fields import power_law
from gmic_core.phantom.measure import artefact_spread, full_width, power_spectrum, ring_contrast, spectral_slope
from gmic_core.phantom.pictures import CROP_ROWS, crop, labelled


@pytest.mark.parametrize("beta", [2.0, 3.0])
def test_the_slope_of_a_power_law_field_is_its_exponent(beta: float) -> None:
    field = power_law(np.random.default_rng(5), (1024, 1024), (0.14, 0.14), beta, (0.14, 140.0))
    assert spectral_slope(field, 0.14) == pytest.approx(beta, abs=0.1)


def test_white_noise_has_a_flat_spectrum_of_its_variance_per_square_millimetre() -> None:
    image = 3.0 * np.random.default_rng(1).standard_normal((512, 512))
    frequency, power = power_spectrum(image, 0.1)
    assert power[frequency > 0.2].mean() == pytest.approx(9.0 * 0.01, rel=0.02)
    assert spectral_slope(image, 0.1) == pytest.approx(0.0, abs=0.1)


def test_spectra_need_a_patch_inside() -> None:
    with pytest.raises(PhantomError, match="smaller patches"):
        spectral_slope(np.ones((400, 400)), 0.1, np.zeros((400, 400), bool))


def test_the_width_of_a_triangle_is_half_its_base() -> None:
    places = np.arange(-5.0, 6.0)
    assert full_width(places, np.maximum(4.0 - np.abs(places), 0.0)) == pytest.approx(4.0)


def test_a_gaussian_is_2_355_standard_deviations_wide() -> None:
    places = np.arange(-30.0, 30.0, 0.5)
    assert full_width(places, np.exp(-0.5 * (places / 4.0) ** 2)) == pytest.approx(9.42, abs=0.03)


def test_a_profile_that_does_not_fall_has_no_width() -> None:
    with pytest.raises(PhantomError, match="wider range"):
        full_width(np.arange(5.0), np.array([0.9, 1.0, 0.9, 0.8, 0.7]))


def test_the_artefact_spread_is_relative_to_the_plane_in_focus() -> None:
    planes = np.full((3, 8, 8), 10.0)
    feature, background = np.zeros((8, 8), bool), np.zeros((8, 8), bool)
    feature[2:4, 2:4], background[6:, 6:] = True, True
    planes[:, feature] += np.array([[1.0], [4.0], [2.0]])
    np.testing.assert_allclose(artefact_spread(planes, feature, background), [0.25, 1.0, 0.5])


def test_a_region_is_compared_with_the_ring_around_it() -> None:
    image = np.full((200, 200), 100.0)
    rows, columns = np.ogrid[:200, :200]
    away = np.hypot(rows - 100, columns - 100) * 0.5
    region = away < 10.0
    image[region] = 130.0
    image[away > 17.0] = 5000.0  # beyond the ring: does not count
    image[100, 100] = 190.0
    found = ring_contrast(image, region, 0.5)
    assert found.difference == pytest.approx(30.0, abs=0.2)
    assert found.ring_sd == pytest.approx(0.0, abs=1e-9)


def test_a_ring_keeps_to_the_breast() -> None:
    image = np.zeros((100, 100))
    image[:, :50] = np.where(np.arange(100)[:, None] % 2, 48.0, 52.0)
    region = np.zeros((100, 100), bool)
    region[45:55, 40:48] = True
    inside = np.broadcast_to(np.arange(100) < 50, (100, 100))
    found = ring_contrast(image, region, 1.0, (2.0, 6.0), inside)
    assert found.ring_sd == pytest.approx(2.0, abs=0.05)
    assert found.difference == pytest.approx(0.0, abs=0.5)
    with pytest.raises(PhantomError, match="narrower ring"):
        ring_contrast(image, region, 1.0, inside=region)
    with pytest.raises(PhantomError, match="outside the image"):
        ring_contrast(image, np.zeros((100, 100), bool), 1.0)


def test_noise_behind_a_block_is_that_of_its_quanta() -> None:
    for technique, pixel, stated in (
        (MAMMOGRAPHY, BENCH.ffdm_mm, 0.0133),
        (TOMOSYNTHESIS, BENCH.projection_mm, 0.0230),
    ):
        found = flat_noise(technique, pixel)
        assert found.stated == pytest.approx(stated, abs=0.0003)
        assert found.measured == pytest.approx(found.stated, rel=0.02)
        assert found.flatness == pytest.approx(1.0, abs=0.1)


def test_a_bead_spreads_over_a_few_slices_and_sharper_than_a_millimetre_in_its_own() -> None:
    bead = slice_profile(0.5)
    assert bead.spread[bead.heights_mm == 0.0][0] == 1.0
    assert 2.5 < bead.depth_mm < 11.0
    assert 0.25 < bead.along_mm < 0.6
    assert 0.25 < bead.across_mm < 0.6


def test_a_picture_says_that_it_is_simulated() -> None:
    image = np.zeros((400, 400), np.uint16)
    image[190:210, 190:210] = 900
    image[:, 100:300] += 100
    square = crop(image, (20.0, 20.0), 0.1, 15.0)
    assert square.shape == (CROP_ROWS, CROP_ROWS)
    assert square[CROP_ROWS // 2, CROP_ROWS // 2] == 255
    marked = labelled(np.zeros_like(square), "FFDM")
    assert marked[:25].max() == 255
    assert marked[-25:].max() == 255


def test_the_tables_name_every_finding(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ("malignant-mass", "benign-cyst", "benign-calcifications")
    monkeypatch.setattr(measurements, "SHOWN", {"b": kinds, "d": ()})
    monkeypatch.setattr(measurements, "report_profiles", lambda: iter(["tested above; takes as long as all the rest"]))
    assert measurements.main(["--size", "small"]) == 0
    words = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    spectra = {row[0]: [float(value) for value in row[3:]] for row in words if row[0] in ("b", "d")}
    assert [len(spectra[density]) for density in "bd"] == [4, 2]
    assert all(1.5 < beta < 4.5 for row in spectra.values() for beta in row)
    assert [row[0] for row in words if row[0] in kinds] == ["malignant-mass", "benign-cyst"]


def test_pictures_are_of_full_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        measurements.main(["--size", "small", "--pictures", str(tmp_path)])
    assert "full size" in capsys.readouterr().err
