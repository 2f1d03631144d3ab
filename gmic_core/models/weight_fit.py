"""Which network a state dictionary fits, and loading it there with messages that name what does not fit."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from gmic_core.errors import WeightsError
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.registry import ModelSpec, available_models, create_model, get_spec

NAMED_KEYS = 8
"""Keys of each kind that an error message names; the rest is counted."""

_RELEASE_NUMBER = re.compile(r"model[_-]?0*(\d+)$", re.IGNORECASE)  # sample_model_1 .. sample_model_5, model-3


def load_reference_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dictionary with published keys; every key must be there with its shape, and no other.

    Raises
    ------
    WeightsError
        Naming the missing, unexpected and misshapen keys.
    """
    problems = _misfits(_shapes_of(model.state_dict()), _shapes_of(state))
    if problems:
        raise WeightsError(
            f"The weights do not fit {_name_of(model)}: {'; '.join(problems)}. "
            "Choose the weights of this network, or the network of these weights."
        )
    model.load_state_dict(dict(state), strict=True)


def _name_of(model: nn.Module) -> str:
    return model.spec.name if isinstance(model, GmicNetwork) else type(model).__name__


def _shapes_of(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


def _misfits(expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> list[str]:
    """Return sentences on what is missing, unexpected and misshapen; empty when everything fits."""
    missing = [key for key in expected if key not in found]
    unexpected = [str(key) for key in found if key not in expected]
    misshapen = [
        f"{key} is {found[key]}, expected {shape}"
        for key, shape in expected.items()
        if key in found and found[key] != shape
    ]
    kinds = (("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen))
    return [f"{len(keys)} {kind} ({_some(keys)})" for kind, keys in kinds if keys]


def _some(keys: list[str]) -> str:
    more = len(keys) - NAMED_KEYS
    return ", ".join(keys[:NAMED_KEYS]) + (f" and {more} more" if more > 0 else "")


def expected_shapes(model: str, hyper: Mapping[str, object] | None = None) -> dict[str, tuple[int, ...]]:
    """Return the keys and shapes of a network's state without allocating it."""
    with torch.device("meta"):
        return _shapes_of(create_model(model, **(hyper or {})).state_dict())


def matching_models(state: Mapping[str, Tensor]) -> list[tuple[str, dict[str, object]]]:
    """Return each network that the state fits, with the hyperparameters that make it fit, in registration order."""
    shapes = _shapes_of(state)
    return [
        (name, dict(variant))
        for name in available_models()
        for variant in get_spec(name).variants
        if expected_shapes(name, dict(variant)) == shapes
    ]


def fitting_model(path: Path, state: Mapping[str, Tensor], model: str | None) -> tuple[str, dict[str, object]]:
    """Return the network that a file is for and the hyperparameters that its keys ask for."""
    fits = matching_models(state)
    for name, variant in fits:
        if model is None or name == model:
            return name, variant
    if model is None:
        raise WeightsError(
            f"{path.name} fits none of the networks ({', '.join(available_models())}). {_nearest(state)}"
        )
    others = ", ".join(dict.fromkeys(name for name, _ in fits))
    problems = "; ".join(_misfits(expected_shapes(model), _shapes_of(state)))
    hint = f" It fits {others}." if others else ""
    raise WeightsError(f"{path.name} does not fit {model}: {problems}.{hint}")


def _nearest(state: Mapping[str, Tensor]) -> str:
    """Return a sentence on how far the state is from the network that it shares most keys with."""
    best = max(available_models(), key=lambda name: len(expected_shapes(name).keys() & state.keys()))
    return f"Against {best}: {'; '.join(_misfits(expected_shapes(best), _shapes_of(state)))}."


def checked_state(path: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return float32 copies; shapes have been checked, so that their size is known to be sane."""
    result: dict[str, Tensor] = {}
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):
            result[key] = value.to(torch.int64).clone()
            continue
        if not value.is_floating_point():
            raise WeightsError(f"{path.name}: {key} holds {value.dtype} instead of floating-point numbers.")
        result[key] = value.to(torch.float32).clone(memory_format=torch.contiguous_format)
        if not bool(torch.isfinite(result[key]).all()):
            raise WeightsError(f"{path.name}: {key} contains NaN or infinity; the file is damaged.")
    return result


def release_number(spec: ModelSpec, stem: str) -> int | None:
    """Return which published weight file a name such as ``sample_model_3`` stands for, or None."""
    match = _RELEASE_NUMBER.search(stem)
    number = int(match.group(1)) if match else 0
    return number if spec.released_hyper(number) is not None else None


def settings_of(
    spec: ModelSpec, variant: Mapping[str, object], release: int | None, overrides: Mapping[str, object]
) -> dict[str, object]:
    """Return all hyperparameters: the defaults or those of a release, then what the keys ask for, then overrides."""
    base = spec.released_hyper(release) if release else None
    values = dataclasses.asdict(base or spec.defaults) | dict(variant) | dict(overrides)
    return dataclasses.asdict(spec.hyper(**values))
