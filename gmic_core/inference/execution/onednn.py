"""A GMIC network on the CPU through oneDNN: the same sums as the modules, in half their time and less memory.

Measured per layer in docs/performance.md. Values agree with the modules in float64 as closely as the modules in float32
do; nothing is skipped: air and padding influence GroupNorm and the borders of the maps.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from gmic_core.inference.execution.onednn_layers import Convolution, Stem, folded, norm_relu
from gmic_core.models.gmic_network import GlobalPass, GmicNetwork, LocalPass
from gmic_core.models.resnet import BasicBlock, ResNet18
from gmic_core.models.resnet22 import PreActivationBlock, ResNet22


class OneDnnExecutor:
    """Runs slices and patches one by one: batches are not faster on a CPU, and sums would depend on their size."""

    largest_batch = 1

    def __init__(self, network: GmicNetwork) -> None:
        self._network = network
        self.device = torch.device("cpu")
        self.scan = GlobalLayers(network.ds_net)
        self.class_map = network.left_postprocess_net["gn_conv_last"]
        self.look = LocalLayers(network.dn_resnet)

    def global_pass(self, x: Tensor) -> GlobalPass:
        """Run the global network on standardised slices (n, 1, rows, columns), float32."""
        self._network.check_image(x)
        parts = [self._one(one) for one in torch.split(x, 1)]
        return GlobalPass(torch.cat([part.saliency for part in parts]), torch.cat([part.vector for part in parts]))

    def _one(self, x: Tensor) -> GlobalPass:
        features = self.scan(x.contiguous())
        return GlobalPass(self._network.activated(self.class_map(features)), features.amax(dim=(2, 3)))

    def local(self, patches: Tensor) -> LocalPass:
        """Run the local network on at least one standardised patch (K, rows, columns), float32."""
        return self._network.attend(torch.cat([self.look(patch) for patch in torch.split(patches, 1)]))


class GlobalLayers:
    """ResNet-22 of one image."""

    def __init__(self, module: ResNet22) -> None:
        self.stem = Stem(module.first_conv)
        blocks = [block for stage in module.layer_list for block in cast(nn.Sequential, stage)]
        self.blocks = [GlobalBlock(cast(PreActivationBlock, block)) for block in blocks]
        self.last = norm_relu(module.final_bn)

    def __call__(self, x: Tensor) -> Tensor:
        """Return h_g (1, 256, h, w) of an image (1, 1, rows, columns)."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.last(x)


class GlobalBlock:
    """norm, ReLU, conv, norm, ReLU, conv, plus the residual; a BatchNorm between is in the first's weights."""

    def __init__(self, module: PreActivationBlock) -> None:
        self.first = norm_relu(module.bn1)
        self._folded = isinstance(module.bn2, nn.BatchNorm2d)
        bn2 = module.bn2
        self.conv1 = folded(module.conv1, bn2) if isinstance(bn2, nn.BatchNorm2d) else Convolution.of(module.conv1)
        self.second = None if self._folded else norm_relu(bn2)
        self.conv2 = Convolution.of(module.conv2)
        self.project = None if module.downsample is None else Convolution.of(cast(nn.Conv2d, module.downsample[0]))

    def __call__(self, x: Tensor) -> Tensor:
        """Return (1, width, rows / stride, columns / stride); ``x`` may be overwritten."""
        activated = self.first(x)
        residual = x if self.project is None else self.project(activated)
        out = self.conv1(activated, relu=self._folded)
        if self.second is not None:
            out = self.second(out)
        return self.conv2.added_to(residual, out)


class LocalLayers:
    """ResNet-18 of one patch, every BatchNorm in the weights of the convolution before it.

    The network takes three equal channels; the sum of the weights over them takes one.
    """

    def __init__(self, module: ResNet18) -> None:
        colour = module.conv1
        grey = nn.Conv2d(1, colour.out_channels, 7, stride=2, padding=3, bias=False)
        grey.weight.data = colour.weight.detach().sum(dim=1, keepdim=True)
        self.stem = folded(grey, module.bn1)
        self._pool = module.maxpool
        stages = (module.layer1, module.layer2, module.layer3, module.layer4)
        self.blocks = [LocalBlock(cast(BasicBlock, block)) for stage in stages for block in stage]

    def __call__(self, patch: Tensor) -> Tensor:
        """Return the features (1, 512) of a patch (1, rows, columns)."""
        x = self.pooled(self.stem(patch[:, None].contiguous(), relu=True))
        for block in self.blocks:
            x = block(x)
        means: Tensor = x.mean(dim=2).mean(dim=2)  # rows, then columns: the order of the published code
        return means

    def pooled(self, x: Tensor) -> Tensor:
        """Return the map after the first pooling, channels-last."""
        found: Tensor = self._pool(x)
        return found.contiguous(memory_format=torch.channels_last)


class LocalBlock:
    """conv, norm, ReLU, conv, norm, plus the residual, ReLU."""

    def __init__(self, module: BasicBlock) -> None:
        self.conv1 = folded(module.conv1, module.bn1)
        self.conv2 = folded(module.conv2, module.bn2)
        down = module.downsample
        self.project = None if down is None else folded(cast(nn.Conv2d, down[0]), cast(nn.BatchNorm2d, down[1]))

    def __call__(self, x: Tensor) -> Tensor:
        """Return (1, width, rows / stride, columns / stride); ``x`` may be overwritten."""
        residual = x if self.project is None else self.project(x)
        return self.conv2.added_to(residual, self.conv1(x, relu=True), relu=True)


