"""Reproducible random weights (``random:SEED``): noise that lets every part of the program run without a licence.

Every tensor depends on its own key and the seed only. The class map is then turned so that its values cross zero on a
simulated breast: otherwise relu(tanh(.)) of an unlucky seed is an empty map, and no patch could be shown.
"""

from __future__ import annotations

import math
import zlib

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gmic_core.models.gmic_network import GmicNetwork

CLASS_MAP_KEY = "left_postprocess_net.gn_conv_last.weight"
ATTENTION_KEY = "mil_attn_w.weight"
CLASS_MAP_SPREAD = 0.7
"""Standard deviation of the class map before its activation: lively, but short of saturation."""

ATTENTION_GAIN = 8.0
"""Makes the attention weights of random networks visibly different from one another."""

_GRID = 2.0**-12
"""The class map is rounded to this grid: sums differ in the last bits from machine to machine, the weights (and with
them their SHA-256) must not."""

_CALIBRATION_SHAPE = (512, 384)


def random_state(model: GmicNetwork, seed: int) -> dict[str, Tensor]:
    """Return a state for ``model`` that depends on the seed and the model's keys only; the model is left as it was."""
    state = {key: _tensor(key, tuple(value.shape), seed) for key, value in model.state_dict().items()}
    kept = {key: value.clone() for key, value in model.state_dict().items()}
    try:
        model.load_state_dict(state)
        state[CLASS_MAP_KEY] = _centred_class_map(model, state[CLASS_MAP_KEY])
    finally:
        model.load_state_dict(kept)
    return state


def _generator(seed: int, key: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(key.encode())])))


def _tensor(key: str, shape: tuple[int, ...], seed: int) -> Tensor:
    leaf = key.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return torch.zeros(shape, dtype=torch.int64)
    noise = _generator(seed, key).standard_normal(shape)
    if leaf in ("running_mean", "bias"):
        values = 0.05 * noise
    elif leaf == "running_var":
        values = np.exp(0.1 * noise)
    elif len(shape) == 1:  # scale of a normalisation
        values = 1.0 + 0.05 * noise
    else:
        gain = ATTENTION_GAIN if key == ATTENTION_KEY else 1.0
        values = gain / math.sqrt(math.prod(shape[1:])) * noise
    return torch.from_numpy(np.asarray(values, np.float32))


def _centred_class_map(model: GmicNetwork, weight: Tensor) -> Tensor:
    """Return class weights (2, 256, 1, 1) whose map has mean 0 and a fixed spread on the simulated breast."""
    training = model.training
    model.eval()
    with torch.inference_mode():
        features = model.ds_net(torch.from_numpy(_simulated_breast())[None, None])  # (1, 256, h, w)
    model.train(training)
    table = features[0].flatten(1).double().numpy()  # (256, cells)
    mean = table.mean(axis=1)
    directions = weight.flatten(1).double().numpy()
    directions = directions - np.outer(directions @ mean / (mean @ mean), mean)
    spread = (directions @ table).std(axis=1, keepdims=True)
    directions *= CLASS_MAP_SPREAD / np.maximum(spread, 1e-6)
    rounded = np.round(directions / _GRID) * _GRID
    return torch.from_numpy(rounded.astype(np.float32)).reshape(weight.shape)


def _simulated_breast() -> npt.NDArray[np.float32]:
    """Return a standardised half ellipse with smooth texture on a black ground."""
    rows, columns = _CALIBRATION_SHAPE
    down = (np.arange(rows)[:, None] + 0.5) / rows * 2 - 1
    across = (np.arange(columns)[None, :] + 0.5) / columns
    image = np.full((rows, columns), 0.5)
    noise = np.random.Generator(np.random.PCG64(0))
    for cells, amplitude in ((4, 0.3), (16, 0.2), (64, 0.1)):
        coarse = noise.standard_normal((cells, cells))
        image += amplitude * np.kron(coarse, np.ones((rows // cells, columns // cells)))
    image *= down**2 / 0.8 + (across / 0.7) ** 2 < 1.0
    standardised: npt.NDArray[np.float32] = ((image - image.mean()) / image.std()).astype(np.float32)
    return standardised
