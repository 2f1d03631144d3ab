"""A reader's answer about an image: how it hangs afterwards, and that it is remembered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmic_core.exam.geometry import ORIENTATIONS
from gmic_core.exam.orientation import check_orientation, observed_chest_wall, predicted_chest_wall
from gmic_core.types import Laterality
from tests.helpers.breasts import patient_orientation
from tests.helpers.dicom_files import breast
from viewer.model.answers import Answer, answered
from viewer.services.answers import AnswerStore


@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize("answer", ["mirrored", "turned"])
@pytest.mark.parametrize("side", ["L", "R"])
def test_after_the_answer_tags_and_pixels_agree(exam, turn, answer, side):
    pixels = np.ascontiguousarray(turn.apply(breast(256, 192, seed=4)))
    stated = patient_orientation(side, "CC", turn)
    image = replace(
        exam.images[0], laterality=Laterality(side), view="CC", rows=pixels.shape[0], columns=pixels.shape[1],
        patient_orientation=stated, questions=("?",),
    )  # fmt: skip
    if answer == "turned":
        pixels = pixels[::-1, ::-1]
    elif stated[1][0] in "AP":  # stored lying
        pixels = pixels[::-1]
    else:
        pixels = pixels[:, ::-1]
    assert check_orientation(image, pixels) is not None
    told = answered(image, Answer(Laterality(side), "CC", answer))
    assert predicted_chest_wall(told) == observed_chest_wall(pixels, told)
    assert told.questions == ()


def test_a_side_that_was_missing(exam):
    image = replace(exam.images[0], laterality=None, view=None, patient_orientation=None, questions=("Which side?",))
    told = answered(image, Answer(Laterality.R, "MLO"))
    assert (told.label, told.questions, told.orientation_confirmed) == ("R-MLO", (), True)
    assert predicted_chest_wall(told) == "right"


def test_confirming_the_header_ends_the_question(exam):
    image = exam.images[0]
    wrong = np.zeros((image.rows, image.columns), np.uint16)
    wrong[:, : image.columns // 3] = 900  # chest wall on the left
    wrong[:, 0] = 901
    right = replace(image, laterality=Laterality.R, patient_orientation=("P", "L"))
    assert check_orientation(right, wrong) is not None
    assert check_orientation(answered(right, Answer(Laterality.R, "CC")), wrong) is None


def test_answers_are_remembered_until_the_file_changes(exam, tmp_path):
    image = exam.images[0]
    AnswerStore(tmp_path).record(image, Answer(Laterality.L, "MLO", "turned"))
    again = AnswerStore(tmp_path).apply(exam)
    assert again.images[0].label == "L-MLO"
    assert again.images[1:] == exam.images[1:]
    text = (tmp_path / "answers.json").read_text()
    assert image.sop_uid not in text
    assert "SIM" not in text
    path = image.files[0]
    path.write_bytes(path.read_bytes() + b"\0")
    assert AnswerStore(tmp_path).apply(exam).images[0] == image


def test_damaged_answers_are_asked_for_again(exam, tmp_path):
    for text in ("not json", "[]", '{"a": ["X", "CC", "as stated"]}', '{"a": ["L", "CC", "sideways"]}'):
        (tmp_path / "answers.json").write_text(text)
        assert AnswerStore(tmp_path).apply(exam) == exam
