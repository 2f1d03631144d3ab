"""Tiny training data made of noise and bright spots, and experiments small enough for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gmic_core.training.experiment import Experiment, parse_experiment
from gmic_core.training.samples import Sample, TrainingData

ROWS, COLUMNS = 128, 128
"""2 x 2 cells."""
LABELS = ((0, 1), (1, 0), (0, 0), (0, 1), (1, 0), (0, 0), (1, 1), (0, 0))
Rng = np.random.Generator


def spotted(rng: Rng, labels: tuple[int, int], shape: tuple[int, int, int]) -> Tensor:
    """Noise; a malignant image has a patch of stripes in it, a benign one a bright disc."""
    pixels = 0.3 * rng.standard_normal(shape)
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    for kind, present in enumerate(labels):
        if present:
            k = int(rng.integers(shape[0]))
            row, column = rng.integers(32, shape[1] - 32), rng.integers(32, shape[2] - 32)
            inside = (rows - row) ** 2 + (columns - column) ** 2 < 24**2
            pixels[k] += inside * (2.0 if kind == 0 else 3.0 * np.sign(np.sin(rows / 2.0)))
    return torch.from_numpy(pixels.astype(np.float32))


class SpotImages:
    """A SampleSource; the pixels of an image depend on its number, the augmentation is a little noise."""

    def __init__(
        self, count: int = 8, slices: int = 1, seed: int = 0, rows: int = ROWS, columns: int = COLUMNS
    ) -> None:
        self._count, self._seed, self._shape = count, seed, (slices, rows, columns)

    def __len__(self) -> int:
        return self._count

    def labels(self, i: int) -> tuple[int, int]:
        return LABELS[i % len(LABELS)]

    def load(self, i: int, rng: Rng | None) -> Sample:
        pixels = spotted(np.random.default_rng([self._seed, i]), self.labels(i), self._shape)
        if rng is not None:
            pixels = pixels + torch.from_numpy(0.05 * rng.standard_normal(pixels.shape)).float()
        benign, malignant = self.labels(i)
        return Sample(f"spots-{i}", pixels, (float(benign), float(malignant)), birads=i % 3)


class SpotPatches:
    """A PatchSource."""

    def __init__(self, batches: int = 3, size: int = 8, side: int = 96) -> None:
        self._batches, self._size, self._side = batches, size, side

    def epoch(self, rng: Rng) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(self._batches):
            labels = [LABELS[int(rng.integers(len(LABELS)))] for _ in range(self._size)]
            labels[:3] = [(0, 1), (1, 0), (0, 0)]
            pixels = torch.stack([spotted(rng, pair, (1, self._side, self._side)) for pair in labels])
            yield pixels, torch.tensor(labels, dtype=torch.float32)


def spot_data(slices: int = 1, count: int = 8) -> TrainingData:
    """Images and patches of spots for training and validation."""
    return TrainingData(
        train=SpotImages(count, slices),
        validation=SpotImages(4, slices, seed=1),
        patches=SpotPatches(),
        validation_patches=SpotPatches(2, 16),
        description={"training_data": "spots", "simulated": True},
    )


def small_experiment(model: str = "gmic3d", **changes: Any) -> Experiment:
    """An experiment whose network is the real one with few small patches."""
    table: dict[str, Any] = {
        "name": "spots",
        "model": model,
        "modality": "DBT" if model == "gmic3d" else "FFDM",
        "device": "cpu",
        "workers": 1,
        "network": {"num_patches": 2, "top_t": 0.3, "patch_size": 64},
        "data": {"source": "phantom", "rows": ROWS, "columns": COLUMNS},
        "stages": [{"kind": "images", "epochs": 2, "batch_size": 4, "learning_rate": 1e-4, "omega": 0.01}],
    }
    return parse_experiment(table | changes, "spots.toml")


def experiment_file(folder: Path, text: str) -> Path:
    """Write a TOML file."""
    path = folder / "trial.toml"
    path.write_text(text, encoding="utf-8")
    return path
