"""Free-response ROC: the share of lesions that are found, against false positives per image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.detection.candidates import Candidate, Target
from gmic_core.errors import EvaluationError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Marked:
    """One image: what is there, and what was pointed at."""

    slices: int
    targets: tuple[Target, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Froc:
    """The curve.

    Attributes
    ----------
    thresholds, sensitivity, false_positives : float64 (k,), descending scores; the share of lesions found by candidates
        of at least that score, and the mean number of candidates per image among them that hit nothing.
    images, lesions : what was counted.
    """

    thresholds: FloatArray
    sensitivity: FloatArray
    false_positives: FloatArray
    images: int
    lesions: int

    def at(self, false_positives: float) -> float:
        """Return the largest sensitivity at no more than so many false positives per image."""
        reached = self.sensitivity[self.false_positives <= false_positives]
        return float(reached.max(initial=0.0))

    def fauc(self, most: float = 1.0) -> float:
        """Return the area under the curve up to ``most`` false positives per image, divided by ``most``.

        The curve is a staircase: between two points nothing more is found than at the first of them.
        """
        inside = self.false_positives < most
        x = np.concatenate([[0.0], self.false_positives[inside], [most]])
        y = np.concatenate([[0.0], np.maximum.accumulate(self.sensitivity[inside])])
        return float(np.sum(np.diff(x) * y) / most)


def froc(images: Iterable[Marked]) -> Froc:
    """Return the curve of some images; those without a lesion count for false positives.

    A candidate that hits several lesions finds all of them; several that hit one count once, and none of them is a
    false positive.

    Raises
    ------
    EvaluationError
        If there is no lesion, or a score is no number.
    """
    found: list[float] = []  # the best score that hits each lesion
    wrong: list[float] = []
    count = 0
    for image in images:
        count += 1
        best, missed = _scored(image)
        found += best
        wrong += missed
    if not found:
        raise EvaluationError("There is no lesion to find, so there is no FROC curve.")
    if not np.isfinite(np.concatenate([np.where(np.isneginf(found), 0.0, found), wrong])).all():
        raise EvaluationError("A candidate has a score that is no number; make the candidates again.")
    hits, misses = np.sort(found), np.sort(wrong)
    thresholds = np.unique(np.concatenate([hits[np.isfinite(hits)], misses]))[::-1]
    return Froc(
        thresholds,
        (hits.size - np.searchsorted(hits, thresholds)) / hits.size,
        (misses.size - np.searchsorted(misses, thresholds)) / count,
        count,
        hits.size,
    )


def _scored(image: Marked) -> tuple[list[float], list[float]]:
    best = [-np.inf] * len(image.targets)
    wrong = []
    for candidate in image.candidates:
        hit = [k for k, target in enumerate(image.targets) if target.hit_by(candidate, image.slices)]
        for k in hit:
            best[k] = max(best[k], candidate.score)
        if not hit:
            wrong.append(candidate.score)
    return best, wrong


def positives_only(images: Sequence[Marked]) -> list[Marked]:
    """Return the images that show a lesion (the paper's FAUC-1 TEST+)."""
    return [image for image in images if image.targets]
