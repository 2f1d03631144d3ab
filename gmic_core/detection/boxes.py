"""Tables of BCS-DBT: the boxes of its findings, and predictions as the DBTex challenge takes them.

Columns and rows count from 0, X and Y are the box's upper left corner. The challenge counts in pixels of the image
turned so that the breast lies on the side that its view names: some volumes are stored turned by 180 degrees.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gmic_core.detection.candidates import Candidate, Target
from gmic_core.errors import EvaluationError
from gmic_core.inference.export import write_atomically
from gmic_core.types import Finding

MAX_TABLE = 64 << 20
PREDICTIONS = ("PatientID", "StudyUID", "View", "X", "Width", "Y", "Height", "Z", "Depth", "Score")
"""Columns of a submission, in its order."""
BOXES = ("PatientID", "StudyUID", "View", "Subject", "Slice", "X", "Y", "Width", "Height", "Class", "AD")
SLICES_COLUMN = "VolumeSlices"
_CLASSES = {"benign": Finding.BENIGN, "cancer": Finding.MALIGNANT}
_VIEW = re.compile(r"[lr](?:cc|mlo)\d*")


@dataclass(frozen=True, order=True)
class VolumeKey:
    """Which volume: patient and study as the tables call them, view as ``lcc``, ``rmlo``, ``lcc2``."""

    patient: str
    study: str
    view: str


@dataclass(frozen=True)
class TruthBox:
    """One finding of the table of boxes.

    Attributes
    ----------
    slice, x, y, width, height : middle slice, upper left corner, size; pixels.
    finding : the table's ``cancer`` is malignant.
    distortion : whether it is an architectural distortion (column AD).
    volume_slices : slices of its volume where the table says so, else None.
    """

    volume: VolumeKey
    subject: int
    slice: int
    x: float
    y: float
    width: float
    height: float
    finding: Finding
    distortion: bool
    volume_slices: int | None = None

    @property
    def target(self) -> Target:
        """The box as a target."""
        row, column = self.y + self.height / 2, self.x + self.width / 2
        return Target(self.slice, row, column, self.height, self.width)


@dataclass(frozen=True)
class Prediction:
    """One box of a submission; ``z`` is its first slice."""

    volume: VolumeKey
    x: float
    width: float
    y: float
    height: float
    z: float
    depth: float
    score: float

    @property
    def candidate(self) -> Candidate:
        """The middle of the box, as the challenge takes it."""
        middle = self.z + self.depth / 2
        return Candidate(middle, self.y + self.height / 2, self.x + self.width / 2, self.score)


def read_boxes(path: Path) -> list[TruthBox]:
    """Read a table of boxes, with or without the column VolumeSlices.

    Raises
    ------
    EvaluationError
        Naming the line and column that is wrong.
    """
    return [_box(path, line, row) for line, row in _rows(path, BOXES)]


def read_predictions(path: Path) -> list[Prediction]:
    """Read a submission; a column of line numbers in front is passed over.

    Raises
    ------
    EvaluationError
        Naming the line and column that is wrong.
    """
    found = []
    for line, row in _rows(path, PREDICTIONS):
        number = {name: _number(path, line, row, name) for name in PREDICTIONS[3:]}
        found.append(
            Prediction(
                _volume(path, line, row), number["X"], number["Width"], number["Y"], number["Height"], number["Z"],
                number["Depth"], number["Score"],
            )
        )  # fmt: skip
    return found


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write a submission, best first; boxes in whole pixels as the challenge expects them.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(PREDICTIONS)
    for p in sorted(predictions, key=lambda one: (-one.score, one.volume)):
        box = (round(value) for value in (p.x, p.width, p.y, p.height, p.z, p.depth))
        out.writerow((p.volume.patient, p.volume.study, p.volume.view, *box, f"{p.score:.9g}"))
    write_atomically(path, text.getvalue().encode())


def write_boxes(path: Path, boxes: Iterable[TruthBox]) -> None:
    """Write a table of boxes in its own columns, with VolumeSlices where every box has it.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    boxes = list(boxes)
    counted = bool(boxes) and all(box.volume_slices is not None for box in boxes)
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow((*BOXES, SLICES_COLUMN) if counted else BOXES)
    names = {finding: name for name, finding in _CLASSES.items()}
    for b in boxes:
        numbers = (b.subject, b.slice, b.x, b.y, b.width, b.height)
        row = (b.volume.patient, b.volume.study, b.volume.view, *(f"{value:.1f}" for value in numbers))
        more = (f"{b.volume_slices}",) if counted else ()
        out.writerow((*row, names[b.finding], f"{float(b.distortion):.1f}", *more))
    write_atomically(path, text.getvalue().encode())


def turned(x: float, y: float, width: float, height: float, rows: int, columns: int) -> tuple[float, float]:
    """Return the upper left corner (x, y) of a box after its image was turned by 180 degrees."""
    return columns - x - width, rows - y - height


def _box(path: Path, line: int, row: Mapping[str, str]) -> TruthBox:
    name = row["Class"].strip().lower()
    if name not in _CLASSES:
        raise EvaluationError(
            f"{path.name}, line {line}: the class is {row['Class']!r}, not benign or cancer; restore the table."
        )
    number = {key: _number(path, line, row, key) for key in ("Subject", "Slice", "X", "Y", "Width", "Height", "AD")}
    slices = round(_number(path, line, row, SLICES_COLUMN)) if row.get(SLICES_COLUMN) else None
    return TruthBox(
        _volume(path, line, row), round(number["Subject"]), round(number["Slice"]), number["X"], number["Y"],
        number["Width"], number["Height"], _CLASSES[name], number["AD"] > 0, slices,
    )  # fmt: skip


def _volume(path: Path, line: int, row: Mapping[str, str]) -> VolumeKey:
    view = row["View"].strip().lower()
    if _VIEW.fullmatch(view) is None:
        raise EvaluationError(f"{path.name}, line {line}: the view is {row['View']!r}, not one like lcc or rmlo.")
    return VolumeKey(row["PatientID"].strip(), row["StudyUID"].strip(), view)


def _number(path: Path, line: int, row: Mapping[str, str], name: str) -> float:
    try:
        value = float(row[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise EvaluationError(f"{path.name}, line {line}: {name} is {row[name]!r}, which is no number.")
    return value


def _rows(path: Path, wanted: Iterable[str]) -> list[tuple[int, dict[str, str]]]:
    try:
        if path.stat().st_size > MAX_TABLE:
            raise EvaluationError(f"{path.name} is too large for a table of boxes; choose another file.")
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            missing = [name for name in wanted if name not in (table.fieldnames or ())]
            if missing:
                raise EvaluationError(f"{path.name} has no column {', '.join(missing)}; give a table of BCS-DBT.")
            return [(table.line_num, {k: v or "" for k, v in row.items() if k is not None}) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path.name} cannot be read as a table ({error}); choose another file.") from error
