"""The labels file: one row per breast, ``study, side, benign, malignant`` and, if wanted, ``patient`` and ``split``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import EvaluationError
from gmic_core.types import Laterality

REQUIRED = ("side", "benign", "malignant")
_TRUE, _FALSE = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}
_SIDES = {"L": Laterality.L, "LEFT": Laterality.L, "R": Laterality.R, "RIGHT": Laterality.R}


@dataclass(frozen=True)
class LabelTable:
    """The labels by (name of the exam, side); ``other_split`` are breasts of rows that do not count."""

    file: str
    split: str
    rows: dict[tuple[str, Laterality], tuple[bool, bool]]
    other_split: frozenset[tuple[str, Laterality]]

    def find(self, names: Sequence[str], side: Laterality) -> tuple[bool, bool]:
        """Return (benign, malignant) of a breast that goes by one of several names.

        Raises
        ------
        EvaluationError
            If no row is about it, or it belongs to another split.
        """
        for name in names:
            if name and (name, side) in self.rows:
                return self.rows[name, side]
        if any((name, side) in self.other_split for name in names):
            raise EvaluationError(f"It does not belong to the split '{self.split}' of {self.file}.")
        raise EvaluationError(f"{self.file} has no row for its study and side; add one, or take the image away.")


def read_labels(path: Path, split: str | None = None) -> LabelTable:
    """Read a labels file.

    Parameters
    ----------
    split : rows that count; None: ``test`` where the file has such rows, else all; ``all``: every row.

    Raises
    ------
    EvaluationError
        Naming file, line and column of what is wrong.
    """
    numbered = _read(path)
    splits = {row.get("split", "").strip() for _, row in numbered}
    wanted = split if split is not None else ("test" if "test" in splits else "all")
    if wanted not in ("all", *splits):
        named = ", ".join(sorted(s for s in splits if s)) or "none"
        raise EvaluationError(f"{path.name} has no row of the split '{wanted}'; its splits are: {named}.")
    rows: dict[tuple[str, Laterality], tuple[bool, bool]] = {}
    others: set[tuple[str, Laterality]] = set()
    for line, row in numbered:
        names, side = _names(path, line, row), _side(path, line, row)
        labels = _flag(path, line, row, "benign"), _flag(path, line, row, "malignant")
        counts = wanted == "all" or row.get("split", "").strip() == wanted
        for name in names:
            if not counts:
                others.add((name, side))
            elif rows.setdefault((name, side), labels) != labels:
                raise EvaluationError(f"{path.name}, line {line}: breast {side} has other labels in an earlier line.")
    return LabelTable(path.name, wanted, rows, frozenset(others))


def _read(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (line number, row) with column names in small letters."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = [(reader.line_num, {k: v or "" for k, v in row.items() if k is not None}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path} cannot be read as a labels file ({error}).") from error
    missing = [name for name in REQUIRED if name not in columns]
    if "study" not in columns and "patient" not in columns:
        missing.insert(0, "study")
    if missing:
        raise EvaluationError(
            f"{path.name} has no column {', '.join(missing)}; its first line must name study, side, benign, malignant."
        )
    return rows


def _names(path: Path, line: int, row: dict[str, str]) -> list[str]:
    """Return the study; where that is empty, the patient: one of them must be there."""
    names = [name for name in (row.get("study", "").strip(), row.get("patient", "").strip()) if name]
    if not names:
        raise EvaluationError(f"{path.name}, line {line}: study is empty; write what the exam's folder or UID is.")
    return names[:1]


def _side(path: Path, line: int, row: dict[str, str]) -> Laterality:
    side = _SIDES.get(row["side"].strip().upper())
    if side is None:
        raise EvaluationError(f"{path.name}, line {line}: side is '{row['side']}'; write L or R.")
    return side


def _flag(path: Path, line: int, row: dict[str, str], column: str) -> bool:
    word = row[column].strip().lower()
    if word not in _TRUE | _FALSE:
        raise EvaluationError(f"{path.name}, line {line}: {column} is '{row[column]}'; write 0 or 1.")
    return word in _TRUE
