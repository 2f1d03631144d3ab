"""What keeps a volume's training inside the memory: slice batches, recomputed activations, mixed precision.

A slice of 2116x1339 pixels leaves about 0.35 GB of activations in the global network, a volume of 96 slices 34 GB.
With ``checkpointing`` only the saliency maps stay (0.3 MB a slice), and the activations of one slice batch at a time
are computed again in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gmic_core.models.gmic_network import GlobalPass, GmicNetwork


def global_pass(network: GmicNetwork, slices: Tensor, slice_batch: int, recompute: bool) -> GlobalPass:
    """Return saliency (n, 2, h, w) and vectors (n, 256) of slices (n, 1, H, W), a few slices at a time.

    BatchNorm takes its statistics over all images together: such networks see everything in one batch.
    """
    if _has_batch_norm(network.ds_net):
        slice_batch = len(slices)
    parts = [_pass(network, part, recompute) for part in torch.split(slices, slice_batch)]
    if len(parts) == 1:
        return parts[0]
    return GlobalPass(torch.cat([part.saliency for part in parts]), torch.cat([part.vector for part in parts]))


def _pass(network: GmicNetwork, part: Tensor, recompute: bool) -> GlobalPass:
    if not (recompute and torch.is_grad_enabled()):
        return network.global_pass(part)

    def run(x: Tensor) -> tuple[Tensor, Tensor]:
        result = network.global_pass(x)
        return result.saliency, result.vector

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), statistics_kept(network.ds_net)

    made = checkpoint(run, part, use_reentrant=False, context_fn=contexts, preserve_rng_state=False)
    return GlobalPass(*cast(tuple[Tensor, Tensor], made))


def _has_batch_norm(module: nn.Module) -> bool:
    return any(isinstance(part, nn.BatchNorm2d) for part in module.modules())


@contextmanager
def statistics_kept(module: nn.Module) -> Iterator[None]:
    """Run BatchNorm without moving its running statistics: the second forward pass must not count twice."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    before = [norm.track_running_stats for norm in norms]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm, tracked in zip(norms, before, strict=True):
            norm.track_running_stats = tracked


class MixedPrecision:
    """float16 on CUDA with a scaled loss, where asked for; otherwise nothing at all.

    Parameters
    ----------
    wanted : the experiment's ``precision`` is ``mixed``. On the CPU float16 gains nothing, and float32 is used.
    """

    def __init__(self, device: torch.device, wanted: bool) -> None:
        self.active = wanted and device.type == "cuda"
        self._device = device
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.active)

    def autocast(self) -> torch.autocast:
        """Return the context of the forward pass."""
        return torch.autocast(self._device.type, dtype=torch.float16, enabled=self.active)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss``."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimiser: torch.optim.Optimizer) -> None:
        """Turn the gradients back into those of the loss, before they are measured or cut."""
        self._scaler.unscale_(optimiser)

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        """Update, unless a gradient overflowed in float16; the scale adapts itself then."""
        self._scaler.step(optimiser)
        self._scaler.update()

    def state_dict(self) -> dict[str, object]:
        """Return what a checkpoint keeps."""
        return cast(dict[str, object], self._scaler.state_dict())

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take what a checkpoint kept."""
        self._scaler.load_state_dict(state)
