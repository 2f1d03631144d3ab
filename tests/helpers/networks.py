"""Real networks with random weights and windows small enough for tests."""

from __future__ import annotations

import dataclasses
import functools

import torch

from gmic_core.inference.network import LoadedNetwork
from gmic_core.models import LoadedWeights, create_model
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.random_weights import random_state

ROWS, COLUMNS = 448, 384
"""Window of the small networks: 7 x 6 cells."""
PATCH = (128, 128)
"""Patches are smaller than the published 256 x 256 too: they take most of the time."""


@functools.cache
def _state(name: str, seed: int) -> dict[str, torch.Tensor]:
    return random_state(create_model(name), seed)


def small_network(
    name: str, seed: int = 0, *, rows: int = ROWS, columns: int = COLUMNS, num_patches: int = 3
) -> LoadedNetwork:
    """Return a network that takes windows of ``rows`` x ``columns`` of every modality that it knows."""
    network: GmicNetwork = create_model(name, num_patches=num_patches)
    network.load_state_dict(_state(name, seed))
    inputs = tuple(dataclasses.replace(entry, rows=rows, columns=columns) for entry in network.spec.inputs)
    network.spec = dataclasses.replace(network.spec, inputs=inputs, patch_size=PATCH)
    weights = LoadedWeights(
        model=name, name=f"random:{seed}", sha256=f"{seed:064x}", untrained=True, training_data="none: random numbers",
        licence="none", state={}, hyper=dataclasses.asdict(network.hyper),
    )  # fmt: skip
    return LoadedNetwork(network, weights, torch.device("cpu"), "cpu")
