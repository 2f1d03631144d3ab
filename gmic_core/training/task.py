"""What a stage of training must offer to the loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from gmic_core.training.distributed import Workers
from gmic_core.training.experiment import Experiment, Stage
from gmic_core.training.memory import MixedPrecision

B = TypeVar("B")
Parts = dict[str, float]


@dataclass(frozen=True)
class Surroundings:
    """What every stage of a run works with.

    Attributes
    ----------
    number : of the stage within the experiment, from 0; it goes into the seeds of everything that is drawn.
    """

    experiment: Experiment
    stage: Stage
    number: int
    device: torch.device
    workers: Workers
    precision: MixedPrecision

    @property
    def seed(self) -> int:
        """Seed of this stage."""
        return (self.experiment.seed + 1_000_003 * self.number) % 2**32


class Task(ABC, Generic[B]):
    """A stage: its network, batches, losses and validation.

    Attributes
    ----------
    metric : which of the validation's numbers decides which epoch is best.
    network : everything that learns, on its device.
    """

    metric: ClassVar[str] = "auc_malignant"
    network: nn.Module

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.stage = around.stage

    @abstractmethod
    def groups(self) -> list[dict[str, Any]]:
        """Return Adam's parameter groups with their learning rates."""

    @abstractmethod
    def batches(self, epoch: int, skip: int) -> Iterator[B]:
        """Yield this process's share of each batch of an epoch, without the first ``skip`` ones."""

    @abstractmethod
    def losses(self, batch: B, epoch: int, step: int) -> Iterator[tuple[Tensor, Parts]]:
        """Yield (share of the batch's mean loss, its parts) of one micro-batch after the other."""

    @abstractmethod
    def validate(self, epoch: int) -> dict[str, float]:
        """Return the validation's numbers."""

    @abstractmethod
    def named(self, batch: B) -> str:
        """Return the names of a batch's images for messages."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Return what the next stage and the export take."""

    def begin_epoch(self, epoch: int) -> None:
        """Set modes and what learns in this epoch."""
        self.network.train()

    def check(self, rows: list[Parts]) -> None:
        """Look at an epoch's steps; raise where going on makes no sense."""

    def counts(self, epoch: int) -> bool:
        """Whether this epoch may be the best: not while a curriculum teaches one part alone."""
        return epoch >= self.stage.global_epochs + self.stage.local_epochs
