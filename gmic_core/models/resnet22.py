"""ResNet-22, the narrow network that scans the whole image at full resolution (GMIC paper, Table 1; DMV-CNN paper).

Five stages of two pre-activation blocks; 22 layers of weights with the first convolution and the class map. Names of
modules are those of the published weight files, so that these load without renaming.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gmic_core.models.layout import use_channels_last
from gmic_core.models.specs import Norm

WIDTHS = (16, 32, 64, 128, 256)
STRIDES = (1, 2, 2, 2, 2)
BLOCKS_PER_STAGE = 2
OUT_CHANNELS = WIDTHS[-1]
NORM_GROUPS = 8
NORM_EPS = 1e-5


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """Return GroupNorm with 8 groups (3D-GMIC paper) or BatchNorm (GMIC, DMV-CNN)."""
    if norm == "group":
        return nn.GroupNorm(NORM_GROUPS, channels, eps=NORM_EPS)
    return nn.BatchNorm2d(channels, eps=NORM_EPS)


class PreActivationBlock(nn.Module):
    """norm, ReLU, conv, norm, ReLU, conv, plus a residual.

    The first block of *every* stage, also of the one that keeps width and size, takes relu(norm(x)) through a 1x1
    convolution as its residual; the others take x itself.
    """

    def __init__(self, width_in: int, width: int, stride: int, norm: Norm, project: bool) -> None:
        super().__init__()
        self.bn1 = norm_layer(norm, width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = norm_layer(norm, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.downsample: nn.Sequential | None = None
        if project:  # a Sequential because the published key is downsample.0.weight
            self.downsample = nn.Sequential(nn.Conv2d(width_in, width, 1, stride=stride, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, rows / stride, columns / stride)."""
        activated = F.relu(self.bn1(x), inplace=True)
        residual: Tensor = x if self.downsample is None else self.downsample(activated)
        out: Tensor = self.conv1(activated)
        out = self.conv2(F.relu(self.bn2(out), inplace=True))
        return out.add_(residual)


class ResNet22(nn.Module):
    """The global network ``ds_net``: (n, 1, H, W) -> features h_g (n, 256, h, w), about 64 pixels a cell.

    Parameters
    ----------
    norm : ``group`` in 3D-GMIC, ``batch`` in GMIC and DMV-CNN.
    first_padding : padding of the 7x7 convolution: 3 in GMIC and 3D-GMIC, 0 in DMV-CNN.
    """

    def __init__(self, norm: Norm, first_padding: int = 3) -> None:
        super().__init__()
        self.first_conv = nn.Conv2d(1, WIDTHS[0], 7, stride=2, padding=first_padding, bias=False)
        self.first_pool = nn.MaxPool2d(3, stride=2)  # at once: no norm and no ReLU between
        self.layer_list = nn.ModuleList()
        width_in = WIDTHS[0]
        for width, stride in zip(WIDTHS, STRIDES, strict=True):
            self.layer_list.append(_stage(width_in, width, stride, norm))
            width_in = width
        self.final_bn = norm_layer(norm, OUT_CHANNELS)
        self._set_layout(norm)

    def _set_layout(self, norm: Norm) -> None:
        """Choose memory layouts: channels-last convolutions, and above all pooling, are faster on the CPU.

        Not with GroupNorm: torch's channels-last kernel sums squares in float32, and the saliency of a 2116x1339 slice
        was off by 7e-3. There only the part before the first norm has that layout.
        """
        use_channels_last(self if norm == "batch" else self.first_conv)
        self._inner_layout = torch.channels_last if norm == "batch" else torch.contiguous_format

    def forward(self, x: Tensor) -> Tensor:
        """Return h_g."""
        x = self.first_pool(self.first_conv(x)).contiguous(memory_format=self._inner_layout)
        for stage in self.layer_list:
            x = stage(x)
        return F.relu(self.final_bn(x), inplace=True)


def _stage(width_in: int, width: int, stride: int, norm: Norm) -> nn.Sequential:
    blocks = [PreActivationBlock(width_in, width, stride, norm, project=True)]
    blocks += [PreActivationBlock(width, width, 1, norm, project=False) for _ in range(BLOCKS_PER_STAGE - 1)]
    return nn.Sequential(*blocks)


def cells_of(rows: int, columns: int, first_padding: int = 3) -> tuple[int, int]:
    """Return the size (h, w) of the feature map of an image; 0 where the image is too small for the network."""
    return _cells(rows, first_padding), _cells(columns, first_padding)


def _cells(pixels: int, first_padding: int) -> int:
    size = (pixels + 2 * first_padding - 7) // 2 + 1
    size = (size - 3) // 2 + 1
    for stride in STRIDES:
        size = (size - 1) // stride + 1
    return max(size, 0)
