"""A network ready to run: its weights, its device, and what a result says of both. Imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from gmic_core.errors import InferenceError
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.weights import LoadedWeights, load_model

DeviceChoice = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class LoadedNetwork:
    """A network on its device, in eval mode.

    Attributes
    ----------
    device_label : as shown to the reader, e.g. ``cpu`` or ``cuda:0 (NVIDIA H200)``.
    """

    network: GmicNetwork
    weights: LoadedWeights
    device: torch.device
    device_label: str

    @property
    def model(self) -> str:
        """Name of the network."""
        return self.network.spec.name


def choose_device(choice: str) -> torch.device:
    """Return the device for ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    InferenceError
        If CUDA is asked for and absent, or the choice is unknown.
    """
    available = torch.cuda.is_available()
    if choice == "auto":
        return torch.device("cuda:0" if available else "cpu")
    if choice == "cuda" and not available:
        raise InferenceError("No CUDA device was found; choose the CPU (--device cpu) or install the NVIDIA driver.")
    if choice not in ("cpu", "cuda"):
        raise InferenceError(f"The device '{choice}' is not known; choose auto, cpu or cuda.")
    return torch.device("cuda:0" if choice == "cuda" else "cpu")


def load_network(model: str, ref: str, device: str = "auto") -> LoadedNetwork:
    """Build a network with the weights that ``ref`` stands for (``random:SEED``, a stored name, a file).

    Raises
    ------
    ModelError, WeightsError, InferenceError
        If the model, the weights or the device are not to be had.
    """
    where = choose_device(device)
    if where.type == "cuda":
        # TF32 keeps ten bits of mantissa: scores would differ from the CPU's by more than the promised 1e-5
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    network, weights = load_model(model, ref)
    network.requires_grad_(False)
    label = f"cuda:0 ({torch.cuda.get_device_name(where)})" if where.type == "cuda" else "cpu"
    return LoadedNetwork(network.to(where), weights, where, label)
