"""Saliency against segmentations: soft Dice, Dice and IoU over thresholds, PxAP, pixel AUC.

Saliency maps are compared at the resolution of the segmentation through nearest-neighbour upsampling. Since all pixels
of a cell then share one value, it is enough to know how many pixels and how many lesion pixels each cell has
(:class:`CellCounts`): every figure here is exact and costs as much as the number of cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import EvaluationError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CellCounts:
    """Saliency cells with the pixels that each covers.

    Attributes
    ----------
    values : float64 (n,), saliency of each cell.
    pixels : float64 (n,), pixels covered.
    lesion : float64 (n,), lesion pixels among them.
    """

    values: FloatArray
    pixels: FloatArray
    lesion: FloatArray

    @classmethod
    def of(cls, values: npt.ArrayLike, pixels: npt.ArrayLike, lesion: npt.ArrayLike) -> CellCounts:
        """Flatten arrays of one shape; cells without pixels do not count.

        Raises
        ------
        EvaluationError
            If the shapes differ, a value is not finite, or there is no lesion pixel.
        """
        v, n, m = (np.asarray(a, np.float64).ravel() for a in (values, pixels, lesion))
        if not v.shape == n.shape == m.shape:
            raise EvaluationError(
                "Saliency and segmentation have different numbers of cells; check that they belong together."
            )
        covered = n > 0
        v, n, m = v[covered], n[covered], m[covered]
        if not np.isfinite(v).all():
            raise EvaluationError("The saliency map has values that are no numbers; run the network again.")
        if m.sum() == 0:
            raise EvaluationError("The segmentation has no pixel of this class on this image.")
        return cls(v, n, m)


@dataclass(frozen=True)
class ThresholdCurve:
    """Counts at every distinct saliency value, descending; a pixel counts when its saliency reaches the threshold.

    Attributes
    ----------
    thresholds, predicted, hit : float64 (k,); pixels at or above the threshold, lesion pixels among them.
    lesion, pixels : totals.
    """

    thresholds: FloatArray
    predicted: FloatArray
    hit: FloatArray
    lesion: float
    pixels: float

    @property
    def dice(self) -> FloatArray:
        """2 |A and M| / (|A| + |M|), (k,)."""
        return 2.0 * self.hit / (self.predicted + self.lesion)

    @property
    def iou(self) -> FloatArray:
        """|A and M| / |A or M|, (k,)."""
        return self.hit / (self.predicted + self.lesion - self.hit)

    @property
    def precision(self) -> FloatArray:
        """Pixel precision, (k,)."""
        return self.hit / self.predicted

    @property
    def recall(self) -> FloatArray:
        """Pixel recall, (k,)."""
        return self.hit / self.lesion


def threshold_curve(counts: CellCounts) -> ThresholdCurve:
    """Return the counts at all distinct saliency values."""
    order = np.argsort(-counts.values, kind="stable")
    v = counts.values[order]
    last = np.append(np.flatnonzero(np.diff(v)), v.size - 1)
    predicted, hit = np.cumsum(counts.pixels[order])[last], np.cumsum(counts.lesion[order])[last]
    return ThresholdCurve(v[last], predicted, hit, float(hit[-1]), float(predicted[-1]))


def soft_dice(counts: CellCounts) -> float:
    """Return 2 sum(A M) / (sum(A) + sum(M)); the papers print no formula, this is ours."""
    both = float((counts.values * counts.lesion).sum())
    return 2.0 * both / float((counts.values * counts.pixels).sum() + counts.lesion.sum())


def pixel_average_precision(curve: ThresholdCurve) -> float:
    """Return PxAP (Choe et al. 2020): the area under the pixel precision-recall curve, summed over steps of recall."""
    return float(np.sum(np.diff(np.concatenate([[0.0], curve.recall])) * curve.precision))


def pixel_auc(curve: ThresholdCurve) -> float:
    """Return the area under the pixel ROC curve; NaN when every pixel belongs to the lesion."""
    negatives = curve.pixels - curve.lesion
    if negatives == 0:
        return float("nan")
    tpr = np.concatenate([[0.0], curve.recall])
    fpr = np.concatenate([[0.0], (curve.predicted - curve.hit) / negatives])
    return float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2.0))


DICE_THRESHOLDS = tuple(k / 100 for k in range(1, 100))
"""Common thresholds at which Dice is averaged over images."""


@dataclass(frozen=True)
class MapFigures:
    """What one map says of the findings of one class on one image.

    Attributes
    ----------
    pixels, lesion : pixels that count, lesion pixels among them.
    soft_dice : 2 sum(A M) / (sum A + sum M).
    best_dice, best_threshold : largest Dice over this image's own thresholds, and where.
    dice : Dice at :data:`DICE_THRESHOLDS`.
    pxap : pixel average precision.
    chance : what a random map's PxAP tends to: the share of lesion pixels.
    pixel_auc : NaN when every pixel belongs to the lesion.
    """

    pixels: int
    lesion: int
    soft_dice: float
    best_dice: float
    best_threshold: float
    dice: tuple[float, ...]
    pxap: float
    chance: float
    pixel_auc: float


def figures(counts: CellCounts) -> MapFigures:
    """Return all figures of one map."""
    curve = threshold_curve(counts)
    best = int(np.argmax(curve.dice))
    return MapFigures(
        pixels=int(curve.pixels),
        lesion=int(curve.lesion),
        soft_dice=soft_dice(counts),
        best_dice=float(curve.dice[best]),
        best_threshold=float(curve.thresholds[best]),
        dice=tuple(float(value) for value in dice_at(curve, DICE_THRESHOLDS)),
        pxap=pixel_average_precision(curve),
        chance=curve.lesion / curve.pixels,
        pixel_auc=pixel_auc(curve),
    )


def dice_at(curve: ThresholdCurve, thresholds: npt.ArrayLike) -> FloatArray:
    """Return Dice at given thresholds; 0 where no pixel reaches one."""
    wanted = np.asarray(thresholds, np.float64)
    reached = np.searchsorted(-curve.thresholds, -wanted, side="right")  # thresholds descend
    dice = np.concatenate([[0.0], curve.dice])
    return np.asarray(dice[reached], np.float64)
