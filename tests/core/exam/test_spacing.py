"""Pixel spacing: which attribute counts, what it means, and what is not believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gmic_core.exam.dicom import read_dicom
from gmic_core.exam.model import MammoImage
from tests.helpers.dicom_files import breast, breast_volume, write_dbt, write_mg, write_sc


def mg(tmp_path: Path, **overrides: Any) -> MammoImage:
    start = {"ImagerPixelSpacing": None, "EstimatedRadiographicMagnificationFactor": None}
    return read_dicom(write_mg(tmp_path / "a.dcm", breast(30, 20), overrides=start | overrides)).image


@pytest.mark.parametrize(
    ("tags", "spacing", "meaning"),
    [
        ({"ImagerPixelSpacing": [0.07, 0.07]}, (0.07, 0.07), "detector"),
        ({"ImagerPixelSpacing": [0.05, 0.07]}, (0.05, 0.07), "detector"),
        (
            {"ImagerPixelSpacing": [0.1, 0.1], "EstimatedRadiographicMagnificationFactor": 1.25},
            (0.08, 0.08), "corrected",
        ),
        (
            {"ImagerPixelSpacing": [0.1, 0.1], "EstimatedRadiographicMagnificationFactor": 1},
            (0.1, 0.1), "detector",
        ),
        ({"PixelSpacing": [0.09, 0.09], "ImagerPixelSpacing": [0.1, 0.1]}, (0.09, 0.09), "calibrated"),
        ({"PixelSpacing": [0.09, 0.09]}, (0.09, 0.09), "calibrated"),
        (
            {
                "PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.1, 0.1],
                "EstimatedRadiographicMagnificationFactor": 2,
            },
            (0.05, 0.05), "corrected",
        ),
        (
            {
                "PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.1, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL",
                "EstimatedRadiographicMagnificationFactor": 2,
            },
            (0.1, 0.1), "calibrated",
        ),
    ],
)  # fmt: skip
def test_which_spacing_counts(tmp_path: Path, tags: dict[str, Any], spacing: tuple[float, float], meaning: str) -> None:
    image = mg(tmp_path, **tags)
    assert image.spacing_mm == pytest.approx(spacing)
    assert image.spacing_meaning == meaning
    assert image.warnings == ()


@pytest.mark.parametrize("value", [[0, 0], [-0.1, 0.1], [1000, 1000], [0.1, 0], [1e-9, 1e-9]], ids=str)
def test_impossible_spacing_is_none_with_a_warning(tmp_path: Path, value: list[float]) -> None:
    image = mg(tmp_path, ImagerPixelSpacing=value)
    assert (image.spacing_mm, image.spacing_meaning) == (None, "")
    assert any("is not plausible and was ignored" in warning for warning in image.warnings)


def test_spacing_that_is_no_number(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(30, 20), spacing=0.0625)
    path.write_bytes(path.read_bytes().replace(b"0.0625\\0.0625", b"nan   \\0.0625"))
    image = read_dicom(path).image
    assert image.spacing_mm is None
    assert "ImagerPixelSpacing has no usable number and was ignored" in image.warnings


def test_one_millimetre_cannot_be_the_pixel_of_a_large_image(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(700, 20), spacing=1.0)
    assert read_dicom(path).image.spacing_mm is None


@pytest.mark.parametrize("factor", [0, 0.2, 17])
def test_impossible_magnification_is_ignored(tmp_path: Path, factor: float) -> None:
    image = mg(tmp_path, ImagerPixelSpacing=[0.1, 0.1], EstimatedRadiographicMagnificationFactor=factor)
    assert (image.spacing_mm, image.spacing_meaning) == ((0.1, 0.1), "detector")
    assert any("magnification factor" in warning for warning in image.warnings)


@pytest.mark.parametrize("keyword", ["NominalScannedPixelSpacing", "SpatialResolution"])
def test_scan_resolution_of_film_is_only_a_hint(tmp_path: Path, keyword: str) -> None:
    path = write_sc(tmp_path / "a.dcm", breast(30, 20), overrides={keyword: 0.05})
    image = read_dicom(path).image
    assert image.spacing_mm is None
    assert f"no pixel spacing; {keyword} is 0.05 mm, not used for measuring" in image.warnings


def test_tomosynthesis_takes_pixel_measures(tmp_path: Path) -> None:
    overrides = {"ImagerPixelSpacing": [0.2, 0.2]}
    path = write_dbt(tmp_path / "a.dcm", breast_volume(3, 30, 20), spacing=0.095, overrides=overrides)
    image = read_dicom(path).image
    assert (image.spacing_mm, image.spacing_meaning) == ((0.095, 0.095), "corrected")
    assert image.slice_spacing_mm == 1.0


def test_exposure_values(tmp_path: Path) -> None:
    image = mg(tmp_path)
    assert (image.kvp, image.compression_mm, image.compression_n) == (29.0, 55.0, 90.0)
