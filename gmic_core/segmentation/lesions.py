"""Lesions: the connected parts of each label, with what is told of them in mm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.evaluation.truth import Lesion
from gmic_core.types import Finding

Labels = npt.NDArray[np.integer]
_TOUCHING = np.ones((3, 3, 3))
"""Voxels that share a corner belong together."""
SMALL = 1_000_000
"""Voxels of a label's box below which it is looked at as a whole."""


@dataclass(frozen=True)
class Component:
    """One lesion: a connected part of a label.

    Attributes
    ----------
    label : its label.
    number : 1 for the first part of the label, in order of slice, row, column.
    slices : half-open range of slices that it reaches.
    corner : (row, column) of the first pixel of ``layers``.
    layers : bool (slices, rows, columns), the lesion itself.
    """

    label: int
    number: int
    slices: tuple[int, int]
    corner: tuple[int, int]
    layers: npt.NDArray[np.bool_]

    @property
    def voxels(self) -> int:
        """How many voxels it has."""
        return int(np.count_nonzero(self.layers))

    @property
    def centre(self) -> tuple[float, float, float]:
        """(slice, row, column) of the middle of its voxels."""
        k, r, c = (float(axis.mean()) for axis in np.nonzero(self.layers))
        return self.slices[0] + k, self.corner[0] + r, self.corner[1] + c

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Half-open (row0, col0, row1, col1)."""
        rows, columns = self.layers.shape[1:]
        return self.corner[0], self.corner[1], self.corner[0] + rows, self.corner[1] + columns

    def volume_mm3(self, spacing_mm: tuple[float, float, float]) -> float:
        """Return the volume; of a single image, whose slice spacing is 1, the area in mm2.

        Parameters
        ----------
        spacing_mm : between slices, rows, columns.
        """
        return self.voxels * float(np.prod(spacing_mm))

    def diameter_mm(self, spacing_mm: tuple[float, float, float]) -> float:
        """Return the largest diameter on one slice: the two pixel centres farthest apart, and one pixel."""
        across = [_diameter(layer, spacing_mm[1:]) for layer in self.layers if layer.any()]
        return max(across) + float(np.mean(spacing_mm[1:]))

    def equivalent_diameter_mm(self, spacing_mm: tuple[float, float, float]) -> float:
        """Return the diameter of the ball of its volume; of a single image, of the disc of its area."""
        size = self.volume_mm3(spacing_mm)
        return float((6.0 * size / pi) ** (1 / 3) if self.slices[1] - self.slices[0] > 1 else (4.0 * size / pi) ** 0.5)

    def lesion(self, finding: Finding) -> Lesion:
        """Return it as the evaluation takes it."""
        return Lesion(finding, self.corner, self.slices, self.layers)


@dataclass(frozen=True)
class Part:
    """All voxels of one label, cut to their box; fields as in :class:`Component`."""

    label: int
    slices: tuple[int, int]
    corner: tuple[int, int]
    layers: npt.NDArray[np.bool_]

    def lesion(self, finding: Finding) -> Lesion:
        """Return it as the evaluation takes it: one finding, however many parts it has."""
        return Lesion(finding, self.corner, self.slices, self.layers)


def parts(labels: Labels) -> tuple[Part, ...]:
    """Return every label of a volume (slices, rows, columns), cut to its box; empty slices cost almost nothing."""
    boxes: dict[int, list[int]] = {}
    for k, plane in enumerate(labels):
        for label, (row0, row1, col0, col1) in _rectangles(plane):
            box = boxes.setdefault(label, [k, k, row0, row1, col0, col1])
            box[1] = k + 1
            box[2], box[3] = min(box[2], row0), max(box[3], row1)
            box[4], box[5] = min(box[4], col0), max(box[5], col1)
    found = []
    for label in sorted(boxes):
        k0, k1, row0, row1, col0, col1 = boxes[label]
        layers = np.ascontiguousarray(labels[k0:k1, row0:row1, col0:col1] == label)
        found.append(Part(label, (k0, k1), (row0, col0), layers))
    return tuple(found)


def components(part: Part) -> tuple[Component, ...]:
    """Return the connected parts of a label."""
    found = []
    for origin, clump in _clumps(part.layers):
        numbered, _ = ndimage.label(clump, _TOUCHING)
        for number, at in enumerate(ndimage.find_objects(numbered), start=1):
            layers = np.ascontiguousarray(numbered[at] == number)
            low = tuple(start + axis.start for start, axis in zip(origin, at, strict=True))
            first = np.unravel_index(int(layers.argmax()), layers.shape)
            found.append((tuple(a + int(b) for a, b in zip(low, first, strict=True)), low, layers))
    found.sort(key=lambda one: one[0])  # by their first voxels, as a scan of the whole label would meet them
    return tuple(_component(part, number, low, layers) for number, (_, low, layers) in enumerate(found, start=1))


def _component(part: Part, number: int, low: tuple[int, ...], layers: npt.NDArray[np.bool_]) -> Component:
    k, row, column = low
    slices = (part.slices[0] + k, part.slices[0] + k + len(layers))
    return Component(part.label, number, slices, (part.corner[0] + row, part.corner[1] + column), layers)


def _clumps(layers: npt.NDArray[np.bool_]) -> Iterator[tuple[tuple[int, int, int], npt.NDArray[np.bool_]]]:
    """Yield (first slice, row, column) and voxels of what may be connected: a box each instead of one around all.

    Two lesions of one label may lie far apart, and what lies between them is most of their common box. Blocks of
    8 x 8 pixels are connected first: voxels whose blocks are not cannot be.
    """
    if layers.size < SMALL:
        yield (0, 0, 0), layers
        return
    depth, rows, columns = layers.shape
    padded = np.zeros((depth, -(-rows // 8) * 8, -(-columns // 8) * 8), bool)
    padded[:, :rows, :columns] = layers
    eight = padded.view(np.uint64).reshape(depth, padded.shape[1] // 8, 8, -1) != 0
    blocks, _ = ndimage.label(eight.any(axis=2), _TOUCHING)
    for number, (k, r, c) in enumerate(ndimage.find_objects(blocks), start=1):
        inside = (blocks[k, r, c] == number).repeat(8, axis=1).repeat(8, axis=2)
        clump = padded[k, r.start * 8 : r.stop * 8, c.start * 8 : c.stop * 8] & inside
        yield (k.start, r.start * 8, c.start * 8), clump


def lesions(labels: Labels) -> tuple[Component, ...]:
    """Return the connected parts of all labels of a volume (slices, rows, columns)."""
    return tuple(component for part in parts(labels) for component in components(part))


def _rectangles(plane: Labels) -> Iterator[tuple[int, tuple[int, int, int, int]]]:
    """Yield each label of a slice with its half-open box (row0, row1, column0, column1)."""
    narrow = np.uint8 if plane.dtype.itemsize == 1 else np.uint16
    row0, row1, col0, col1 = _rectangle(plane != 0 if narrow is np.uint16 else plane)
    if row0 == row1:
        return
    inside = np.ascontiguousarray(plane[row0:row1, col0:col1], narrow)
    bins = np.iinfo(narrow).max + 1
    counts = cv2.calcHist([inside], [0], None, [bins], [0.0, float(bins)]).ravel()  # many times faster than bincount
    for label in np.flatnonzero(counts[1:]) + 1:
        r0, r1, c0, c1 = _rectangle(inside == label)
        yield int(label), (row0 + r0, row0 + r1, col0 + c0, col0 + c1)


def _rectangle(plane: npt.NDArray[Any]) -> tuple[int, int, int, int]:
    """Return the half-open box (row0, row1, column0, column1) of what is not 0; all 0 where there is nothing."""
    column, row, width, height = cv2.boundingRect(np.ascontiguousarray(plane).view(np.uint8))
    return row, row + height, column, column + width


def _diameter(layer: npt.NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> float:
    points = np.argwhere(layer) * np.asarray(spacing_mm)
    hull = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    apart = hull[:, None] - hull[None, :]
    return float(np.sqrt((apart**2).sum(axis=-1).max()))
