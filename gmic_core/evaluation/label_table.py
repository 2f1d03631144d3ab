"""The labels file of training (:mod:`gmic_core.training.data.labels`), as the evaluation asks it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import EvaluationError
from gmic_core.training.data.labels import SPLITS, BreastLabel, LabelTable, read_labels
from gmic_core.types import Laterality

ALL = "all"


@dataclass(frozen=True)
class Names:
    """By what names a labels file may call an exam.

    Attributes
    ----------
    patients : what the column patient may hold.
    own : names of this exam alone: its UID, its folders, its file. A line with such a study needs no known patient.
    shared : other names of the study, such as its date; the patient must fit too.
    """

    patients: tuple[str, ...]
    own: tuple[str, ...]
    shared: tuple[str, ...] = ()

    def fit(self, row: BreastLabel) -> bool:
        """Return whether a line is about this exam."""
        if row.study and row.study in self.own:
            return True
        return row.patient in self.patients and (not row.study or row.study in self.shared)


@dataclass(frozen=True)
class SplitLabels:
    """The labels of one split; ``split`` is ``all`` or the name of one."""

    table: LabelTable
    split: str

    def find(self, names: Names, side: Laterality) -> tuple[bool, bool]:
        """Return (benign, malignant) of a breast.

        Raises
        ------
        EvaluationError
            If no line is about it, or it belongs to another split.
        """
        rows = [row for row in self.table.rows if row.side is side and names.fit(row)]
        if not rows:
            raise EvaluationError(
                f"{self.table.name} has no line for its patient, study and side; add one, or take the image away."
            )
        row = next((row for row in rows if row.study), rows[0])  # a named study says more than none
        if self.split not in (ALL, row.split):
            raise EvaluationError(f"It does not belong to the split '{self.split}' of {self.table.name}.")
        return bool(row.benign), bool(row.malignant)


def split_labels(path: Path, split: str | None = None) -> SplitLabels:
    """Read a labels file.

    Parameters
    ----------
    split : lines that count; None: ``test`` where the file has such lines, else all; ``all``: every line.

    Raises
    ------
    TrainingError
        Naming file, line and column of what is wrong.
    EvaluationError
        If the split has no line.
    """
    table = read_labels(path)
    present = {row.split for row in table.rows}
    if split is None:
        return SplitLabels(table, "test" if "test" in present else ALL)
    wanted = ALL if split.lower() == ALL else SPLITS.get(split.lower(), split)
    if wanted not in (ALL, *present):
        raise EvaluationError(
            f"{path.name} has no line of the split '{split}'; it has {', '.join(sorted(present))}, or all of them."
        )
    return SplitLabels(table, wanted)
