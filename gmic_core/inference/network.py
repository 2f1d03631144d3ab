"""A network ready to run: its weights, its device, its mode, and what a result says of them. Imports torch."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch

from gmic_core.errors import InferenceError
from gmic_core.inference.execution.choose import choose_executor, choose_mode
from gmic_core.inference.execution.executor import Executor
from gmic_core.inference.execution.modes import Mode, ModeChoice
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.weights import LoadedWeights, load_model

DeviceChoice = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class LoadedNetwork:
    """A network on its device, in eval mode.

    Attributes
    ----------
    device_label : as shown to the reader, e.g. ``cpu`` or ``cuda:0 (NVIDIA H200)``.
    given : runs its layers instead of what would be chosen: a reference, or what is to be judged.
    mode_note : where the mode is not the one that was asked for, why; "" otherwise.
    """

    network: GmicNetwork
    weights: LoadedWeights
    device: torch.device
    device_label: str
    mode: Mode = "exact"
    mode_note: str = ""
    given: Executor | None = None

    @property
    def model(self) -> str:
        """Name of the network."""
        return self.network.spec.name

    @cached_property
    def executor(self) -> Executor:
        """What runs its layers; made when it is first needed."""
        return self.given or choose_executor(self.network, self.device, self.mode)

    def on_cpu(self) -> LoadedNetwork:
        """Return the same network on the CPU, in exact mode: what is left when a device has no memory."""
        network = copy.deepcopy(self.network).to("cpu")
        cpu = torch.device("cpu")
        return replace(self, network=network, device=cpu, device_label="cpu", mode="exact", mode_note="", given=None)


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


def load_network(model: str, ref: str, device: str = "auto", mode: ModeChoice = "auto") -> LoadedNetwork:
    """Build a network with the weights that ``ref`` stands for (``random:SEED``, a stored name, a file).

    It has to pass its known-answer test before it may compute any score, see :mod:`gmic_core.inference.known_answer`.

    Raises
    ------
    ModelError, WeightsError, InferenceError
        If the model, the weights or the device are not to be had, or the known answer does not come.
    """
    from gmic_core.inference.known_answer import check_known_answer

    where = choose_device(device)
    if where.type == "cuda":
        _set_up_cuda()
    network, weights = load_model(model, ref)
    weights = replace(weights, state={})  # the network has them now: 56 MB less
    network.requires_grad_(False)
    label = f"cuda:0 ({torch.cuda.get_device_name(where)})" if where.type == "cuda" else "cpu"
    chosen, note = choose_mode(mode, where)
    loaded = LoadedNetwork(network.to(where), weights, where, label, chosen, note)
    check_known_answer(loaded)
    return loaded


def _set_up_cuda() -> None:
    # TF32 keeps ten bits of mantissa: scores would differ from the CPU's by more than the promised 1e-5
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
