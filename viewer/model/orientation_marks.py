"""Which way the patient lies in a displayed image: letters for its edges, as stated by the file (PS3.3 C.7.6.1.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

from gmic_core.exam.model import MammoImage
from viewer.model.placement import image_orientation

_OPPOSITE = str.maketrans("APLRHF", "PARLFH")


@dataclass(frozen=True)
class EdgeLetters:
    """Towards which side of the patient each edge of the screen lies: A P L R H F, or two of them."""

    top: str
    right: str
    bottom: str
    left: str


def opposite(direction: str) -> str:
    """Return the opposite direction of the patient, e.g. ``HL`` for ``FR``."""
    return direction.translate(_OPPOSITE)


def edge_letters(image: MammoImage) -> EdgeLetters | None:
    """Return the letters at the edges of a displayed image; None where the file states no orientation.

    What the program only assumes is never written beside an image, nor what a question is open about.
    """
    if image.patient_orientation is None or image.questions:
        return None
    right, down = image.patient_orientation
    turn = image_orientation(image)
    if turn.transpose:
        right, down = down, right
    if turn.flip_rows:
        down = opposite(down)
    if turn.flip_cols:
        right = opposite(right)
    return EdgeLetters(opposite(down), right, down, opposite(right))
