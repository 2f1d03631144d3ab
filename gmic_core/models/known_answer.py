"""The tiny input of the known-answer test and what a network answers to it (see gmic_core.inference.known_answer).

The answer of the plain modules in float64 is recorded when weights are imported or shipped.
"""

from __future__ import annotations

import copy
from typing import Protocol

import torch
from torch import Tensor

from gmic_core.models.gmic_network import GlobalPass, GmicNetwork, LocalPass

IMAGE = (192, 160)
"""Rows and columns of the image: 3 x 3 cells."""
AIR_FROM_COLUMN = 120
PATCHES, PATCH = 2, 64
"""Patches, and pixels of their sides."""
CHANNELS = (0, 37, 74, 111, 148, 185, 222, 255)
"""Channels of the global network's 256 whose maxima are part of the answer."""
DIGITS = 9
GRID = 1024
"""Values are whole numbers of 1 / GRID."""


class Layers(Protocol):
    """What runs the two networks; every executor does."""

    def global_pass(self, x: Tensor) -> GlobalPass:
        """Run the global network on slices (n, 1, rows, columns)."""

    def local(self, patches: Tensor) -> LocalPass:
        """Run the local network on patches (K, rows, columns)."""


def tiny_input(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return an image (1, 1, 192, 160) and patches (2, 64, 64): waves, air, and a blob for the maps to answer."""
    rows = torch.arange(IMAGE[0], dtype=torch.float64)[:, None]
    columns = torch.arange(IMAGE[1], dtype=torch.float64)[None]
    waves = 0.6 * torch.sin(rows * 0.09) * torch.cos(columns * 0.07) + 0.3 * torch.sin(rows * columns * 0.011)
    blob = 2.0 * torch.exp(-((rows - 96) ** 2 + (columns - 60) ** 2) / 800)
    image = torch.where(columns < AIR_FROM_COLUMN, waves + blob, -1.0)
    patches = torch.stack([image[40 * n : 40 * n + PATCH, 20 * n : 20 * n + PATCH] for n in range(PATCHES)])
    # rounded, so that the last bits of sin and cos, which differ between machines, have no part in it
    return _on_grid(image[None, None]).to(dtype), _on_grid(patches).to(dtype)


def _on_grid(values: Tensor) -> Tensor:
    return (values * GRID).round().div(GRID)


def answer(
    layers: Layers, network: GmicNetwork, device: torch.device, dtype: torch.dtype = torch.float32
) -> tuple[float, ...]:
    """Return what ``layers`` make of the tiny input: maps, some features, scores and attention, one after the other."""
    image, patches = tiny_input(dtype)
    with torch.inference_mode():
        seen = layers.global_pass(image.to(device))
        local = layers.local(patches.to(device))
        y_global = network.global_score(seen.saliency)
        features = seen.vector[:, list(CHANNELS)]
        parts = (seen.saliency, features, y_global, local.attention, local.y_local, local.patch_scores)
        return tuple(float(value) for part in parts for value in part.flatten().tolist())


def reference_answer(network: GmicNetwork) -> tuple[float, ...]:
    """Return the answer of the plain modules in float64, on the CPU, to nine digits."""
    plain = copy.deepcopy(network).to("cpu").double()
    numbers = answer(plain, plain, torch.device("cpu"), torch.float64)
    return tuple(float(f"{value:.{DIGITS}g}") for value in numbers)
