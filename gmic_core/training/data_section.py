"""The ``[data]`` table of an experiment: which images, at which size, split and augmented how. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gmic_core.errors import TrainingError
from gmic_core.training.toml_tables import number, text
from gmic_core.types import Modality


@dataclass(frozen=True)
class PhantomData:
    """``[data.phantom]``: whole or cut-out images of digital breasts, for image labels; one seed is one breast.

    Attributes
    ----------
    size : ``small`` breasts have a quarter of the resolution and no calcifications.
    train_seeds, validation_seeds : (first, count) in the ranges of :mod:`gmic_core.training.data.seeds`.
    views : one view of each breast, drawn, or both.
    malignant_share, benign_share : share of breasts with findings of the class; drawn apart.
    most_findings : of one class in one breast.
    slices, rows, columns : size of the stored part of a volume or image; 0: all slices, the whole window.
    per_finding, background : parts around each finding and around random points, where not all is stored.
    workers : processes that make breasts.
    """

    size: Literal["small", "full"] = "small"
    train_seeds: tuple[int, int] = (1_000_000, 200)
    validation_seeds: tuple[int, int] = (2_000_000, 60)
    views: Literal["one", "both"] = "one"
    malignant_share: float = number(0.5, least=0.0, most=1.0)
    benign_share: float = number(0.5, least=0.0, most=1.0)
    most_findings: int = number(2, least=1, most=4)
    slices: int = number(0, least=0)
    rows: int = number(0, least=0)
    columns: int = number(0, least=0)
    per_finding: int = number(1, least=0)
    background: int = number(2, least=0)
    workers: int = number(2, least=1, most=64)


@dataclass(frozen=True)
class PatchData:
    """``[data.patches]``: patches of digital breasts with many findings, for the stage ``patches``.

    Attributes
    ----------
    side : rows and columns of a patch in network pixels.
    crop : rows and columns of the stored crops that patches are drawn from, a multiple of 4.
    per_epoch, validation : patches of one epoch, of one validation.
    shares : how often malignant, benign, both, background patches are drawn; they add up to 1.
    hard_share : share of the background along the breast's edge: skin, nipple, pectoral border.
    train_seeds, validation_seeds : (first, count), as in ``[data.phantom]``; the breasts have more findings than those.
    per_finding, background : crops of each finding in a volume, crops of background.
    """

    side: int = number(256, least=32, most=512)
    crop: int = number(512, least=64, most=2048)
    per_epoch: int = number(3200, least=1)
    validation: int = number(400, least=1)
    shares: tuple[float, float, float, float] = (0.35, 0.30, 0.05, 0.30)
    hard_share: float = number(0.4, least=0.0, most=1.0)
    train_seeds: tuple[int, int] = (1_000_000, 200)
    validation_seeds: tuple[int, int] = (2_000_000, 40)
    per_finding: int = number(6, least=1)
    background: int = number(10, least=1)

    def __post_init__(self) -> None:
        """Check numbers that depend on each other."""
        if min(self.shares) < 0 or abs(sum(self.shares) - 1.0) > 1e-6:
            raise TrainingError(f"shares must be four numbers from 0 that add up to 1, not {list(self.shares)}.")
        if self.crop % 4 or self.crop < self.side / 0.9:
            raise TrainingError(
                f"crop {self.crop} must be a multiple of 4 and at least side / 0.9 = {self.side / 0.9:.0f}."
            )


@dataclass(frozen=True)
class MapData:
    """``[data.maps]``: slices of digital breasts with many findings, for the stage ``maps``.

    Attributes
    ----------
    side : rows and columns of a crop of a slice in pixels; 0: the whole window.
    per_epoch, validation : slices of one epoch, of one validation.
    finding_share : share of the training's slices that hold a finding.
    modalities : images that one network learns from together, such as FFDM and S2D; empty: the experiment's modality.
    volume_slices : the stage ``images`` learns from so many neighbouring kept slices at a time; 0: from the volumes of
        ``[data.phantom]``.
    train_seeds, validation_seeds : (first, count), as in ``[data.phantom]``; the breasts have more findings than those.
    """

    side: int = number(0, least=0, most=4096)
    per_epoch: int = number(400, least=1)
    validation: int = number(80, least=4)
    finding_share: float = number(0.75, least=0.0, most=1.0)
    modalities: tuple[Modality, ...] = ()
    volume_slices: int = number(0, least=0)
    train_seeds: tuple[int, int] = (1_000_000, 200)
    validation_seeds: tuple[int, int] = (2_000_000, 20)


@dataclass(frozen=True)
class DataSection:
    """``[data]``.

    Attributes
    ----------
    source : ``exams``: a folder of exams with labels.csv; ``phantom``: digital breasts; ``mini-mias``: that data set.
    rows, columns : size of the network's input; 0: the network's own.
    spacing_mm : pixel spacing that images are resampled to; 0: the network's own rule.
    depth : most slices of a volume, a random run of them while training; 0: all.
    augment_position, augment_size : largest change of the window in pixels (papers: 100 each).
    folds, fold : the patients of the training and validation splits are dealt into ``folds`` parts by chance; part
        ``fold`` (from 0) is validated on, the others are trained on; 0: the split column as it is.
    """

    source: Literal["exams", "phantom", "mini-mias"] = "exams"
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
    maps: MapData = MapData()

    def __post_init__(self) -> None:
        """Check the fold."""
        if self.folds == 1 or (self.folds and self.fold >= self.folds):
            raise TrainingError(f"fold {self.fold} of {self.folds}: there must be at least 2 folds, numbered from 0.")
