"""What inference asks of a way to run a network, and the plainest one: the modules as they are."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from gmic_core.models.gmic_network import GlobalPass, GmicNetwork, LocalPass


class Executor(Protocol):
    """Runs the two networks of a GMIC system in eval mode, under ``torch.inference_mode``.

    Attributes
    ----------
    device : where inputs have to be and results are.
    largest_batch : slices at once that gain anything.
    """

    device: torch.device
    largest_batch: int

    def global_pass(self, x: Tensor) -> GlobalPass:
        """Run the global network on standardised slices (n, 1, rows, columns), float32."""

    def local(self, patches: Tensor) -> LocalPass:
        """Run the local network on at least one standardised patch (K, rows, columns), float32."""


class ModuleExecutor:
    """The modules of the network, as they are: the reference for every other executor."""

    largest_batch = 2

    def __init__(self, network: GmicNetwork) -> None:
        self._network = network
        self.device = next(network.parameters()).device
        if self.device.type != "cpu":
            self.largest_batch = 16

    def global_pass(self, x: Tensor) -> GlobalPass:
        """Run the global network on standardised slices (n, 1, rows, columns), float32."""
        return self._network.global_pass(x)

    def local(self, patches: Tensor) -> LocalPass:
        """Run the local network on at least one standardised patch (K, rows, columns), float32."""
        return self._network.local(patches)
