"""What a network computes and holds, counted on tensors without contents: nothing is computed, no size is too large.

Multiply-accumulate operations are those of convolutions and matrix products, counted from their shapes
(``torch.utils.flop_counter``; a MAC is two of its operations). Memory is what torch would hold at once: every storage
counts from its making until the last tensor that needs it is gone, including what the backward pass keeps. Neither the
reserve of an allocator nor the scratch memory of a convolution is in it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

GIGA = 1e9
MEGA = 1e6


@dataclass(frozen=True)
class Count:
    """What one pass of a network takes.

    Attributes
    ----------
    macs : multiply-accumulate operations.
    peak_bytes : the most that is alive at once, input and results included, parameters not.
    parameter_bytes : of the parameters; training holds them four times (themselves, gradients, two of Adam).
    """

    macs: int
    peak_bytes: int
    parameter_bytes: int

    @property
    def training_bytes(self) -> int:
        """Peak of a training step with Adam: gradients are made during the pass and counted there."""
        return self.peak_bytes + 3 * self.parameter_bytes


class Ledger(TorchDispatchMode):
    """Follows the storages that are alive."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[int] = set()
        self.alive = 0
        self.peak = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation and enter what it made."""
        result = func(*args, **(kwargs or {}))
        for made in tree_leaves(result):
            if isinstance(made, Tensor):
                self.enter(made)
        return result

    def enter(self, tensor: Tensor) -> None:
        """Count a tensor's storage until it is gone; once, however many tensors share it."""
        storage = tensor.untyped_storage()
        if id(storage) in self._known:
            return
        size = storage.nbytes()
        self._known.add(id(storage))
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._leave, id(storage), size)

    def leave_out(self, tensor: Tensor) -> None:
        """Never count a tensor's storage: parameters count apart."""
        self._known.add(id(tensor.untyped_storage()))

    def _leave(self, known: int, size: int) -> None:
        self._known.discard(known)
        self.alive -= size


@contextmanager
def counted(parameters: list[Tensor], inputs: list[Tensor]) -> Iterator[Callable[[], Count]]:
    """Count what runs inside; the yielded function gives the count afterwards."""
    ledger, flops = Ledger(), FlopCounterMode(display=False)
    with flops, ledger:
        for tensor in parameters:
            ledger.leave_out(tensor)
        for tensor in inputs:
            ledger.enter(tensor)
        yield lambda: Count(
            flops.get_total_flops() // 2, ledger.peak, sum(p.numel() * p.element_size() for p in parameters)
        )


def count_inference(model: nn.Module, *inputs: Tensor, call: Callable[..., Any] | None = None) -> Count:
    """Count one forward pass in eval mode that keeps nothing for a backward pass.

    Parameters
    ----------
    model : on the meta device, see :func:`on_meta`.
    call : what to run instead of ``model``.
    """
    model.eval()
    with torch.no_grad(), counted(list(model.parameters()), list(inputs)) as result:
        (call or model)(*inputs)
    return result()


def count_training(model: nn.Module, *inputs: Tensor, call: Callable[..., Tensor] | None = None) -> Count:
    """Count one forward and backward pass in training mode; ``macs`` are those of both.

    Parameters
    ----------
    call : what to run instead of ``model``; returns the tensor whose sum is differentiated.
    """
    model.train()
    with counted(list(model.parameters()), list(inputs)) as result:
        (call or model)(*inputs).sum().backward()
    model.zero_grad(set_to_none=True)
    return result()


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Return a network whose tensors have shapes and no contents."""
    with torch.device("meta"):
        return build()


def empty(*shape: int) -> Tensor:
    """Return an input of float32 without contents."""
    return torch.empty(shape, device="meta")
