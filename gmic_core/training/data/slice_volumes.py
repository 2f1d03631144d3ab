"""Short volumes out of a store of slices: neighbouring kept slices of one breast, with image labels only."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch

from gmic_core.errors import TrainingError
from gmic_core.training.data.labels import birads_of
from gmic_core.training.data.store import StoredBreast, open_store
from gmic_core.training.samples import Sample


class SliceVolumes:
    """A :class:`~gmic_core.training.samples.SampleSource`: runs of kept slices of a breast, by height.

    Parameters
    ----------
    store : a store of slices.
    modalities : those wanted; a volume has one of them. 2D images give volumes of one slice.
    seeds : breasts wanted; None takes all.
    depth : slices of a volume; a breast's last one may have fewer.

    Raises
    ------
    TrainingError
        If the store has no such images.
    """

    def __init__(
        self, store: Path, modalities: tuple[str, ...], depth: int, seeds: Collection[int] | None = None
    ) -> None:
        self._volumes: list[tuple[StoredBreast, tuple[int, ...]]] = []
        for breast in open_store(store, seeds):
            for numbers in _by_image(breast, modalities):
                for start in range(0, len(numbers), depth):
                    self._volumes.append((breast, tuple(numbers[start : start + depth])))
        if not self._volumes:
            raise TrainingError(f"{store} holds no {' or '.join(modalities)} images; make a store with them.")

    def __len__(self) -> int:
        """Return the number of volumes."""
        return len(self._volumes)

    def labels(self, i: int) -> tuple[int, int]:
        """Return (benign, malignant): whether a volume's slices show a finding of the class in focus."""
        breast, numbers = self._volumes[i]
        classes = {breast.finding(seen.number).malignant for number in numbers for seen in breast.crops[number].seen}
        return int(False in classes), int(True in classes)

    def load(self, i: int, rng: np.random.Generator | None) -> Sample:
        """Return volume ``i``, standardised like the volume that its slices are from; mirrored by chance."""
        breast, numbers = self._volumes[i]
        stored = np.stack([breast.pixels(number) for number in numbers])
        pixels = breast.crops[numbers[0]].moments.apply(stored)
        if rng is not None and rng.random() < 0.5:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        benign, malignant = self.labels(i)
        name = f"digital breast {breast.seed}, {len(numbers)} slices from number {breast.crops[numbers[0]].slice_index}"
        labels = (float(benign), float(malignant))
        return Sample(name, torch.from_numpy(pixels), labels, birads_of(benign, malignant))


def _by_image(breast: StoredBreast, modalities: tuple[str, ...]) -> list[list[int]]:
    """Return the numbers of the crops of every image, by height: slices of two views are no volume."""
    images: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for number, crop in enumerate(breast.crops):
        if crop.modality in modalities:
            images.setdefault((crop.modality, crop.view), []).append((crop.slice_index, number))
    return [[number for _, number in sorted(images[key])] for key in sorted(images)]
