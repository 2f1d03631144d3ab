"""The network's patches against the findings: how much of a lesion they cover, and whether the best ones hit it.

GMIC (3.5) calls a lesion indicated when the patches cover at least 70 % of its pixels. A patch of a volume lies on one
slice, while a lesion runs through many, so in volumes the projection of the lesion is covered, as the 3D-GMIC paper
projects both maps and annotations; ``covered_on_slices`` is stricter: only patches on the lesion's slices count.

With several members (sets of weights, augmentations) each chooses its own patches. All figures are means over the
members: the union of their patches would cover more the more members there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmic_core.evaluation.truth import Lesion
from gmic_core.types import Roi

COVERED = 0.7
"""Share of lesion pixels that patches must cover (GMIC, 3.5)."""
TOP = 3
"""Patches of highest attention that are asked to hit a lesion."""


@dataclass(frozen=True)
class PatchFigures:
    """What the patches say of the findings of one class on one image; means over the members.

    Attributes
    ----------
    covered : share of the findings' pixels (projected along the slices) in at least one patch.
    covered_on_slices : the same with only those patches that lie on a slice that the finding reaches.
    indicated : 1 where ``covered`` is at least :data:`COVERED`, else 0.
    top_hit : 1 where one of the :data:`TOP` patches of highest attention holds the centre of a finding and lies on a
        slice that it reaches, else 0.
    """

    covered: float
    covered_on_slices: float
    indicated: float
    top_hit: float


def patch_figures(members: Sequence[Sequence[Roi]], lesions: Sequence[Lesion]) -> PatchFigures:
    """Return the figures of one class.

    Parameters
    ----------
    members : the patches of each member; a member that chose none covers nothing.
    lesions : the findings of the class, at least one.
    """
    each = [_of_member(rois, lesions) for rois in members or [()]]
    covered, on_slices, indicated, hit = (float(value) for value in np.mean(each, axis=0))
    return PatchFigures(covered, on_slices, indicated, hit)


def _of_member(rois: Sequence[Roi], lesions: Sequence[Lesion]) -> tuple[float, float, float, float]:
    best = sorted(rois, key=lambda roi: -roi.attention)[:TOP]
    total = sum(int(lesion.mask.sum()) for lesion in lesions)
    covered = sum(_covered_pixels(rois, lesion) for lesion in lesions) / total
    on_slices = sum(_covered_pixels([r for r in rois if _on_slices(r, lesion)], lesion) for lesion in lesions) / total
    hit = any(_on_slices(roi, lesion) and _holds_centre(roi, lesion) for roi in best for lesion in lesions)
    return covered, on_slices, float(covered >= COVERED), float(hit)


def _covered_pixels(rois: Sequence[Roi], lesion: Lesion) -> int:
    covered = np.zeros_like(lesion.mask)
    row0, col0 = lesion.corner
    for roi in rois:
        rows = slice(max(roi.row0 - row0, 0), max(roi.row1 - row0, 0))
        covered[rows, max(roi.col0 - col0, 0) : max(roi.col1 - col0, 0)] = True
    return int((covered & lesion.mask).sum())


def _on_slices(roi: Roi, lesion: Lesion) -> bool:
    return lesion.slices[0] <= roi.slice_index < lesion.slices[1]


def _holds_centre(roi: Roi, lesion: Lesion) -> bool:
    row, column = lesion.centre
    return roi.row0 - 0.5 <= row < roi.row1 - 0.5 and roi.col0 - 0.5 <= column < roi.col1 - 0.5
