"""Layers that run through oneDNN with their weights laid out once, for one image at a time. CPU only, float32.

Eager torch lays the weights of every convolution out anew at each call, has no fast kernel for the first convolution
(one channel in) unless they are, and reads and writes a feature map three times for GroupNorm and ReLU. Here a
convolution takes its residual or its ReLU along, and a normalisation is one pass that sums and one that applies.

``torch.ops.mkldnn`` are the operators that ``torch.compile`` emits for frozen CPU networks; they need no compiler.
All feature maps are channels-last: (1, channels, rows, columns) with the channels next to each other.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS_SUMMED = 256
"""Positions that are summed in float32 before float64 takes over: the variance of a map of 176,352 positions is right
to 3e-8 that way. Torch's channels-last GroupNorm sums all in float32 and is off by 7e-3 in saliency."""
STRIP_ROWS = 32
"""Rows of the pooled map made at once by the stem, so that the largest map of the network (16 channels at half the
resolution, 45 MB for a slice of 2116x1339) never exists as a whole."""


def available() -> bool:
    """Return whether this build of torch has the operators."""
    built: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return built and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class Convolution:
    """A convolution with its weights laid out for oneDNN.

    Parameters
    ----------
    weight : (out, in, rows, columns).
    bias : (out,) or None.
    padding : (rows, columns).

    Attributes
    ----------
    kernel : shape of the weight.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, stride: int, padding: tuple[int, int]) -> None:
        self._weight = weight.detach()
        self.kernel = weight.shape
        self._bias = None if bias is None else bias.detach().contiguous()
        self._settings = [list(padding), [stride, stride], [1, 1], 1]
        self._packed: Tensor | None = None
        self._packed_for: torch.Size | None = None

    @classmethod
    def of(cls, module: nn.Conv2d) -> Convolution:
        """Return the convolution of a module."""
        return cls(module.weight, module.bias, module.stride[0], (int(module.padding[0]), int(module.padding[1])))

    def __call__(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """Return the convolution of ``x`` (1, in, rows, columns), rectified if asked for."""
        kind = "relu" if relu else "none"
        return _tensor(
            torch.ops.mkldnn._convolution_pointwise(x, self._laid_out(x), self._bias, *self._settings, kind, [], "")
        )

    def added_to(self, residual: Tensor, x: Tensor, *, relu: bool = False) -> Tensor:
        """Add the convolution of ``x`` to ``residual`` in place, rectify if asked for, and return it."""
        kind = "relu" if relu else None
        return _tensor(
            torch.ops.mkldnn._convolution_pointwise_.binary(
                residual, x, self._laid_out(x), self._bias, *self._settings, "add", 1.0, kind, [], None
            )
        )

    def _laid_out(self, x: Tensor) -> Tensor:
        """Return the weights as oneDNN wants them for inputs of this size; laid out for another one it is slow."""
        if self._packed is None or self._packed_for != x.shape:
            pack = torch.ops.mkldnn._reorder_convolution_weight
            self._packed = _tensor(pack(self._weight, *self._settings, list(x.shape)))
            self._packed_for = x.shape
        return self._packed


def _tensor(value: Any) -> Tensor:
    assert isinstance(value, Tensor)
    return value


def scaled_and_rectified(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return relu(x * scale + shift) by channel, (1, channels, rows, columns), in one pass: a depthwise convolution."""
    channels = x.shape[1]
    one_by_one = scale.view(channels, 1, 1, 1)
    return _tensor(
        torch.ops.mkldnn._convolution_pointwise(
            x, one_by_one, shift, [0, 0], [1, 1], [1, 1], channels, "relu", [], ""
        )
    )


class GroupNormReLU:
    """GroupNorm and ReLU of one image."""

    def __init__(self, module: nn.GroupNorm) -> None:
        self._groups, self._eps = module.num_groups, module.eps
        self._weight, self._bias = module.weight.detach().double(), module.bias.detach().double()

    def __call__(self, x: Tensor) -> Tensor:
        """Return the normalised and rectified map, (1, channels, rows, columns)."""
        scale, shift = self.affine(x)
        return scaled_and_rectified(x, scale, shift)

    def affine(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return scale and shift of each channel, float32 (channels,), that normalise ``x``."""
        _, channels, rows, columns = x.shape
        total, squares = sums(x.permute(0, 2, 3, 1).reshape(rows * columns, channels))
        in_group = rows * columns * channels // self._groups
        mean = total.view(self._groups, -1).sum(1) / in_group
        variance = squares.view(self._groups, -1).sum(1) / in_group - mean.square()
        each = channels // self._groups
        scale = self._weight * (variance.clamp_min(0) + self._eps).rsqrt().repeat_interleave(each)
        shift = self._bias - mean.repeat_interleave(each) * scale
        return scale.float(), shift.float()


class BatchNormReLU:
    """BatchNorm with the statistics of training, and ReLU."""

    def __init__(self, module: nn.BatchNorm2d) -> None:
        self._scale, self._shift = batch_norm_affine(module)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the normalised and rectified map, (1, channels, rows, columns)."""
        return scaled_and_rectified(x, self._scale, self._shift)


def norm_relu(module: nn.Module) -> GroupNormReLU | BatchNormReLU:
    """Return the fused form of a normalisation that is followed by ReLU."""
    if isinstance(module, nn.GroupNorm):
        return GroupNormReLU(module)
    assert isinstance(module, nn.BatchNorm2d)
    return BatchNormReLU(module)


def batch_norm_affine(module: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return scale and shift of each channel, float32 (channels,), of a BatchNorm in eval mode."""
    assert module.running_mean is not None
    assert module.running_var is not None
    scale = module.weight.detach().double() * (module.running_var.double() + module.eps).rsqrt()
    shift = module.bias.detach().double() - module.running_mean.double() * scale
    return scale.float(), shift.float()


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> Convolution:
    """Return a convolution that has the BatchNorm after it in its weights."""
    scale, shift = batch_norm_affine(norm)
    weight = convolution.weight.detach() * scale.view(-1, 1, 1, 1)
    padding = int(convolution.padding[0]), int(convolution.padding[1])
    return Convolution(weight, shift, convolution.stride[0], padding)


def sums(positions: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sums of values and of squares of each column, float64 (channels,).

    Parameters
    ----------
    positions : float32 (positions, channels), contiguous.
    """
    count, channels = positions.shape
    whole = count - count % ROWS_SUMMED
    parts = positions[:whole].view(-1, ROWS_SUMMED, channels)
    rest = positions[whole:].double()
    total = parts.sum(1).double().sum(0) + rest.sum(0)
    squares = parts.square().sum(1).double().sum(0) + rest.square().sum(0)
    return total, squares


class Stem:
    """The 7x7 convolution with stride 2 and the 3x3 max-pooling with stride 2 after it, in strips of rows.

    Parameters
    ----------
    convolution : one channel in, padded by ``padding`` on all sides.
    """

    SIZE, STRIDE, POOL = 7, 2, 3

    def __init__(self, convolution: nn.Conv2d) -> None:
        self._padding = int(convolution.padding[0])
        # rows are padded strip by strip, columns by the convolution
        self.convolution = Convolution(convolution.weight, None, self.STRIDE, (0, int(convolution.padding[1])))

    def __call__(self, x: Tensor) -> Tensor:
        """Return the pooled map (1, channels, rows, columns), channels-last, of an image (1, 1, rows, columns)."""
        pooled = (self.convolved(x)[0] - self.POOL) // 2 + 1
        strips = [self._strip(x, first, min(first + STRIP_ROWS, pooled)) for first in range(0, pooled, STRIP_ROWS)]
        return torch.cat(strips, dim=2).contiguous(memory_format=torch.channels_last)

    def convolved(self, x: Tensor) -> tuple[int, int]:
        """Return rows and columns of the map between convolution and pooling."""
        rows, columns = ((side + 2 * self._padding - self.SIZE) // self.STRIDE + 1 for side in x.shape[2:])
        return rows, columns

    def _strip(self, x: Tensor, first: int, end: int) -> Tensor:
        """Return rows first .. end - 1 of the pooled map."""
        above = 2 * first * self.STRIDE - self._padding  # first row of the image that the strip sees
        below = (2 * (end - 1) + self.POOL - 1) * self.STRIDE - self._padding + self.SIZE
        part = x[:, :, max(above, 0) : min(below, x.shape[2])]
        missing = max(-above, 0), max(below - x.shape[2], 0)
        if any(missing):
            part = F.pad(part, (0, 0, *missing))
        return F.max_pool2d(self.convolution(_one_channel_last(part)), self.POOL, stride=2)


def _one_channel_last(x: Tensor) -> Tensor:
    """Return (1, 1, rows, columns) with strides that say channels-last: with one channel both layouts are the same."""
    rows, columns = x.shape[2:]
    return x.as_strided(x.shape, (rows * columns, 1, columns, 1))
