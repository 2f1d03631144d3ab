"""Trying out results: with the weights that made them, and what the reader has to know before a first run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gmic_core.errors import GmicError, InferenceError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import expected_notes, model_with_weights
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import Shift
from gmic_core.inference.weights_key import is_of, joint_key
from gmic_core.models.registry import get_spec
from gmic_core.models.store import WeightsStore
from gmic_core.types import SIMULATED_ONLY, ImageResult
from viewer.app.weights import Weights
from viewer.model.session import Session
from viewer.model.settings import Settings
from viewer.services.inference import InferenceClient

CHANGED = "Other weights are chosen now than those that made this result; run the AI again first."


class Trying:
    """Asks the worker for what is compared with a result.

    Parameters
    ----------
    weights : returns the weights of each network that runs on some images.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        client: InferenceClient,
        weights: Callable[[Sequence[MammoImage]], Weights],
    ) -> None:
        self._session, self._settings, self._client, self._weights = session, settings, client, weights

    def run(self, image: MammoImage, what: Occlusion | tuple[Shift, ...]) -> None:
        """Run an image with a place filled, or on moved grids."""
        base = self._base(image)
        if base is None:
            return
        try:
            self._client.try_out(image, base, self._refs(image, base), self._settings.device, what)
        except GmicError as error:
            self._session.notice.emit("warning", str(error))

    def score(self, image: MammoImage, keep: Sequence[bool]) -> None:
        """Score an image over some of its patches."""
        base = self._base(image)
        if base is None:
            return
        try:
            self._client.score_without(image, base, self._refs(image, base), self._settings.device, keep)
        except GmicError as error:
            self._session.notice.emit("warning", str(error))

    def _base(self, image: MammoImage) -> ImageResult | None:
        entry = self._session.results.get(image.sop_uid)
        return entry.result if entry is not None else None

    def _refs(self, image: MammoImage, base: ImageResult) -> tuple[str, ...]:
        """Return the weights that made a result.

        Raises
        ------
        InferenceError
            If they are not the chosen ones any more.
        """
        refs = tuple(self._weights([image]).get(base.provenance.model, ()))
        key = joint_key(refs) if refs else ""
        if not key or not is_of(key, refs, base.provenance.weights_sha256):
            raise InferenceError(CHANGED)
        return refs

    def notes_before(self, images: Sequence[MammoImage]) -> dict[str, tuple[str, ...]]:
        """Return what has to be known of each image before a network runs on it, by SOP UID."""
        weights = self._weights(images)
        simulated = {model: _never_saw_a_patient(refs) for model, refs in weights.items()}
        notes = {}
        for image in images:
            model = model_with_weights(image.modality, weights)
            if model is not None:
                only = simulated.get(model, False)
                notes[image.sop_uid] = expected_notes(image, get_spec(model), simulated_only=only)
        return notes


def _never_saw_a_patient(refs: Sequence[str]) -> bool:
    """Whether any of some weights was trained on simulated breasts only; loose files are known when they are loaded."""
    store = WeightsStore()
    try:
        names = [name for ref in refs if (name := store.find(ref)) is not None]
        return any(store.record(name, digest=False).training_data.startswith(SIMULATED_ONLY) for name in names)
    except GmicError:  # a damaged record: running says what is wrong with it
        return False
