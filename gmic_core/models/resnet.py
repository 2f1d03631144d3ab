"""ResNet-18 version 1 (He et al. 2016), the local network that looks at single patches.

Module names follow the common layout, in which the published weight files are stored.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)
BLOCKS_PER_STAGE = 2
OUT_FEATURES = WIDTHS[-1]
IN_CHANNELS = 3  # the grey patch is repeated: the network was pretrained on colour photographs


class BasicBlock(nn.Module):
    """conv, norm, ReLU, conv, norm, plus a residual, ReLU."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or width_in != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(width_in, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, rows / stride, columns / stride)."""
        residual: Tensor = x if self.downsample is None else self.downsample(x)
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        return F.relu(out + residual, inplace=True)


class ResNet18(nn.Module):
    """The local network ``dn_resnet``: grey patches (n, rows, columns) -> features h_k (n, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(IN_CHANNELS, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], 1)
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], 2)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], 2)
        self.layer4 = _stage(WIDTHS[2], WIDTHS[3], 2)

    def forward(self, patches: Tensor) -> Tensor:
        """Return the features of each patch, averaged over its positions."""
        return self.maps(patches).mean(dim=2).mean(dim=2)  # rows, then columns: the order of the published code

    def maps(self, patches: Tensor) -> Tensor:
        """Return the features at every position, (n, 512, rows / 32, columns / 32)."""
        x = patches[:, None].expand(-1, IN_CHANNELS, -1, -1)
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        features: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return features


def _stage(width_in: int, width: int, stride: int) -> nn.Sequential:
    blocks = [BasicBlock(width_in, width, stride)]
    blocks += [BasicBlock(width, width, 1) for _ in range(BLOCKS_PER_STAGE - 1)]
    return nn.Sequential(*blocks)
