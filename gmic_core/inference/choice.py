"""Which network takes which image, and why some images are taken by none. Imports no torch."""

from __future__ import annotations

from collections.abc import Container

from gmic_core.errors import InferenceError, ModelError
from gmic_core.exam.model import MammoImage
from gmic_core.models.registry import ModelSpec
from gmic_core.models.shipped import SIMULATED_NOTE
from gmic_core.types import Modality

DEFAULT_MODELS: dict[Modality, str] = {
    Modality.DBT: "gmic3d",
    Modality.FFDM: "gmic2d",
    Modality.MG: "gmic2d",
    Modality.S2D: "gmic2d_park",
}
"""Network that runs on images of each modality when the user names none."""

OTHER_MODELS: dict[Modality, tuple[str, ...]] = {Modality.FFDM: ("gmic2d_park",), Modality.MG: ("gmic2d_park",)}
"""Networks that take a modality as well, in the order in which they stand in where the usual one has no weights."""


def models_for(modality: Modality) -> tuple[str, ...]:
    """Return the networks for a modality, the usual one first."""
    usual = DEFAULT_MODELS.get(modality)
    return () if usual is None else (usual, *OTHER_MODELS.get(modality, ()))


def model_with_weights(modality: Modality, weighted: Container[str]) -> str | None:
    """Return the network that runs on a modality: the first that has weights, else the usual one, None for none.

    Parameters
    ----------
    weighted : networks that have weights.
    """
    models = models_for(modality)
    return next((model for model in models if model in weighted), models[0] if models else None)


def default_model(image: MammoImage, weighted: Container[str] = ()) -> str:
    """Return the name of the network for an image.

    Parameters
    ----------
    weighted : networks that have weights; another one stands in where the usual one has none.

    Raises
    ------
    InferenceError
        If no network takes images of this modality.
    """
    model = model_with_weights(image.modality, weighted)
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


def expected_notes(image: MammoImage, spec: ModelSpec, *, simulated_only: bool = False) -> tuple[str, ...]:
    """Return what the header alone tells about input outside what a network was made for, before it runs.

    Parameters
    ----------
    simulated_only : whether the weights never saw a patient.
    """
    return (*acceptance_notes(image, spec, simulated_only=simulated_only), *_spacing_notes(image, spec))


def _spacing_notes(image: MammoImage, spec: ModelSpec) -> tuple[str, ...]:
    """Say how the pixel spacing differs; once the pixels are read, the run says what it made of that."""
    if not any(entry.modality is image.modality for entry in spec.inputs):
        return ()
    expected = spec.input_for(image.modality)
    if image.spacing_mm is None:
        return (
            "The pixel spacing is unknown; a breast that does not fit into the network's window will be shrunk, and "
            "scores are not comparable then.",
        )
    if all(expected.takes_spacing(value) for value in image.spacing_mm):
        return ()
    rows, columns = image.spacing_mm
    return (
        f"Its pixels of {rows:.4g}x{columns:.4g} mm will be resampled to the {expected.spacing_mm:.4g} mm that the "
        "network was trained on.",
    )


def acceptance_notes(image: MammoImage, spec: ModelSpec, *, simulated_only: bool = False) -> tuple[str, ...]:
    """Return what the reader has to know before trusting a score: input outside what the network was made for.

    Parameters
    ----------
    simulated_only : whether the weights never saw a patient.
    """
    notes = []
    if simulated_only and not image.simulated:
        notes.append(SIMULATED_NOTE)
    if image.simulated and not simulated_only:
        notes.append("A simulated image, no patient; the network was not made for such images.")
    if image.modality in spec.tolerates:
        notes.append(spec.tolerance_note)
    if image.for_processing:
        notes.append("The image is FOR PROCESSING; the networks were trained on images for presentation.")
    if spec.is_3d and image.frames == 1:
        notes.append("The volume has a single slice; the network was trained on whole volumes.")
    if image.view_modifiers:
        modifiers = ", ".join(image.view_modifiers)
        notes.append(f"A special view ({modifiers}); the networks were trained on standard views.")
    if image.manufacturer and not (image.simulated or simulated_only) and "hologic" not in image.manufacturer.lower():
        notes.append(f"Made by {image.manufacturer}; the published networks saw Hologic images only.")
    return tuple(notes)
