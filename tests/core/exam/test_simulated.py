"""A simulated image is known by what its header says, and by nothing that a clinical system writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gmic_core.cli import main
from gmic_core.exam.dicom import read_dicom
from gmic_core.exam.scan import scan
from tests.helpers.breasts import breast, breast_volume
from tests.helpers.dicom_files import write_dbt, write_mg

PIXELS = breast(32, 24)
PATIENT = {"PatientName": "DOE^JANE"}


@pytest.mark.parametrize(
    ("tags", "simulated"),
    [
        ({}, False),
        ({"PatientName": "SIMULATED^BREAST"}, True),
        ({"PatientName": "simulated"}, True),
        ({"PatientName": "SIMULATEDOVA^ANNA"}, False),
        ({"PatientName": "DOE^SIMULATED"}, False),
        ({"ImageComments": "SIMULATED breast, no patient"}, True),
        ({"ImageComments": "as in the simulated images"}, False),
        ({"DerivationDescription": "Simulated tomosynthesis"}, True),
        ({"DerivationDescription": "Synthetic 2D from tomosynthesis"}, False),
        ({"ContentQualification": "RESEARCH"}, False),
        ({"PatientName": "", "ImageComments": "SIMULATED"}, True),
    ],
)
def test_what_says_that_an_image_is_simulated(tmp_path: Path, tags: dict[str, str], simulated: bool) -> None:
    path = write_mg(tmp_path / "a.dcm", PIXELS, "R", "CC", overrides=PATIENT | tags)
    assert read_dicom(path).image.simulated is simulated


def test_synthetic_data_of_the_standard_counts(tmp_path: Path) -> None:
    import pydicom

    path = write_mg(tmp_path / "a.dcm", PIXELS, "R", "CC", overrides=PATIENT)
    for value, simulated in (("YES", True), ("NO", False)):
        dataset = pydicom.dcmread(path)
        dataset.add_new(0x0008001C, "CS", value)
        dataset.save_as(tmp_path / f"{value}.dcm")
        assert read_dicom(tmp_path / f"{value}.dcm").image.simulated is simulated


def test_an_exam_and_its_list_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_mg(tmp_path / "a.dcm", PIXELS, "R", "CC", overrides={"ImageComments": "SIMULATED"} | PATIENT)
    write_dbt(tmp_path / "b.dcm", breast_volume(3, 32, 24), "L", "CC", overrides=PATIENT)
    (exam,) = scan([tmp_path]).exams
    assert sorted((image.label, image.simulated) for image in exam.images) == [("L-CC", False), ("R-CC", True)]
    assert exam.simulated
    assert main(["info", str(tmp_path)]) == 0
    assert "2 images, SIMULATED" in capsys.readouterr().out
