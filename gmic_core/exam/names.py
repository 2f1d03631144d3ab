"""Side and view from file names: ``0_L-CC.png``, ``exam7_R_MLO.png``, ``case_LCC.nii.gz``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gmic_core.exam.codes import VIEW_POSITIONS
from gmic_core.types import Laterality, Modality

HOW_TO_NAME = "name it like 0_L-CC.png or 0_R-MLO.png"

LABEL_MAP = "a segmentation mask"
"""Beginning of the reason for which a label map is no image."""
_MASK_WORDS = "benign|malignant|mask|seg|segmentation|label|labels|roi|annotation|truth"
_MODALITY_WORDS = {
    "FFDM": Modality.FFDM, "DM": Modality.FFDM, "DBT": Modality.DBT, "TOMO": Modality.DBT,
    "S2D": Modality.S2D, "CVIEW": Modality.S2D,
}  # fmt: skip
_NAME = re.compile(
    r"(?:(?P<prefix>.*?)[ _.-]+)??"
    r"(?:(?P<before>FFDM|DM|DBT|TOMO|S2D|CVIEW)[ _.-]+)?"
    r"(?P<side>L|R|LEFT|RIGHT)[ _.-]*"
    rf"(?P<view>{'|'.join(sorted(VIEW_POSITIONS, key=len, reverse=True))})"
    r"(?:[ _.-]+(?P<after>FFDM|DM|DBT|TOMO|S2D|CVIEW))?"
    r"(?:[ _.-]+(?P<copy>\d{1,3}))?",
    re.IGNORECASE,
)
_MASK = re.compile(rf"(?P<image>.+?)(?:[ _.-]+(?:{_MASK_WORDS}))+(?:[ _.-]*\d+)?", re.IGNORECASE)
_SIDES = {"L": Laterality.L, "R": Laterality.R}


@dataclass(frozen=True)
class ImageName:
    """What a file name says.

    Attributes
    ----------
    prefix : what stands before the side; images with one prefix in one folder are one exam.
    modality : when the name states one, else None.
    """

    prefix: str
    laterality: Laterality
    view: str
    modality: Modality | None = None


def parse_name(stem: str) -> ImageName | None:
    """Return side and view from a file name without its extension; None when it does not state both."""
    match = _NAME.fullmatch(stem)
    if match is None:
        return None
    word = (match["before"] or match["after"] or "").upper()
    return ImageName(
        match["prefix"] or "", _SIDES[match["side"][0].upper()], match["view"].upper(), _MODALITY_WORDS.get(word)
    )


def masked_image(stem: str) -> str | None:
    """Return the name of the image of which a file is the segmentation (``0_R-CC_benign`` -> ``0_R-CC``), or None."""
    match = _MASK.fullmatch(stem)
    return match["image"] if match is not None else None
