"""Which notes of a result are no reason for doubt: the window shows them quietly, all others in amber."""

from __future__ import annotations

NEAR_TIE = "Near tie"
AVERAGED = "Scores are means of"
FAST_UNUSED = "Fast mode was asked for"
VERIFIED = "Verified against"
DISTRUST = "do not trust"

_CALM = (NEAR_TIE, AVERAGED, FAST_UNUSED, VERIFIED, "The memory of the device")


def is_calm(note: str) -> bool:
    """Whether a note says how a result was made rather than what makes it doubtful."""
    return (note.startswith(_CALM) or note.endswith("near ties turn with rounding.")) and DISTRUST not in note
