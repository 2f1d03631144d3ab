"""Labelled scores of images, and what is made of them: breasts, ensembles of modalities (3D-GMIC VI-B, Table II)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gmic_core.evaluation.measure import Localisation
from gmic_core.types import STANDARD_VIEWS, Laterality, Modality

Pair = tuple[float, float]
Labels = tuple[bool, bool]


@dataclass(frozen=True)
class ImageScore:
    """One image: what is true of it, and what a network says.

    Attributes
    ----------
    case : the exam; breasts are put together within one exam. Never a patient's identifier.
    image : names the image in the tables: SOP Instance UID or file name.
    labels : (benign, malignant).
    y, y_global : scores of the network and of its global module, (benign, malignant).
    localisation : per class with a visible finding; empty where no truth is known.
    """

    case: str
    image: str
    modality: Modality
    laterality: Laterality
    view: str
    labels: Labels
    y: Pair
    y_global: Pair
    localisation: Mapping[str, Localisation] = field(default_factory=dict)


@dataclass(frozen=True)
class Scored:
    """One case of a curve: an image, or a breast.

    Attributes
    ----------
    complete : whether both standard views are in it (breasts).
    """

    name: str
    labels: Labels
    y: Pair
    complete: bool = True


TABLE_II: tuple[tuple[str, tuple[Modality, ...]], ...] = (
    ("FFDM", (Modality.FFDM,)),
    ("Synthetic 2D", (Modality.S2D,)),
    ("DBT", (Modality.DBT,)),
    ("FFDM + Synthetic 2D", (Modality.FFDM, Modality.S2D)),
    ("DBT + Synthetic 2D", (Modality.DBT, Modality.S2D)),
    ("DBT + FFDM", (Modality.DBT, Modality.FFDM)),
    ("All 3 modalities", (Modality.FFDM, Modality.S2D, Modality.DBT)),
)
"""The seven rows of Table II, in the paper's order."""
OTHER_ROW = ("MG (unstated)", (Modality.MG,))
"""Mammograms that do not say what made them, such as digitised film; not in the paper, shown only where present."""


def rows_for(images: Iterable[ImageScore]) -> tuple[tuple[str, tuple[Modality, ...]], ...]:
    """Return the rows of Table II, and one for mammograms of unstated origin when there are any."""
    return (*TABLE_II, OTHER_ROW) if any(image.modality is Modality.MG for image in images) else TABLE_II


def image_cases(images: Sequence[ImageScore], modalities: tuple[Modality, ...]) -> list[Scored]:
    """Return one case per image; of several modalities one per view that all of them show, with their mean score."""
    if len(modalities) == 1:
        return [Scored(i.image, i.labels, i.y) for i in images if i.modality is modalities[0] and _known(i)]
    return _joined(images, modalities, lambda image: (image.case, image.laterality, image.view))


def breast_cases(images: Sequence[ImageScore], modalities: tuple[Modality, ...]) -> list[Scored]:
    """Return one case per breast that all modalities show: the mean over modalities of the mean over CC and MLO.

    Several images of one view count as their mean. Other views do not count. A breast with one of the two views
    counts with that one and is marked incomplete.
    """
    standard = [image for image in images if image.view in STANDARD_VIEWS]
    return _joined(standard, modalities, lambda image: (image.case, image.laterality))


def _known(image: ImageScore) -> bool:
    return all(map(math.isfinite, image.y))


def _joined(
    images: Sequence[ImageScore], modalities: tuple[Modality, ...], key_of: Callable[[ImageScore], tuple[str, ...]]
) -> list[Scored]:
    groups: dict[tuple[str, ...], dict[Modality, dict[str, list[ImageScore]]]] = {}
    for image in images:
        if image.modality in modalities and _known(image):
            views = groups.setdefault(key_of(image), {}).setdefault(image.modality, {})
            views.setdefault(image.view, []).append(image)
    return [
        _mean_case(" ".join(key), [group[modality] for modality in modalities])
        for key, group in groups.items()
        if all(modality in group for modality in modalities)
    ]


def _mean_case(name: str, parts: Sequence[Mapping[str, Sequence[ImageScore]]]) -> Scored:
    """Return the mean over modalities of the mean over views of the mean over images."""
    benign, malignant = (
        _mean([_mean([_mean([i.y[c] for i in same]) for same in views.values()]) for views in parts]) for c in (0, 1)
    )
    everything = [image for views in parts for same in views.values() for image in same]
    labels = (any(image.labels[0] for image in everything), any(image.labels[1] for image in everything))
    complete = all(set(views) >= set(STANDARD_VIEWS) for views in parts)
    return Scored(name, labels, (benign, malignant), complete)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
