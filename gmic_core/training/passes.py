"""The training forward pass: like the network's own, but for a batch, whose patches share one BatchNorm pass.

The published networks train on batches: the local network's statistics are those of all patches of all images
together. The network's own ``forward`` goes image by image, which gives the same numbers in eval mode only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gmic_core.models.gmic2d import Gmic2D
from gmic_core.models.gmic_blocks import RoiSelection, gated_attention
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.training.memory import global_pass

Phase = Literal["global", "local", "both"]
"""Which of the two networks learns now."""


@dataclass(frozen=True)
class PassOptions:
    """How a batch goes through.

    Attributes
    ----------
    rotate : turn patches by a random multiple of 90 degrees.
    keep_empty : run the local network on no patches at all too, so that processes stay in step.
    """

    slice_batch: int = 4
    recompute: bool = False
    rotate: bool = False
    phase: Phase = "both"
    keep_empty: bool = False


@dataclass(frozen=True)
class ImagePass:
    """What the networks make of one image.

    Attributes
    ----------
    saliency : (slices, 2, h, w).
    y_global, y_local, y_fusion : (1, 2); None where it does not apply, see :func:`~.losses.image_loss`.
    """

    saliency: Tensor
    y_global: Tensor
    y_local: Tensor | None
    y_fusion: Tensor | None


def run_batch(
    network: GmicNetwork, images: Sequence[Tensor], draws: Sequence[np.random.Generator], options: PassOptions
) -> tuple[list[ImagePass], Tensor]:
    """Run everything on a batch.

    Parameters
    ----------
    images : (slices, rows, columns) each.
    draws : one generator per image, for the slices within +-zeta and the rotations.

    Returns
    -------
    The images' results, and a scalar 0 that hangs on the local network's output: added to the loss, it takes part in
    the sums over processes even if no image of this one offered a patch.
    """
    maps, vectors = _global_passes(network, images, options)
    scores = [network.global_score(saliency) for saliency in maps]
    if options.phase == "global":
        return [ImagePass(a, y, None, None) for a, y in zip(maps, scores, strict=True)], scores[0].new_zeros(())
    chosen: list[RoiSelection] = []
    patches: list[Tensor] = []
    for image, saliency, rng in zip(images, maps, draws, strict=True):
        size = (image.shape[1], image.shape[2])
        chosen.append(network.select(saliency, size, _slice_draw(rng)))
        if len(chosen[-1]):
            cut = network.crop(image[:, None], chosen[-1])
            patches.append(_rotated(cut, rng) if options.rotate else cut)
    if not patches and not options.keep_empty:
        return [ImagePass(a, y, None, None) for a, y in zip(maps, scores, strict=True)], scores[0].new_zeros(())
    joined = torch.cat(patches) if patches else images[0].new_zeros((0, *network.spec.patch_size))
    features = network.dn_resnet(joined).float()  # (patches of all images, 512)
    results = []
    parts = iter(torch.split(features, [len(choice) for choice in chosen if len(choice)]))
    for saliency, y_global, vector, choice in zip(maps, scores, vectors, chosen, strict=True):
        if not len(choice):
            results.append(ImagePass(saliency, y_global, None, None))
            continue
        y_local, y_fusion = _heads(network, next(parts), vector)
        results.append(ImagePass(saliency, y_global, y_local, y_fusion))
    return results, features.sum() * 0.0


def _global_passes(
    network: GmicNetwork, images: Sequence[Tensor], options: PassOptions
) -> tuple[list[Tensor], list[Tensor]]:
    """Return saliency (slices, 2, h, w) and vector (1, 256) of every image."""
    with torch.set_grad_enabled(options.phase != "local" and torch.is_grad_enabled()):
        if len({image.shape[1:] for image in images}) == 1:  # one pass: BatchNorm sees the batch, and it is faster
            stacked = (torch.cat(list(images)) if len(images) > 1 else images[0])[:, None]
            done = global_pass(network, stacked, options.slice_batch, options.recompute)
            depths = [len(image) for image in images]
            maps = list(torch.split(done.saliency.float(), depths))
            vectors = [part.amax(dim=0, keepdim=True).float() for part in torch.split(done.vector, depths)]
            return maps, vectors
        passes = [global_pass(network, image[:, None], options.slice_batch, options.recompute) for image in images]
        return [p.saliency.float() for p in passes], [p.vector.amax(dim=0, keepdim=True).float() for p in passes]


def _heads(network: GmicNetwork, features: Tensor, vector: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return y_local and, where there is a fusion layer, y_fusion of one image's patches (K, 512)."""
    with torch.autocast(features.device.type, enabled=False):
        attention = gated_attention(features, network.mil_attn_V, network.mil_attn_U, network.mil_attn_w)
        z = attention @ features
        y_local = torch.sigmoid(network.classifier_linear(z))
        if not isinstance(network, Gmic2D):
            return y_local, None
        return y_local, network.combine(y_local, y_local, vector, z)


def _slice_draw(rng: np.random.Generator) -> _Draw:
    return _Draw(rng)


@dataclass(frozen=True)
class _Draw:
    """Draws a whole number in low .. high - 1."""

    rng: np.random.Generator

    def __call__(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))


def _rotated(patches: Tensor, rng: np.random.Generator) -> Tensor:
    """Return the patches (K, n, n), each turned by 0, 90, 180 or 270 degrees."""
    turns = rng.integers(0, 4, size=len(patches)).tolist()
    return torch.stack([torch.rot90(patch, turn, (0, 1)) for patch, turn in zip(patches, turns, strict=True)])
