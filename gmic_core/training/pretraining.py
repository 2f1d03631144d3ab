"""The stage ``birads``: three-class pretraining of the global network (3D-GMIC paper V-D.1, after Wu and Geras).

Per image: ResNet-22, average pool, logistic regression. Volumes: every slice through ResNet-22, average pool, gated
attention over the slices, logistic regression. Classes: 0 incomplete, 1 negative, 2 benign (BI-RADS 0, 1, 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gmic_core.errors import TrainingError
from gmic_core.models import resnet22
from gmic_core.models.gmic_blocks import gated_attention
from gmic_core.models.gmic_network import ATTENTION_UNITS, GmicNetwork
from gmic_core.training.batches import AUGMENT, epoch_order, generator, load_batches
from gmic_core.training.image_stage import ImageBatch, checked
from gmic_core.training.loop import cpu_state
from gmic_core.training.memory import statistics_kept
from gmic_core.training.ranking import auc
from gmic_core.training.samples import Sample, SampleSource
from gmic_core.training.task import Parts, Surroundings, Task

BIRADS_CLASSES = ("incomplete", "negative", "benign")


class BiradsNetwork(nn.Module):
    """ResNet-22 with a three-class head; ``ds_net`` keeps its key, so that GMIC takes it over as it is.

    Parameters
    ----------
    backbone : the GMIC network's own ResNet-22.
    slices : whether images have several slices, which the attention then weighs.
    """

    def __init__(self, backbone: resnet22.ResNet22, slices: bool) -> None:
        super().__init__()
        self.ds_net = backbone
        width = resnet22.OUT_CHANNELS
        self.slice_attn_V = nn.Linear(width, ATTENTION_UNITS, bias=False) if slices else None
        self.slice_attn_U = nn.Linear(width, ATTENTION_UNITS, bias=False) if slices else None
        self.slice_attn_w = nn.Linear(ATTENTION_UNITS, 1, bias=False) if slices else None
        self.birads_linear = nn.Linear(width, len(BIRADS_CLASSES))

    def forward(self, image: Tensor, slice_batch: int, recompute: bool) -> Tensor:
        """Return logits (1, 3) of one image (slices, rows, columns)."""
        parts = [self._pooled(part[:, None], recompute) for part in torch.split(image, slice_batch)]
        vectors = torch.cat(parts)  # (slices, 256)
        if self.slice_attn_V is None or self.slice_attn_U is None or self.slice_attn_w is None:
            pooled = vectors.mean(dim=0, keepdim=True)
        else:
            pooled = gated_attention(vectors, self.slice_attn_V, self.slice_attn_U, self.slice_attn_w) @ vectors
        return cast(Tensor, self.birads_linear(pooled))

    def _pooled(self, part: Tensor, recompute: bool) -> Tensor:
        def run(x: Tensor) -> Tensor:
            features: Tensor = self.ds_net(x)
            return features.mean(dim=(2, 3)).float()

        if not (recompute and torch.is_grad_enabled()):
            return run(part)

        def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
            return nullcontext(), statistics_kept(self.ds_net)

        return cast(Tensor, checkpoint(run, part, use_reentrant=False, context_fn=contexts, preserve_rng_state=False))


class BiradsStage(Task[ImageBatch]):
    """Cross-entropy of the three BI-RADS classes; the GMIC network's backbone learns in place."""

    metric = "auc_mean"

    def __init__(
        self, around: Surroundings, network: GmicNetwork, train: SampleSource, validation: SampleSource
    ) -> None:
        super().__init__(around)
        if around.workers.together:
            raise TrainingError("The stage birads runs in one process; start it without torchrun.")
        if len(train) == 0 or len(validation) == 0:
            raise TrainingError("The training or the validation split holds no image; check the labels file.")
        self._train, self._validation = train, validation
        self._gmic = network.to(around.device)
        torch.manual_seed(around.seed)
        self.network = self._birads = BiradsNetwork(network.ds_net, network.spec.is_3d).to(around.device)

    def groups(self) -> list[dict[str, Any]]:
        """Return one group."""
        return [{"params": list(self.network.parameters()), "lr": self.stage.learning_rate}]

    def batches(self, epoch: int, skip: int) -> Iterator[ImageBatch]:
        """Yield the batches of an epoch, all images in random order."""
        around, size = self.around, self.stage.batch_size
        labels = [(0, 0)] * len(self._train)
        order = epoch_order(labels, around.seed, epoch, size, balanced=False, whole_only=False)[skip:]
        wanted = [
            [(int(i), generator(around.seed, epoch, step * size + place, AUGMENT)) for place, i in enumerate(batch)]
            for step, batch in enumerate(order, start=skip)
        ]
        for samples in load_batches(self._train, wanted, around.experiment.workers):
            yield ImageBatch([checked(sample) for sample in samples], list(range(len(samples))), len(samples))

    def losses(self, batch: ImageBatch, epoch: int, step: int) -> Iterator[tuple[Tensor, Parts]]:
        """Yield the loss of one image after the other."""
        for sample in batch.samples:
            target = torch.tensor([birads_of(sample)], device=self.around.device)
            loss = F.cross_entropy(self._logits(sample), target) / batch.count
            yield loss, {"loss": float(loss.detach()), "loss_global": float(loss.detach())}

    def _logits(self, sample: Sample) -> Tensor:
        experiment = self.around.experiment
        pixels = sample.pixels.to(self.around.device, non_blocking=True)
        with self.around.precision.autocast():
            logits: Tensor = self._birads(pixels, experiment.slice_batch, experiment.checkpointing)
        return logits.float()

    def validate(self, epoch: int) -> dict[str, float]:
        """Return the AUC of each class against the others, and their mean."""
        self.network.eval()
        truth, scores = [], []
        everything = [[(i, None)] for i in range(len(self._validation))]
        with torch.inference_mode():
            for (sample,) in load_batches(self._validation, everything, self.around.experiment.workers):
                truth.append(birads_of(sample))
                scores.append(torch.softmax(self._logits(checked(sample)), dim=1)[0].tolist())
        table, labels = np.array(scores), np.array(truth)
        present = [k for k in range(len(BIRADS_CLASSES)) if 0 < int((labels == k).sum()) < len(labels)]
        if not present:
            raise TrainingError("All validation images have one BI-RADS class; add images of another one.")
        each = {f"auc_{BIRADS_CLASSES[k]}": auc(labels == k, table[:, k], BIRADS_CLASSES[k]) for k in present}
        return {self.metric: float(np.mean(list(each.values()))), **each}

    def named(self, batch: ImageBatch) -> str:
        """Return the images' names."""
        return ", ".join(sample.image_id for sample in batch.samples)

    def state(self) -> dict[str, Tensor]:
        """Return the state of the GMIC network, whose backbone has learned."""
        return cpu_state(self._gmic)


def birads_of(sample: Sample) -> int:
    """Return the class of an image.

    Raises
    ------
    TrainingError
        If it has none.
    """
    if sample.birads is None or not 0 <= sample.birads < len(BIRADS_CLASSES):
        raise TrainingError(
            f"Image {sample.image_id} has no BI-RADS class 0, 1 or 2 (it has {sample.birads}); "
            "add the column birads to the labels file, or leave the stage birads out."
        )
    return sample.birads
