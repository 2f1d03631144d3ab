"""What the simulation writes is valid DICOM, says that it is simulated, and reads back bit for bit."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest

from gmic_core.errors import PhantomError
from gmic_core.phantom.dicom import Syntax, write_dbt_dicom, write_mg_dicom
from gmic_core.phantom.frame import VIEWS, slice_directions, to_lps
from gmic_core.phantom.spec import BreastSpec, Plate, ViewName
from gmic_core.types import Laterality

SIDES_AND_VIEWS = [(side, view) for side in Laterality for view in VIEWS]
PLATE = Plate("tiny", (104, 80), (77, 59), 32)
S2D_ONLY = "Error - Unrecognized enumerated value <TOMOSYNTHESIS> for value 3 of attribute <Image Type>"
"""The validator knows TOMOSYNTHESIS\\GENERATED_2D in its Mammography Image module (PS3.3 C.8.11.7.1.4), but also holds
every mammogram to its DX Image module, where value 3 is always empty; no other attribute changes that."""


def spec_of(side: Laterality = Laterality.R, findings: tuple[str, ...] = ()) -> BreastSpec:
    return BreastSpec(7, side, "b", 20, findings, PLATE, "small")


@cache
def pixels(kind: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    shape = {"DBT": (26, *PLATE.dbt), "S2D": PLATE.dbt, "FFDM": PLATE.ffdm}[kind]
    return rng.integers(0, 4096 if kind == "FFDM" else 1024, shape).astype(np.uint16)


def write_all(folder: Path, spec: BreastSpec, view: ViewName, syntax: Syntax) -> dict[str, Path]:
    return {
        "DBT": write_dbt_dicom(folder / "dbt.dcm", pixels("DBT"), spec, view, syntax),
        "S2D": write_mg_dicom(folder / "s2d.dcm", pixels("S2D"), spec, view, "S2D", syntax),
        "FFDM": write_mg_dicom(folder / "ffdm.dcm", pixels("FFDM"), spec, view, "FFDM", syntax),
    }


@pytest.mark.parametrize("syntax", ["explicit", "jpegls"])
@pytest.mark.parametrize(("side", "view"), SIDES_AND_VIEWS)
def test_an_independent_validator_finds_no_error(
    tmp_path: Path, side: Laterality, view: ViewName, syntax: Syntax
) -> None:
    validator = Path(sys.executable).with_name("dciodvfy")
    for kind, path in write_all(tmp_path, spec_of(side), view, syntax).items():
        done = subprocess.run([validator, path], capture_output=True, text=True, check=False)
        report = (done.stdout + done.stderr).splitlines()
        assert [line for line in report if "Error" in line] == ([S2D_ONLY] if kind == "S2D" else [])
        assert ("BreastTomosynthesisImage" in report) == (kind == "DBT")
        assert ("MammographyImageForPresentation" in report) == (kind != "DBT")


@pytest.mark.parametrize(("syntax", "uid"), [("explicit", "1.2.840.10008.1.2.1"), ("jpegls", "1.2.840.10008.1.2.4.80")])
def test_pixels_come_back_bit_for_bit(tmp_path: Path, syntax: Syntax, uid: str) -> None:
    for kind, path in write_all(tmp_path, spec_of(), "CC", syntax).items():
        ds = pydicom.dcmread(path)
        assert ds.file_meta.TransferSyntaxUID == uid
        assert np.array_equal(ds.pixel_array, pixels(kind))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dbt.dcm", "ffdm.dcm", "s2d.dcm"]


def test_every_object_says_that_it_is_simulated(tmp_path: Path) -> None:
    for path in write_all(tmp_path, spec_of(Laterality.L), "MLO", "explicit").values():
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        assert str(ds.PatientName) == "SIMULATED^BREAST"
        assert ds.PatientID == "SIM-000007"
        assert ds.ContentQualification == "RESEARCH"
        assert "simulated" in ds.SeriesDescription
        assert ds.ImageComments.startswith("SIMULATED")
        assert ds.DerivationDescription.startswith("Simulated")


def test_headers_follow_a_real_system(tmp_path: Path) -> None:
    paths = write_all(tmp_path, spec_of(), "MLO", "explicit")
    dbt, s2d, ffdm = (pydicom.dcmread(paths[kind], stop_before_pixels=True) for kind in ("DBT", "S2D", "FFDM"))
    assert (dbt.SOPClassUID.name, dbt.NumberOfFrames) == ("Breast Tomosynthesis Image Storage", 26)
    assert list(s2d.ImageType) == ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]
    assert s2d.SourceImageSequence[0].ReferencedSOPInstanceUID == dbt.SOPInstanceUID
    for ds, pixel in ((s2d, 3.02545455), (ffdm, 2.24)):
        assert ds.SOPClassUID.name == "Digital Mammography X-Ray Image Storage - For Presentation"
        assert (ds.ImageLaterality, ds.ViewPosition) == ("R", "MLO")
        assert ds.ImagerPixelSpacing == [pixel, pixel]
        assert ds.BodyPartThickness == 20
    assert (ffdm.KVP, ffdm.FilterMaterial, s2d.KVP) == (29, "RHODIUM", 31)
    shared = dbt.SharedFunctionalGroupsSequence[0]
    assert shared.FrameAnatomySequence[0].FrameLaterality == "R"
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [3.02545455, 3.02545455]
    for ds in (dbt, s2d, ffdm):
        assert list(ds.PatientOrientation) == ["P", "FL"]
        assert ds.ViewCodeSequence[0].CodeValue == "399368009"
    assert len({ds.StudyInstanceUID for ds in (dbt, s2d, ffdm)}) == 1
    assert len({ds.SeriesInstanceUID for ds in (dbt, s2d, ffdm)}) == 3


def test_the_sweep_is_fifteen_exposures_over_fifteen_degrees(tmp_path: Path) -> None:
    path = write_all(tmp_path, spec_of(), "CC", "explicit")["DBT"]
    sweep = pydicom.dcmread(path, stop_before_pixels=True).XRay3DAcquisitionSequence[0]
    assert (sweep.KVP, sweep.AnodeTargetMaterial, sweep.FilterMaterial) == (31, "TUNGSTEN", "ALUMINUM")
    assert sweep.PrimaryPositionerScanArc == 15
    assert sweep.BodyPartThickness == 20
    angles = [float(item.PositionerPrimaryAngle) for item in sweep.PerProjectionAcquisitionSequence]
    assert len(angles) == 15
    assert (angles[0], angles[7], angles[-1]) == (-7.5, 0.0, 7.5)
    # a thin breast needs less than the 6 mGy of one of 50 mm
    assert 1.0 < float(sweep.EntranceDoseInmGy) < 6.0


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
    side: str, view: ViewName, columns: tuple[float, ...], rows: tuple[float, ...], slices: tuple[float, ...]
) -> None:
    for vector, expected in zip(slice_directions(Laterality(side), view), (columns, rows, slices), strict=True):
        assert vector == pytest.approx(expected, abs=1e-5)


def test_frames_stand_a_slice_apart_at_their_height_above_the_support(tmp_path: Path) -> None:
    spec = spec_of()
    path = write_all(tmp_path, spec, "CC", "explicit")["DBT"]
    frames = pydicom.dcmread(path, stop_before_pixels=True).PerFrameFunctionalGroupsSequence
    positions = np.array([frame.PlanePositionSequence[0].ImagePositionPatient for frame in frames], float)
    assert positions[:, 2] == pytest.approx([number - 2.5 for number in range(26)])
    # a right breast is stored with the chest wall on its last column: the first pixel is the farthest in front
    assert positions[0, 1] == pytest.approx(-(59 - 0.5) * PLATE.dbt_mm)
    assert positions[0, 0] == pytest.approx((0.5 - 77 / 2) * PLATE.dbt_mm)


@pytest.mark.parametrize(("side", "view"), SIDES_AND_VIEWS)
def test_points_of_the_view_lie_in_the_patient_where_they_belong(side: Laterality, view: ViewName) -> None:
    spec = spec_of(side)
    middle = 0.5 * PLATE.height_mm
    wall, nipple, up, down = (
        to_lps(spec, view, z, y, x)
        for z, y, x in ((0, middle, 0), (0, middle, 90), (20, middle, 0), (0, middle + 9, 0))
    )
    assert wall == pytest.approx([0, 0, 0])
    assert nipple == pytest.approx([0, -90, 0])  # in front of the chest wall
    assert up[2] > 10  # the tube is above the support
    medial = 1.0 if side is Laterality.R else -1.0
    assert down[0] * medial > 5
    assert down[2] == pytest.approx(0) if view == "CC" else down[2] < -5


def test_identifiers_depend_on_what_is_simulated_alone(tmp_path: Path) -> None:
    """Results are stored by SOP Instance UID: equal pixels share one, different pixels must not."""

    def header(name: str, spec: BreastSpec, study: str = "", syntax: Syntax = "explicit") -> pydicom.Dataset:
        path = write_mg_dicom(tmp_path / name, pixels("FFDM"), spec, "CC", "FFDM", syntax, study)
        return pydicom.dcmread(path, stop_before_pixels=True)

    first = header("a.dcm", spec_of())
    again = header("b.dcm", spec_of(), syntax="jpegls")
    other_side = header("c.dcm", spec_of(Laterality.L))
    other_findings = header("d.dcm", spec_of(findings=("benign-cyst",)))
    other_exam = header("e.dcm", spec_of(), "other")
    assert first.SOPInstanceUID == again.SOPInstanceUID
    assert len({ds.SOPInstanceUID for ds in (first, other_side, other_findings, other_exam)}) == 4
    assert first.StudyInstanceUID == other_side.StudyInstanceUID != other_exam.StudyInstanceUID
    assert first.SOPInstanceUID.is_valid


@pytest.mark.parametrize("frames", [25, 27])
def test_a_volume_of_the_wrong_length_leaves_no_file(tmp_path: Path, frames: int) -> None:
    with pytest.raises(PhantomError, match="BreastSpec"):
        write_dbt_dicom(tmp_path / "x.dcm", np.ones((frames, *PLATE.dbt), np.uint16), spec_of(), "CC")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_syntax_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhantomError, match="explicit, jpegls"):
        write_mg_dicom(tmp_path / "x.dcm", pixels("FFDM"), spec_of(), "CC", "FFDM", "rle")  # type: ignore[arg-type]
