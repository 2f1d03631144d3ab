"""``evaluation.json``, ``images.csv`` and ``metrics.csv``; docs/evaluation.md describes them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.bootstrap import LEVEL
from gmic_core.evaluation.classification import checked, curve
from gmic_core.evaluation.metrics import Bootstrap, Metric, classification_metrics, localisation_metrics
from gmic_core.evaluation.records import Evaluated
from gmic_core.evaluation.scores import ImageScore, breast_cases, image_cases, rows_for
from gmic_core.evaluation.sources import LeftOut
from gmic_core.inference.document import NOTICE, UNTRAINED, finite
from gmic_core.inference.export import write_atomically
from gmic_core.types import CLASSES

SCHEMA = "gmic-viewer evaluation 1"
SIMULATED = "Simulated breasts: nothing here tells how well a network works on patients."


@dataclass(frozen=True)
class Evaluation:
    """Everything that one evaluation found.

    Attributes
    ----------
    data : what was evaluated, in words and numbers; goes into the files as it is.
    simulated : whether images are simulated.
    augmentations : windows per image, 0 for the plain one.
    """

    images: tuple[Evaluated, ...]
    left_out: tuple[LeftOut, ...]
    data: dict[str, Any]
    simulated: bool
    augmentations: int = 0
    draws: Bootstrap = field(default_factory=Bootstrap)

    @property
    def scores(self) -> list[ImageScore]:
        """The scored images in the order of the tables."""
        return [one.score for one in self.images]

    @property
    def untrained(self) -> bool:
        """Whether any score comes from random weights."""
        return any(one.untrained for one in self.images)

    @property
    def warnings(self) -> list[str]:
        """What must be read before any number."""
        said = [NOTICE]
        if self.simulated:
            said.append(SIMULATED)
        if self.untrained:
            said.append(UNTRAINED)
        return said

    def weights(self) -> list[dict[str, str]]:
        """Return the networks and weights in use."""
        used = dict.fromkeys((one.model, one.weights_name, one.weights) for one in self.images)
        return [{"model": model, "weights": name, "weights_sha256": sha} for model, name, sha in sorted(used)]


@dataclass(frozen=True)
class RocCurve:
    """Points of one ROC curve, from (0, 0) to (1, 1).

    Attributes
    ----------
    points : (false positive rate, true positive rate).
    """

    level: str
    row: str
    finding: str
    points: tuple[tuple[float, float], ...]


def all_metrics(evaluation: Evaluation) -> list[Metric]:
    """Return every figure."""
    scores = evaluation.scores
    return [*classification_metrics(scores, evaluation.draws), *localisation_metrics(scores, evaluation.draws)]


def roc_curves(scores: Sequence[ImageScore]) -> list[RocCurve]:
    """Return the curves of every row of Table II that can be drawn."""
    curves = []
    for level, cases_of in (("image", image_cases), ("breast", breast_cases)):
        for row, modalities in rows_for(scores):
            cases = cases_of(scores, modalities)
            for c, finding in enumerate(CLASSES):
                points = _points([case.labels[c] for case in cases], [case.y[c] for case in cases])
                if points:
                    curves.append(RocCurve(level, row, finding, points))
    return curves


def _points(labels: Sequence[bool], scores: Sequence[float]) -> tuple[tuple[float, float], ...]:
    try:
        checked(labels, scores)
    except EvaluationError:
        return ()  # an empty class has no curve; the metrics give the reason
    c = curve(labels, scores)
    return ((0.0, 0.0), *((1.0 - float(s), float(t)) for s, t in zip(c.specificity, c.sensitivity, strict=True)))


def document(evaluation: Evaluation, metrics: Sequence[Metric], curves: Sequence[RocCurve]) -> dict[str, Any]:
    """Return ``evaluation.json``; what does not exist is null, with the reason beside it."""
    entries = {
        "schema": SCHEMA,
        "notice": NOTICE,
        "warnings": evaluation.warnings,
        "simulated": evaluation.simulated,
        "untrained": evaluation.untrained,
        "data": evaluation.data,
        "networks": evaluation.weights(),
        "augmentations": evaluation.augmentations,
        "bootstrap": {**asdict(evaluation.draws), "level": LEVEL},
        "counts": counts(evaluation.scores),
        "metrics": [metric_entry(metric) for metric in metrics],
        "curves": [asdict(one) for one in curves],
        "images": [image_entry(one) for one in evaluation.images],
        "not_evaluated": [asdict(one) for one in evaluation.left_out],
    }
    clean: dict[str, Any] = finite(entries)
    return clean


def counts(scores: Sequence[ImageScore]) -> list[dict[str, Any]]:
    """Return how many images and breasts of each label there are, per modality."""
    entries = []
    for modality in dict.fromkeys(score.modality for score in scores):
        own = [score for score in scores if score.modality is modality]
        breasts = breast_cases(own, (modality,))
        entries.append(
            {
                "modality": str(modality),
                "images": len(own),
                "breasts": len(breasts),
                "breasts_with_both_views": sum(breast.complete for breast in breasts),
                **{f"{name}_images": sum(s.labels[c] for s in own) for c, name in enumerate(CLASSES)},
                **{f"{name}_breasts": sum(b.labels[c] for b in breasts) for c, name in enumerate(CLASSES)},
                "normal_images": sum(not any(s.labels) for s in own),
                **{f"{name}_with_truth": sum(name in s.localisation for s in own) for name in CLASSES},
            }
        )
    return entries


def metric_entry(metric: Metric) -> dict[str, Any]:
    """Return one figure as a flat row."""
    value = metric.interval
    return {
        "level": metric.level,
        "row": metric.row,
        "module": metric.module,
        "class": metric.finding,
        "metric": metric.name,
        "value": None if value is None else value.value,
        "low": None if value is None else value.low,
        "high": None if value is None else value.high,
        "draws_used": 0 if value is None else value.used,
        "draws": 0 if value is None else value.drawn,
        "positives": metric.positives,
        "negatives": metric.negatives,
        "reason": metric.reason or ("" if value is None or value.used or not value.drawn else NO_DRAW),
    }


NO_DRAW = "No bootstrap draw came within 2.5 points of 90 % sensitivity, so there is no interval."


def image_entry(one: Evaluated) -> dict[str, Any]:
    """Return one image as a nested row."""
    entry = asdict(one.score)
    entry["labels"] = {name: int(one.score.labels[c]) for c, name in enumerate(CLASSES)}
    for name in ("y", "y_global"):
        entry[name] = dict(zip(CLASSES, getattr(one.score, name), strict=True))
    for found in entry["localisation"].values():
        for which in ("projected", "volume"):
            if found[which] is not None:
                del found[which]["dice"]  # a hundred numbers that the common threshold was found with
    return entry


def image_row(one: Evaluated) -> dict[str, Any]:
    """Return one image as a flat row of ``images.csv``; figures of classes that it does not show are empty."""
    score = one.score
    row: dict[str, Any] = {
        "case": score.case, "image": score.image, "modality": str(score.modality),
        "laterality": str(score.laterality), "view": score.view,
    }  # fmt: skip
    for c, name in enumerate(CLASSES):
        row |= {f"{name}_label": int(score.labels[c]), f"{name}_pred": score.y[c]}
        row[f"{name}_global"] = score.y_global[c]
        found = score.localisation.get(name)
        for which in ("projected", "volume"):
            figures = None if found is None else getattr(found, which)
            for figure in ("soft_dice", "best_dice", "pxap", "chance"):
                row[f"{name}_{which}_{figure}"] = None if figures is None else getattr(figures, figure)
        for figure in ("covered", "covered_on_slices", "top_hit"):
            row[f"{name}_{figure}"] = None if found is None else getattr(found.patches, figure)
        row[f"{name}_peak_hit"] = None if found is None else int(found.peak_hit)
    return row


def table(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return rows as CSV: numbers with six digits, empty where there is none."""
    text = io.StringIO()
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(text, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    known = finite(value)
    if known is None:
        return ""
    return f"{known:.6g}" if isinstance(known, float) else known


def write(folder: Path, evaluation: Evaluation) -> list[Metric]:
    """Write the JSON, both tables and the report; return the figures."""
    from gmic_core.evaluation.report import report

    metrics, curves = all_metrics(evaluation), roc_curves(evaluation.scores)
    text = json.dumps(document(evaluation, metrics, curves), indent=1, allow_nan=False)
    write_atomically(folder / "evaluation.json", text.encode())
    write_atomically(folder / "images.csv", table(map(image_row, evaluation.images)))
    write_atomically(folder / "metrics.csv", table(map(metric_entry, metrics)))
    write_atomically(folder / "report.html", report(evaluation, metrics, curves).encode())
    return metrics
