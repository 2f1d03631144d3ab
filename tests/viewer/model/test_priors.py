"""Whose exam is whose: what may hang beside the open exam."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gmic_core.exam.model import Exam
from tests.helpers.hung_images import make_exam, make_image
from viewer.model.priors import prior_exams, related_exams, relation, same_patient
from viewer.model.session import Session

NOW = replace(make_exam(make_image(), study="2.25.9"), date="20240131", birth_date="19600102")


def exam(study: str, date: str = "20220101", **changes: str) -> Exam:
    return replace(NOW, study_uid=study, date=date, images=(make_image(uid=f"image-{study}"),), **changes)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"patient_id": " sim-1 "}, True),  # padding and case differ from machine to machine
        ({"patient_name": "simulated BREAST"}, True),
        ({"patient_name": "MARRIED^Breast"}, True),  # the birth date says that it is she
        ({"birth_date": ""}, True),
        ({"birth_date": "", "patient_name": "MARRIED^Breast"}, False),
        ({"birth_date": "19600103"}, False),
        ({"patient_id": "SIM-2"}, False),
        ({"patient_name": "", "birth_date": ""}, True),
    ],
)
def test_one_patient(changes: dict[str, str], same: bool) -> None:
    other = exam("2.25.1", **changes)
    assert same_patient(NOW, other) is same
    assert same_patient(other, NOW) is same


@pytest.mark.parametrize("number", ["", "ANONYMOUS", "0", "unknown"])
def test_an_id_that_stands_for_nobody_links_nobody(number: str) -> None:
    assert not same_patient(replace(NOW, patient_id=number), exam("2.25.1", patient_id=number))


def test_priors_are_earlier_and_the_newest_comes_first() -> None:
    old, older, later = exam("a", "20230501"), exam("b", "20190501"), exam("c", "20250101")
    undated, twin, stranger = exam("d", ""), exam("e", "20240131"), exam("f", patient_id="SIM-2")
    everybody = [older, stranger, later, NOW, twin, undated, old]
    assert prior_exams(NOW, everybody) == [old, older]
    assert related_exams(NOW, everybody) == [later, twin, old, older, undated]
    badges = [relation(NOW, one) for one in (old, later, twin, undated)]
    assert badges == ["PRIOR", "LATER", "SAME DAY", "OTHER EXAM"]


def test_the_session_knows_the_images_of_the_patient_and_of_nobody_else() -> None:
    session, prior, stranger = Session(), exam("a"), exam("f", patient_id="SIM-2")
    session.add_exams([stranger, prior, NOW], [])
    session.open_exam(NOW)
    assert session.priors == [prior]
    assert session.exam_of("R-CC.FFDM") is NOW
    assert session.exam_of("image-a") is prior
    assert session.image("image-a") is prior.images[0]
    assert session.image("image-f") is None
    asked = replace(prior.images[0], questions=("Left or right?",))
    session.replace_image(asked)
    assert session.image("image-a") is asked
    assert session.exam is NOW
    assert session.priors[0].images == (asked,)
