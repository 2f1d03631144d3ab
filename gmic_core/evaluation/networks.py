"""Predictions for the evaluation by running networks. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gmic_core.errors import InferenceError
from gmic_core.evaluation.predictions import Predicted, joined
from gmic_core.exam.model import MammoImage
from gmic_core.inference.augmented import run_augmented
from gmic_core.inference.engine import Run, run_image
from gmic_core.inference.network import LoadedNetwork, load_network
from gmic_core.inference.reader import Reader
from gmic_core.models.trained_input import scaled_spec
from gmic_core.types import ImageResult


def load_networks(
    weights: Mapping[str, Sequence[str]], device: str, factor: int = 1
) -> dict[str, tuple[LoadedNetwork, ...]]:
    """Return the networks of each model, one per reference.

    Parameters
    ----------
    factor : how many times as large the pixels are as those that the network was made for; its window covers the
        same field of view then. Weights that state their own pixel size keep it.
    """
    networks = {
        model: tuple(load_network(model, ref, device) for ref in refs) for model, refs in sorted(weights.items())
    }
    for loaded in (one for members in networks.values() for one in members):
        if loaded.weights.trained_input is None:
            loaded.network.spec = scaled_spec(loaded.network.spec, factor)
    return networks


class NetworkPredictor:
    """Runs the members of a network on an image.

    Parameters
    ----------
    augmentations : windows drawn per member; 0: the plain window.
    seed : of the windows.
    """

    def __init__(
        self,
        networks: Mapping[str, Sequence[LoadedNetwork]],
        reader: Reader,
        augmentations: int = 0,
        seed: int = 0,
    ) -> None:
        self._networks, self._reader = networks, reader
        self._augmentations, self._seed = augmentations, seed

    def key(self, model: str) -> dict[str, object]:
        """Return what changes when the prediction of an image changes."""
        members = self._members(model)
        return {
            "model": model,
            "weights": [loaded.weights.sha256 for loaded in members],
            "hyper": [repr(sorted(loaded.weights.hyper.items())) for loaded in members],
            "inputs": repr(members[0].network.spec.inputs),
            "augmentations": [self._augmentations, self._seed if self._augmentations else 0],
        }

    def predict(self, image: MammoImage, model: str, run: Run | None = None, reader: Reader | None = None) -> Predicted:
        """Return what the members of a model say of an image.

        Raises
        ------
        InferenceError, ExamError, CancelledError
            If the image cannot be taken or read, or the run was stopped.
        """
        frames = reader or self._reader
        results: list[ImageResult] = []
        for loaded in self._members(model):
            if self._augmentations:
                results += run_augmented(image, loaded, frames, run, count=self._augmentations, seed=self._seed)
            else:
                results.append(run_image(image, loaded, frames, run))
        return joined(results)

    def _members(self, model: str) -> Sequence[LoadedNetwork]:
        if model not in self._networks:
            raise InferenceError(f"There are no weights for {model}; give some with --weights {model}=REF.")
        return self._networks[model]
