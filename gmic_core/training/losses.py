"""Losses of both papers: Eq. 7 of the 3D-GMIC paper and Eq. 13 of the GMIC paper, summed over the two classes.

The L1 norms (Eq. 6 and 12) are sums over all cells, and over all slices in 3D, not means: that is what the papers'
ranges of beta belong to.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PROBABILITY_MARGIN = 1e-6
"""Probabilities are kept this far from 0 and 1: relu(tanh) reaches both, and the logarithm of 0 has no gradient."""


@dataclass(frozen=True)
class LossParts:
    """Loss of one image and what it is made of; every part is a scalar.

    Attributes
    ----------
    local : 0 where the map offered no patch. Only the networks with a fusion layer have ``fusion``.
    regularisation : beta times the L1 norm.
    """

    total: Tensor
    global_: Tensor
    local: Tensor
    fusion: Tensor
    regularisation: Tensor

    def values(self) -> dict[str, float]:
        """Return plain numbers for the log."""
        return {
            "loss": float(self.total.detach()),
            "loss_global": float(self.global_.detach()),
            "loss_local": float(self.local.detach()),
            "loss_fusion": float(self.fusion.detach()),
            "regularisation": float(self.regularisation.detach()),
        }


def bce(predicted: Tensor, labels: Tensor) -> Tensor:
    """Return the binary cross-entropy of one image, summed over the classes, in float32.

    Parameters
    ----------
    predicted, labels : (1, 2), benign and malignant.
    """
    # A value beyond the margin is moved without cutting its gradient: a clamp would leave a wrong 0 or 1 for ever.
    predicted = predicted.float()
    kept = predicted + (predicted.clamp(PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN) - predicted).detach()
    # written out: torch's own raises on NaN, on CUDA for good, before the loop could say which images it came from
    return -(labels * torch.log(kept) + (1.0 - labels) * torch.log1p(-kept)).sum()


def image_loss(
    saliency: Tensor,
    y_global: Tensor,
    y_local: Tensor | None,
    y_fusion: Tensor | None,
    labels: Tensor,
    beta: float,
) -> LossParts:
    """Return the loss of one image.

    Parameters
    ----------
    saliency : (slices, 2, h, w).
    y_global, y_local, y_fusion, labels : (1, 2). y_local None: no patch could be chosen, or the local network
        does not learn now. y_fusion None: the network has no fusion layer (Eq. 7), or it does not learn now.
    """
    zero = y_global.new_zeros((), dtype=torch.float32)
    global_ = bce(y_global, labels)
    local = zero if y_local is None else bce(y_local, labels)
    fusion = zero if y_fusion is None else bce(y_fusion, labels)
    regularisation = beta * saliency.float().abs().sum()
    return LossParts(global_ + local + fusion + regularisation, global_, local, fusion, regularisation)
