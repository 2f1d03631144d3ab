"""Labels files and their mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gmic_core.errors import TrainingError
from gmic_core.training.data.labels import LabelTable, read_labels
from gmic_core.types import Laterality

HEADER = "patient,study,side,benign,malignant,split\n"
GOOD = "a,s1,L,0,1,training\na,s1,R,1,0,training\nb,,L,0,0,validation\n"


def table(tmp_path: Path, content: str) -> LabelTable:
    path = tmp_path / "labels.csv"
    path.write_text(content, encoding="utf-8")
    return read_labels(path)


def test_lines_become_labels(tmp_path: Path) -> None:
    rows = table(tmp_path, HEADER + GOOD).rows
    assert [row.labels for row in rows] == [(0, 1), (1, 0), (0, 0)]
    assert [row.side for row in rows] == [Laterality.L, Laterality.R, Laterality.L]
    assert [row.line for row in rows] == [2, 3, 4]
    assert [row.birads for row in rows] == [None, None, None]


def test_spreadsheets_of_other_countries_are_read(tmp_path: Path) -> None:
    content = "\ufeffPatient;Study;Side;Benign;Malignant;Split;BIRADS\na;s;left;0;1;Train;4a\n\nb;s;r;0;0;val;1\n"
    rows = table(tmp_path, content).rows
    assert [(row.side, row.split, row.birads) for row in rows] == [("L", "training", 0), ("R", "validation", 1)]


def test_a_breast_is_found_by_any_name_of_its_study(tmp_path: Path) -> None:
    labels = table(tmp_path, HEADER + "a,s1,L,0,1,training\na,20200131,L,1,0,training\nb,,R,0,0,test\n")
    found = labels.find("a", Laterality.L, ("1.2.3", "20200131"))
    assert found is not None
    assert found.line == 3
    assert labels.find("a", Laterality.L, ("1.2.3",)) is None
    assert labels.find("b", Laterality.R, ("anything",)) is labels.rows[2]
    assert labels.find("b", Laterality.L, ("anything",)) is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a,s,X,0,1,training\n", r"labels.csv, line 2, column side: it must be L or R, not 'X'"),
        ("a,s,L,2,1,training\n", r"line 2, column benign: it must be 0 or 1, not '2'"),
        ("a,s,L,0,,training\n", r"line 2, column malignant: it must be 0 or 1, not empty"),
        ("a,s,L,0,1,holdout\n", r"line 2, column split: it must be training, validation or test, not 'holdout'"),
        (",s,L,0,1,test\n", r"line 2, column patient: .* not empty"),
        ("a,s,L,0,1,test\na,s,left,0,1,test\n", r"line 3: a duplicate of line 2"),
        ("a,s,L,0,1,test\na,,L,0,1,test\n", r"line 3, column study: .* name the study in both"),
        ("a,s,L,0,1,test\na,t,R,0,1,training\n", r"line 3, column split: .* training here and in test on line 2"),
        ("", r"no line below its header"),
    ],
)
def test_mistakes_are_named_by_line_and_column(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        table(tmp_path, HEADER + lines)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="line 1: the column malignant, split is missing"):
        table(tmp_path, "patient,study,side,benign\na,s,L,0\n")


def test_a_birads_category_that_screening_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"line 2, column birads: .* not '6'"):
        table(tmp_path, "patient,study,side,benign,malignant,split,birads\na,s,L,0,1,test,6\n")


def test_a_missing_file_says_which_columns_it_needs(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"labels.csv is missing: .* patient, study, side, benign"):
        read_labels(tmp_path / "labels.csv")


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(HEADER.encode() + b"M\xfcller,s,L,0,1,test\n")
    with pytest.raises(TrainingError, match="not UTF-8 text"):
        read_labels(path)
