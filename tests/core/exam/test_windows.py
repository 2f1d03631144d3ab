"""VOI windows and tables, rescale and padding from headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from gmic_core.exam.dicom import read_dicom
from gmic_core.exam.model import MammoImage, VoiTable, VoiWindow
from tests.helpers.dicom_files import breast, breast_volume, write_dbt, write_mg


def mg(tmp_path: Path, window: Any = None, function: str = "LINEAR", **overrides: Any) -> MammoImage:
    path = tmp_path / "a.dcm"
    return read_dicom(write_mg(path, breast(16, 12), window=window, voi_function=function, overrides=overrides)).image


def test_several_windows_with_explanations(tmp_path: Path) -> None:
    image = mg(
        tmp_path, [(2653, 900), (2713, 750)], "SIGMOID", WindowCenterWidthExplanation=["NORMAL", "HARDER"]
    )  # fmt: skip
    assert image.windows == (
        VoiWindow(2653.0, 900.0, "SIGMOID", "NORMAL"),
        VoiWindow(2713.0, 750.0, "SIGMOID", "HARDER"),
    )


@pytest.mark.parametrize(
    ("function", "width", "kept"), [("LINEAR", 0.5, 0), ("LINEAR_EXACT", 0.5, 1), ("SIGMOID", 0, 0)]
)
def test_impossible_widths_are_left_out(tmp_path: Path, function: str, width: float, kept: int) -> None:
    image = mg(tmp_path, (100, width), function)
    assert len(image.windows) == kept
    assert bool(image.warnings) is not bool(kept)


def test_unknown_function_counts_as_linear(tmp_path: Path) -> None:
    image = mg(tmp_path, (100, 50), "CUBIC")
    assert image.windows[0].function == "LINEAR"
    assert "VOI LUT function CUBIC is unknown; LINEAR was taken" in image.warnings


def test_shared_window_of_a_tomosynthesis_object(tmp_path: Path) -> None:
    image = read_dicom(write_dbt(tmp_path / "a.dcm", breast_volume(3, 16, 12), window=(512, 400))).image
    assert image.windows == (VoiWindow(512.0, 400.0),)
    assert image.frame_windows == ()


def test_per_frame_windows(tmp_path: Path) -> None:
    pairs = [(100, 200), (110, 210), (120, 220)]
    path = write_dbt(tmp_path / "a.dcm", breast_volume(3, 16, 12), window=None, frame_windows=pairs)
    assert read_dicom(path).image.frame_windows == tuple(VoiWindow(float(c), float(w)) for c, w in pairs)


def lut(first: int, values: np.ndarray, bits: int, explanation: str = "") -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(values) % 65536, first, bits]
    item.LUTData = values.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    if explanation:
        item.LUTExplanation = explanation
    return item


def test_voi_tables(tmp_path: Path) -> None:
    values = np.arange(0, 4096, 16)
    image = mg(tmp_path, None, VOILUTSequence=[lut(625, values, 12, "NORMAL"), lut(1023, values[::-1], 12)])
    assert image.voi_tables == (
        VoiTable(625, 12, tuple(int(v) for v in values), "NORMAL"),
        VoiTable(1023, 12, tuple(int(v) for v in values[::-1])),
    )


def test_table_of_65536_entries(tmp_path: Path) -> None:
    image = mg(tmp_path, None, VOILUTSequence=[lut(0, np.arange(65536), 16)])
    assert len(image.voi_tables[0].entries) == 65536
    assert image.voi_tables[0].entries[-1] == 65535


def test_short_table_is_ignored(tmp_path: Path) -> None:
    broken = lut(0, np.arange(100), 12)
    broken.LUTDescriptor = [300, 0, 12]
    image = mg(tmp_path, None, VOILUTSequence=[broken])
    assert image.voi_tables == ()
    assert "a lookup table with missing entries was ignored" in image.warnings


def test_rescale_padding_and_photometric(tmp_path: Path) -> None:
    path = write_mg(
        tmp_path / "a.dcm", breast(16, 12), photometric="MONOCHROME1",
        overrides={
            "RescaleSlope": 2, "RescaleIntercept": -100, "PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4000,
        },
    )  # fmt: skip
    pixel = read_dicom(path).image.pixel
    assert (pixel.slope, pixel.intercept, pixel.padding) == (2.0, -100.0, (4000, 4095))
    assert (pixel.photometric, pixel.inverted, pixel.presentation_lut_shape) == ("MONOCHROME1", True, "INVERSE")


def test_signed_padding(tmp_path: Path) -> None:
    pixels = breast(16, 12).astype(np.int16) - 1000
    path = write_mg(tmp_path / "a.dcm", pixels, bits=16, overrides={"PixelPaddingValue": -1000})
    pixel = read_dicom(path).image.pixel
    assert (pixel.signed, pixel.padding) == (True, (-1000, -1000))


def test_modality_table(tmp_path: Path) -> None:
    item = lut(0, np.arange(4096)[::-1], 12)
    item.ModalityLUTType = "US"
    image = mg(tmp_path, (100, 50), ModalityLUTSequence=[item], RescaleSlope=None, RescaleIntercept=None)
    assert image.pixel.modality_table is not None
    assert image.pixel.modality_table.entries[0] == 4095


def test_zero_slope_is_ignored(tmp_path: Path) -> None:
    image = mg(tmp_path, (100, 50), RescaleSlope=0)
    assert image.pixel.slope == 1.0
    assert "a rescale slope of 0 was ignored" in image.warnings
