"""What the simulation writes is valid DICOM, says that it is simulated, and reads back bit for bit."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest

from gmic_core.errors import GmicError
from gmic_core.phantom.anatomy import BreastSpec
from gmic_core.phantom.dicom import Syntax, write_dbt_dicom, write_mg_dicom
from gmic_core.phantom.headers import slice_directions
from gmic_core.phantom.imaging import SimulatedBreast
from gmic_core.types import Laterality

SIDES_AND_VIEWS = [(side, view) for side in Laterality for view in ("CC", "MLO")]


@cache
def breast(side: Laterality, view: str) -> SimulatedBreast:
    return SimulatedBreast(BreastSpec(7, 3, 128, 96, side, view))


def write_all(folder: Path, one: SimulatedBreast, syntax: Syntax) -> dict[str, Path]:
    return {
        "DBT": write_dbt_dicom(folder / "dbt.dcm", one.dbt_slices(), one.spec, syntax),
        "S2D": write_mg_dicom(folder / "s2d.dcm", one.synthetic_2d(), one.spec, "S2D", syntax),
        "FFDM": write_mg_dicom(folder / "ffdm.dcm", one.ffdm(), one.spec, "FFDM", syntax),
    }


@pytest.mark.parametrize("syntax", ["explicit", "jpegls"])
@pytest.mark.parametrize(("side", "view"), SIDES_AND_VIEWS)
def test_an_independent_validator_finds_no_error(tmp_path: Path, side: Laterality, view: str, syntax: Syntax) -> None:
    validator = Path(sys.executable).with_name("dciodvfy")
    for path in write_all(tmp_path, breast(side, view), syntax).values():
        done = subprocess.run([validator, path], capture_output=True, text=True, check=False)
        report = done.stdout + done.stderr
        assert "Error" not in report
        assert ("BreastTomosynthesisImage" in report) != ("MammographyImageForPresentation" in report)


@pytest.mark.parametrize(("syntax", "uid"), [("explicit", "1.2.840.10008.1.2.1"), ("jpegls", "1.2.840.10008.1.2.4.80")])
def test_pixels_come_back_bit_for_bit(tmp_path: Path, syntax: Syntax, uid: str) -> None:
    one = breast(Laterality.R, "CC")
    paths = write_all(tmp_path, one, syntax)
    for kind, pixels in (("DBT", one.dbt()), ("S2D", one.synthetic_2d()), ("FFDM", one.ffdm())):
        ds = pydicom.dcmread(paths[kind])
        assert ds.file_meta.TransferSyntaxUID == uid
        assert np.array_equal(ds.pixel_array, pixels)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dbt.dcm", "ffdm.dcm", "s2d.dcm"]


def test_every_object_says_that_it_is_simulated(tmp_path: Path) -> None:
    for path in write_all(tmp_path, breast(Laterality.L, "MLO"), "explicit").values():
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        assert str(ds.PatientName) == "SIMULATED^BREAST"
        assert ds.PatientID == "SIM-000007"
        assert ds.ContentQualification == "RESEARCH"
        assert "simulated" in ds.SeriesDescription


def test_headers_follow_a_real_system(tmp_path: Path) -> None:
    paths = write_all(tmp_path, breast(Laterality.R, "MLO"), "explicit")
    dbt, s2d, ffdm = (pydicom.dcmread(paths[kind], stop_before_pixels=True) for kind in ("DBT", "S2D", "FFDM"))
    assert (dbt.SOPClassUID.name, dbt.NumberOfFrames) == ("Breast Tomosynthesis Image Storage", 3)
    assert list(s2d.ImageType) == ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]
    assert s2d.NumberOfFrames == 1
    assert ffdm.SOPClassUID.name == "Digital Mammography X-Ray Image Storage - For Presentation"
    assert (ffdm.ImageLaterality, ffdm.ViewPosition, ffdm.ImagerPixelSpacing) == ("R", "MLO", [0.07, 0.07])
    shared = dbt.SharedFunctionalGroupsSequence[0]
    assert shared.FrameAnatomySequence[0].FrameLaterality == "R"
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [0.1, 0.1]
    for ds in (dbt, s2d, ffdm):
        assert list(ds.PatientOrientation) == ["P", "FL"]
        assert ds.ViewCodeSequence[0].CodeValue == "399368009"
    assert len({ds.StudyInstanceUID for ds in (dbt, s2d, ffdm)}) == 1
    assert len({ds.SeriesInstanceUID for ds in (dbt, s2d, ffdm)}) == 3


@pytest.mark.parametrize(
    ("side", "view", "columns", "rows", "slices"),
    [
        ("R", "CC", (0, 1, 0), (1, 0, 0), (0, 0, 1)),  # to posterior, to medial (left), up to the head
        ("L", "CC", (0, -1, 0), (-1, 0, 0), (0, 0, 1)),
        ("R", "MLO", (0, 1, 0), (0.70711, 0, -0.70711), (0.70711, 0, 0.70711)),
        ("L", "MLO", (0, -1, 0), (-0.70711, 0, -0.70711), (-0.70711, 0, 0.70711)),
    ],
)
def test_the_stack_stands_in_the_patient_as_the_orientation_says(
    side: str, view: str, columns: tuple[float, ...], rows: tuple[float, ...], slices: tuple[float, ...]
) -> None:
    for vector, expected in zip(slice_directions(Laterality(side), view), (columns, rows, slices), strict=True):
        assert vector == pytest.approx(expected, abs=1e-5)


def test_frame_positions_are_one_slice_apart(tmp_path: Path) -> None:
    ds = pydicom.dcmread(write_all(tmp_path, breast(Laterality.R, "CC"), "explicit")["DBT"], stop_before_pixels=True)
    frames = ds.PerFrameFunctionalGroupsSequence
    positions = [list(frame.PlanePositionSequence[0].ImagePositionPatient) for frame in frames]
    assert positions == [[0, 0, 0], [0, 0, 1], [0, 0, 2]]


def test_identifiers_depend_on_the_breast_alone(tmp_path: Path) -> None:
    """Results are stored by SOP Instance UID: equal pixels share one, different pixels must not."""
    one = breast(Laterality.R, "CC")
    first = pydicom.dcmread(write_mg_dicom(tmp_path / "a.dcm", one.ffdm(), one.spec))
    again = pydicom.dcmread(write_mg_dicom(tmp_path / "b.dcm", one.ffdm(), one.spec, syntax="jpegls"))
    other = breast(Laterality.L, "CC")
    third = pydicom.dcmread(write_mg_dicom(tmp_path / "c.dcm", other.ffdm(), other.spec))
    assert first.SOPInstanceUID == again.SOPInstanceUID
    assert first.SOPInstanceUID != third.SOPInstanceUID
    assert first.StudyInstanceUID == third.StudyInstanceUID
    assert first.SOPInstanceUID.is_valid


@pytest.mark.parametrize("frames", [2, 4])
def test_a_volume_of_the_wrong_length_leaves_no_file(tmp_path: Path, frames: int) -> None:
    one = breast(Laterality.R, "CC")
    with pytest.raises(GmicError, match="BreastSpec"):
        write_dbt_dicom(tmp_path / "x.dcm", np.ones((frames, 128, 96), np.uint16), one.spec)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_syntax_is_refused(tmp_path: Path) -> None:
    one = breast(Laterality.R, "CC")
    with pytest.raises(GmicError, match="explicit, jpegls"):
        write_mg_dicom(tmp_path / "x.dcm", one.ffdm(), one.spec, syntax="rle")  # type: ignore[arg-type]
