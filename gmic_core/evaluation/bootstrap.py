"""Percentile intervals from resampled cases (3D-GMIC Tables II-IV: 1,000 iterations, 95 %).

Cases are drawn with replacement from all cases together, as often as there are cases. A case is what the figure counts:
an image, or a breast; images of one woman are drawn independently, since the papers say nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.classification import (
    ROUNDING,
    Curve,
    area_under_roc,
    average_precision,
    checked,
    curve,
    curve_of_sorted,
    operating_point,
)

ITERATIONS = 1000
LEVEL = 0.95
WANTED_SENSITIVITY = 0.9
SENSITIVITY_SLACK = 0.025
"""Draws whose sensitivity misses the wanted one by more are discarded (3D-GMIC, footnote 6)."""


@dataclass(frozen=True)
class Interval:
    """A figure with its interval; ``used`` draws of ``drawn`` counted. Without a usable draw the bounds are NaN."""

    value: float
    low: float
    high: float
    used: int
    drawn: int


@dataclass(frozen=True)
class Statistic:
    """A figure of a curve.

    Attributes
    ----------
    at_sensitivity : whether it belongs to the operating point, so that draws that miss it are discarded.
    """

    of: Callable[[Curve], float]
    at_sensitivity: bool = False


STATISTICS: dict[str, Statistic] = {
    "auc": Statistic(area_under_roc),
    "average_precision": Statistic(average_precision),
    "specificity_at_90": Statistic(lambda c: operating_point(c, WANTED_SENSITIVITY).specificity, at_sensitivity=True),
    "matthews_at_90": Statistic(lambda c: operating_point(c, WANTED_SENSITIVITY).matthews, at_sensitivity=True),
}
"""What is told of every set of scores."""


def curve_intervals(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    statistics: Mapping[str, Statistic] = STATISTICS,
    *,
    seed: int = 0,
    iterations: int = ITERATIONS,
    level: float = LEVEL,
) -> dict[str, Interval]:
    """Return each statistic of the curve with its bootstrap interval, all from the same draws.

    Raises
    ------
    EvaluationError
        If labels and scores make no curve; the message says why.
    """
    whole = curve(labels, scores)
    values: dict[str, list[float]] = {name: [] for name in statistics}
    for sample in _draws(labels, scores, seed, iterations):
        miss = abs(operating_point(sample, WANTED_SENSITIVITY).sensitivity - WANTED_SENSITIVITY)
        for name, statistic in statistics.items():
            if not statistic.at_sensitivity or miss <= SENSITIVITY_SLACK + ROUNDING:
                values[name].append(statistic.of(sample))
    return {name: interval(statistics[name].of(whole), drawn, iterations, level) for name, drawn in values.items()}


def _draws(labels: npt.ArrayLike, scores: npt.ArrayLike, seed: int, iterations: int) -> Iterator[Curve]:
    """Yield the curves of the draws; a draw without a positive or without a negative case makes none."""
    y, s = checked(labels, scores)
    order = np.argsort(-s, kind="stable")
    y, s = y[order], s[order]
    rng = np.random.default_rng(seed)
    for _ in range(iterations):
        weights = np.bincount(rng.integers(0, y.size, y.size), minlength=y.size).astype(np.float64)
        if weights[y].any() and weights[~y].any():
            yield curve_of_sorted(y, s, weights)


def mean_interval(
    values: npt.ArrayLike, *, seed: int = 0, iterations: int = ITERATIONS, level: float = LEVEL
) -> Interval:
    """Return the mean of per-image figures (n,) with its bootstrap interval; NaN entries do not count.

    Raises
    ------
    EvaluationError
        If there is nothing to average.
    """
    v = np.asarray(values, np.float64).ravel()
    v = v[np.isfinite(v)]
    if v.size == 0:
        raise EvaluationError("There is no image with a visible finding of this class, so there is nothing to average.")
    rng = np.random.default_rng(seed)
    draws = [float(v[rng.integers(0, v.size, v.size)].mean()) for _ in range(iterations)]
    return interval(float(v.mean()), draws, iterations, level)


def interval(value: float, values: list[float], drawn: int, level: float = LEVEL) -> Interval:
    """Return a figure with the percentiles of its draws."""
    if not values:
        return Interval(value, float("nan"), float("nan"), 0, drawn)
    tail = 50.0 * (1.0 - level)
    low, high = np.percentile(values, [tail, 100.0 - tail])
    return Interval(value, float(low), float(high), len(values), drawn)
