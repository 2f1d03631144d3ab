"""What a network starts with: constant class map, weights of an earlier stage, or of another network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gmic_core.errors import TrainingError
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.random_weights import CLASS_MAP_KEY

GLOBAL_PREFIX = "ds_net."
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Transfer:
    """What was taken from other weights.

    Attributes
    ----------
    taken : keys.
    left : keys of the network that keep their own values.
    """

    taken: tuple[str, ...]
    left: tuple[str, ...]

    def sentence(self) -> str:
        """Say it in words."""
        parts = sorted({key.split(".")[0] for key in self.left})
        rest = f"; not in it: {', '.join(parts)}" if parts else ""
        return f"{len(self.taken)} tensors taken{rest}"


def set_class_map(network: GmicNetwork, omega: float) -> None:
    """Set all weights of the class map to the constant ``omega`` (3D-GMIC paper, V-B.4).

    Every feature then raises both maps: wherever the pretrained network reacts, the map is high.
    """
    if omega <= 0.0:
        raise TrainingError(f"omega must be positive, not {omega}: a negative class map hides what the features show.")
    with torch.no_grad():
        network.get_parameter(CLASS_MAP_KEY).fill_(omega)


def transfer(network: GmicNetwork, state: Mapping[str, Tensor]) -> Transfer:
    """Take over everything of ``state`` that the network has: FFDM -> S2D / DBT, or from a pretrained global network.

    Raises
    ------
    TrainingError
        If the global network's weights are not all there, or a tensor has another shape.
    """
    own = network.state_dict()
    taken = [key for key in own if key in state]
    misshapen = [key for key in taken if own[key].shape != state[key].shape]
    if misshapen:
        key = misshapen[0]
        raise TrainingError(
            f"The weights to start from do not fit {network.spec.name}: {key} is {tuple(state[key].shape)}, "
            f"expected {tuple(own[key].shape)}. Start from a network of the same kind."
        )
    missing = [key for key in own if key.startswith(GLOBAL_PREFIX) and key not in state and not _statistic(key)]
    if missing:
        raise TrainingError(
            f"The weights to start from hold no complete global network: {len(missing)} tensors are missing "
            f"({missing[0]}, ...). Start from weights of a GMIC network or of its BI-RADS pretraining."
        )
    network.load_state_dict({key: state[key] for key in taken}, strict=False)
    return Transfer(tuple(taken), tuple(key for key in own if key not in state))


def _statistic(key: str) -> bool:
    """Whether a key is BatchNorm's running statistics, which weights of a GroupNorm network do not have."""
    return key.rpartition(".")[2] in _STATISTICS
