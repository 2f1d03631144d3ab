"""What a reader answers when side, view or orientation of an image are missing or contradict each other.

The answer changes how the image is described, never its pixels: everything that follows (hanging, network window,
overlays) goes through the same geometry as if the file had said so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from gmic_core.exam.geometry import implied_patient_orientation
from gmic_core.exam.model import MammoImage
from gmic_core.types import Laterality

Turn = Literal["as stated", "mirrored", "turned"]
TURNS: tuple[Turn, ...] = ("as stated", "mirrored", "turned")
"""How the image has to be turned from how it is shown: not at all, left and right swapped, by 180 degrees."""
VIEWS = ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "XCCM", "FB", "SIO")

_OPPOSITE = str.maketrans("APLRHF", "PARLFH")


@dataclass(frozen=True)
class Answer:
    """What the reader said about one image."""

    laterality: Laterality
    view: str
    turn: Turn = "as stated"


def answered(image: MammoImage, answer: Answer) -> MammoImage:
    """Return the image as the reader describes it, without open questions."""
    along_columns, along_rows = image.patient_orientation or implied_patient_orientation(answer.laterality)
    if answer.turn != "as stated":
        along_columns, along_rows = _turned(along_columns, along_rows, answer.turn)
    return replace(
        image,
        laterality=answer.laterality,
        view=answer.view,
        patient_orientation=(along_columns, along_rows),
        questions=(),
        orientation_confirmed=True,
    )


def _turned(along_columns: str, along_rows: str, turn: Turn) -> tuple[str, str]:
    """Return Patient Orientation after the reader says that anterior is at the other end (and up is down)."""
    if turn == "turned":
        return along_columns.translate(_OPPOSITE), along_rows.translate(_OPPOSITE)
    if along_rows[:1] in ("A", "P"):  # stored lying: what is left and right on the screen runs along the rows
        return along_columns, along_rows.translate(_OPPOSITE)
    return along_columns.translate(_OPPOSITE), along_rows
