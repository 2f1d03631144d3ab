"""Weight files as users bring them, and as nobody should."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import torch

from tests.helpers import goldens


def torch_state(model: str) -> dict[str, torch.Tensor]:
    """Return the deterministic weights of one published model (``gmic``, ``gmic3d``, ``gmic3d_batchnorm``)."""
    return {key: torch.from_numpy(value) for key, value in goldens.numpy_state(model).items()}


def save_old(content: object, path: Path) -> Path:
    """Save as torch before 1.6 did: five pickles and raw numbers, like the published files."""
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def save_new(content: object, path: Path) -> Path:
    """Save as torch does today: a zip archive."""
    torch.save(content, path)
    return path


def save_plain(content: object, path: Path, protocol: int) -> Path:
    """Save as plain pickle."""
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


class Bomb:
    """Makes a folder when it is unpickled by a careless reader."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Return what a careless reader calls."""
        return os.mkdir, (str(self.trace),)
