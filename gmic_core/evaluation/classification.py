"""Scores against labels: ROC and precision-recall curves, their areas, and operating points (3D-GMIC VI-B).

All functions take labels (n,) of 0 and 1 (or bool) and scores (n,) float, higher meaning more suspicious.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import EvaluationError

FloatArray = npt.NDArray[np.float64]

ROUNDING = 1e-9
"""Differences of sensitivities below this are no differences: 0.9 - 0.88 and 0.92 - 0.9 are equally far."""


@dataclass(frozen=True)
class Curve:
    """Counts at every distinct threshold, from the highest to the lowest.

    Attributes
    ----------
    thresholds : float64 (k,), descending; a score equal to the threshold counts as positive.
    true_positives, false_positives : float64 (k,).
    positives, negatives : number of cases of each label.
    """

    thresholds: FloatArray
    true_positives: FloatArray
    false_positives: FloatArray
    positives: float
    negatives: float

    @property
    def sensitivity(self) -> FloatArray:
        """True positive rate, (k,)."""
        return self.true_positives / self.positives

    @property
    def specificity(self) -> FloatArray:
        """True negative rate, (k,)."""
        return 1.0 - self.false_positives / self.negatives

    @property
    def precision(self) -> FloatArray:
        """Positive predictive value, (k,)."""
        return self.true_positives / (self.true_positives + self.false_positives)


def checked(labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Return labels and scores as arrays (n,).

    Raises
    ------
    EvaluationError
        If they do not fit together, a score is not finite, a label is neither 0 nor 1, or a class is empty.
    """
    y, s = np.asarray(labels).ravel(), np.asarray(scores, np.float64).ravel()
    if y.shape != s.shape:
        raise EvaluationError(f"There are {y.size} labels for {s.size} scores; give one score per case.")
    if not np.isin(y, (0, 1)).all():
        raise EvaluationError("A label is neither 0 nor 1; correct the labels file.")
    if not np.isfinite(s).all():
        raise EvaluationError("A score is not a finite number; leave that case out or predict it again.")
    positive = y.astype(bool)
    if positive.all() or not positive.any():
        missing = "labelled" if not y.size else "negative" if positive.all() else "positive"
        raise EvaluationError(
            f"There is no {missing} case, so no curve can be drawn; add some or choose another class."
        )
    return positive, s


def curve(labels: npt.ArrayLike, scores: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Curve:
    """Return the counts at every distinct threshold.

    Parameters
    ----------
    weights : how often each case counts (n,), e.g. the draws of a bootstrap sample; default once.
    """
    y, s = checked(labels, scores)
    w = np.ones(s.size) if weights is None else np.asarray(weights, np.float64)
    order = np.argsort(-s, kind="stable")
    return curve_of_sorted(y[order], s[order], w[order])


def curve_of_sorted(y: npt.NDArray[np.bool_], s: FloatArray, w: FloatArray) -> Curve:
    """Return :func:`curve` of checked cases whose scores descend; a bootstrap sorts once for all its draws."""
    last = np.append(np.flatnonzero(np.diff(s)), s.size - 1)  # last case of each run of equal scores
    tp, fp = np.cumsum(w * y)[last], np.cumsum(w * ~y)[last]
    if tp[-1] == 0 or fp[-1] == 0:
        raise EvaluationError("A class has no weight in this sample, so no curve can be drawn.")
    keep = (tp + fp) > 0  # thresholds above every drawn case say nothing
    return Curve(s[last][keep], tp[keep], fp[keep], float(tp[-1]), float(fp[-1]))


def area_under_roc(c: Curve) -> float:
    """Return the area under the ROC curve by the trapezoid rule (equals the Mann-Whitney statistic with ties)."""
    tpr = np.concatenate([[0.0], c.sensitivity])
    fpr = np.concatenate([[0.0], 1.0 - c.specificity])
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2.0))


def average_precision(c: Curve) -> float:
    """Return the area under the precision-recall curve as the sum over steps of recall (no interpolation)."""
    recall = np.concatenate([[0.0], c.sensitivity])
    return float(np.sum(np.diff(recall) * c.precision))


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold means."""

    threshold: float
    sensitivity: float
    specificity: float
    matthews: float


def operating_point(c: Curve, sensitivity: float = 0.9) -> OperatingPoint:
    """Return the threshold whose sensitivity is closest to the wanted one (3D-GMIC, footnote 6).

    Among equally close thresholds the highest wins: it has the better specificity.
    """
    distance = np.abs(c.sensitivity - sensitivity)
    k = int(np.argmax(distance <= distance.min() + ROUNDING))  # the first one: thresholds descend
    tp, fp = float(c.true_positives[k]), float(c.false_positives[k])
    fn, tn = c.positives - tp, c.negatives - fp
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    matthews = (tp * tn - fp * fn) / product**0.5 if product > 0 else 0.0
    return OperatingPoint(float(c.thresholds[k]), tp / c.positives, tn / c.negatives, matthews)
