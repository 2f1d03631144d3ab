"""Memory layout of convolution weights."""

from __future__ import annotations

import torch
from torch import nn


def use_channels_last(module: nn.Module) -> None:
    """Lay the weights of all convolutions in ``module`` out channels-last; values and keys stay.

    Convolutions with such weights return channels-last results. On the CPU they are faster that way, pooling much so.
    """
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
