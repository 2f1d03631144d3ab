"""The figures of one lesion, or of all lesions of a class, on one image.

A is the saliency of a pixel, M is 1 on lesion pixels and 0 elsewhere; every pixel of the image counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from gmic_core.comparison.curves import LesionCurve, ProgressCall, RankedMap
from gmic_core.comparison.placing import Cancelled
from gmic_core.evaluation.localisation import dice_at, pixel_auc, pixel_average_precision
from gmic_core.evaluation.patches import COVERED, patch_figures
from gmic_core.evaluation.truth import Lesion
from gmic_core.types import Roi

NAN = float("nan")


@dataclass(frozen=True)
class Measures:
    """Figures, NaN where one does not exist.

    Attributes
    ----------
    dice_soft : 2 sum(A M) / (sum A + sum M).
    dice_max : largest Dice of (A >= t) over all distinct values t of the map; of equal ones the highest t counts.
    dice_max_threshold : that t.
    iou_max : largest intersection over union, over the same thresholds.
    pxap : pixel average precision (Choe et al. 2020), sum over steps of recall of the precision.
    pixel_auc : area under the pixel ROC curve, ties counted half; NaN where every pixel is lesion.
    pointing_hit : 1 where a pixel of the highest saliency is lesion; a map without saliency hits nothing.
    patch_coverage : share of lesion pixels inside the network's patches; NaN where there are no patches to know.
    """

    dice_soft: float = NAN
    dice_max: float = NAN
    dice_max_threshold: float = NAN
    iou_max: float = NAN
    pxap: float = NAN
    pixel_auc: float = NAN
    pointing_hit: float = NAN
    patch_coverage: float = NAN


FIGURES = tuple(field.name for field in fields(Measures))
UNDEFINED = Measures()
"""What is said of a class that has no lesion on an image."""


@dataclass(frozen=True)
class Painted:
    """What is painted at a threshold: Dice, pixel precision (NaN where nothing is painted) and recall."""

    dice: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Compared:
    """One lesion, or all of a class, against one map.

    Attributes
    ----------
    measures : on the maximum along the slices, as in the 3D-GMIC paper; of a single image on the image itself.
    measures_3d : on all slices; None for single images.
    curve, curve_3d : what they were taken from; ask :meth:`dice` while a threshold is dragged.
    """

    measures: Measures
    measures_3d: Measures | None
    curve: LesionCurve
    curve_3d: LesionCurve | None

    def dice(self, threshold: float) -> float:
        """Return Dice of (A >= threshold), projected; the threshold in single precision, as maps are."""
        return float(dice_at(self.curve.curve, [np.float32(threshold)])[0])

    def dice_3d(self, threshold: float) -> float | None:
        """Return Dice of (A >= threshold) on all slices, None for single images.

        Exact at every threshold; of a map at full resolution at every thousandth (:data:`.curves.STEPS`).
        """
        return None if self.curve_3d is None else float(dice_at(self.curve_3d.curve, [np.float32(threshold)])[0])

    def painted(self, threshold: float, *, deep: bool = False) -> Painted:
        """Return what an overlay that paints (A > threshold) shows of the lesion; the threshold in single precision.

        Exact for maps of cells; of a map at full resolution (streamed) as :meth:`dice` of the next known level.

        Parameters
        ----------
        deep : count on all slices instead of the projection.
        """
        found = self.curve_3d if deep and self.curve_3d is not None else self.curve
        curve = found.curve
        reached = int(np.searchsorted(-curve.thresholds, -float(np.float32(threshold)), side="left"))
        if reached == 0:
            return Painted(0.0, NAN, 0.0)
        return Painted(*(float(values[reached - 1]) for values in (curve.dice, curve.precision, curve.recall)))

    @property
    def indicated(self) -> bool | None:
        """Whether patches cover at least 70 % of the lesion (GMIC 3.5); None where there are no patches."""
        covered = self.measures.patch_coverage
        return None if np.isnan(covered) else covered >= COVERED


def compare(
    ranked: RankedMap,
    lesions: Sequence[Lesion],
    patches: Sequence[Sequence[Roi]] | None = None,
    progress: ProgressCall | None = None,
    cancelled: Cancelled | None = None,
) -> Compared:
    """Compare lesions, taken together, with a map.

    Parameters
    ----------
    lesions : at least one, in pixels of the image on which the map is placed.
    patches : those of each set of weights, in the same pixels; None where they are not known.
    progress, cancelled : for volumes at full resolution, which take seconds.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so.
    """
    covered, covered_3d = _covered(patches, lesions)
    curve = ranked.projected(lesions)
    if ranked.placed.shape[0] == 1:
        return Compared(_measures(curve, covered), None, curve, None)
    curve_3d = ranked.volume(lesions, progress, cancelled)
    return Compared(_measures(curve, covered), _measures(curve_3d, covered_3d), curve, curve_3d)


def _covered(patches: Sequence[Sequence[Roi]] | None, lesions: Sequence[Lesion]) -> tuple[float, float]:
    if patches is None:
        return NAN, NAN
    found = patch_figures(patches, lesions)
    return found.covered, found.covered_on_slices


def _measures(found: LesionCurve, covered: float) -> Measures:
    curve = found.curve
    dice = curve.dice
    best = int(np.argmax(dice))  # thresholds descend: of equal ones the highest
    return Measures(
        dice_soft=found.soft_dice,
        dice_max=float(dice[best]),
        dice_max_threshold=float(curve.thresholds[best]),
        iou_max=float(curve.iou.max()),
        pxap=pixel_average_precision(curve),
        pixel_auc=pixel_auc(curve),
        pointing_hit=float(curve.thresholds[0] > 0 and curve.hit[0] > 0),
        patch_coverage=covered,
    )
