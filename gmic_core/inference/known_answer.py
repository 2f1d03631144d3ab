"""The known-answer test: before a set of weights may compute a score, it must give the answer that is known for it.

A tiny image and two tiny patches go through the network as it will be used: its weights, its device, its mode. The
known answer is the one recorded with the weights when they were imported or shipped; for weights without a record (a
file, random ones) it is what the plain modules compute in float64 now. A damaged library, a broken driver or a wrong
kernel shows here and not in a score. Imports torch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gmic_core.errors import InferenceError
from gmic_core.inference.execution.modes import TOLERANCE, Mode
from gmic_core.models.known_answer import answer, reference_answer

if TYPE_CHECKING:
    from gmic_core.inference.network import LoadedNetwork

FEATURES_LOOSER = 10.0
"""Features are no probabilities: beyond 1 they may be off by so many times the tolerance, relatively."""


def check_known_answer(loaded: LoadedNetwork) -> None:
    """Make sure that a loaded network computes what it must.

    Raises
    ------
    InferenceError
        If it does not; nothing may be computed with it then.
    """
    known = loaded.weights.known_answer or reference_answer(loaded.network)
    given = answer(loaded.executor, loaded.network, loaded.device)
    allowed = TOLERANCE[loaded.mode]
    worst = max(map(_difference, given, known)) if len(given) == len(known) else math.inf
    if worst <= allowed:
        return
    raise InferenceError(
        f"The known-answer test of {loaded.weights.name} failed on {loaded.device_label} in {loaded.mode} mode "
        f"(off by {worst:.2g}, allowed {allowed:g}), so no score is shown. {_advice(loaded.mode)}"
    )


def _advice(mode: Mode) -> str:
    if mode == "fast":
        return "Choose the exact mode, or the CPU."
    return "Import the weights again; if that does not help, install the program again or choose another device."


def _difference(given: float, known: float) -> float:
    """Return how far a number is off: as it is up to 1 in size, relative and less strict beyond."""
    if not math.isfinite(given):
        return math.inf
    return abs(given - known) / (1.0 if abs(known) <= 1.0 else FEATURES_LOOSER * abs(known))
