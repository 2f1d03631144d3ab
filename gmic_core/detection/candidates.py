"""Where a network points, and where lesions are: centres in stored pixels, and when one hits the other.

The rule of the FFDM-informed detector's paper and of DBTex: a candidate hits a lesion when its centre lies within half
the diagonal of the lesion's box, or within 100 pixels, whichever is larger; in volumes its slice must also lie within a
quarter of the slices of the lesion's middle slice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.comparison.placing import PlacedMap
from gmic_core.evaluation.truth import ImageTruth, Lesion, separate
from gmic_core.types import Finding, Roi

RADIUS_PIXELS = 100.0
"""Distance that always counts as a hit, in pixels of the image as it was acquired."""
SLICE_SHARE = 0.25
"""Share of a volume's slices by which a hit may be off."""
MAX_PEAKS = 20


@dataclass(frozen=True)
class Candidate:
    """A place that a network points at: centre in stored pixels, and how sure it is."""

    slice: float
    row: float
    column: float
    score: float


@dataclass(frozen=True)
class Target:
    """A lesion as a box: its centre, and its size in pixels."""

    slice: float
    row: float
    column: float
    height: float
    width: float

    def hit_by(self, candidate: Candidate, slices: int) -> bool:
        """Return whether a candidate hits it.

        Parameters
        ----------
        slices : of the image; 1 for single images, where slices do not count.
        """
        reach = max(math.hypot(self.height, self.width) / 2.0, RADIUS_PIXELS)
        near = math.hypot(candidate.row - self.row, candidate.column - self.column) <= reach
        return near and (slices == 1 or abs(candidate.slice - self.slice) <= SLICE_SHARE * slices)


@dataclass(frozen=True)
class ImageMarks:
    """One image and class.

    Attributes
    ----------
    targets : its lesions; none on a negative image.
    peaks : maxima of the map.
    patches : the network's patches; None where they are not known.
    """

    image: str
    finding: Finding
    slices: int
    targets: tuple[Target, ...]
    peaks: tuple[Candidate, ...]
    patches: tuple[Candidate, ...] | None = None


def marks_of(
    image: str,
    finding: Finding,
    placed: PlacedMap,
    lesions: Sequence[Lesion],
    patches: Sequence[Sequence[Roi]] | None = None,
) -> ImageMarks:
    """Return the peaks and patches of an image, and each connected part of its lesions as a target."""
    apart = separate(ImageTruth(placed.shape, tuple(lesions))).lesions
    chosen = None if patches is None else tuple(patch_candidate(roi) for rois in patches for roi in rois)
    return ImageMarks(image, finding, placed.shape[0], tuple(map(target_of, apart)), peaks_of(placed), chosen)


def target_of(lesion: Lesion) -> Target:
    """Return the box of a lesion."""
    slices, rows, columns = lesion.layers.shape
    row, column = lesion.corner
    return Target(
        lesion.slices[0] + (slices - 1) / 2,
        row + (rows - 1) / 2,
        column + (columns - 1) / 2,
        float(rows),
        float(columns),
    )


def patch_candidate(roi: Roi) -> Candidate:
    """Return a patch as a candidate; its attention is the score."""
    return Candidate(roi.slice_index, (roi.row0 + roi.row1 - 1) / 2, (roi.col0 + roi.col1 - 1) / 2, roi.attention)


def peaks_of(placed: PlacedMap, most: int = MAX_PEAKS) -> tuple[Candidate, ...]:
    """Return the peaks of a map, highest first: maxima of the projection, each on the slice where it is reached.

    A peak hides everything within :data:`RADIUS_PIXELS` of it; what has no saliency is none.
    """
    rows = _centres(placed.grid.row_starts, placed.grid.shape[0])
    columns = _centres(placed.grid.column_starts, placed.grid.shape[1])
    plane = placed.projected.copy()
    found: list[Candidate] = []
    while len(found) < most and plane.size:
        a, b = np.unravel_index(int(np.argmax(plane)), plane.shape)
        score = float(plane[a, b])
        if score <= 0:
            break
        k = int(np.argmax(placed.values[:, a, b]))
        found.append(Candidate(float(k), float(rows[a]), float(columns[b]), score))
        near = np.hypot((rows - rows[a])[:, None], (columns - columns[b])[None, :]) <= RADIUS_PIXELS
        plane[near] = 0.0
    return tuple(found)


def _centres(starts: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.float64]:
    return np.asarray((starts + np.append(starts[1:], count) - 1) / 2, np.float64)
