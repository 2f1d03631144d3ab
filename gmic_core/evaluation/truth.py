"""Where the findings of one image are: lesions in stored pixels, read slice by slice from label maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.errors import EvaluationError
from gmic_core.types import CLASSES, Finding

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Lesion:
    """One finding on one image.

    Attributes
    ----------
    finding : its class.
    corner : stored (row, column) of the first pixel of ``mask``.
    slices : half-open range of slices that it reaches.
    mask : bool (rows, columns), its projection along the slices: a pixel belongs to it on any slice.
    layers : bool (slices, rows, columns), the finding itself.
    """

    finding: Finding
    corner: tuple[int, int]
    slices: tuple[int, int]
    layers: npt.NDArray[np.bool_]

    @property
    def mask(self) -> Mask:
        """Projection along the slices, bool (rows, columns)."""
        return np.asarray(self.layers.any(axis=0))

    @property
    def centre(self) -> tuple[float, float]:
        """Stored (row, column) of the middle of the projection's pixels."""
        rows, columns = np.nonzero(self.mask)
        return self.corner[0] + float(rows.mean()), self.corner[1] + float(columns.mean())


@dataclass(frozen=True)
class ImageTruth:
    """All findings of one image that are visible on it.

    Attributes
    ----------
    shape : (slices, rows, columns) of the image.
    """

    shape: tuple[int, int, int]
    lesions: tuple[Lesion, ...]

    def of_class(self, finding: Finding) -> tuple[Lesion, ...]:
        """Return the findings of one class."""
        return tuple(lesion for lesion in self.lesions if lesion.finding is finding)


def lesions_of(slices: Iterable[Labels], shape: tuple[int, int, int], classes: Mapping[int, Finding]) -> ImageTruth:
    """Collect the findings of a label map.

    Parameters
    ----------
    slices : label of every pixel, (rows, columns), in slice order; 0 is no finding.
    shape : (slices, rows, columns) of the image.
    classes : class of each label; one label is one finding.

    Raises
    ------
    EvaluationError
        If the label map does not fit the image, or has a label of no known class.
    """
    parts: dict[int, list[tuple[int, tuple[int, int], Mask]]] = {}
    count = 0
    for k, labels in enumerate(slices):
        count += 1
        if labels.shape != shape[1:]:
            raise EvaluationError(
                f"The truth has slices of {labels.shape[0]}x{labels.shape[1]} pixels, the image of "
                f"{shape[1]}x{shape[2]}; give the truth that was drawn on this image."
            )
        for label in _present(labels):
            if label not in classes:
                raise EvaluationError(
                    f"The truth holds label {label}, whose class is not stated; describe it as benign or malignant."
                )
            parts.setdefault(label, []).append((k, *_cut(labels == label)))
    if count != shape[0]:
        raise EvaluationError(
            f"The truth has {count} slices, the image {shape[0]}; give the truth that was drawn on this image."
        )
    return ImageTruth(shape, tuple(_joined(classes[label], parts[label]) for label in sorted(parts)))


def separate(truth: ImageTruth) -> ImageTruth:
    """Return the truth with every connected part of a finding as a finding of its own: masks that name no findings."""
    lesions = []
    for lesion in truth.lesions:
        numbered, count = ndimage.label(lesion.layers, np.ones((3, 3, 3)))
        for number in range(1, count + 1):
            at = ndimage.find_objects(numbered, number)[number - 1]
            depth, rows, columns = at
            lesions.append(
                Lesion(
                    lesion.finding,
                    (lesion.corner[0] + rows.start, lesion.corner[1] + columns.start),
                    (lesion.slices[0] + depth.start, lesion.slices[0] + depth.stop),
                    np.asarray(numbered[at] == number),
                )
            )
    return ImageTruth(truth.shape, tuple(lesions))


def class_name(finding: Finding) -> str:
    """Return ``benign`` or ``malignant``."""
    return CLASSES[finding]


def _present(labels: Labels) -> list[int]:
    """Return the labels of a slice without 0; most slices are empty, so that is asked first."""
    return [int(label) for label in np.unique(labels) if label != 0] if labels.any() else []


def _cut(mask: Mask) -> tuple[tuple[int, int], Mask]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return (int(rows[0]), int(columns[0])), box.copy()


def _joined(finding: Finding, parts: list[tuple[int, tuple[int, int], Mask]]) -> Lesion:
    first, last = parts[0][0], parts[-1][0]
    row0 = min(corner[0] for _, corner, _ in parts)
    col0 = min(corner[1] for _, corner, _ in parts)
    row1 = max(corner[0] + mask.shape[0] for _, corner, mask in parts)
    col1 = max(corner[1] + mask.shape[1] for _, corner, mask in parts)
    layers = np.zeros((last - first + 1, row1 - row0, col1 - col0), bool)
    for k, (row, column), mask in parts:
        place = layers[
            k - first, row - row0 : row - row0 + mask.shape[0], column - col0 : column - col0 + mask.shape[1]
        ]
        place |= mask
    return Lesion(finding, (row0, col0), (first, last + 1), layers)
