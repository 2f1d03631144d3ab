"""One image, its maps and its segmentation, ready to be asked: figures of a class, a label or a lesion, and errors.

Maps are placed and sorted once (:func:`maps_of`), whatever is drawn meanwhile; a segmentation that changed costs what
its lesions cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gmic_core.comparison.classes import ClassMap, Subject
from gmic_core.comparison.curves import ProgressCall, RankedMap
from gmic_core.comparison.measures import Compared, compare
from gmic_core.comparison.placing import Cancelled, place
from gmic_core.comparison.strays import MOST, Stray, strays
from gmic_core.errors import SegmentationError
from gmic_core.evaluation.patches import COVERED, patch_figures
from gmic_core.evaluation.truth import Lesion
from gmic_core.segmentation.lesions import Component, Part, components
from gmic_core.types import Finding, ImageResult, Roi


@dataclass(frozen=True)
class Found:
    """How far the network found one lesion.

    Attributes
    ----------
    component : the lesion.
    peak : highest saliency of its class on its voxels.
    at : slice where it is reached.
    covered : share of its projected pixels inside the patches; NaN where no patches are known.
    """

    component: Component
    peak: float
    at: int
    covered: float

    def painted(self, threshold: float) -> bool:
        """Whether an overlay that paints what is above the threshold paints any of its voxels."""
        return bool(self.peak > np.float32(threshold))

    @property
    def indicated(self) -> bool:
        """Whether the patches cover at least 70 % of it, or are not known."""
        return not self.covered < COVERED


@dataclass(frozen=True)
class StrayPatch:
    """A patch with no lesion under it on its slice.

    Attributes
    ----------
    index : place in the result's ``rois``.
    elsewhere : whether a lesion lies under it on other slices.
    """

    index: int
    roi: Roi
    elsewhere: bool


def patches_of(result: ImageResult) -> tuple[tuple[Roi, ...], ...]:
    """Return the patches of each set of weights, as ``results.json`` and ``gmic-core compare`` group them."""
    if not result.members:
        return (tuple(result.rois),) if result.rois else ()
    grouped: dict[str, list[Roi]] = {}
    start = 0
    for member in result.members:
        own = result.rois[start : start + member.patches]
        start += member.patches
        if own:
            grouped.setdefault(member.weights, []).extend(own)
    return tuple(tuple(rois) for rois in grouped.values())


def maps_of(
    result: ImageResult, shape: tuple[int, int, int], cancelled: Cancelled | None = None
) -> dict[Finding, RankedMap]:
    """Return the maps of a result, laid on its image.

    Parameters
    ----------
    shape : (slices, rows, columns) of the image.

    Raises
    ------
    SegmentationError, EvaluationError
        If the result has other slices than the image, or lies askew.
    CancelledError
        If ``cancelled`` said so.
    """
    if len(result.saliency) != shape[0]:
        raise SegmentationError(
            f"The AI result has {len(result.saliency)} slices and the image {shape[0]}; run the AI again."
        )
    return {
        finding: RankedMap(place(result.saliency[:, finding], result.saliency_to_stored, shape[1:], cancelled))
        for finding in Finding
    }


class OneImage:
    """A segmentation against the maps of its image.

    Parameters
    ----------
    maps : as of :func:`maps_of`.
    parts : every label, in stored pixels.
    patches : as of :func:`patches_of`; None where they are not known.
    """

    def __init__(
        self,
        maps: Mapping[Finding, RankedMap],
        parts: Sequence[Part],
        classes: ClassMap,
        patches: Sequence[Sequence[Roi]] | None,
    ) -> None:
        self._maps, self._classes, self._patches = maps, classes, patches
        self.parts = {part.label: part for part in parts if classes.of(part.label) is not None}
        self._components: dict[int, tuple[Component, ...]] = {}
        self._compared: dict[Subject, Compared] = {}
        self._found: dict[Finding, tuple[Found, ...]] = {}

    def labels(self, finding: Finding) -> tuple[int, ...]:
        """Return the labels of a class that occur."""
        return tuple(label for label in self.parts if self._classes.of(label) is finding)

    def components(self, label: int) -> tuple[Component, ...]:
        """Return the lesions of a label."""
        if label not in self._components:
            self._components[label] = components(self.parts[label])
        return self._components[label]

    def compared(
        self, subject: Subject, progress: ProgressCall | None = None, cancelled: Cancelled | None = None
    ) -> Compared | None:
        """Return the figures of a class, a label or a lesion; None where it is not there (any more).

        Raises
        ------
        CancelledError
            If ``cancelled`` said so.
        """
        if subject not in self._compared:
            lesions = self._lesions(subject)
            if not lesions:
                return None
            self._compared[subject] = compare(self._maps[subject.finding], lesions, self._patches, progress, cancelled)
        return self._compared[subject]

    def _lesions(self, subject: Subject) -> list[Lesion]:
        labels = self.labels(subject.finding)
        if subject.label is None:
            return [self.parts[label].lesion(subject.finding) for label in labels]
        if subject.label not in labels:
            return []
        if subject.number is None:
            return [self.parts[subject.label].lesion(subject.finding)]
        own = (one for one in self.components(subject.label) if one.number == subject.number)
        return [one.lesion(subject.finding) for one in own]

    # -- errors --------------------------------------------------------------------------------------------------
    def found(self, finding: Finding) -> tuple[Found, ...]:
        """Return how far each lesion of a class was found, the largest first."""
        if finding not in self._found:
            own = [one for label in self.labels(finding) for one in self.components(label)]
            own.sort(key=lambda one: -one.voxels)
            self._found[finding] = tuple(self._look(one, finding) for one in own)
        return self._found[finding]

    def _look(self, component: Component, finding: Finding) -> Found:
        placed = self._maps[finding].placed
        peaks = []
        for k, layer in enumerate(component.layers, start=component.slices[0]):
            under = placed.grid.count(layer, component.corner) > 0
            peaks.append(float(placed.values[k][under].max()) if under.any() else -np.inf)
        best = int(np.argmax(peaks))
        covered = float("nan")
        if self._patches is not None:
            covered = patch_figures(self._patches, [component.lesion(finding)]).covered
        return Found(component, peaks[best], component.slices[0] + best, covered)

    @cached_property
    def _touched(self) -> dict[Finding, npt.NDArray[np.bool_]]:
        """Cells (slices, a, b) that hold a pixel of a class."""
        touched = {finding: np.zeros(ranked.placed.values.shape, bool) for finding, ranked in self._maps.items()}
        for label, part in self.parts.items():
            finding = self._classes.of(label)
            if finding is None:
                continue
            grid = self._maps[finding].placed.grid
            for k, layer in enumerate(part.layers, start=part.slices[0]):
                if layer.any():
                    touched[finding][k] |= grid.count(layer, part.corner) > 0
        return touched

    def strays(self, finding: Finding, threshold: float, most: int = MOST) -> tuple[tuple[Stray, ...], int]:
        """Return the painted regions that touch no lesion of the class, and how many there are; see :func:`strays`."""
        return strays(self._maps[finding].placed, self._touched[finding], threshold, most)

    def stray_patches(self, rois: Sequence[Roi]) -> tuple[StrayPatch, ...]:
        """Return the patches with no lesion of either class under them on their slice, highest attention first."""
        found = []
        for index, roi in enumerate(rois):
            under = {k for part in self.parts.values() for k in _slices_under(roi, part)}
            if roi.slice_index not in under:
                found.append(StrayPatch(index, roi, bool(under)))
        return tuple(sorted(found, key=lambda one: -one.roi.attention))


def _slices_under(roi: Roi, part: Part) -> Iterable[int]:
    """Return the slices on which a label lies under a patch."""
    row0, col0 = part.corner
    rows = slice(max(roi.row0 - row0, 0), max(roi.row1 - row0, 0))
    columns = slice(max(roi.col0 - col0, 0), max(roi.col1 - col0, 0))
    return (np.flatnonzero(part.layers[:, rows, columns].any(axis=(1, 2))) + part.slices[0]).tolist()
