"""Which way to run a network on a device in a mode. Imports torch."""

from __future__ import annotations

import torch

from gmic_core.inference.execution import onednn_layers
from gmic_core.inference.execution.executor import Executor, ModuleExecutor
from gmic_core.inference.execution.modes import Mode, ModeChoice
from gmic_core.models.gmic_network import GmicNetwork

TENSOR_CORES = (7, 0)
"""CUDA compute capability from which float16 convolutions are faster than float32 ones (Volta)."""


def choose_mode(choice: ModeChoice, device: torch.device) -> tuple[Mode, str]:
    """Return the mode for a device, and a note where it is not the one that was asked for ("" otherwise)."""
    if choice == "exact":
        return "exact", ""
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= TENSOR_CORES:
        return "fast", ""
    if choice == "auto":
        return "exact", ""
    where = "CPU" if device.type == "cpu" else "GPU"
    return "exact", f"Fast mode was asked for; this {where} gains nothing from half precision, so it computed exactly."


def choose_executor(network: GmicNetwork, device: torch.device, mode: Mode) -> Executor:
    """Return what runs a network that is on ``device`` already."""
    changed = type(network).global_pass is not GmicNetwork.global_pass or type(network).local is not GmicNetwork.local
    if changed:  # a network that computes otherwise has to be asked itself
        return ModuleExecutor(network)
    if device.type == "cuda" and mode == "fast":
        from gmic_core.inference.execution.cuda import HalfExecutor

        return HalfExecutor(network, device)
    if device.type == "cpu" and onednn_layers.available():
        from gmic_core.inference.execution.onednn import OneDnnExecutor

        return OneDnnExecutor(network)
    return ModuleExecutor(network)
