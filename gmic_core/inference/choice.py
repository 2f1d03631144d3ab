"""Which network takes which image, and why some images are taken by none. Imports no torch."""

from __future__ import annotations

from gmic_core.errors import InferenceError, ModelError
from gmic_core.exam.model import MammoImage
from gmic_core.models.registry import ModelSpec
from gmic_core.types import Modality

DEFAULT_MODELS: dict[Modality, str] = {
    Modality.DBT: "gmic3d",
    Modality.FFDM: "gmic2d",
    Modality.MG: "gmic2d",
    Modality.S2D: "gmic2d_park",
}
"""Network that runs on images of each modality when the user names none."""


def default_model(image: MammoImage) -> str:
    """Return the name of the network for an image.

    Raises
    ------
    InferenceError
        If no network takes images of this modality.
    """
    model = DEFAULT_MODELS.get(image.modality)
    if model is None:
        raise InferenceError(f"No network takes images of the kind {image.modality}; they can be viewed only.")
    return model


def refusal(image: MammoImage, spec: ModelSpec) -> str | None:
    """Return why a network cannot take an image as far as its header tells, or None."""
    try:
        spec.input_for(image.modality)
    except ModelError as error:
        return str(error)
    if image.questions:
        return f"A question about this image is open: {image.questions[0]}"
    if image.laterality is None or image.view is None:
        missing = "side" if image.laterality is None else "view"
        return f"The {missing} of this image is unknown; state it before running a network."
    if not spec.is_3d and image.frames > 1:
        return f"{spec.name} takes single images, this one has {image.frames} frames."
    return None


def check_acceptance(image: MammoImage, spec: ModelSpec) -> None:
    """Make sure that a network can take the image.

    Raises
    ------
    InferenceError
        If it cannot; the message gives the reason.
    """
    reason = refusal(image, spec)
    if reason is not None:
        raise InferenceError(reason)


def acceptance_notes(image: MammoImage, spec: ModelSpec) -> tuple[str, ...]:
    """Return what the reader has to know before trusting a score: input outside what the network was made for."""
    notes = []
    if image.modality in spec.tolerates:
        notes.append(spec.tolerance_note)
    if image.for_processing:
        notes.append("The image is FOR PROCESSING; the networks were trained on images for presentation.")
    if spec.is_3d and image.frames == 1:
        notes.append("The volume has a single slice; the network was trained on whole volumes.")
    if image.view_modifiers:
        modifiers = ", ".join(image.view_modifiers)
        notes.append(f"A special view ({modifiers}); the networks were trained on standard views.")
    if image.manufacturer and "hologic" not in image.manufacturer.lower():
        notes.append(f"Made by {image.manufacturer}; the published networks saw Hologic images only.")
    return tuple(notes)
