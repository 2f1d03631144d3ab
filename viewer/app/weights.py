"""Which weights each network runs with: what was named on the command line, what is remembered, what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gmic_core.errors import ModelError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import DEFAULT_MODELS
from gmic_core.models.registry import available_models
from gmic_core.models.store import WeightsStore

Weights = dict[str, tuple[str, ...]]


def models_of(images: Iterable[MammoImage]) -> list[str]:
    """Return the networks that run on these images, without repetition."""
    found = (DEFAULT_MODELS.get(image.modality) for image in images)
    return list(dict.fromkeys(model for model in found if model is not None))


def named_weights(words: Sequence[str]) -> Weights:
    """Return the weights of each network named as ``[MODEL=]REF``.

    ``random:SEED`` without a network is for all of them; a stored name is for the network that it was imported for.

    Raises
    ------
    ModelError
        If it is not clear which network a file is for.
    """
    chosen: dict[str, list[str]] = {}
    models = sorted(set(DEFAULT_MODELS.values()))
    for word in words:
        model, separator, ref = word.partition("=")
        if separator and model in available_models():
            chosen.setdefault(model, []).append(ref)
        elif word.startswith("random:"):
            for name in models:
                chosen.setdefault(name, []).append(word)
        else:
            chosen.setdefault(_model_of_stored(word), []).append(word)
    return {model: tuple(refs) for model, refs in chosen.items()}


def _model_of_stored(word: str) -> str:
    store = WeightsStore()
    name = store.find(word) if Path(word).name == word else None
    if name is None:
        raise ModelError(
            f"It is not clear which network the weights '{word}' are for; write MODEL={word} with one of "
            f"{', '.join(available_models())}."
        )
    return store.record(name).model


def chosen_weights(models: Iterable[str], named: Weights, remembered: Mapping[str, Sequence[str]]) -> Weights:
    """Return the weights of each network: named, else remembered, else all that are stored for it (an ensemble).

    A network without any is left out.
    """
    stored: dict[str, list[str]] = {}
    store = WeightsStore()
    for name in store.names():
        stored.setdefault(store.record(name).model, []).append(name)
    found: Weights = {}
    for model in models:
        refs = named.get(model) or remembered.get(model) or stored.get(model)
        if refs:
            found[model] = tuple(refs)
    return found
