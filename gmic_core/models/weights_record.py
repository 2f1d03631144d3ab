"""What is known about one set of weights that goes by a name. Imports no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

TENSORS_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class WeightsRecord:
    """What is known about one set of stored weights.

    Attributes
    ----------
    sha256 : of the safetensors file.
    origin : name of the file that was imported; ``origin_sha256`` is that file's.
    hyper : hyperparameters of the network with these weights.
    imported : ISO 8601, UTC.
    known_answer : what the network must answer to the tiny input of :mod:`gmic_core.models.known_answer`; empty for
        weights that were imported by an earlier version.
    """

    name: str
    model: str
    sha256: str
    size: int
    origin: str
    origin_sha256: str
    licence: str
    training_data: str
    imported: str
    hyper: dict[str, object] = field(default_factory=dict)
    known_answer: tuple[float, ...] = ()


def numbers(value: object) -> tuple[float, ...]:
    """Return a recorded list of numbers.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    if not isinstance(value, list | tuple):
        raise TypeError("not a list")
    return tuple(float(each) for each in value)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
