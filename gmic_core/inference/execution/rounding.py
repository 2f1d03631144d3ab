"""What half precision costs, told by a computer that has none: values are rounded where the fast mode rounds them.

Tensor cores multiply float16 values and add in float32; what is stored between layers is float16. So a float32 network
whose weights and layers' outputs are rounded to float16 differs from the real thing by the order of sums only.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from gmic_core.models.gmic_network import GlobalPass, GmicNetwork, LocalPass


class RoundingExecutor:
    """Runs the modules in float32 and rounds weights and maps to another type; for judging the fast mode.

    Parameters
    ----------
    dtype : ``torch.float16`` as in the fast mode, or ``torch.bfloat16``.
    """

    largest_batch = 1

    def __init__(self, network: GmicNetwork, dtype: torch.dtype = torch.float16) -> None:
        self._network, self.device = network, next(network.parameters()).device
        self._dtype = dtype
        self._scan = self._rounding(network.ds_net)
        self._look = self._rounding(network.dn_resnet)

    def global_pass(self, x: Tensor) -> GlobalPass:
        """Run the global network on standardised slices (n, 1, rows, columns), float32."""
        self._network.check_image(x)
        features = self._scan(self._rounded(x))
        logits = self._network.left_postprocess_net["gn_conv_last"](features)
        return GlobalPass(self._network.activated(logits), features.amax(dim=(2, 3)))

    def local(self, patches: Tensor) -> LocalPass:
        """Run the local network on at least one standardised patch (K, rows, columns), float32."""
        return self._network.attend(self._look(self._rounded(patches)))

    def _rounded(self, x: Tensor) -> Tensor:
        return x.to(self._dtype).to(torch.float32)

    def _rounding(self, module: nn.Module) -> nn.Module:
        found = copy.deepcopy(module)
        for parameter in found.parameters():
            parameter.data = self._rounded(parameter.data)
        for layer in found.modules():
            if isinstance(layer, nn.Conv2d | nn.GroupNorm | nn.BatchNorm2d):
                layer.register_forward_hook(lambda _layer, _given, out: self._rounded(out))
        return found
