"""All figures of a set of scored images, one row each: what ``metrics.csv`` and the report show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.bootstrap import ITERATIONS, Interval, curve_intervals, interval, mean_interval
from gmic_core.evaluation.classification import curve, operating_point
from gmic_core.evaluation.localisation import DICE_THRESHOLDS, MapFigures
from gmic_core.evaluation.measure import Localisation
from gmic_core.evaluation.scores import ImageScore, Scored, breast_cases, image_cases, rows_for
from gmic_core.types import CLASSES, Modality


@dataclass(frozen=True)
class Metric:
    """One figure.

    Attributes
    ----------
    level : ``image``, ``breast``, or what localisation is measured on: ``projected``, ``volume``, ``patches``.
    row : modality or ensemble of modalities, as in Table II.
    module : ``full`` network, or its ``global`` module alone.
    finding : ``benign`` or ``malignant``.
    positives, negatives : cases; localisation: images with a visible finding, and 0.
    interval : None where the figure does not exist; ``reason`` says why.
    """

    level: str
    row: str
    module: str
    finding: str
    name: str
    positives: int
    negatives: int
    interval: Interval | None
    reason: str = ""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn."""

    seed: int = 0
    iterations: int = ITERATIONS


def classification_metrics(images: Sequence[ImageScore], draws: Bootstrap) -> list[Metric]:
    """Return the figures of every row of Table II, image-wise and breast-wise, full network and global module."""
    levels: tuple[tuple[str, Callable[..., list[Scored]]], ...] = (("image", image_cases), ("breast", breast_cases))
    global_only = [replace(image, y=image.y_global) for image in images]
    metrics = []
    for level, cases_of in levels:
        for module, scored in (("full", list(images)), ("global", global_only)):
            for row, modalities in rows_for(images):
                cases = cases_of(scored, modalities)
                for c, finding in enumerate(CLASSES):
                    metrics += _of_cases(Metric(level, row, module, finding, "", 0, 0, None), cases, c, draws)
    return metrics


def _of_cases(template: Metric, cases: Sequence[Scored], c: int, draws: Bootstrap) -> list[Metric]:
    labels, scores = [case.labels[c] for case in cases], [case.y[c] for case in cases]
    counted = replace(template, positives=sum(labels), negatives=len(labels) - sum(labels))
    names = ("auc", "average_precision", "specificity_at_90", "matthews_at_90")
    try:
        found = curve_intervals(labels, scores, seed=draws.seed, iterations=draws.iterations)
    except EvaluationError as error:
        reason = str(error) if cases else f"No {template.level} was scored in {template.row}."
        return [replace(counted, name=name, reason=reason) for name in (*names, "sensitivity_at_90")]
    reached = operating_point(curve(labels, scores)).sensitivity
    nan = float("nan")
    found["sensitivity_at_90"] = Interval(reached, nan, nan, 0, 0)
    return [replace(counted, name=name, interval=value) for name, value in found.items()]


def localisation_metrics(images: Sequence[ImageScore], draws: Bootstrap) -> list[Metric]:
    """Return the means over images with a visible finding of each class, modality by modality (Table V)."""
    metrics = []
    for row, modalities in rows_for(images):
        if len(modalities) > 1:
            continue
        for finding in CLASSES:
            found = [i.localisation[finding] for i in images if _shows(i, modalities[0], finding)]
            template = Metric("", row, "full", finding, "", len(found), 0, None)
            metrics += _of_findings(template, found, draws)
    return metrics


def _shows(image: ImageScore, modality: Modality, finding: str) -> bool:
    return image.modality is modality and finding in image.localisation


def _of_findings(template: Metric, found: Sequence[Localisation], draws: Bootstrap) -> list[Metric]:
    metrics = _of_maps(replace(template, level="projected"), [one.projected for one in found], draws)
    volumes = [one.volume for one in found if one.volume is not None]
    if volumes:
        metrics += _of_maps(replace(template, level="volume"), volumes, draws)
    values = {
        "coverage": [one.patches.covered for one in found],
        "coverage_on_slices": [one.patches.covered_on_slices for one in found],
        "indicated_70": [one.patches.indicated for one in found],
        "top3_hit": [one.patches.top_hit for one in found],
        "peak_hit": [float(one.peak_hit) for one in found],
    }
    level = replace(template, level="patches")
    return metrics + [_mean(replace(level, name=name), each, draws) for name, each in values.items()]


def _of_maps(template: Metric, maps: Sequence[MapFigures], draws: Bootstrap) -> list[Metric]:
    values = {
        "soft_dice": [m.soft_dice for m in maps],
        "best_dice_per_image": [m.best_dice for m in maps],
        "best_threshold_per_image": [m.best_threshold for m in maps],
        "pxap": [m.pxap for m in maps],
        "chance_pxap": [m.chance for m in maps],
        "pixel_auc": [m.pixel_auc for m in maps],
    }
    metrics = [_mean(replace(template, name=name), each, draws) for name, each in values.items()]
    return metrics + _common_threshold(template, maps, draws) + [_gain(template, maps, draws)]


def _common_threshold(template: Metric, maps: Sequence[MapFigures], draws: Bootstrap) -> list[Metric]:
    """Return the mean Dice at the one threshold that is best for all images together, and that threshold."""
    if not maps:
        return [_mean(replace(template, name=name), [], draws) for name in ("best_dice", "best_dice_threshold")]
    dice = np.array([m.dice for m in maps])  # (images, thresholds)
    best = int(np.argmax(dice.mean(axis=0)))
    nan = float("nan")
    return [
        _mean(replace(template, name="best_dice"), list(dice[:, best]), draws),
        replace(template, name="best_dice_threshold", interval=Interval(DICE_THRESHOLDS[best], nan, nan, 0, 0)),
    ]


def _gain(template: Metric, maps: Sequence[MapFigures], draws: Bootstrap) -> Metric:
    """Return mean PxAP over mean PxAP of a random map, the interval from draws of images."""
    named = replace(template, name="pxap_over_chance")
    if not maps:
        return _mean(named, [], draws)
    pxap, chance = np.array([m.pxap for m in maps]), np.array([m.chance for m in maps])
    rng = np.random.default_rng(draws.seed)
    drawn = rng.integers(0, len(maps), (draws.iterations, len(maps)))
    ratios = pxap[drawn].mean(axis=1) / chance[drawn].mean(axis=1)
    value = float(pxap.mean() / chance.mean())
    return replace(named, interval=interval(value, ratios.tolist(), draws.iterations))


def _mean(template: Metric, values: Sequence[float], draws: Bootstrap) -> Metric:
    try:
        found = mean_interval(values, seed=draws.seed, iterations=draws.iterations)
    except EvaluationError as error:
        return replace(template, reason=str(error))
    return replace(template, interval=found)
