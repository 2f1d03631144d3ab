"""``metrics.csv`` (image, label, class), ``images.csv`` (image, class) and ``summary.csv``; docs/annotation.md."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gmic_core.comparison.batch import Batch, Row
from gmic_core.comparison.measures import FIGURES
from gmic_core.detection.froc import Froc
from gmic_core.detection.scoring import Pointer, marks_froc
from gmic_core.errors import EvaluationError
from gmic_core.evaluation.bootstrap import ITERATIONS, Interval, mean_interval
from gmic_core.evaluation.patches import COVERED
from gmic_core.inference.export import write_atomically
from gmic_core.types import CLASSES, Finding

COLUMNS = ("image", "label", "class", *FIGURES, *(f"{name}_3d" for name in FIGURES))
INDICATED = "patch_coverage_70"
"""Share of images whose lesions are covered by at least 70 %."""


@dataclass(frozen=True)
class Mean:
    """One figure over the images that have it.

    Attributes
    ----------
    name : column of ``images.csv``, or :data:`INDICATED` (``_3d``).
    images : how many have it.
    sd : sample standard deviation over images (n - 1); NaN for one.
    interval : the mean with its 95 % bootstrap interval.
    """

    finding: Finding
    name: str
    images: int
    sd: float
    interval: Interval


@dataclass(frozen=True)
class Detection:
    """FROC of one class, by peaks or patches; ``froc`` is None where there is none, and ``reason`` says why."""

    finding: Finding
    pointer: Pointer
    froc: Froc | None
    reason: str = ""


def values(row: Row) -> dict[str, float]:
    """Return the sixteen figures of a row, NaN where one does not exist."""
    found = {name: getattr(row.measures, name) for name in FIGURES}
    volume = {f"{n}_3d": math.nan if row.measures_3d is None else getattr(row.measures_3d, n) for n in FIGURES}
    return {**found, **volume}


def means(rows: Sequence[Row], seed: int = 0, iterations: int = ITERATIONS) -> list[Mean]:
    """Return the mean of each figure and class over images; images without a lesion of the class do not count."""
    found = []
    for finding in Finding:
        own = [values(row) for row in rows if row.finding is finding]
        for name in COLUMNS[3:]:
            column = np.array([each[name] for each in own])
            found += _mean(finding, name, column, seed, iterations)
            if name.startswith("patch_coverage"):
                reached = np.where(np.isnan(column), np.nan, column >= COVERED)
                found += _mean(finding, name.replace("patch_coverage", INDICATED), reached, seed, iterations)
    return found


def _mean(finding: Finding, name: str, column: Any, seed: int, iterations: int) -> list[Mean]:
    known = column[np.isfinite(column)]
    if known.size == 0:
        return []
    sd = float(known.std(ddof=1)) if known.size > 1 else math.nan
    return [Mean(finding, name, int(known.size), sd, mean_interval(known, seed=seed, iterations=iterations))]


def detections(batch: Batch) -> list[Detection]:
    """Return the FROC of each class that has marks, by peaks and by patches."""
    found = []
    for finding in sorted({mark.finding for mark in batch.marks}):
        pointers: tuple[Pointer, ...] = ("peaks", "patches")
        for pointer in pointers:
            try:
                found.append(Detection(finding, pointer, marks_froc(batch.marks, finding, pointer)))
            except EvaluationError as error:
                found.append(Detection(finding, pointer, None, str(error)))
    return found


def metrics_csv(rows: Iterable[Row], *, with_label: bool = True) -> bytes:
    """Return rows as CSV; nine digits, empty where a figure does not exist."""
    columns = COLUMNS if with_label else tuple(name for name in COLUMNS if name != "label")
    lines: list[Sequence[Any]] = [columns]
    for row in rows:
        label = ("" if row.label is None else row.label,) if with_label else ()
        lines.append((row.image, *label, CLASSES[row.finding], *map(number, values(row).values())))
    return _csv(lines)


def summary_csv(found: Iterable[Mean]) -> bytes:
    """Return the means as CSV."""
    lines: list[Sequence[Any]] = [("class", "figure", "images", "mean", "sd", "low", "high")]
    for m in found:
        numbers = map(number, (m.interval.value, m.sd, m.interval.low, m.interval.high))
        lines.append((CLASSES[m.finding], m.name, m.images, *numbers))
    return _csv(lines)


def froc_csv(found: Iterable[Detection]) -> bytes:
    """Return the points of the FROC curves as CSV."""
    lines: list[Sequence[Any]] = [("class", "candidates", "threshold", "false_positives_per_image", "sensitivity")]
    for one in found:
        if one.froc is not None:
            points = zip(one.froc.thresholds, one.froc.false_positives, one.froc.sensitivity, strict=True)
            lines += [(CLASSES[one.finding], one.pointer, *map(number, point)) for point in points]
    return _csv(lines)


def number(value: float) -> str:
    """Return a number for a table, "" for what is none."""
    return f"{value:.9g}" if math.isfinite(value) else ""


def write(folder: Path, batch: Batch, found: Sequence[Mean], curves: Sequence[Detection], page: str) -> None:
    """Write all tables and the report.

    Raises
    ------
    StoreError
        If they cannot be written.
    """
    unused = [("file or image", "reason"), *((one.name, one.reason) for one in batch.unused)]
    write_atomically(folder / "metrics.csv", metrics_csv(batch.labels))
    write_atomically(folder / "images.csv", metrics_csv(batch.images, with_label=False))
    write_atomically(folder / "summary.csv", summary_csv(found))
    write_atomically(folder / "froc.csv", froc_csv(curves))
    write_atomically(folder / "not_compared.csv", _csv(unused))
    write_atomically(folder / "report.html", page.encode())


def _csv(lines: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()
