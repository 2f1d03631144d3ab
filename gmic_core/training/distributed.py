"""Several processes as one: shares of a batch, summed gradients, BatchNorm over all of them.

Started by ``torchrun``. torch has no synchronised BatchNorm on the CPU, so the statistics are summed here with an
all-reduce through which gradients flow; the same code serves NCCL. Every process must take part in every sum, also
one whose images offered no patch: it adds zeros.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gmic_core.errors import TrainingError

TIMEOUT = timedelta(hours=1)
"""Validation shares may differ in size; the others wait for the slowest."""


@dataclass(frozen=True)
class Workers:
    """One process among all: its number and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def together(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0


@contextmanager
def joined(device: torch.device) -> Iterator[Workers]:
    """Join the other processes if ``torchrun`` started this one; leave them at the end.

    Raises
    ------
    TrainingError
        If torchrun's environment variables are there but make no sense.
    """
    if "WORLD_SIZE" not in os.environ or "RANK" not in os.environ:
        yield Workers()
        return
    try:
        workers = Workers(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    except ValueError as error:
        raise TrainingError(f"RANK and WORLD_SIZE must be numbers ({error}); start with torchrun.") from error
    if not workers.together:
        yield workers
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield workers
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """Return this process's own CUDA device under torchrun, or the device as it is."""
    if device.type == "cuda" and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


class _SumOverAll(torch.autograd.Function):
    """Sum over the processes. The gradient of a sum that all of them use is the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


def sum_over_all(x: Tensor) -> Tensor:
    """Return the sum of ``x`` over all processes; gradients flow back to each."""
    total: Tensor = _SumOverAll.apply(x)  # type: ignore[no-untyped-call]
    return total


class SharedBatchNorm(nn.BatchNorm2d):
    """BatchNorm over the batches of all processes together; takes an empty batch as well."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised (n, channels, h, w)."""
        if not self.training:
            return super().forward(x)
        shape = (1, -1, 1, 1)
        values = x.float()
        axes = (0, 2, 3)
        # summed in float64: the mean square minus the squared mean loses digits in float32
        sums = [values.sum(axes, dtype=torch.float64), (values * values).sum(axes, dtype=torch.float64)]
        count = sums[0].new_tensor([x.numel() / x.shape[1]])
        mean, square, total = sum_over_all(torch.cat([*sums, count])).tensor_split([x.shape[1], 2 * x.shape[1]])
        total = total.detach().clamp(min=1.0)
        mean = mean / total
        variance = (square / total - mean * mean).clamp(min=0.0)
        if self.track_running_stats:
            self._move_statistics(mean.detach(), variance.detach(), float(total))
        scale = self.weight * (variance + self.eps).rsqrt().float()
        out = (values - mean.float().view(shape)) * scale.view(shape) + self.bias.view(shape)
        result: Tensor = out.to(x.dtype)
        return result

    def _move_statistics(self, mean: Tensor, variance: Tensor, count: float) -> None:
        if self.running_mean is None or self.running_var is None or count < 1.5:
            return
        momentum = 0.1 if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), momentum)
        self.running_var.lerp_((variance * (count / (count - 1))).to(self.running_var), momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


def share_batch_norm(module: nn.Module) -> None:
    """Replace every BatchNorm in ``module`` by one over all processes; parameters, buffers and keys stay."""
    for name, child in module.named_children():
        if type(child) is nn.BatchNorm2d:
            shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
            shared.weight, shared.bias = child.weight, child.bias
            shared.running_mean, shared.running_var = child.running_mean, child.running_var
            shared.num_batches_tracked = child.num_batches_tracked
            setattr(module, name, shared.train(child.training))
        else:
            share_batch_norm(child)


def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Add up the gradients of all processes; each holds its share of the batch's mean loss."""
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    flat = torch.cat([torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in learning])
    dist.all_reduce(flat)
    start = 0
    for parameter in learning:
        stop = start + parameter.numel()
        parameter.grad = flat[start:stop].view(parameter.shape).clone(memory_format=torch.preserve_format)
        start = stop


def gathered(rows: list[Any], workers: Workers) -> list[Any]:
    """Return the rows of all processes, in the order of their numbers."""
    if not workers.together:
        return rows
    parts: list[Any] = [None] * workers.size
    dist.all_gather_object(parts, rows)
    return [row for part in parts for row in part]


def same_start(module: nn.Module) -> None:
    """Give every process the state of the first."""
    for tensor in module.state_dict().values():
        dist.broadcast(tensor, 0)
