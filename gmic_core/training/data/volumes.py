"""Stored volumes and images of digital breasts as training samples."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from gmic_core.errors import TrainingError
from gmic_core.training.data.labels import birads_of
from gmic_core.training.data.store import CELL, Crop, StoredBreast, open_store
from gmic_core.training.samples import Sample

_TRIES = 20


@dataclass(frozen=True)
class VolumeOptions:
    """How stored volumes are given out.

    Attributes
    ----------
    slices : most slices of a sample, a random run of them while training; 0: all that are stored.
    position, size : largest shift and change of borders in pixels while training; air comes in from outside.
    """

    slices: int = 0
    position: int = 0
    size: int = 0


class VolumeSamples:
    """A :class:`~gmic_core.training.samples.SampleSource` over a store of volumes and images.

    Parameters
    ----------
    folder : the store.
    modality : the one wanted.
    seeds : breasts wanted; None takes all.
    """

    def __init__(
        self, folder: Path, modality: str, options: VolumeOptions | None = None, seeds: Collection[int] | None = None
    ) -> None:
        self._options = options or VolumeOptions()
        self._entries: list[tuple[StoredBreast, int]] = [
            (breast, number)
            for breast in open_store(folder, seeds)
            for number, crop in enumerate(breast.crops)
            if crop.modality == modality
        ]
        if not self._entries:
            raise TrainingError(f"{folder} holds no {modality} images; make a store with them.")

    def __len__(self) -> int:
        """Return the number of volumes."""
        return len(self._entries)

    def labels(self, i: int) -> tuple[int, int]:
        """Return (benign, malignant): whether a volume shows a finding of the class."""
        breast, number = self._entries[i]
        classes = {breast.finding(seen.number).malignant for seen in breast.crops[number].seen}
        return int(False in classes), int(True in classes)

    def seed(self, i: int) -> int:
        """Return the seed of the breast that a volume is from."""
        return self._entries[i][0].seed

    def labels_map(self, i: int) -> npt.NDArray[np.uint8]:
        """Return the label map (rows / 4, columns / 4) of all its slices together."""
        breast, number = self._entries[i]
        return breast.labels(number)

    def load(self, i: int, rng: np.random.Generator | None) -> Sample:
        """Return volume ``i``, standardised like the image that it was cut from."""
        breast, number = self._entries[i]
        crop, stored = breast.crops[number], breast.pixels(number)
        stored = stored[None] if stored.ndim == 2 else stored  # (slices, rows, columns)
        planes: npt.NDArray[np.generic] = stored[self._run(len(stored), rng)]
        if rng is not None and (self._options.position or self._options.size):
            planes = self._moved(planes, crop, rng)
        benign, malignant = self.labels(i)
        name = f"digital breast {breast.seed} {crop.laterality}-{crop.view} {crop.modality} part {number}"
        pixels = torch.from_numpy(crop.moments.apply(planes))
        return Sample(name, pixels, (float(benign), float(malignant)), birads_of(benign, malignant))

    def _run(self, slices: int, rng: np.random.Generator | None) -> slice:
        depth = min(self._options.slices or slices, slices)
        start = (slices - depth) // 2 if rng is None else int(rng.integers(slices - depth + 1))
        return slice(start, start + depth)

    def _moved(self, planes: npt.NDArray[np.generic], crop: Crop, rng: np.random.Generator) -> npt.NDArray[np.generic]:
        """Return the planes in a window that was moved and resized by chance, no finding's middle lost."""
        rows, columns = planes.shape[1:]
        for _ in range(_TRIES):
            matrix = self._window(rows, columns, rng)
            if all(_inside(matrix, seen.row, seen.column, rows, columns) for seen in crop.seen):
                break
        else:
            return planes
        size = (columns, rows)
        moved = [cv2.warpAffine(plane.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR) for plane in planes]
        return np.stack(moved)

    def _window(self, rows: int, columns: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Return the (2, 3) map from stored (column, row) to the sample's."""
        limit = self._options.size
        grow = 1.0 + float(rng.uniform(-limit, limit)) / max(rows, 1)
        shift_row, shift_column = (float(value) for value in rng.uniform(-1, 1, 2) * self._options.position)
        # scaled about the middle of the chest wall: the window's left edge stays where the breast begins
        return np.array([[grow, 0.0, min(shift_column, 0.0)], [0.0, grow, (1.0 - grow) * rows / 2 + shift_row]])


def _inside(matrix: npt.NDArray[np.float64], row: float, column: float, rows: int, columns: int) -> bool:
    x, y = matrix @ np.array([(column + 0.5) * CELL, (row + 0.5) * CELL, 1.0])
    return bool(0 <= x < columns and 0 <= y < rows)
