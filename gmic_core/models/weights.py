"""Weights: from a reference as users write it (``random:0``, a stored name, a file) to a checked state dictionary."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from gmic_core.errors import WeightsError
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.known_answer import reference_answer
from gmic_core.models.random_weights import random_state
from gmic_core.models.registry import ModelSpec, available_models, create_model, get_spec
from gmic_core.models.store import WeightsRecord, WeightsStore, check_name, file_sha256, name_from_file
from gmic_core.models.trained_input import TrainedInput
from gmic_core.models.weight_files import read_weight_file
from gmic_core.models.weight_fit import (
    checked_state,
    fitting_model,
    load_reference_state,
    release_number,
    settings_of,
)
from gmic_core.models.weight_metadata import WeightMetadata, read_metadata

RANDOM_PREFIX = "random:"
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class LoadedWeights:
    """Weights that fit their network.

    Attributes
    ----------
    name : shown to the reader.
    sha256 : of the file; of the tensors' bytes for random weights.
    state : published keys, float32 on the CPU.
    hyper : all hyperparameters, for ``create_model(model, **hyper)``.
    known_answer : recorded with the weights, see :mod:`gmic_core.models.known_answer`; empty where nothing is.
    trained_input : window and pixel size that they were trained at, where these are not the network's usual ones.
    """

    model: str
    name: str
    sha256: str
    untrained: bool
    training_data: str
    licence: str
    state: dict[str, Tensor]
    hyper: dict[str, object]
    trained_input: TrainedInput | None = None
    known_answer: tuple[float, ...] = ()


def resolve_weights(model: str, ref: str, store: WeightsStore | None = None) -> LoadedWeights:
    """Return the weights that ``ref`` stands for, checked against the network.

    Parameters
    ----------
    ref : ``random:SEED``, the name of stored weights, or a file.

    Raises
    ------
    WeightsError
        If there are no such weights, or they do not fit.
    """
    get_spec(model)
    if ref.startswith(RANDOM_PREFIX):
        return _random(model, ref)
    shelf = WeightsStore() if store is None else store
    bare = Path(ref).name == ref
    if bare and shelf.find(ref) is not None:
        return _stored(model, shelf, ref)
    path = Path(ref).expanduser()
    if path.exists() or not bare:
        return _from_file(model, path)
    known = ", ".join([*shelf.names(), *shelf.shipped.names()]) or "none"
    raise WeightsError(
        f"'{ref}' is neither stored weights (stored: {known}) nor a file; "
        "give a name of `gmic-core models list`, a file, or random:SEED."
    )


def load_model(model: str, ref: str, store: WeightsStore | None = None) -> tuple[GmicNetwork, LoadedWeights]:
    """Return the network with the weights that ``ref`` stands for, in eval mode, and where they come from."""
    weights = resolve_weights(model, ref, store)
    network = create_model(model, **weights.hyper)
    load_reference_state(network, weights.state)
    if weights.trained_input is not None:
        network.spec = weights.trained_input.applied(network.spec)
    return network, weights


def import_weights(
    path: Path,
    name: str | None = None,
    model: str | None = None,
    overrides: Mapping[str, object] | None = None,
    store: WeightsStore | None = None,
) -> WeightsRecord:
    """Check a weight file and put it into the store as safetensors.

    Parameters
    ----------
    name : default: made from the file's name.
    model : which network it is for; default: the first one that it fits.
    overrides : hyperparameters to be recorded instead of those of the published setting.

    Raises
    ------
    WeightsError
        If the file is unsafe, damaged, fits no network, or the name is taken.
    """
    chosen = check_name(name) if name is not None else name_from_file(path)
    if chosen.lower() in available_models() or chosen.lower() == "random":
        raise WeightsError(f"'{chosen}' is the name of a network; give the weights another name (--as NAME).")
    raw, origin_sha256 = read_weight_file(path)
    said = read_metadata(path)
    fitting, variant = fitting_model(path, raw, model or said.model or None)
    spec = get_spec(fitting)
    state = checked_state(path, raw)
    release = release_number(spec, path.stem) or release_number(spec, chosen)
    hyper = settings_of(spec, variant, release, said.hyper | dict(overrides or {}))
    record = WeightsRecord(
        name=chosen,
        model=fitting,
        sha256="",
        size=0,
        origin=path.name,
        origin_sha256=origin_sha256,
        licence=said.licence or (spec.weights_licence if release else "unknown: ask whoever made the file"),
        training_data=_training_data(spec, release, said),
        imported=datetime.now(UTC).isoformat(timespec="seconds"),
        hyper=hyper,
        known_answer=_answer(fitting, hyper, state),
    )
    metadata = dataclasses.replace(
        said, model=fitting, hyper=hyper, licence=record.licence, training_data=record.training_data
    ).as_text() | {"origin": path.name, "origin_sha256": origin_sha256}
    return (WeightsStore() if store is None else store).add(
        record, lambda target: save_file(state, str(target), metadata=metadata)
    )


def _answer(model: str, hyper: dict[str, object], state: dict[str, Tensor]) -> tuple[float, ...]:
    network = create_model(model, **hyper)
    load_reference_state(network, state)
    return reference_answer(network)


def _training_data(spec: ModelSpec, release: int | None, said: WeightMetadata) -> str:
    if said.training_data:
        return said.training_data
    return f"{spec.training_data}; by the file's name, release {release}" if release else "not stated"


def _random(model: str, ref: str) -> LoadedWeights:
    seed = ref.removeprefix(RANDOM_PREFIX)
    if not re.fullmatch(r"[0-9]{1,10}", seed) or int(seed) > MAX_SEED:
        raise WeightsError(f"'{ref}' is not random:SEED; the seed is a whole number from 0 to {MAX_SEED}.")
    spec = get_spec(model)
    state = random_state(create_model(model), int(seed))
    return LoadedWeights(
        model=model,
        name=f"{RANDOM_PREFIX}{int(seed)}",
        sha256=state_sha256(state),
        untrained=True,
        training_data="none: random numbers",
        licence="none",
        state=state,
        hyper=dataclasses.asdict(spec.defaults),
    )


def state_sha256(state: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of all tensors, in the order of their names."""
    digest = hashlib.sha256()
    for key in sorted(state):
        array = state[key].detach().cpu().contiguous().numpy()
        digest.update(f"{key}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _stored(model: str, store: WeightsStore, name: str) -> LoadedWeights:
    record = store.record(name)
    if record.model != model:
        raise WeightsError(
            f"The weights '{record.name}' were imported for {record.model}, not for {model}; "
            f"choose others, or import the file again with --model {model}."
        )
    path = store.tensors_path(record.name)
    if not path.is_file():
        raise WeightsError(f"The stored weights '{record.name}' are gone ({path}); import the file again.")
    if file_sha256(path) != record.sha256:
        raise WeightsError(
            f"The stored weights '{record.name}' have changed since they were imported (SHA-256 differs); "
            "import the file again."
        )
    state, sha256 = read_weight_file(path)
    fitting_model(path, state, model)
    return LoadedWeights(
        model=model,
        name=record.name,
        sha256=sha256,
        untrained=False,
        training_data=record.training_data,
        licence=record.licence,
        state=checked_state(path, state),
        hyper=dataclasses.asdict(get_spec(model).hyper(**record.hyper)),
        trained_input=read_metadata(path).trained_input,
        known_answer=record.known_answer,
    )


def _from_file(model: str, path: Path) -> LoadedWeights:
    raw, sha256 = read_weight_file(path)
    said = read_metadata(path)
    if said.model not in ("", model):
        raise WeightsError(
            f"{path.name} says that it is for {said.model}, not for {model}; choose others, or name the network "
            f"(--weights {said.model}={path.name})."
        )
    _, variant = fitting_model(path, raw, model)
    spec = get_spec(model)
    release = release_number(spec, path.stem)
    return LoadedWeights(
        model=model,
        name=path.name,
        sha256=sha256,
        untrained=False,
        training_data=_training_data(spec, release, said),
        licence=said.licence or (spec.weights_licence if release else "unknown"),
        state=checked_state(path, raw),
        hyper=settings_of(spec, variant, release, said.hyper),
        trained_input=said.trained_input,
    )
