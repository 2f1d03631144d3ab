"""Numbers that stay with lesions while they are edited, and notes."""

from __future__ import annotations

from dataclasses import replace

from viewer.model.annotation.lesion_ids import KnownLesion, identify, with_note
from viewer.model.annotation.lesion_list import LesionRow


def row(top: int, left: int, size: int, label: int = 1, number: int = 1) -> LesionRow:
    box = (top, left, top + size, left + size)
    return LesionRow(label, number, size * size, (3, 6), (4.0, top + size / 2, left + size / 2), 4, box, size * 0.1)


def numbers(rows: tuple[LesionRow, ...]) -> list[int]:
    return [one.id for one in rows]


def test_a_lesion_that_grows_past_another_keeps_its_number() -> None:
    rows, known = identify([row(10, 10, 20), row(100, 10, 10, number=2)], (), ())
    assert numbers(rows) == [1, 2]
    grown = [row(96, 8, 30), row(10, 10, 20, number=2), row(300, 10, 4, number=3)]
    rows, known = identify(grown, known, ())
    assert numbers(rows) == [2, 1, 3]
    assert [one.id for one in known] == [1, 2, 3]
    assert known[1] == KnownLesion(2, 1, (3, 6), (96, 8, 126, 38))


def test_one_that_is_taken_away_and_comes_back_is_the_same_and_its_number_is_nobody_elses() -> None:
    first, second = row(10, 10, 20), row(100, 10, 10)
    _, known = identify([first, second], (), ())
    rows, known = identify([first], known, ())
    rows, known = identify([first, row(400, 10, 8)], known, ())
    assert numbers(rows) == [1, 3]
    rows, known = identify([first, row(400, 10, 8), second], known, ())
    assert numbers(rows) == [1, 3, 2]


def test_labels_are_never_taken_for_each_other_and_a_merged_one_has_the_number_of_the_larger_part() -> None:
    _, known = identify([row(10, 10, 20), row(10, 32, 8)], (), ())
    rows, _ = identify([row(10, 10, 20, label=2)], known, ())
    assert numbers(rows) == [3]
    merged = replace(row(10, 10, 20), box=(10, 10, 30, 40))
    rows, after = identify([merged], known, ())
    assert numbers(rows) == [1]
    rows, _ = identify([row(10, 10, 20), row(10, 32, 8)], after, ())
    assert numbers(rows) == [1, 2]


def test_only_what_is_gone_without_a_note_is_ever_forgotten() -> None:
    rows, known = identify([row(30 * k, 10, 5) for k in range(700)], (), ())
    assert numbers(rows) == list(range(1, 701))
    _, known = identify([], known, ((7, "follow up"),))
    assert len(known) == 501
    assert known[0].id == 7
    assert known[1].id == 201


def test_notes_are_one_line_and_an_empty_one_is_none() -> None:
    notes = with_note((), 4, "  spiculated,\nnear the nipple ")
    assert notes == ((4, "spiculated, near the nipple"),)
    notes = with_note(notes, 2, "x" * 900)
    assert [(number, len(text)) for number, text in notes] == [(2, 500), (4, 27)]
    assert with_note(notes, 2, "  ") == ((4, "spiculated, near the nipple"),)
