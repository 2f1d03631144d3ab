"""Messages without names, numbers and paths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gmic_core.exam.model import PixelSource, Rejection
from tests.helpers.hung_images import make_exam, make_image
from viewer.model.identity import shown_message, without_identity
from viewer.model.session import Session


@pytest.fixture
def session() -> Session:
    session = Session()
    image = replace(make_image("R-CC"), source=PixelSource("dicom", (Path("/data/roentgen bertha/R CC.dcm"),)))
    exam = replace(make_exam(image), patient_name="ROENTGEN^Bertha^A", patient_id="PID-77")
    session.add_exams([exam], [Rejection(Path("letter to Bertha.pdf"), "no DICOM file")])
    return session


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Roentgen, Bertha (PID-77) has no S2D.", "[hidden], [hidden] ([hidden]) has no S2D."),
        ("R CC.dcm cannot be decoded.", "[hidden] cannot be decoded."),
        ("/data/roentgen bertha/R CC.dcm cannot be read.", "[hidden] cannot be read."),
        ("letter to Bertha.pdf: no DICOM file", "[hidden]: no DICOM file"),
        ("/home/x/other.dcm cannot be read; choose another.", "[hidden] cannot be read; choose another."),
        ("C:\\exams\\other.dcm is empty.", "[hidden] is empty."),
        ("slice 3 / 40, 1/2 done, MLO/CC", "slice 3 / 40, 1/2 done, MLO/CC"),
        ("A breast at 41 mm", "A breast at 41 mm"),
    ],
)
def test_what_tells_who_it_is_is_taken_out(session: Session, text: str, shown: str) -> None:
    assert without_identity(text, session) == shown


def test_messages_are_whole_as_long_as_identity_is_shown(session: Session) -> None:
    assert shown_message("Bertha", session) == "Bertha"
    session.set_identity_hidden(True)
    assert shown_message("Bertha", session) == "[hidden]"


def test_words_of_a_simulated_name_stay(session: Session) -> None:
    image = replace(make_image("L-CC"), simulated=True)
    session.add_exams([replace(make_exam(image, study="9"), patient_name="SIMULATED^BREAST")], [])
    assert without_identity("No breast image was found.", session) == "No breast image was found."
