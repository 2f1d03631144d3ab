"""Checkpoints from which a killed run goes on bit for bit: written whole or not at all, read without running code."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from gmic_core.errors import TrainingError

LAST, BEST = "last.pt", "best.pt"
FORMAT = 1

Row = dict[str, float]


@dataclass
class Progress:
    """Where a stage stands.

    Attributes
    ----------
    epoch, step : the next step to do; ``step`` counts within the epoch.
    best, best_epoch : of the validation's malignant AUC; -1 before the first.
    idle : epochs since ``best_epoch``.
    finished : whether the stage is done.
    steps, epochs : one row of numbers per step and per epoch: the CSV files' content.
    """

    epoch: int = 0
    step: int = 0
    best: float = -1.0
    best_epoch: int = -1
    idle: int = 0
    finished: bool = False
    steps: list[Row] = field(default_factory=list)
    epochs: list[Row] = field(default_factory=list)


def save_checkpoint(
    folder: Path,
    digest: str,
    model: Mapping[str, Tensor],
    optimiser: Mapping[str, Any],
    scaler: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Write ``last.pt``."""
    content = {
        "format": FORMAT,
        "digest": digest,
        "model": dict(model),
        "optimiser": dict(optimiser),
        "scaler": dict(scaler),
        "progress": dict(vars(progress)),
        "random": _random_states(),
    }
    write_atomically(folder / LAST, content)


def load_checkpoint(folder: Path, digest: str) -> tuple[dict[str, Any], Progress]:
    """Return what ``last.pt`` holds and where it stands; the generators of this process are set back to it.

    Raises
    ------
    TrainingError
        If the file is damaged or belongs to another experiment.
    """
    path = folder / LAST
    content = read_tensors(path)
    if content.get("format") != FORMAT or not isinstance(content.get("progress"), dict):
        raise TrainingError(f"{path} is no checkpoint of this version; start the run anew in another folder.")
    if content["digest"] != digest:
        raise TrainingError(
            f"{path} belongs to another experiment or to other data; resume with the one it was started with "
            "(experiment.json beside it), or start anew in another folder."
        )
    _set_random_states(content["random"])
    return content, Progress(**content["progress"])


def save_best(folder: Path, model: Mapping[str, Tensor]) -> None:
    """Write ``best.pt``."""
    write_atomically(folder / BEST, {"format": FORMAT, "model": dict(model)})


def load_best(folder: Path) -> dict[str, Tensor]:
    """Return the state that did best in validation."""
    return cast(dict[str, Tensor], read_tensors(folder / BEST)["model"])


def read_tensors(path: Path) -> dict[str, Any]:
    """Return the dictionary in a file that torch saved; only tensors and plain values are read.

    Raises
    ------
    TrainingError
        If it is missing or damaged.
    """
    try:
        content: object = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TrainingError(f"There is no {path}; the run has not come that far. Start it without --resume.") from None
    except Exception as error:  # torch.load raises anything on damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise TrainingError(f"{path} is damaged ({reason}); restore it, or start the run anew.") from error
    if not isinstance(content, dict):
        raise TrainingError(f"{path} is no checkpoint; start the run anew in another folder.")
    return content


def write_atomically(path: Path, content: object) -> None:
    """Save with torch; a process that is killed meanwhile leaves the old file."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror or error}); make room, then resume.") from error


def _random_states() -> dict[str, Any]:
    version, words, gauss = random.getstate()
    legacy = np.random.get_state()  # noqa: NPY002  # the state of the global generator, should a library draw from it
    kind, keys, position, has_gauss, cached = cast(tuple[str, Any, int, int, float], legacy)
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "torch": torch.get_rng_state(),
        "cuda": cuda,
        "python": [version, list(words), gauss],
        "numpy": [kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
    }


def _set_random_states(states: Mapping[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    if states["cuda"] and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
