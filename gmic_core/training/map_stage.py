"""The stage ``maps``: the global network learns where findings lie in whole slices, the local one what patches show.

GroupNorm normalises over the whole image, so what a network has learned from patches does not hold for slices. Whole
slices with the place of their findings (digital breasts know it) close that gap before image labels take over. The
class map learns through its values before the activation, as in :mod:`.patch_stage`. The local network sees patches of
the same slices: of findings, and those where the map is wrong the most.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gmic_core.models.gmic_blocks import crop_patch
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.training.batches import DRAW, PATCHES, Background, generator
from gmic_core.training.data.maps import BENIGN, MALIGNANT, UNSURE, MapBatch, MapSource
from gmic_core.training.data.store import CELL
from gmic_core.training.image_stage import split_modules
from gmic_core.training.local_loss import local_loss
from gmic_core.training.loop import cpu_state, parameter_groups
from gmic_core.training.ranking import auc
from gmic_core.training.task import Parts, Surroundings, Task

COVERED = 0.3
"""Share of a saliency cell that a finding must cover to make it positive, or be the most around."""
SLIGHTLY = 0.02
HARDEST = 24
"""Negative cells of a slice that count most."""
FINDING_PATCHES = 0.6
"""Share of patches cut around a finding, where the slice has one; the others are where the map is strongest."""
SHOWN_CELLS = 6
"""Label cells (4 x 4 pixels) of a finding that a patch must show."""


@dataclass(frozen=True)
class Targets:
    """What the map of a batch should be.

    Attributes
    ----------
    positive, counts : (n, 2, h, w), benign and malignant; ``counts`` is 0 where unsure.
    blurred : (n, 1, h, w), 1 where nothing is but the blur of a finding of other slices.
    """

    positive: Tensor
    counts: Tensor
    blurred: Tensor


class MapStage(Task[MapBatch]):
    """Whole slices with the place of their findings.

    Of its epochs the one is best whose map both ranks slices and points at what is malignant: the mean of both AUCs and
    of the share of peaks that lie on a malignant finding.
    """

    metric = "score"

    def __init__(self, around: Surroundings, network: GmicNetwork, train: MapSource, validation: MapSource) -> None:
        super().__init__(around)
        self._train, self._validation = train, validation
        self.network = self._gmic = network.to(around.device)

    def groups(self) -> list[dict[str, Any]]:
        """Return two groups: the global network and the local one."""
        return parameter_groups(self.stage, *split_modules(self._gmic))

    def batches(self, epoch: int, skip: int) -> Iterator[MapBatch]:
        """Yield the batches of an epoch, made ahead in a thread."""
        stream = Background(self._train.epoch(generator(self.around.seed, epoch, 0, PATCHES)))
        try:
            for number, batch in enumerate(stream):
                if number >= skip:
                    yield batch
        finally:
            stream.close()

    def losses(self, batch: MapBatch, epoch: int, step: int) -> Iterator[tuple[Tensor, Parts]]:
        """Yield one loss: the map's cells, and as many patches as the stage says."""
        pixels = batch.pixels.to(self.around.device)
        if self.stage.only_local:
            yield self._local_alone(pixels, batch.codes)
            return
        with self.around.precision.autocast():
            logits = self._logits(pixels)
        targets = cell_targets(batch.codes, (logits.shape[2], logits.shape[3]))
        global_ = map_loss(logits, targets, self.stage.blur_weight)
        local = logits.new_zeros(())
        if self.stage.local_patches:
            rng = generator(self.around.seed, epoch, step, DRAW)
            patches, labels = self._patches(pixels, batch.codes, logits.detach(), rng, self.stage.local_patches)
            with self.around.precision.autocast():
                vectors = self._gmic.dn_resnet(patches).float()
            local = local_loss(self._gmic, vectors, labels, self.stage.bag)
        total = global_ + local
        parts = {"loss": total, "loss_global": global_, "loss_local": local}
        yield total, {name: float(value.detach()) for name, value in parts.items()}

    def _local_alone(self, pixels: Tensor, codes: Tensor) -> tuple[Tensor, Parts]:
        """Return the loss of the local network on crops that are its patches."""
        with self.around.precision.autocast():
            maps = self._gmic.dn_resnet.maps(pixels[:, 0]).float()
        if self.stage.local_cells:
            logits = self._local_logits(maps)
            loss = map_loss(logits, cell_targets(codes, (logits.shape[2], logits.shape[3])))
            return loss, {"loss": float(loss.detach()), "loss_local": float(loss.detach())}
        vectors = maps.mean(dim=(2, 3))
        loss = local_loss(self._gmic, vectors, _labels_of(codes).to(vectors), self.stage.bag)
        return loss, {"loss": float(loss.detach()), "loss_local": float(loss.detach())}

    def _local_logits(self, maps: Tensor) -> Tensor:
        """Return what the local network's head says at every position of its feature map, (n, 2, h, w)."""
        logits: Tensor = self._gmic.classifier_linear(maps.movedim(1, 3)).movedim(3, 1)
        return logits

    def _logits(self, pixels: Tensor) -> Tensor:
        """Return the class map before its activation, (n, 2, h, w)."""
        maps: Tensor = self._gmic.left_postprocess_net["gn_conv_last"](self._gmic.ds_net(pixels))
        return maps.float()

    def _patches(
        self, pixels: Tensor, codes: Tensor, logits: Tensor, rng: np.random.Generator, most: int
    ) -> tuple[Tensor, Tensor]:
        """Return patches (n, 256, 256) of the batch's slices with labels (n, 2): findings, and hard background."""
        size = self._gmic.spec.patch_size
        cut: list[Tensor] = []
        labels: list[Tensor] = []
        for number in range(most):
            index = number % len(pixels)
            code = codes[index]
            shown = torch.nonzero((code == BENIGN) | (code == MALIGNANT))
            if len(shown) and rng.random() < FINDING_PATCHES:
                cell = shown[int(rng.integers(len(shown)))].tolist()
                middle = (np.array(cell) + 0.5) * CELL + rng.uniform(-0.25, 0.25, 2) * size
            else:
                middle = _hard_place(logits[index], pixels.shape[2:], rng)
            limits = np.array(pixels.shape[2:]) - size
            row, column = np.clip(np.round(middle - np.array(size) / 2), 0, np.maximum(limits, 0)).astype(int)
            patch = crop_patch(pixels[index, 0], (float(row), float(column)), size)
            cut.append(torch.rot90(patch, 2 * int(rng.integers(2)), (0, 1)))
            labels.append(patch_label(code, int(row), int(column), size))
        return torch.stack(cut), torch.stack(labels).to(pixels)

    def validate(self, epoch: int) -> dict[str, float]:
        """Return AUCs over slices (largest map value) and patches, and how often the map's peak lies on a finding."""
        self.network.eval()
        rng = generator(self.around.seed, 0, 0, PATCHES)
        if self.stage.only_local:
            return self._validate_local(rng)
        scores: list[tuple[list[bool], list[float]]] = []
        patches: list[tuple[list[float], list[float]]] = []
        hits: list[bool] = []
        with torch.inference_mode():
            for batch in self._validation.every(self._validation.options.batches):
                pixels = batch.pixels.to(self.around.device)
                logits = self._logits(pixels)
                present = [bool((batch.codes == code).any()) for code in (BENIGN, MALIGNANT)]
                scores.append((present, logits.amax(dim=(0, 2, 3)).tolist()))
                if present[1]:
                    targets = cell_targets(batch.codes, (logits.shape[2], logits.shape[3]))
                    hits.append(bool(targets.positive[0, 1].flatten()[logits[0, 1].argmax()]))
                if self.stage.local_patches:
                    cut, labels = self._patches(pixels, batch.codes, logits, rng, 2)
                    found = torch.sigmoid(self._gmic.classifier_linear(self._gmic.dn_resnet(cut).float()))
                    patches += list(zip(labels.tolist(), found.tolist(), strict=True))
        metrics = {
            "auc_malignant": _auc(scores, 1, "malignant slices"),
            "auc_benign": _auc(scores, 0, "benign slices"),
            "peak_on_malignant": float(np.mean(hits)),
        }
        metrics["score"] = float(np.mean(list(metrics.values())))
        if patches:
            metrics["auc_malignant_local"] = _auc(patches, 1, "malignant patches")
            metrics["auc_benign_local"] = _auc(patches, 0, "benign patches")
        return metrics

    def _validate_local(self, rng: np.random.Generator) -> dict[str, float]:
        """Return the AUCs of the local network over crops that are its patches."""
        rows: list[tuple[list[float], list[float]]] = []
        with torch.inference_mode():
            for batch in self._validation.epoch(rng):
                maps = self._gmic.dn_resnet.maps(batch.pixels.to(self.around.device)[:, 0]).float()
                if self.stage.local_cells:
                    found = self._local_logits(maps).amax(dim=(2, 3))
                else:
                    found = torch.sigmoid(self._gmic.classifier_linear(maps.mean(dim=(2, 3))))
                rows += list(zip(_labels_of(batch.codes).tolist(), found.tolist(), strict=True))
        metrics = {
            "auc_malignant_local": _auc(rows, 1, "malignant patches"),
            "auc_benign_local": _auc(rows, 0, "benign patches"),
        }
        return {**metrics, "score": float(np.mean(list(metrics.values())))}

    def named(self, batch: MapBatch) -> str:
        """Return the slices' names."""
        return ", ".join(batch.names)

    def state(self) -> dict[str, Tensor]:
        """Return the whole network's state."""
        return cpu_state(self._gmic)


def cell_targets(codes: Tensor, cells: tuple[int, int]) -> Targets:
    """Return what the saliency cells (h, w) of slices with codes (n, rows / 4, columns / 4) should show."""
    shares = torch.stack([(codes == code).float() for code in (BENIGN, MALIGNANT)], dim=1)
    covered = F.adaptive_avg_pool2d(shares, cells)  # (n, 2, h, w)
    most_around = covered == F.max_pool2d(covered, 3, stride=1, padding=1)
    positive = (covered >= COVERED) | (most_around & (covered > SLIGHTLY))
    blurred = F.adaptive_avg_pool2d((codes == UNSURE).float()[:, None], cells) > SLIGHTLY
    unsure = ~positive & ((covered > 0) | blurred)
    nothing = (covered == 0).all(dim=1, keepdim=True)
    return Targets(positive.float(), (~unsure).float(), (blurred & nothing).float())


def map_loss(logits: Tensor, targets: Targets, blur_weight: float = 0.0) -> Tensor:
    """Return the loss of a batch of maps: positive cells, all negative cells and the hardest ones, each by its mean.

    Cells of out-of-plane blur count as negative with ``blur_weight``; 0 leaves them out.
    """
    wrong = F.binary_cross_entropy_with_logits(logits, targets.positive, reduction="none")
    positive = targets.positive.bool()
    negative = ~positive & targets.counts.bool()
    total = wrong.new_zeros(())
    for label in range(logits.shape[1]):
        found, empty = wrong[:, label][positive[:, label]], wrong[:, label][negative[:, label]]
        if len(found):
            total = total + found.mean()
        if len(empty):
            hardest = empty.topk(min(HARDEST * len(logits), len(empty))).values
            total = total + 2.0 * empty.mean() + 0.5 * hardest.mean()
        blurred = wrong[:, label][targets.blurred[:, 0].bool()]
        if blur_weight and len(blurred):
            total = total + blur_weight * blurred.mean()
    return total


def patch_label(codes: Tensor, row: int, column: int, size: tuple[int, int]) -> Tensor:
    """Return (benign, malignant), 0 or 1, of the patch at a corner (pixels) of a slice."""
    part = codes[row // CELL : (row + size[0]) // CELL, column // CELL : (column + size[1]) // CELL]
    return torch.stack([((part == code).sum() >= SHOWN_CELLS).float() for code in (BENIGN, MALIGNANT)])


def _labels_of(codes: Tensor) -> Tensor:
    """Return the labels (n, 2) of crops that are patches."""
    size = (CELL * codes.shape[1], CELL * codes.shape[2])
    return torch.stack([patch_label(code, 0, 0, size) for code in codes])


def _hard_place(logits: Tensor, size: torch.Size, rng: np.random.Generator) -> Any:
    """Return the middle (pixels) of one of the cells that either class marks most strongly."""
    strongest = torch.sigmoid(logits).amax(dim=0)
    among = strongest.flatten().topk(min(8, strongest.numel())).indices
    row, column = divmod(int(among[int(rng.integers(len(among)))]), strongest.shape[1])
    cell = np.array(size) / np.array(strongest.shape)
    return (np.array([row, column]) + 0.5) * cell + rng.uniform(-0.5, 0.5, 2) * cell


def _auc(rows: list[Any], label: int, what: str) -> float:
    return auc([present[label] for present, _ in rows], [score[label] for _, score in rows], what)
