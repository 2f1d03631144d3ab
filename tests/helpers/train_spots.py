"""Train on spots in a process of its own: ``python -m tests.helpers.train_spots OUT MODEL [--resume] [--die-at N]``."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
from pathlib import Path

import numpy as np
import torch

from gmic_core.training.experiment import Experiment
from gmic_core.training.run import train
from gmic_core.training.samples import Sample, TrainingData
from tests.helpers.training_data import SpotImages, small_experiment, spot_data


def run_experiment(model: str) -> Experiment:
    """Two epochs of two steps (2D: one); a checkpoint after every step."""
    stage = {
        "kind": "images",
        "epochs": 2 if model == "gmic3d" else 1,
        "batch_size": 4,
        "learning_rate": 1e-5,
        "omega": 0.01,
        "beta": 1e-5,
    }
    return small_experiment(model, checkpoint_minutes=0.0, stages=[stage | {"rotate_patches": True}])


class DeadlyImages(SpotImages):
    """Images of which one ends this process, as if the power had failed or the system had asked it to stop."""

    def __init__(self, die_at: int, number: int) -> None:
        super().__init__()
        self._left, self._signal = die_at, number

    def load(self, i: int, rng: np.random.Generator | None) -> Sample:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._signal)
        return super().load(i, rng)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("model")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("--signal", type=int, default=int(signal.SIGKILL))
    args = parser.parse_args()
    torch.set_num_threads(1)
    data: TrainingData = spot_data()
    if args.die_at:
        data = dataclasses.replace(data, train=DeadlyImages(args.die_at, args.signal))
    train(run_experiment(args.model), data, args.out, args.resume, print)


if __name__ == "__main__":
    main()
