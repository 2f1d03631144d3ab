"""Weights as they are shipped: float16, with what they say of themselves, made of random numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gmic_core.models import create_model
from gmic_core.models.weight_metadata import WeightMetadata

NAME_3D, NAME_2D = "digital-breast-3d-1", "digital-breast-2d-1"
STATEMENT = "Finds simulated lesions in simulated breasts."
TRAINING_DATA = "simulated breasts only: seeds 1 to 9"


def write_shipped(folder: Path, name: str, model: str, *, seed: int = 0, **hyper: object) -> Path:
    """Write one file; hyperparameters that are not given are the network's defaults."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)  # as torch initialises it: calibrated random weights take a minute
    network = create_model(model, **hyper)
    kept = {k: v.contiguous() for k, v in network.state_dict().items()}
    state = {k: v.half() if v.is_floating_point() else v for k, v in kept.items()}
    said = WeightMetadata(model, dict(hyper), TRAINING_DATA, "Apache-2.0", STATEMENT, "2026-01-01T00:00:00+00:00")
    path = folder / f"{name}.safetensors"
    save_file(state, str(path), metadata=said.as_text())
    return path


def write_header(folder: Path, name: str, model: str) -> Path:
    """Write a file that says what it is and holds no network: for whoever asks for names only."""
    folder.mkdir(parents=True, exist_ok=True)
    said = WeightMetadata(model, {}, TRAINING_DATA, "Apache-2.0", STATEMENT)
    path = folder / f"{name}.safetensors"
    save_file({"nothing": torch.zeros(1)}, str(path), metadata=said.as_text())
    return path


def ship(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the program find its shipped weights in a folder."""
    monkeypatch.setattr("gmic_core.models.shipped.shipped_dir", lambda: folder)


def float32_of(path: Path) -> dict[str, torch.Tensor]:
    """Return what a network must hold after loading the file."""
    from safetensors.torch import load_file

    return {k: v.float() if v.is_floating_point() else v for k, v in load_file(str(path)).items()}
