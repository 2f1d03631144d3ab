"""Two results of one image, made with the same weights on different devices or in different modes. Imports no torch.

Scores may differ by rounding. A patch that flips - chosen in one, not in the other - is told, because it changes the
local score by more than rounding does, without anything being wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmic_core.types import ImageResult

Place = tuple[int, int, int]
"""Slice, first row and first column of a patch, in stored pixels."""


@dataclass(frozen=True)
class Agreement:
    """How far two results are apart.

    Attributes
    ----------
    probability : largest difference of the image's scores.
    saliency : largest difference of a cell of the maps.
    flipped : numbers (from 1, in the order of choice) of the first result's patches that the second has not.
    """

    probability: float
    saliency: float
    flipped: tuple[int, ...]


def comparable(a: ImageResult, b: ImageResult) -> bool:
    """Whether both are of one image, one window and the same weights."""
    return (
        a.sop_uid == b.sop_uid
        and a.provenance.weights_sha256 == b.provenance.weights_sha256
        and a.provenance.preprocessing_version == b.provenance.preprocessing_version
        and a.saliency.shape == b.saliency.shape
        and bool(np.array_equal(a.window_to_stored, b.window_to_stored))
    )


def agreement(a: ImageResult, b: ImageResult) -> Agreement:
    """Compare two results of one image."""
    maps = np.abs(a.saliency.astype(np.float32) - b.saliency.astype(np.float32))
    theirs = set(_places(b))
    flipped = tuple(number for number, place in enumerate(_places(a), start=1) if place not in theirs)
    return Agreement(float(np.abs(np.subtract(a.y, b.y)).max()), float(maps.max()), flipped)


def flip_note(new: ImageResult, old: ImageResult) -> str:
    """Return a sentence where another device or mode chose other patches before; "" otherwise."""
    where = (new.provenance.device, new.provenance.mode), (old.provenance.device, old.provenance.mode)
    if where[0] == where[1] or not comparable(new, old):
        return ""
    found = agreement(new, old)
    if not found.flipped:
        return ""
    which = ", ".join(map(str, found.flipped))
    patches = f"Patch {which} was" if len(found.flipped) == 1 else f"Patches {which} were"
    device, mode = where[1]
    return (
        f"{patches} not chosen on {device} in {mode} mode, where the scores differ by {found.probability:.2g}: "
        "near ties turn with rounding."
    )


def _places(result: ImageResult) -> list[Place]:
    return [(roi.slice_index, roi.row0, roi.col0) for roi in result.rois]
