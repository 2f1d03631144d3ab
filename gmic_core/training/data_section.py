"""The ``[data]`` table of an experiment: which images, at which size, split and augmented how. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gmic_core.training.toml_tables import number, text


@dataclass(frozen=True)
class PhantomData:
    """``[data.phantom]``: digital breasts made on the fly; one seed is one breast.

    Attributes
    ----------
    train_seeds, validation_seeds, test_seeds : (first, count); the ranges must not overlap.
    """

    train_seeds: tuple[int, int] = (1_000_000, 200)
    validation_seeds: tuple[int, int] = (2_000_000, 60)
    test_seeds: tuple[int, int] = (3_000_000, 120)
    density: Literal["a", "b", "c", "d", "random"] = "random"
    malignant_share: float = number(0.4, least=0.0, most=1.0)
    benign_share: float = number(0.4, least=0.0, most=1.0)


@dataclass(frozen=True)
class PatchData:
    """``[data.patches]``: patches around lesions and from the background.

    Attributes
    ----------
    size : rows and columns in network pixels.
    per_epoch : patches of one epoch.
    lesion_share : share of patches centred near a lesion; the others come from the background.
    slices : at most this many slices from a lesion's centre (3D).
    """

    size: int = number(224, least=64, most=512)
    per_epoch: int = number(3200, least=1)
    validation: int = number(400, least=1)
    lesion_share: float = number(0.66, least=0.0, most=1.0)
    jitter: int = number(64, least=0)
    slices: int = number(2, least=0)


@dataclass(frozen=True)
class DataSection:
    """``[data]``.

    Attributes
    ----------
    source : ``exams``: a folder of exams with labels.csv; ``phantom``: digital breasts.
    rows, columns : size of the network's input; 0: the network's own.
    spacing_mm : pixel spacing that images are resampled to; 0: the network's own rule.
    depth : most slices of a volume, cut around its lesions or at random; 0: all.
    augment_position, augment_size : largest change of the window in pixels (papers: 100 each).
    folds, fold : patients of the training and validation splits are dealt into ``folds`` parts, of which number
        ``fold`` validates; 0: the split column as it is.
    """

    source: Literal["exams", "phantom"] = "exams"
    labels: str = text("labels.csv")
    rows: int = number(0, least=0)
    columns: int = number(0, least=0)
    spacing_mm: float = number(0.0, least=0.0)
    depth: int = number(0, least=0)
    augment_position: int = number(100, least=0)
    augment_size: int = number(100, least=0)
    folds: int = number(0, least=0)
    fold: int = number(0, least=0)
    phantom: PhantomData = PhantomData()
    patches: PatchData = PatchData()
