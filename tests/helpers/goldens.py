"""Access to tests/reference: golden arrays, manifests, inputs and weights by name."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.reference import checks, inputs, weights

FOLDER = Path(__file__).resolve().parents[1] / "reference"
GOLDEN = FOLDER / "golden"


@functools.cache
def manifest() -> dict[str, Any]:
    """Return the entries of all manifests by case name."""
    return checks.manifest(str(GOLDEN))


def cases(*prefixes: str, without: tuple[str, ...] = ()) -> list[str]:
    """Return the names of all cases that begin with one of the prefixes, sorted."""
    return sorted(name for name in manifest() if name.startswith(prefixes) and name not in without)


def arrays(name: str) -> dict[str, npt.NDArray[Any]]:
    """Return the recorded arrays of one case."""
    return checks.load(str(GOLDEN), name)


@functools.lru_cache(maxsize=2)
def make_input(expression: str) -> npt.NDArray[Any]:
    """Evaluate an input expression of a manifest; "repeated to ..." remarks are not understood here."""
    names = {
        "standardise": inputs.standardise,
        "mammogram": inputs.mammogram,
        "tomo": inputs.tomo,
        "random_saliency": inputs.random_saliency,
        "stack": lambda images: np.stack(images)[:, None],
    }
    return np.asarray(eval(expression, names))


@functools.lru_cache(maxsize=3)
def shapes(model: str) -> dict[str, tuple[int, ...]]:
    """Return published key -> shape."""
    text = (FOLDER / "shapes" / f"{model}_state_dict.json").read_text(encoding="utf-8")
    return {key: tuple(shape) for key, shape in json.loads(text).items()}


@functools.lru_cache(maxsize=2)
def numpy_state(model: str, salt: int = 0) -> dict[str, npt.NDArray[Any]]:
    """Return the deterministic weights of one published model."""
    return weights.make_state(shapes(model), salt)
