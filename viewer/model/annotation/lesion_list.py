"""The list of lesions: connected parts of the labels with what is told of them, worked out label by label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from viewer.model.annotation.edits import Plane, Shape

if TYPE_CHECKING:  # it brings OpenCV and scipy along, which the window must not wait for
    from gmic_core.segmentation.lesions import Component, Part

Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class LesionRow:
    """One lesion.

    Attributes
    ----------
    label, number : its label, and which part of the label it is, from 1.
    voxels : how many it has.
    slices : half-open range.
    centre : (slice, row, column) of the middle of its voxels; ``best_slice`` is the slice where it is largest.
    box : half-open (row0, col0, row1, col1) in stored pixels.
    diameter_mm : the largest across on one slice.
    id : the number that stays with the lesion; 0: none was given yet.
    """

    label: int
    number: int
    voxels: int
    slices: tuple[int, int]
    centre: tuple[float, float, float]
    best_slice: int
    box: tuple[int, int, int, int]
    diameter_mm: float
    id: int = 0

    def size_text(self, spacing: Spacing, *, calibrated: bool) -> str:
        """Return volume or, of a single image, area, and diameter; in pixels where no spacing is known."""
        if not calibrated:
            return f"{self.voxels:,} pixels"
        flat = self.slices[1] - self.slices[0] == 1
        size = self.voxels * spacing[1] * spacing[2] * (1.0 if flat else spacing[0])
        amount = f"{size:.1f} mm²" if flat else f"{size:.1f} mm³" if size < 1000 else f"{size / 1000:.2f} cm³"
        return f"{amount}   {self.diameter_mm:.1f} mm across"

    def slice_text(self) -> str:
        """Return the slices that it reaches, counted from 1."""
        first, last = self.slices[0] + 1, self.slices[1]
        return f"slice {first}" if first == last else f"slices {first} - {last}"


class LesionFinder:
    """Finds lesions; labels that did not change are not looked at again. One per segmentation, in any one thread."""

    def __init__(self, shape: Shape, spacing: Spacing) -> None:
        self._shape, self._spacing = shape, spacing
        self._known: dict[int, tuple[LesionRow, ...]] = {}

    def find(
        self, planes: Mapping[int, Plane], labels: frozenset[int], changed: frozenset[int], stop: Callable[[], bool]
    ) -> tuple[LesionRow, ...] | None:
        """Return the lesions of all labels, those of a label from slice to slice; None where it was stopped.

        Parameters
        ----------
        labels : those that occur.
        changed : those that may have changed since the last call.
        """
        from gmic_core.segmentation.lesions import components

        self._known = {label: rows for label, rows in self._known.items() if label in labels - changed}
        for label in sorted(labels - self._known.keys()):
            if stop():
                return None
            part = _part(planes, label)
            found = components(part) if part is not None else ()
            self._known[label] = tuple(self._row(component) for component in found)
        return tuple(row for label in sorted(self._known) for row in self._known[label])

    def _row(self, found: Component) -> LesionRow:
        areas = found.layers.sum(axis=(1, 2))
        return LesionRow(
            found.label, found.number, found.voxels, found.slices, found.centre, found.slices[0] + int(areas.argmax()),
            found.box, found.diameter_mm(self._spacing),
        )  # fmt: skip


def _part(planes: Mapping[int, Plane], label: int) -> Part | None:
    """Return all voxels of a label, cut to their box."""
    from gmic_core.segmentation.lesions import Part

    boxes = {}
    for index, plane in planes.items():
        mask = plane == label
        rows = np.flatnonzero(mask.any(axis=1))
        if rows.size:
            columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
            boxes[index] = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    if not boxes:
        return None
    first, last = min(boxes), max(boxes)
    row0, col0 = (min(box[axis] for box in boxes.values()) for axis in (0, 1))
    row1, col1 = (max(box[axis] for box in boxes.values()) for axis in (2, 3))
    layers = np.zeros((last - first + 1, row1 - row0, col1 - col0), bool)
    for index in boxes:
        layers[index - first] = planes[index][row0:row1, col0:col1] == label
    return Part(label, (first, last + 1), (row0, col0), layers)
