"""The two modes of computing, by name. Imports no torch: the command line and the window offer them.

``exact``: float32 without TF32; agrees with the published code and between batch sizes, devices and numbers of threads
to 1e-5 in probability, given the same patches. ``fast``: float16 where the device gains from it; within 0.01 of exact.
``auto`` picks one by device, and every result says which it was.
"""

from __future__ import annotations

from typing import Literal, cast, get_args

Mode = Literal["exact", "fast"]
ModeChoice = Literal["auto", "exact", "fast"]

MODE_CHOICES: tuple[ModeChoice, ...] = get_args(ModeChoice)
TOLERANCE: dict[Mode, float] = {"exact": 1e-5, "fast": 0.01}
"""How far a probability of each mode may be from that of the modules in float64."""
PRECISION: dict[Mode, str] = {"exact": "float32", "fast": "float16"}
"""What the convolutions of each mode are computed in; sums are float32 in both."""

PLACES = ("auto", "auto/exact", "cpu", "cuda", "cuda/exact")
"""Where to compute and how, in one word as the settings keep it: a device, and a mode where it is not ``auto``."""


def split_place(place: str) -> tuple[str, ModeChoice]:
    """Return device and mode of one of :data:`PLACES`."""
    device, _, mode = place.partition("/")
    return device, cast(ModeChoice, mode or "auto")


def suits(mode: str, place: str) -> bool:
    """Whether a result that was computed in ``mode`` is what somebody wants who computes at ``place``."""
    return split_place(place)[1] in ("auto", mode)
