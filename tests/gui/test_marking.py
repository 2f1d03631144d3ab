"""Marks come back with their exam, are kept at every change, and nothing is written over that could not be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gmic_core.exam.model import Exam
from tests.helpers.hung_images import make_exam, make_image
from viewer.app.marking import Marking
from viewer.model.marks import Mark
from viewer.model.session import Session
from viewer.model.viewstate import Slot
from viewer.services.marks import FILE_NAME


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GMIC_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def exam() -> Exam:
    return make_exam(make_image("R-CC", "DBT", frames=9), make_image("L-CC"))


def now(call: Callable[[], None]) -> None:
    call()


def start(exam: Exam, *, remember: bool = True) -> tuple[Session, Marking]:
    session = Session()
    marking = Marking(session, now, remember=remember)
    session.add_exams([exam], [])
    session.open_exam(exam)
    return session, marking


def line(exam: Exam, index: int = 4) -> Mark:
    return Mark("length", exam.images[0].sop_uid, index, ((1.0, 2.0), (30.0, 20.0)), "here")


def test_marks_come_back_in_the_next_run(home: Path, exam: Exam) -> None:
    session, marking = start(exam)
    mark = line(exam)
    session.marks.add(mark)
    session.marks.toggle_key_slice(exam.images[0].sop_uid, 7)
    marking.close()
    again, marking = start(exam)
    content = again.marks.of(exam.images[0].sop_uid)
    assert (content.marks, content.key_slices) == ((mark,), frozenset({7}))
    assert again.history.undo_label is None
    again.marks.remove(mark.id)
    again.marks.toggle_key_slice(exam.images[0].sop_uid, 7)
    marking.close()
    assert start(exam)[0].marks.images == {}


def test_switching_exams_and_back_brings_them_back_and_deletes_nothing(home: Path, exam: Exam) -> None:
    session, marking = start(exam)
    session.marks.add(line(exam))
    other = make_exam(make_image("R-MLO"), study="2.25.2")
    session.open_exam(other)
    assert session.marks.images == {}
    session.open_exam(exam)
    assert len(session.marks.of(exam.images[0].sop_uid).marks) == 1
    marking.close()


def test_marks_of_a_prior_that_is_hung_are_no_part_of_what_is_undone(home: Path, exam: Exam) -> None:
    prior = make_exam(make_image("R-CC", uid="prior"), study="2.25.3")
    session, marking = start(prior)
    mark = Mark("place", "prior", 0, ((3.0, 4.0),))
    session.marks.add(mark)
    session.open_exam(exam)
    with session.history.step("Hang prior"):
        session.hang("prior", (1, 1), [Slot(0, 0, "R-CC", session.state_of(prior.images[0]))])
    assert session.marks.of("prior").marks == (mark,)
    assert session.history.undo() == "Hang prior"
    marking.close()
    assert start(prior)[0].marks.of("prior").marks == (mark,)


def test_what_cannot_be_read_is_not_written_over(home: Path, exam: Exam) -> None:
    import sqlite3

    session, marking = start(exam)
    session.marks.add(line(exam))
    marking.close()
    with sqlite3.connect(home / FILE_NAME) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    before = (home / FILE_NAME).read_bytes()
    told: list[str] = []
    session = Session()
    session.notice.connect(lambda _level, text: told.append(text))
    marking = Marking(session, now)
    session.open_exam(exam)
    session.marks.add(line(exam, 2))
    marking.close()
    assert (home / FILE_NAME).read_bytes() == before
    assert told == [
        "Marks of earlier readings cannot be read (written by a later version of this program; use that one), and "
        "marks made now are not kept. Close other windows of this program and open the exam again."
    ]


def test_nothing_is_kept_where_nothing_shall_be_remembered(home: Path, exam: Exam) -> None:
    session, marking = start(exam, remember=False)
    session.marks.add(line(exam))
    marking.close()
    assert list(home.iterdir()) == []


def test_marks_on_slices_that_the_image_does_not_have_are_left_out(home: Path, exam: Exam) -> None:
    session, marking = start(exam)
    session.marks.add(line(exam, 20))
    session.marks.add(line(exam, 8))
    session.marks.toggle_key_slice(exam.images[0].sop_uid, 15)
    marking.close()
    content = start(exam)[0].marks.of(exam.images[0].sop_uid)
    assert ([mark.slice_index for mark in content.marks], content.key_slices) == ([8], frozenset())
