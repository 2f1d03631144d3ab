"""VOI windows and tables, rescale and padding from headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from gmic_core.exam.dicom import read_dicom
from gmic_core.exam.model import MammoImage, VoiTable, VoiWindow
from gmic_core.exam.voi import default_window
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


def frame_voi(*windows: tuple[float, float, str], tables: tuple[Dataset, ...] = (), function: str = "") -> Dataset:
    voi = Dataset()
    if windows:
        voi.WindowCenter, voi.WindowWidth = [w[0] for w in windows], [w[1] for w in windows]
        voi.WindowCenterWidthExplanation = [w[2] for w in windows]
    if function:
        voi.VOILUTFunction = function
    if tables:
        voi.VOILUTSequence = list(tables)
    group = Dataset()
    group.FrameVOILUTSequence = [voi]
    return group


def dbt(tmp_path: Path, *items: Dataset) -> MammoImage:
    """Return a tomosynthesis image whose frames have these items besides their own."""
    path = write_dbt(tmp_path / "a.dcm", breast_volume(len(items), 16, 12), window=None)
    ds = pydicom.dcmread(path)
    for group, item in zip(ds.PerFrameFunctionalGroupsSequence, items, strict=True):
        group.update(item)
    ds.save_as(path)
    return read_dicom(path).image


def test_frames_may_state_several_windows_each(tmp_path: Path) -> None:
    items = [frame_voi((100 + k, 200, "NORMAL"), (100 + k, 90, "HARDER"), function="SIGMOID") for k in range(3)]
    image = dbt(tmp_path, *items)
    assert image.frame_windows == tuple(VoiWindow(100.0 + k, 200.0, "SIGMOID", "NORMAL") for k in range(3))
    assert image.frame_choices == (tuple(VoiWindow(100.0 + k, 90.0, "SIGMOID", "HARDER") for k in range(3)),)
    assert default_window(image, 2, 1) == VoiWindow(102.0, 90.0, "SIGMOID", "HARDER")


def test_frames_may_have_tables_of_their_own(tmp_path: Path) -> None:
    items = [frame_voi(tables=(lut(k, np.arange(0, 4096, 256), 12, "CURVE"),)) for k in range(2)]
    image = dbt(tmp_path, *items)
    assert [entry.first for entry in image.frame_windows if isinstance(entry, VoiTable)] == [0, 1]
    assert image.frame_choices == ()


def test_choices_that_not_all_frames_have_are_left_out(tmp_path: Path) -> None:
    image = dbt(tmp_path, frame_voi((1, 20, "A"), (2, 20, "B")), frame_voi((3, 20, "A")))
    assert image.frame_windows == (VoiWindow(1.0, 20.0, "LINEAR", "A"), VoiWindow(3.0, 20.0, "LINEAR", "A"))
    assert image.frame_choices == ()


def test_a_table_of_the_shared_group_counts_for_the_image(tmp_path: Path) -> None:
    path = write_dbt(tmp_path / "a.dcm", breast_volume(2, 16, 12), window=None)
    ds = pydicom.dcmread(path)
    item = frame_voi(tables=(lut(7, np.arange(0, 4096, 256), 12, "CURVE"),))
    ds.SharedFunctionalGroupsSequence[0].update(item)
    ds.save_as(path)
    image = read_dicom(path).image
    assert [(table.first, table.explanation) for table in image.voi_tables] == [(7, "CURVE")]
    assert default_window(image, 0) == image.voi_tables[0]


def test_windows_of_frames_are_matched_by_their_explanation(tmp_path: Path) -> None:
    image = dbt(tmp_path, frame_voi((1, 20, "A"), (2, 10, "B")), frame_voi((4, 10, "B"), (3, 20, "A")))
    assert [(w.center, w.explanation) for w in image.frame_windows if isinstance(w, VoiWindow)] == [(1, "A"), (3, "A")]
    assert [(w.center, w.explanation) for w in image.frame_choices[0] if isinstance(w, VoiWindow)] == [
        (2, "B"),
        (4, "B"),
    ]
