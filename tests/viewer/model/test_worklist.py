"""The worklist as the reader sees it: filtering, sorting, the next exam."""

from __future__ import annotations

import pytest

from viewer.model.worklist import BrokenFile, ListedExam, ListedFolder, ListScore, Worklist, WorklistFilter


def listed(
    key: str, number: int, name: str, date: str, *, state: str = "new", score: float | None = None
) -> ListedExam:
    known = None if score is None else ListScore(score, "R DBT, mean of CC and MLO", "gmic3d", 8, 8)
    return ListedExam(key, number, f"ID-{number}", name, date, "4 FFDM", 4, "/exams", state, score=known)


@pytest.fixture
def worklist() -> Worklist:
    found = Worklist()
    found.fill(
        [
            listed("a", 1, "Lovelace^Ada", "20240318", score=0.71),
            listed("b", 2, "Hopper^Grace", "20240102", state="done", score=0.04),
            listed("c", 3, "", "", state="seen"),
            listed("d", 4, "Curie^Marie", "20231130"),
        ],
        [ListedFolder("/exams", 4)],
        [BrokenFile("/exams/x.txt", "a document, not an image")],
    )
    return found


def keys(worklist: Worklist) -> list[str]:
    return [exam.key for exam in worklist.rows()]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (WorklistFilter(), "abdc"),
        (WorklistFilter(patient="grace HOPPER"), "b"),
        (WorklistFilter(patient="id-3"), "c"),
        (WorklistFilter(first_date="20240102"), "ab"),
        (WorklistFilter(last_date="20240102"), "bd"),
        (WorklistFilter(first_date="2024", last_date="202401"), "b"),
        (WorklistFilter(last_date="2023"), "d"),
        (WorklistFilter(least_score=0.05), "a"),
        (WorklistFilter(least_score=0.0), "ab"),
        (WorklistFilter(state="new"), "ad"),
        (WorklistFilter(state="new", least_score=0.8), ""),
    ],
)
def test_filters_narrow_the_rows(worklist: Worklist, wanted: WorklistFilter, shown: str) -> None:
    worklist.set_filter(wanted)
    assert "".join(keys(worklist)) == shown


@pytest.mark.parametrize(
    ("column", "descending", "order"),
    [
        ("date", True, "abdc"),  # what has no date comes last either way
        ("date", False, "dbac"),
        ("patient", False, "dbca"),  # the one without a name goes by its id
        ("score", True, "abcd"),
        ("score", False, "bacd"),
        ("state", False, "adcb"),
    ],
)
def test_rows_are_sorted_and_the_unknown_comes_last(
    worklist: Worklist, column: str, descending: bool, order: str
) -> None:
    worklist.set_sort(column, descending)  # type: ignore[arg-type]
    assert "".join(keys(worklist)) == order


def test_hidden_ai_takes_no_part_in_order_and_filter(worklist: Worklist) -> None:
    worklist.set_sort("score", True)
    worklist.set_filter(WorklistFilter(least_score=0.5))
    assert keys(worklist) == ["a"]
    worklist.hide_ai(True)
    assert keys(worklist) == ["a", "b", "d", "c"]  # the latest first, as if nobody had asked for scores
    assert worklist.order == ("date", True)
    worklist.set_sort("patient", False)
    assert keys(worklist) == ["d", "b", "c", "a"]
    worklist.set_sort("score", True)
    worklist.hide_ai(False)
    assert keys(worklist) == ["a"]


def test_next_exam_follows_the_table(worklist: Worklist) -> None:
    assert worklist.neighbour(+1).key == "a"  # type: ignore[union-attr]  # nothing listed is open: the first row
    assert worklist.neighbour(-1) is None
    worklist.set_current("b")
    assert worklist.neighbour(+1).key == "d"  # type: ignore[union-attr]
    assert worklist.neighbour(-1).key == "a"  # type: ignore[union-attr]
    worklist.set_current("c")
    assert worklist.neighbour(+1) is None


def test_an_exam_that_opening_took_out_of_the_filter_keeps_its_place(worklist: Worklist) -> None:
    worklist.set_filter(WorklistFilter(state="new"))
    worklist.set_sort("date", False)
    worklist.set_current("d")
    worklist.set_state("d", "seen")
    assert keys(worklist) == ["a"]
    assert worklist.neighbour(+1).key == "a"  # type: ignore[union-attr]
    assert worklist.neighbour(-1) is None


def test_scores_stay_when_the_folders_are_read_again(worklist: Worklist) -> None:
    told: list[None] = []
    worklist.changed.connect(lambda: told.append(None))
    worklist.set_scores({"d": ListScore(0.33, "L FFDM, CC alone", "gmic2d", 1, 4), "gone": None})
    worklist.fill([listed("d", 4, "Curie^Marie", "20231130")], worklist.folders, ())
    assert worklist.get("d").score.malignant == 0.33  # type: ignore[union-attr]
    assert worklist.get("a") is None
    assert len(told) == 2
    worklist.set_scores({"d": ListScore(0.33, "L FFDM, CC alone", "gmic2d", 1, 4)})
    assert len(told) == 2  # nothing changed
