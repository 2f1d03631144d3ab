"""Which weights each network runs with: named on the command line, remembered, stored, or shipped with the program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gmic_core.errors import ModelError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import DEFAULT_MODELS, model_with_weights, models_for
from gmic_core.models.registry import available_models, get_spec
from gmic_core.models.store import WeightsStore
from viewer.commands.context import WeightsOffer

RANDOM = "random:0"

Weights = dict[str, tuple[str, ...]]


def models_of(images: Iterable[MammoImage], weights: Weights | None = None) -> list[str]:
    """Return the networks that run on these images, without repetition.

    Parameters
    ----------
    weights : of each network that has some; another network stands in where the usual one has none.
    """
    found = (model_with_weights(image.modality, weights or {}) for image in images)
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


def chosen_weights(images: Iterable[MammoImage], named: Weights, remembered: Mapping[str, Sequence[str]]) -> Weights:
    """Return the weights of each network that runs on these images; a network without any is left out.

    Named ones come first, then remembered ones, then all that the user stored for a network (an ensemble), and last,
    where all images are simulated, the shipped ones: those never saw a patient, so on patients they must be asked for.
    """
    images = list(images)
    store = WeightsStore()
    ranks: list[Mapping[str, Sequence[str]]] = [named, remembered, _by_model(store, store.names())]
    if all(image.simulated for image in images):
        ranks.append({model: names[-1:] for model, names in _by_model(store, store.shipped.names()).items()})
    found: Weights = {}
    for modality in dict.fromkeys(image.modality for image in images):
        usable = ((model, rank.get(model)) for rank in ranks for model in models_for(modality))
        model, refs = next(((model, refs) for model, refs in usable if refs), (None, None))
        if model is not None and refs is not None:
            found[model] = tuple(refs)
    return found


def has_shipped_weights() -> bool:
    """Whether weights come with the program."""
    return bool(WeightsStore().shipped.names())


def demo_weights() -> tuple[tuple[str, ...], bool]:
    """Return the weights of the demo, as on the command line, and whether any of them are random.

    The shipped ones; random ones for a network that has none and that no other network with some can stand in for.
    """
    store = WeightsStore()
    shipped = {model: names[-1] for model, names in _by_model(store, store.shipped.names()).items()}
    needed = dict.fromkeys(model_with_weights(modality, shipped) for modality in DEFAULT_MODELS)
    words = [shipped.get(model) or f"{model}={RANDOM}" for model in needed if model is not None]
    return tuple(words), any(word.endswith(RANDOM) for word in words)


def offered_weights(named: Weights, remembered: Mapping[str, Sequence[str]]) -> list[WeightsOffer]:
    """Return what the reader may choose between, network by network: stored, shipped and random weights."""
    store = WeightsStore()
    stored, shipped = _by_model(store, store.names()), _by_model(store, store.shipped.names())
    offers = []
    for model in (get_spec(name) for name in available_models()):
        chosen = tuple(named.get(model.name) or remembered.get(model.name) or ())
        known = [(name, name) for name in stored.get(model.name, [])]
        known += [(name, f"{name} (simulated breasts only)") for name in shipped.get(model.name, [])]
        more = dict.fromkeys((*chosen, RANDOM))
        known += [(ref, _shown(ref)) for ref in more if ref not in dict(known)]
        offers += [WeightsOffer(model.name, model.title, ref, text, ref in chosen) for ref, text in known]
    return offers


def _shown(ref: str) -> str:
    return f"{ref} (UNTRAINED)" if ref.startswith("random:") else Path(ref).name


def _by_model(store: WeightsStore, names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        # no digest: this is asked while an exam opens, and reading all weights would hold up its first image
        found.setdefault(store.record(name, digest=False).model, []).append(name)
    return found
