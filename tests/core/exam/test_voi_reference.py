"""Grey levels against dcm2pnm (recorded, see tests/reference/voi) and LINEAR_EXACT against the standard's formula."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from gmic_core.exam.dicom import read_dicom
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import MammoImage, Voi, VoiTable, VoiWindow
from gmic_core.exam.voi import default_window, stored_to_gray, stored_to_levels
from tests.helpers.dicom_files import write_mg
from tests.reference.voi import cases

Recorded = dict[str, npt.NDArray[np.uint8]]
RECORDED = Path(cases.__file__).parent / "dcm2pnm.npz"


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    with np.load(RECORDED) as data:
        return dict(data)


def shown(image: MammoImage, window: Voi | None, slice_index: int = 0) -> npt.NDArray[np.int64]:
    """Return the grey levels of a slice; air is not kept black: dcm2pnm knows no air."""
    with FrameReader() as reader:
        frame = reader.read(image, slice_index)
    table = stored_to_gray(image, slice_index, window, air_black=False)
    return table[frame.astype(np.int64) + (32768 if image.pixel.signed else 0)].astype(np.int64)


def test_there_are_48_combinations() -> None:
    assert len({case.name for case in cases.CASES}) == 48


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_levels_are_those_of_dcm2pnm(case: cases.Case, tmp_path: Path, recorded: Recorded) -> None:
    image = read_dicom(cases.write_case(tmp_path / "a.dcm", case)).image
    assert isinstance(default_window(image), VoiTable if case.voi == "TABLE" else VoiWindow)
    ours, theirs = shown(image, None), recorded[case.name].astype(np.int64)
    assert np.ptp(theirs) > 200  # the picture shows something
    assert np.abs(ours - theirs).max() <= 1


def test_each_of_several_windows_is_that_of_dcm2pnm(tmp_path: Path, recorded: Recorded) -> None:
    image = read_dicom(cases.write_windows(tmp_path / "a.dcm")).image
    assert [window.explanation for window in image.windows] == ["NORMAL", "HARDER", "SOFTER"]
    for number, window in enumerate(image.windows, 1):
        assert np.abs(shown(image, window) - recorded[f"window_{number}"]).max() <= 1


def test_each_slice_has_its_own_window_as_in_dcm2pnm(tmp_path: Path, recorded: Recorded) -> None:
    image = read_dicom(cases.write_frames(tmp_path / "a.dcm")).image
    for index in range(3):
        stored = image.source.frame_order[index] if image.source.frame_order else index
        assert np.abs(shown(image, None, index) - recorded[f"frame_{stored + 1}"]).max() <= 1


def linear_exact(x: float, c: float, w: float, y_min: float, y_max: float) -> float:
    """PS3.3 C.11.2.1.3.2, line by line."""
    if x <= c - w / 2:
        return y_min
    if x > c + w / 2:
        return y_max
    return ((x - c) / w + 0.5) * (y_max - y_min) + y_min


EXACT = list(
    product(
        ("MONOCHROME2", "MONOCHROME1"), (False, True), ((1.0, 0.0), (0.5, -20.0)), ((900.25, 1200.5), (1000.0, 0.8))
    )
)


@pytest.mark.parametrize(("photometric", "signed", "rescale", "window"), EXACT)
def test_linear_exact_is_the_formula_of_the_standard(
    photometric: str, signed: bool, rescale: tuple[float, float], window: tuple[float, float], tmp_path: Path
) -> None:
    overrides = {"RescaleSlope": str(rescale[0]), "RescaleIntercept": str(rescale[1]), "RescaleType": "US"}
    path = write_mg(
        tmp_path / "a.dcm", cases.stored_ramp(12, signed), photometric=photometric, window=window,
        voi_function="LINEAR_EXACT", overrides=overrides,
    )  # fmt: skip
    image = read_dicom(path).image
    with FrameReader() as reader:
        frame = reader.read(image, 0)
    expected = np.array([linear_exact(v * rescale[0] + rescale[1], *window, 0, 255) for v in frame.ravel().tolist()])
    if photometric == "MONOCHROME1":
        expected = 255 - expected
    assert np.abs(shown(image, None).ravel() - expected).max() <= 0.5


@pytest.mark.parametrize("slope", [1.0, -1.0])
@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_air_is_what_is_darkest_before_any_window(slope: float, photometric: str, tmp_path: Path) -> None:
    overrides = {"RescaleSlope": str(slope), "RescaleIntercept": "0", "RescaleType": "US"}
    window = (2048 * slope, 4096)
    path = write_mg(
        tmp_path / "a.dcm", cases.stored_ramp(12, signed=False), photometric=photometric, window=window,
        overrides=overrides,
    )  # fmt: skip
    image = read_dicom(path).image
    dark = 0 if (slope > 0) == (photometric == "MONOCHROME2") else 4095
    for invert in (False, True):
        assert stored_to_gray(image, None, None, invert)[dark] == 0
        assert stored_to_gray(image, None, None, invert)[4095 - dark] in (0, 255)
    assert stored_to_levels(image, None, None, invert=True, air_black=False)[dark] == pytest.approx(255, abs=1)
