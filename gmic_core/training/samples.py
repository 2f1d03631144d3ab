"""What the training loop asks of its data: labelled images, labelled patches, and the order of an epoch.

All randomness comes in through generators that the loop makes from (seed, epoch, position): a sample is the same
whichever thread or process loads it, and a resumed run sees exactly what an unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from gmic_core.errors import TrainingError
from gmic_core.types import CLASSES

if TYPE_CHECKING:
    from torch import Tensor

    from gmic_core.training.data.maps import MapSource


@dataclass(frozen=True)
class Sample:
    """One image as the network sees it, with its labels.

    Attributes
    ----------
    image_id : names the image in messages; never a patient's identifier.
    pixels : float32 (slices, rows, columns), standardised; 2D: (1, rows, columns).
    labels : (benign, malignant), 0.0 or 1.0 each.
    birads : three classes of the pretraining: 0 incomplete (BI-RADS 0), 1 negative (1), 2 benign (2); None: unknown.
    """

    image_id: str
    pixels: Tensor
    labels: tuple[float, float]
    birads: int | None = None


class SampleSource(Protocol):
    """Labelled images of one split."""

    def __len__(self) -> int:
        """Return the number of images."""

    def labels(self, i: int) -> tuple[int, int]:
        """Return (benign, malignant) of image ``i`` without loading it."""

    def load(self, i: int, rng: np.random.Generator | None) -> Sample:
        """Return image ``i``; ``rng`` draws the augmentation, None means no augmentation. Called from threads.

        Raises
        ------
        TrainingError
            Naming the image that cannot be read or has no label.
        """


class PatchSource(Protocol):
    """Labelled patches of one split."""

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches: pixels float32 (n, 1, rows, columns), standardised; labels float32 (n, 2)."""


@dataclass(frozen=True)
class TrainingData:
    """The data of one run; a part that the run's stages do not need may be None.

    Given by ``gmic_core.training.data.opening.open_training_data(experiment, folder)``.

    Attributes
    ----------
    description : what the data are (kind, seeds, counts, spacing ...): goes into the weights' metadata and the log.
    """

    train: SampleSource | None = None
    validation: SampleSource | None = None
    patches: PatchSource | None = None
    validation_patches: PatchSource | None = None
    maps: MapSource | None = None
    validation_maps: MapSource | None = None
    description: Mapping[str, object] = field(default_factory=dict)


def balanced_order(labels: Sequence[tuple[int, int]], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the images of one epoch: all with a finding and as many drawn without, in random order (GMIC, 3.1).

    Parameters
    ----------
    labels : (benign, malignant) of every image. Where there are fewer images without a finding than with, all of
        them are taken once.
    """
    positive = np.flatnonzero([benign or malignant for benign, malignant in labels])
    negative = np.flatnonzero([not (benign or malignant) for benign, malignant in labels])
    drawn = rng.choice(negative, size=min(len(positive), len(negative)), replace=False)
    order = np.concatenate([positive, drawn]).astype(np.int64)
    rng.shuffle(order)
    return order


def check_classes(labels: Sequence[tuple[int, int]], split: str) -> None:
    """Refuse a split in which a class has no positive or no negative image: its AUC and its loss mean nothing.

    Raises
    ------
    TrainingError
        Naming the split and the class.
    """
    if not labels:
        raise TrainingError(f"The {split} split holds no image; check the labels file's split column.")
    for index, name in enumerate(CLASSES):
        positives = sum(1 for pair in labels if pair[index])
        if positives in (0, len(labels)):
            which = "no" if positives == 0 else "only"
            raise TrainingError(
                f"The {split} split holds {which} {name} images ({positives} of {len(labels)}); "
                "training and validation need images with and without each class. Add some, or change the splits."
            )
