"""The thread that measures: the latest question is answered, what cannot be measured is told, closing ends it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from gmic_core.comparison.classes import ClassMap, Subject
from gmic_core.types import Finding, Modality
from tests.helpers.panel_fakes import make_image, make_result
from viewer.model.annotation.label_map import LabelMap
from viewer.model.measuring import Basis, Question
from viewer.services.measuring import Measurer, Told, parts_of

CLASSES = ClassMap({1: Finding.MALIGNANT}, None)
WAIT = 30.0


class Answers:
    """Writes answers down in the order in which they come."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, object]] = queue.Queue()
        self.measurer = Measurer(
            lambda call: call(),
            Told(
                figures=lambda found: self.told.put(("figures", found.subject)),
                misses=lambda found: self.told.put(("misses", found.threshold)),
                problem=lambda _, text: self.told.put(("problem", text)),
                progress=lambda *_: None,
                done=lambda question: self.told.put(("done", question)),
            ),
        )

    def until_done(self, question: Question) -> list[tuple[str, object]]:
        heard = [self.told.get(timeout=WAIT)]
        while heard[-1] != ("done", question):
            heard.append(self.told.get(timeout=WAIT))
        return heard


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    yield made
    made.measurer.close()
    assert "measuring" not in [thread.name for thread in threading.enumerate()]


def _question(threshold: float = 0.1, slices: int = 6) -> Question:
    image = make_image(modality=Modality.DBT, frames=slices)
    labels = np.zeros((6, image.rows, image.columns), np.uint8)
    labels[2:4, 200:240, 100:150] = 1
    drawn = LabelMap.of(labels)
    basis = Basis(image.sop_uid, drawn, drawn.revision, make_result(image), CLASSES)
    return Question(basis, Subject(Finding.MALIGNANT), threshold)


def test_figures_come_first_then_misses(answers: Answers) -> None:
    question = _question()
    answers.measurer.ask(question)
    assert [name for name, _ in answers.until_done(question)] == ["figures", "misses", "done"]


def test_the_latest_of_many_questions_is_answered(answers: Answers) -> None:
    first = _question()
    questions = [replace(first, threshold=k / 100) for k in range(50)]
    for question in questions:
        answers.measurer.ask(question)
    heard = answers.until_done(questions[-1])
    assert heard[-2] == ("misses", 0.49)
    assert len([name for name, _ in heard if name == "misses"]) < 50
    assert answers.told.empty()


def test_a_result_of_other_slices_is_a_problem_and_the_next_question_is_answered(answers: Answers) -> None:
    wrong, right = _question(slices=3), _question()
    answers.measurer.ask(wrong)
    assert answers.until_done(wrong)[0] == (
        "problem", "The AI result has 3 slices and the image 6; run the AI again.",
    )  # fmt: skip
    answers.measurer.ask(right)
    assert answers.until_done(right)[0] == ("figures", right.subject)


def test_labels_are_found_where_slices_hold_some() -> None:
    labels = np.zeros((6, 50, 40), np.uint16)
    labels[4, 10:20, 30:35] = 300
    labels[1, 45, 2] = 7
    found = parts_of(LabelMap.of(labels))
    assert [(part.label, part.slices, part.corner, part.layers.shape) for part in found] == [
        (7, (1, 2), (45, 2), (1, 1, 1)), (300, (4, 5), (10, 30), (1, 10, 5)),
    ]  # fmt: skip
    assert parts_of(LabelMap((6, 50, 40))) == ()
