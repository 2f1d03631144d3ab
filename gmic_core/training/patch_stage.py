"""The stage ``patches``: both networks on labelled patches, so that image labels have something to begin with.

The papers pretrain the global network on BI-RADS labels of 10^5 exams; with few images patches do that work (the DMV
and the end-to-end papers pretrain so too). relu(tanh) has no gradient where it is 0: a lesion that is missed at the
start would be missed for ever. So the class map x learns through sigmoid(4 x - 2), which stays within 0.12 of
relu(tanh(x)) everywhere and never loses its gradient; where it says 0.12 or less, the saliency is 0. The local network
learns each patch alone and bags of patches, so that its attention learns to find the patch that matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gmic_core.models.gmic2d import Gmic2D
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.training.batches import CHECK, PATCHES, Background, generator
from gmic_core.training.experiment import Pooling
from gmic_core.training.image_stage import split_modules
from gmic_core.training.local_loss import local_loss, patch_bce
from gmic_core.training.loop import cpu_state, parameter_groups
from gmic_core.training.ranking import auc
from gmic_core.training.samples import PatchSource
from gmic_core.training.task import Parts, Surroundings, Task

Batch = tuple[Tensor, Tensor]
STEEPNESS, SHIFT = 4.0, 2.0
"""sigmoid(STEEPNESS x - SHIFT) stands in for relu(tanh(x))."""
TOP_SHARE = 0.25
"""Share of a patch's cells that the pooling ``top`` averages."""


class PatchStage(Task[Batch]):
    """Patches labelled benign and malignant."""

    metric = "auc_mean"

    def __init__(self, around: Surroundings, network: GmicNetwork, train: PatchSource, validation: PatchSource) -> None:
        super().__init__(around)
        self._train, self._validation = train, validation
        self.network = self._gmic = network.to(around.device)
        self._sigmoid = getattr(network.hyper, "saliency", network.saliency_activation) == "sigmoid"

    def groups(self) -> list[dict[str, Any]]:
        """Return two groups: the global network and the local one."""
        return parameter_groups(self.stage, *split_modules(self._gmic))

    def batches(self, epoch: int, skip: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, made ahead in a thread."""
        made = self._train.epoch(generator(self.around.seed, epoch, 0, PATCHES))
        stream = Background(made)
        try:
            for number, (pixels, labels) in enumerate(stream):
                if number >= skip:
                    yield torch.as_tensor(pixels), torch.as_tensor(labels)
        finally:
            stream.close()

    def losses(self, batch: Batch, epoch: int, step: int) -> Iterator[tuple[Tensor, Parts]]:
        """Yield one loss: global network on all patches, local network on as many as the stage says."""
        pixels, labels = (part.to(self.around.device, non_blocking=True) for part in batch)
        with self.around.precision.autocast():
            features = self._gmic.ds_net(pixels)  # (n, 256, h, w)
            logits = self._class_map(features)
        global_ = patch_bce(pool_map(logits, self.stage.pooling), labels)
        kept = len(pixels) if self.stage.local_patches == 0 else min(self.stage.local_patches, len(pixels))
        with self.around.precision.autocast():
            vectors = self._gmic.dn_resnet(pixels[:kept, 0]).float()  # (kept, 512)
        local = local_loss(self._gmic, vectors, labels[:kept], self.stage.bag)
        fusion = self._fusion_loss(features[:kept].detach(), vectors, labels[:kept])
        regularisation = self.stage.beta * torch.sigmoid(logits).sum() / len(pixels)
        total = global_ + local + fusion + regularisation
        yield total, {"loss": float(total.detach()), "loss_global": float(global_.detach()),
                      "loss_local": float(local.detach()), "loss_fusion": float(fusion.detach()),
                      "regularisation": float(regularisation.detach())}  # fmt: skip

    def _class_map(self, features: Tensor) -> Tensor:
        """Return logits (n, 2, h, w): the sigmoid of them is the saliency or what stands in for it."""
        logits: Tensor = self._gmic.left_postprocess_net["gn_conv_last"](features)
        return logits.float() if self._sigmoid else STEEPNESS * logits.float() - SHIFT

    def _fusion_loss(self, features: Tensor, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of 2D GMIC's fusion layer on single patches; it moves that layer only."""
        if not isinstance(self._gmic, Gmic2D):
            return vectors.new_zeros(())
        both = torch.cat([features.amax(dim=(2, 3)).float(), vectors.detach()], dim=1)
        return patch_bce(self._gmic.fusion_dnn(both), labels)

    def validate(self, epoch: int) -> dict[str, float]:
        """Return patch-wise AUC of each network and class; ``auc_mean``, of these four, tells the best epoch."""
        self.network.eval()
        rows: list[Tensor] = []
        source = Background(self._validation.epoch(generator(self.around.seed, 0, 0, CHECK)))
        try:
            with torch.inference_mode():
                for pixels, labels in source:
                    rows.append(self._scores(torch.as_tensor(pixels), torch.as_tensor(labels)))
        finally:
            source.close()
        table = torch.cat(rows).numpy() if rows else np.zeros((0, 6))  # labels, global and local scores, 2 each
        columns = {"auc_malignant_global": (1, 3), "auc_benign_global": (0, 2),
                   "auc_malignant_local": (1, 5), "auc_benign_local": (0, 4)}  # fmt: skip
        each = {
            name: auc(table[:, label], table[:, score], f"{name.split('_')[1]} validation patches")
            for name, (label, score) in columns.items()
        }
        return {self.metric: float(np.mean(list(each.values()))), **each}

    def _scores(self, pixels: Tensor, labels: Tensor) -> Tensor:
        pixels = pixels.to(self.around.device)
        with self.around.precision.autocast():
            logits = self._class_map(self._gmic.ds_net(pixels))
            vectors = self._gmic.dn_resnet(pixels[:, 0])
        global_ = torch.sigmoid(pool_map(logits, self.stage.pooling))
        local = torch.sigmoid(self._gmic.classifier_linear(vectors.float()))
        return torch.cat([labels, global_.cpu(), local.cpu()], dim=1)

    def named(self, batch: Batch) -> str:
        """Return how many patches there are; their source names images that it cannot read."""
        return f"{len(batch[0])} patches"

    def state(self) -> dict[str, Tensor]:
        """Return the whole network's state."""
        return cpu_state(self._gmic)


def pool_map(logits: Tensor, pooling: Pooling) -> Tensor:
    """Return one value per patch and class, (n, 2), of maps (n, 2, h, w): maximum or mean of the top quarter."""
    flat = logits.flatten(2)  # (n, 2, cells)
    count = 1 if pooling == "max" else max(1, round(TOP_SHARE * flat.shape[2]))
    return flat.topk(count, dim=2, sorted=False).values.mean(dim=2)
