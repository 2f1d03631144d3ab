"""From images to breasts: the mean of the CC and the MLO image of one modality (3D-GMIC VI-B, "breast-wise")."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from gmic_core.types import STANDARD_VIEWS, ImageResult, Laterality, Modality


@dataclass(frozen=True)
class BreastScore:
    """Score of one breast in one modality.

    Attributes
    ----------
    y : (benign, malignant), the mean over ``views``.
    views : views that went into it, each the mean of its images when there are several.
    untrained : whether any of the images was scored with random weights.
    """

    laterality: Laterality
    modality: Modality
    model: str
    y: tuple[float, float]
    views: tuple[str, ...]
    untrained: bool

    @property
    def complete(self) -> bool:
        """Whether both standard views are in it, as in the paper."""
        return self.views == STANDARD_VIEWS


@dataclass(frozen=True)
class ImageScore:
    """What of one image's result goes into the score of its breast.

    Attributes
    ----------
    y : (benign, malignant).
    """

    laterality: Laterality | None
    modality: Modality
    view: str | None
    model: str
    y: tuple[float, float]
    untrained: bool

    @classmethod
    def of(cls, result: ImageResult) -> ImageScore:
        """Return it of a whole result."""
        made = result.provenance
        return cls(result.laterality, result.modality, result.view, made.model, result.y, made.untrained)


def breast_scores(results: Iterable[ImageResult]) -> tuple[BreastScore, ...]:
    """Return one score per breast, modality and model, in the order R, L.

    Views other than CC and MLO do not count, nor do images without a side or without a finite score.
    """
    return joined_scores(map(ImageScore.of, results))


def joined_scores(images: Iterable[ImageScore]) -> tuple[BreastScore, ...]:
    """Do what :func:`breast_scores` does, without the maps of the images."""
    groups: dict[tuple[Laterality, Modality, str], dict[str, list[ImageScore]]] = {}
    for image in images:
        if image.laterality is None or image.view not in STANDARD_VIEWS or not all(map(math.isfinite, image.y)):
            continue
        key = (image.laterality, image.modality, image.model)
        groups.setdefault(key, {}).setdefault(image.view, []).append(image)
    scores = [_score(*key, views) for key, views in groups.items()]
    return tuple(sorted(scores, key=lambda score: (score.laterality is Laterality.L, score.modality, score.model)))


def _score(laterality: Laterality, modality: Modality, model: str, views: dict[str, list[ImageScore]]) -> BreastScore:
    present = tuple(view for view in STANDARD_VIEWS if view in views)
    per_view = [[_mean([image.y[c] for image in views[view]]) for view in present] for c in (0, 1)]
    untrained = any(image.untrained for images in views.values() for image in images)
    return BreastScore(laterality, modality, model, (_mean(per_view[0]), _mean(per_view[1])), present, untrained)


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)
