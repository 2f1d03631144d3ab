"""The stage ``images``: the whole network end to end on image labels (3D-GMIC paper V-D, GMIC paper 2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gmic_core.errors import TrainingError
from gmic_core.models.gmic2d import Gmic2D
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.training.batches import AUGMENT, DRAW, epoch_order, generator, load_batches
from gmic_core.training.distributed import gathered, share_batch_norm
from gmic_core.training.loop import cpu_state, parameter_groups
from gmic_core.training.losses import image_loss
from gmic_core.training.passes import PassOptions, Phase, run_batch
from gmic_core.training.ranking import auc
from gmic_core.training.samples import Sample, SampleSource, check_classes
from gmic_core.training.task import Parts, Surroundings, Task


@dataclass(frozen=True)
class ImageBatch:
    """One process's images of one update, their places in it, and how many images the update has in all."""

    samples: list[Sample]
    places: list[int]
    count: int


class ImageStage(Task[ImageBatch]):
    """Image labels: BCE of the global and the local prediction (and the fusion's) plus the L1 norm of the maps."""

    def __init__(
        self, around: Surroundings, network: GmicNetwork, train: SampleSource, validation: SampleSource
    ) -> None:
        super().__init__(around)
        self._train, self._validation = train, validation
        self._labels = [train.labels(i) for i in range(len(train))]
        check_classes(self._labels, "training")
        check_classes([validation.labels(i) for i in range(len(validation))], "validation")
        self.network = self._gmic = network.to(around.device)
        self._check_workers()
        if around.workers.together:
            share_batch_norm(network)
        self._options = PassOptions(
            slice_batch=around.experiment.slice_batch,
            recompute=around.experiment.checkpointing,
            rotate=self.stage.rotate_patches,
            keep_empty=around.workers.together,
        )

    def _check_workers(self) -> None:
        size = self.around.workers.size
        if self.stage.batch_size % size:
            raise TrainingError(
                f"batch_size {self.stage.batch_size} cannot be shared by {size} processes equally; "
                f"make it a multiple of {size}."
            )
        batch_norm = any(isinstance(part, nn.BatchNorm2d) for part in self._gmic.ds_net.modules())
        if size > 1 and self._gmic.spec.is_3d and batch_norm:
            raise TrainingError(
                "Volumes differ in their number of slices: BatchNorm in the global network cannot be shared between "
                'processes. Use norm = "group" (as the paper does), or one process.'
            )

    def groups(self) -> list[dict[str, Any]]:
        """Return two groups: the global network, and the local one with attention, head and fusion."""
        return parameter_groups(self.stage, *split_modules(self._gmic))

    def phase(self, epoch: int) -> Phase:
        """Return which network learns: the curriculum's first epochs teach one alone."""
        if epoch < self.stage.global_epochs:
            return "global"
        return "local" if epoch < self.stage.global_epochs + self.stage.local_epochs else "both"

    def begin_epoch(self, epoch: int) -> None:
        """Freeze what does not learn in this epoch, and BatchNorm's statistics where the stage says so."""
        phase = self.phase(epoch)
        self.network.train()
        for part, modules in zip(("global", "local"), split_modules(self._gmic), strict=True):
            for module in modules:
                module.requires_grad_(phase in (part, "both"))
                module.train(phase in (part, "both"))
        if self.stage.freeze_norm:
            self._gmic.dn_resnet.eval()

    def batches(self, epoch: int, skip: int) -> Iterator[ImageBatch]:
        """Yield this process's share of each batch."""
        around, size = self.around, self.around.workers.size
        order = epoch_order(
            self._labels, around.seed, epoch, self.stage.batch_size,
            balanced=self.stage.balanced, whole_only=size > 1,
        )  # fmt: skip
        counts = [len(batch) for batch in order[skip:]]
        places = [list(range(around.workers.rank, count, size)) for count in counts]
        wanted = [
            [
                (int(batch[place]), generator(around.seed, epoch, step * self.stage.batch_size + place, AUGMENT))
                for place in share
            ]
            for step, (batch, share) in enumerate(zip(order[skip:], places, strict=True), start=skip)
        ]
        loaded = load_batches(self._train, wanted, around.experiment.workers)
        for samples, share, count in zip(loaded, places, counts, strict=True):
            yield ImageBatch([checked(sample) for sample in samples], share, count)

    def losses(self, batch: ImageBatch, epoch: int, step: int) -> Iterator[tuple[Tensor, Parts]]:
        """Yield the loss of each micro-batch; all together are the mean over the batch's images."""
        phase = self.phase(epoch)
        options = PassOptions(**{**vars(self._options), "phase": phase})
        size = self.stage.micro_batch or len(batch.samples)
        for start in range(0, len(batch.samples), size):
            samples = batch.samples[start : start + size]
            draws = [
                generator(self.around.seed, epoch, step * self.stage.batch_size + place, DRAW)
                for place in batch.places[start : start + size]
            ]
            yield self._loss(samples, draws, options, batch.count)

    def _loss(
        self, samples: list[Sample], draws: list[np.random.Generator], options: PassOptions, count: int
    ) -> tuple[Tensor, Parts]:
        device = self.around.device
        images = [sample.pixels.to(device, non_blocking=True) for sample in samples]
        with self.around.precision.autocast():
            passes, total = run_batch(self._gmic, images, draws, options)
        parts: Parts = {}
        for sample, done in zip(samples, passes, strict=True):
            labels = torch.tensor([sample.labels], dtype=torch.float32, device=device)
            loss = image_loss(done.saliency, done.y_global, done.y_local, done.y_fusion, labels, self.stage.beta)
            total = total + loss.total / count
            values = loss.values() | {"empty_maps": float(not bool(done.saliency.detach().any()))}
            parts = {name: parts.get(name, 0.0) + value / count for name, value in values.items()}
        return total, parts

    def check(self, rows: list[Parts]) -> None:
        """Stop when no image had any saliency in a whole epoch: relu(tanh) has no gradient there, nothing will move.

        Raises
        ------
        TrainingError
            Naming what to change.
        """
        if all(row["empty_maps"] > 1 - 1e-9 for row in rows):
            raise TrainingError(
                "The saliency maps of all training images are empty: the global network cannot learn from there. "
                "Set the class map to a positive constant at the stage's start (omega, e.g. 0.01), or lower the "
                "learning rate."
            )

    def validate(self, epoch: int) -> dict[str, float]:
        """Return the AUC of both classes; of the global network alone while it learns alone."""
        rows = self._validation_rows("y_global" if self.phase(epoch) == "global" else "y")
        labels = np.array([row[0] for row in rows])
        scores = np.array([row[1] for row in rows])
        return {
            "auc_malignant": auc(labels[:, 1], scores[:, 1], "malignant validation images"),
            "auc_benign": auc(labels[:, 0], scores[:, 0], "benign validation images"),
        }

    def _validation_rows(self, which: str) -> list[tuple[tuple[float, float], list[float]]]:
        """Return (labels, scores) of all validation images; each process scores its share."""
        workers = self.around.workers
        own = range(workers.rank, len(self._validation), workers.size)
        self.network.eval()
        rows: list[tuple[tuple[float, float], list[float]]] = []
        loaded = load_batches(self._validation, [[(i, None)] for i in own], self.around.experiment.workers)
        with torch.inference_mode():
            for (sample,) in loaded:
                rows.append((checked(sample).labels, self._score(sample.pixels, which)))
        return gathered(rows, workers)

    def _score(self, pixels: Tensor, which: str) -> list[float]:
        self._gmic.slice_batch = self.around.experiment.slice_batch
        with self.around.precision.autocast():
            result = self._gmic.run_volume(pixels.to(self.around.device)[:, None])
        values: Tensor = getattr(result, which)
        return [float(value) for value in values[0]]

    def named(self, batch: ImageBatch) -> str:
        """Return the images' names."""
        return ", ".join(sample.image_id for sample in batch.samples)

    def state(self) -> dict[str, Tensor]:
        """Return the whole network's state."""
        return cpu_state(self._gmic)


def split_modules(network: GmicNetwork) -> tuple[list[nn.Module], list[nn.Module]]:
    """Return the parts of the global and of the local network."""
    local = [network.dn_resnet, network.mil_attn_V, network.mil_attn_U, network.mil_attn_w, network.classifier_linear]
    if isinstance(network, Gmic2D):
        local.append(network.fusion_dnn)
    return [network.ds_net, network.left_postprocess_net], local


def checked(sample: Sample) -> Sample:
    """Refuse an image that would spoil the weights.

    Raises
    ------
    TrainingError
        Naming the image.
    """
    pixels = sample.pixels
    if pixels.ndim != 3 or pixels.dtype != torch.float32 or 0 in pixels.shape:
        raise TrainingError(
            f"Image {sample.image_id} comes as {pixels.dtype} of shape {tuple(pixels.shape)} instead of float32 "
            "(slices, rows, columns); its source is at fault."
        )
    if not bool(torch.isfinite(pixels).all()):
        raise TrainingError(
            f"Image {sample.image_id} contains NaN or infinity; export it again, or take it out of the labels file."
        )
    if any(label not in (0.0, 1.0) for label in sample.labels):
        raise TrainingError(f"Image {sample.image_id} has labels {sample.labels}; they must be 0 or 1, correct them.")
    return sample
