"""Blocks of the frozen baseline: plain torch modules in float32, contiguous NCHW, written from the papers.

Nothing of the product is imported here and nothing here may be made faster: a ratio is worth something only as long as
what it is measured against stays as it is. Every operation is a module of its own, so that a table per layer adds up.
"""

from __future__ import annotations

from torch import Tensor, nn

GLOBAL_WIDTHS = (16, 32, 64, 128, 256)
GROUPS, EPS = 8, 1e-5


class Sum(nn.Module):
    """The sum of a residual block."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return a + b."""
        return a + b


def norm_of(kind: str, channels: int) -> nn.Module:
    """Return GroupNorm with 8 groups (3D-GMIC) or BatchNorm (GMIC)."""
    if kind == "group":
        return nn.GroupNorm(GROUPS, channels, eps=EPS)
    return nn.BatchNorm2d(channels, eps=EPS)


class PreActivation(nn.Module):
    """norm, ReLU, conv, norm, ReLU, conv, plus x or a projection of relu(norm(x)): a block of ResNet-22."""

    def __init__(self, before: int, width: int, stride: int, norm: str, project: bool) -> None:
        super().__init__()
        self.bn1 = norm_of(norm, before)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = norm_of(norm, width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.downsample: nn.Sequential | None = None
        if project:
            self.downsample = nn.Sequential(nn.Conv2d(before, width, 1, stride=stride, bias=False))
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, rows / stride, columns / stride)."""
        active = self.relu1(self.bn1(x))
        residual = x if self.downsample is None else self.downsample(active)
        out = self.conv2(self.relu2(self.bn2(self.conv1(active))))
        total: Tensor = self.sum(out, residual)
        return total


class ResNet22(nn.Module):
    """The global network of GMIC and 3D-GMIC: (n, 1, H, W) -> (n, 256, h, w).

    Parameters
    ----------
    padding : of the 7x7 convolution; 3, in DMV-CNN 0.
    """

    def __init__(self, norm: str, padding: int = 3) -> None:
        super().__init__()
        self.first_conv = nn.Conv2d(1, 16, 7, stride=2, padding=padding, bias=False)
        self.first_pool = nn.MaxPool2d(3, stride=2)
        self.layer_list = nn.ModuleList()
        before = 16
        for index, width in enumerate(GLOBAL_WIDTHS):
            first = PreActivation(before, width, 2 if index else 1, norm, project=True)
            self.layer_list.append(nn.Sequential(first, PreActivation(width, width, 1, norm, project=False)))
            before = width
        self.final_bn = norm_of(norm, before)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features h_g."""
        x = self.first_pool(self.first_conv(x))
        for stage in self.layer_list:
            x = stage(x)
        features: Tensor = self.relu(self.final_bn(x))
        return features


class Basic(nn.Module):
    """conv, norm, ReLU, conv, norm, plus a residual, ReLU: a block of ResNet version 1, in two or three dimensions."""

    expansion = 1

    def __init__(self, before: int, width: int, stride: int, conv: type[nn.Module], norm: type[nn.Module]) -> None:
        super().__init__()
        self.conv1 = conv(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv(width, width, 3, padding=1, bias=False)
        self.bn2 = norm(width)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(conv(before, width, 1, stride=stride, bias=False), norm(width))
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        total: Tensor = self.relu(self.sum(out, x if self.downsample is None else self.downsample(x)))
        return total


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with four times the width at the end: a block of ResNet-50."""

    expansion = 4

    def __init__(self, before: int, width: int, stride: int, conv: type[nn.Module], norm: type[nn.Module]) -> None:
        super().__init__()
        after = width * self.expansion
        self.conv1, self.bn1 = conv(before, width, 1, bias=False), norm(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride=stride, padding=1, bias=False), norm(width)
        self.conv3, self.bn3 = conv(width, after, 1, bias=False), norm(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(conv(before, after, 1, stride=stride, bias=False), norm(after))
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        out = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        out = self.bn3(self.conv3(out))
        total: Tensor = self.relu(self.sum(out, x if self.downsample is None else self.downsample(x)))
        return total


class ResNet(nn.Module):
    """ResNet version 1 without its head: (n, channels, [depth,] rows, columns) -> features of every position.

    Parameters
    ----------
    blocks : how many in each of the four stages: (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) ResNet-34 and 50.
    channels : of the input.
    three_d : the network of Hara et al. (2018): convolutions, pooling and strides in three dimensions, the first
        convolution 7x7x7 with stride 1 along the slices.
    """

    def __init__(
        self, blocks: tuple[int, ...], channels: int, three_d: bool = False, block: type[Basic | Bottleneck] = Basic
    ) -> None:
        super().__init__()
        conv, norm = (nn.Conv3d, nn.BatchNorm3d) if three_d else (nn.Conv2d, nn.BatchNorm2d)
        stride = (1, 2, 2) if three_d else 2
        self.conv1 = conv(channels, 64, 7, stride=stride, padding=3, bias=False)
        self.bn1 = norm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = (nn.MaxPool3d if three_d else nn.MaxPool2d)(3, stride=2, padding=1)
        before = 64
        for number, count in enumerate(blocks, start=1):
            width, step = 32 << number, 1 if number == 1 else 2
            stage: list[nn.Module] = []
            for index in range(count):
                stage.append(block(before, width, 1 if index else step, conv, norm))
                before = width * block.expansion
            setattr(self, f"layer{number}", nn.Sequential(*stage))
        self.features = before

    def forward(self, x: Tensor) -> Tensor:
        """Return the features of every position."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        out: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return out
