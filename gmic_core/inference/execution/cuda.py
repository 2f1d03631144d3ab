"""A GMIC network on a CUDA device in fast mode: float16, channels-last, the global network as a CUDA graph.

GroupNorm and BatchNorm sum in float32 whatever their input is; the class map, its activation, pooling and the choice of
patches are float32, because a map in float16 has ties that float32 has not.

Only a machine with a CUDA device can run this; tests marked ``needs_cuda`` do. What half precision costs is known
without one: :mod:`gmic_core.inference.execution.rounding` rounds where this rounds.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gmic_core.models.gmic_network import GlobalPass, GmicNetwork, LocalPass
from gmic_core.models.layout import use_channels_last

WARM_UP = 3
"""Runs on a side stream before a graph is captured, as torch's documentation asks for: libraries set themselves up."""
LARGEST_BATCH = 16
"""Slices at once."""

Layers = Callable[[Tensor], tuple[Tensor, ...]]


class HalfExecutor:
    """Global network in float16 through a CUDA graph for each shape of batch, local network in float16."""

    largest_batch = LARGEST_BATCH

    def __init__(self, network: GmicNetwork, device: torch.device) -> None:
        self._network, self.device = network, device
        self._scan = half(network.ds_net)
        self._look = half(network.dn_resnet)
        self._graphs: dict[tuple[int, ...], Layers] = {}

    def global_pass(self, x: Tensor) -> GlobalPass:
        """Run the global network on standardised slices (n, 1, rows, columns), float32."""
        self._network.check_image(x)
        shape = tuple(x.shape)
        if shape not in self._graphs:
            self._graphs[shape] = captured(self._layers, x) if shape[0] > 1 else self._layers
        saliency, vector = self._graphs[shape](x)
        return GlobalPass(saliency, vector)

    def _layers(self, x: Tensor) -> tuple[Tensor, ...]:
        features = self._scan(x.half()).float()
        logits = self._network.left_postprocess_net["gn_conv_last"](features)
        return self._network.activated(logits), features.amax(dim=(2, 3))

    def local(self, patches: Tensor) -> LocalPass:
        """Run the local network on at least one standardised patch (K, rows, columns), float32."""
        return self._network.attend(self._look(patches.half()).float())


def half(module: nn.Module) -> nn.Module:
    """Return a copy of a module in float16, channels-last."""
    found = copy.deepcopy(module).half()
    use_channels_last(found)
    return found


def captured(layers: Layers, example: Tensor) -> Layers:
    """Return ``layers`` as a CUDA graph for inputs of one shape: launched at once instead of kernel by kernel."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            layers(example)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    taken = example.clone()
    with torch.cuda.graph(graph):
        given = layers(taken)

    def replayed(x: Tensor) -> tuple[Tensor, ...]:
        taken.copy_(x)
        graph.replay()
        return tuple(part.clone() for part in given)

    return replayed
