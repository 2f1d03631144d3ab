"""The loss of the local network on labelled patches: each alone, and bags of them, whose attention must learn too."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gmic_core.models.gmic_blocks import gated_attention
from gmic_core.models.gmic_network import GmicNetwork


def local_loss(gmic: GmicNetwork, vectors: Tensor, labels: Tensor, bag: int) -> Tensor:
    """Return the mean of the loss of single patches and that of bags, whose label is that of any patch in it.

    Parameters
    ----------
    vectors : (n, 512), features of the patches.
    labels : (n, 2), benign and malignant.
    bag : patches per bag; below 2: no bags.
    """
    head = gmic.classifier_linear
    single = patch_bce(head(vectors), labels)
    if bag < 2 or len(vectors) < bag:
        return single
    starts = range(0, len(vectors) - bag + 1, bag)
    pooled = torch.cat([_pooled(gmic, vectors[start : start + bag]) for start in starts])
    any_of = torch.stack([labels[start : start + bag].amax(dim=0) for start in starts])
    return 0.5 * (single + patch_bce(head(pooled), any_of))


def patch_bce(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean over patches of the cross-entropy summed over the classes."""
    return F.binary_cross_entropy_with_logits(logits.float(), labels, reduction="sum") / len(labels)


def _pooled(gmic: GmicNetwork, vectors: Tensor) -> Tensor:
    return gated_attention(vectors, gmic.mil_attn_V, gmic.mil_attn_U, gmic.mil_attn_w) @ vectors
