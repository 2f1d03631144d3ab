"""An image again with the plain modules in float32 on the CPU, to see whether a device and a mode can be trusted there.

Imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gmic_core.exam.model import MammoImage
from gmic_core.inference.agreement import Agreement, agreement
from gmic_core.inference.engine import Run, run_members
from gmic_core.inference.ensemble import ensemble_mean
from gmic_core.inference.execution.executor import ModuleExecutor
from gmic_core.inference.execution.modes import TOLERANCE, Mode
from gmic_core.inference.network import LoadedNetwork
from gmic_core.inference.reader import Reader
from gmic_core.types import ImageResult


def reference_networks(networks: Sequence[LoadedNetwork]) -> tuple[LoadedNetwork, ...]:
    """Return the same networks, run by their modules in float32 on the CPU."""
    return tuple(map(_reference, networks))


def _reference(loaded: LoadedNetwork) -> LoadedNetwork:
    there = loaded.on_cpu()
    return replace(there, given=ModuleExecutor(there.network))


def verified(
    image: MammoImage, result: ImageResult, references: Sequence[LoadedNetwork], reader: Reader, run: Run | None = None
) -> ImageResult:
    """Return the result with a note on how far it is from that of :func:`reference_networks`.

    Parameters
    ----------
    result : of the plain window, without augmentations.

    Raises
    ------
    InferenceError, ExamError, CancelledError
        As :func:`~gmic_core.inference.engine.run_image` does.
    """
    again = ensemble_mean(run_members(image, references, reader, run))
    return replace(result, notes=(*result.notes, verdict(agreement(result, again), result)))


def verdict(found: Agreement, result: ImageResult) -> str:
    """Say how far a result is from the reference, and whether that is what its mode promises."""
    mode: Mode = "fast" if result.provenance.mode == "fast" else "exact"
    text = (
        f"Verified against the plain modules on the CPU: scores differ by {found.probability:.2g}, maps by "
        f"{found.saliency:.2g}"
    )
    if found.flipped:
        which = ", ".join(map(str, found.flipped))
        return f"{text}; patch {which} flipped, so the local scores are not of the same patches."
    if found.probability > TOLERANCE[mode]:
        return f"{text}, which is MORE than the {TOLERANCE[mode]:g} of the {mode} mode: do not trust this device."
    return f"{text}; the same patches."
