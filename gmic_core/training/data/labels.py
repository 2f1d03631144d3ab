"""The labels file: one line per breast of a study, as a CSV that any spreadsheet writes.

Columns: ``patient``, ``study``, ``side``, ``benign``, ``malignant``, ``split`` and, for pretraining, ``birads``.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import TrainingError
from gmic_core.types import CLASSES, Laterality

COLUMNS = ("patient", "study", "side", "benign", "malignant", "split")
OPTIONAL = ("birads",)
SPLITS = {
    "training": "training", "train": "training",
    "validation": "validation", "val": "validation", "valid": "validation",
    "test": "test",
}  # fmt: skip
SIDES = {"L": Laterality.L, "LEFT": Laterality.L, "R": Laterality.R, "RIGHT": Laterality.R}
BIRADS_CLASSES = {"0": 0, "4": 0, "4A": 0, "4B": 0, "4C": 0, "5": 0, "1": 1, "2": 2, "3": 2}
"""The three classes of the pretraining (3D-GMIC paper, III): incomplete or suspicious, normal, benign. Category 6
(known cancer) has no place in screening."""


def birads_of(benign: int, malignant: int) -> int:
    """Return the class that a reader who sees everything would give: 0 suspicious, 1 normal, 2 benign."""
    if malignant:
        return 0
    return 2 if benign else 1


@dataclass(frozen=True)
class BreastLabel:
    """One line of a labels file.

    Attributes
    ----------
    study : as written; see :meth:`LabelTable.find`.
    birads : class 0..2 of the pretraining, or None.
    line : number of the line in the file, 1-based.
    """

    patient: str
    study: str
    side: Laterality
    benign: int
    malignant: int
    split: str
    birads: int | None
    line: int

    @property
    def labels(self) -> tuple[int, int]:
        """Return (benign, malignant)."""
        return self.benign, self.malignant


class LabelTable:
    """The labels of a data set, checked.

    Attributes
    ----------
    name : of the file, for messages.
    """

    def __init__(self, name: str, rows: tuple[BreastLabel, ...]) -> None:
        self.name = name
        self.rows = rows
        self._by_breast: dict[tuple[str, Laterality], list[BreastLabel]] = defaultdict(list)
        for row in rows:
            self._by_breast[row.patient, row.side].append(row)

    def find(self, patient: str, side: Laterality, study_names: tuple[str, ...]) -> BreastLabel | None:
        """Return the line of a breast, or None.

        Parameters
        ----------
        study_names : what the line may call the study: its UID, its date, the folder of its images. A line whose
            study is empty is meant for every study of the patient.
        """
        rows = self._by_breast.get((patient, side), [])
        named = [row for row in rows if row.study and row.study in study_names]
        return next(iter(named or [row for row in rows if not row.study]), None)

    def patients(self, *splits: str) -> tuple[str, ...]:
        """Return the patients of some splits, sorted."""
        return tuple(sorted({row.patient for row in self.rows if row.split in splits}))


def read_labels(path: Path) -> LabelTable:
    """Read and check a labels file.

    Raises
    ------
    TrainingError
        Naming file, line and column of the first thing that is wrong.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise TrainingError(
            f"{path} is missing: put a labels file there with the columns {', '.join(COLUMNS)} (docs/training.md)."
        ) from error
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path.name} is not UTF-8 text ({error.reason}); save it as CSV in UTF-8.") from error
    first = content.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","  # what spreadsheets write where , is decimal
    reader = csv.DictReader(io.StringIO(content), delimiter=delimiter, restkey="", restval="")
    names = _columns(path.name, list(reader.fieldnames or ()))
    rows = []
    for values in reader:
        line = reader.line_num
        if any((value or "").strip() for key, value in values.items() if key):
            rows.append(_row(path.name, line, {short: (values[full] or "").strip() for short, full in names.items()}))
    if not rows:
        raise TrainingError(f"{path.name} has no line below its header; add one line per breast.")
    _check_duplicates(path.name, rows)
    _check_patients(path.name, rows)
    return LabelTable(path.name, tuple(rows))


def _columns(file: str, found: list[str]) -> dict[str, str]:
    """Return the columns as they are written in the file, by name."""
    written = {name.strip().lower(): name for name in found}
    missing = [name for name in COLUMNS if name not in written]
    if missing:
        raise TrainingError(
            f"{file}, line 1: the column {', '.join(missing)} is missing; the header needs {', '.join(COLUMNS)}."
        )
    return {name: written[name] for name in (*COLUMNS, *OPTIONAL) if name in written}


def _row(file: str, line: int, values: dict[str, str]) -> BreastLabel:
    def wrong(column: str, expected: str) -> TrainingError:
        said = f"{values[column]!r}" if values[column] else "empty"
        return TrainingError(f"{file}, line {line}, column {column}: it must be {expected}, not {said}.")

    if not values["patient"]:
        raise wrong("patient", "the patient ID as the images have it")
    side = SIDES.get(values["side"].upper())
    if side is None:
        raise wrong("side", "L or R")
    for name in CLASSES:
        if values[name] not in ("0", "1"):
            raise wrong(name, "0 or 1")
    split = SPLITS.get(values["split"].lower())
    if split is None:
        raise wrong("split", "training, validation or test")
    category = values.get("birads", "").upper()
    if category and category not in BIRADS_CLASSES:
        raise wrong("birads", "a BI-RADS category 0 to 5, or empty")
    birads = BIRADS_CLASSES.get(category)
    benign, malignant = (int(values[name]) for name in CLASSES)
    return BreastLabel(values["patient"], values["study"], side, benign, malignant, split, birads, line)


def _check_duplicates(file: str, rows: list[BreastLabel]) -> None:
    seen: dict[tuple[str, str, Laterality], int] = {}
    studies: dict[tuple[str, Laterality], set[str]] = defaultdict(set)
    for row in rows:
        key = (row.patient, row.study, row.side)
        if key in seen:
            raise TrainingError(
                f"{file}, line {row.line}: a duplicate of line {seen[key]} (same patient, study and side); remove one."
            )
        seen[key] = row.line
        studies[row.patient, row.side].add(row.study)
        if "" in studies[row.patient, row.side] and len(studies[row.patient, row.side]) > 1:
            raise TrainingError(
                f"{file}, line {row.line}, column study: one line of this breast names a study and another names none; "
                "name the study in both."
            )


def _check_patients(file: str, rows: list[BreastLabel]) -> None:
    first: dict[str, BreastLabel] = {}
    for row in rows:
        other = first.setdefault(row.patient, row)
        if other.split != row.split:
            raise TrainingError(
                f"{file}, line {row.line}, column split: this patient is in {row.split} here and in {other.split} on "
                f"line {other.line}; a patient belongs to one split."
            )
