"""One image: its maps and patches against its findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.cells import Grid, SaliencyMap, overlay
from gmic_core.evaluation.localisation import CellCounts, MapFigures, figures
from gmic_core.evaluation.patches import PatchFigures, patch_figures
from gmic_core.evaluation.truth import ImageTruth, Lesion, class_name
from gmic_core.types import Roi


@dataclass(frozen=True)
class Localisation:
    """How well a network found the findings of one class on one image.

    Attributes
    ----------
    projected : on the maximum of map and truth along the slices, as the 3D-GMIC paper does; 2D: the image itself.
    volume : on all slices; None for single images.
    peak_hit : whether the cell of the highest saliency holds a pixel of a finding (volumes: on its slice).
    """

    projected: MapFigures
    volume: MapFigures | None
    patches: PatchFigures
    peak_hit: bool


def localise(maps: Sequence[SaliencyMap], rois: Sequence[Sequence[Roi]], truth: ImageTruth) -> dict[str, Localisation]:
    """Return the figures of each class that has a visible finding on the image.

    Pixels count that the network saw (its window on the image), and lesion pixels outside of it, which it missed:
    saliency 0.

    Parameters
    ----------
    maps : one, or several whose mean counts (test-time augmentation).
    rois : the patches of each member (set of weights, augmentation) apart.

    Raises
    ------
    EvaluationError
        If maps and truth do not belong to one image.
    """
    if len(maps) > 0 and len(maps[0].values) != truth.shape[0]:
        raise EvaluationError(
            f"The saliency map has {len(maps[0].values)} slices, the image {truth.shape[0]}; predict this image again."
        )
    present = {lesion.finding for lesion in truth.lesions}
    if not present:
        return {}
    grid, values = overlay(maps, truth.shape[1:])  # (slices, 2, a, b)
    found = {}
    for finding in sorted(present):
        lesions = truth.of_class(finding)
        own = values[:, finding]
        counts = layer_counts(grid, lesions, truth.shape[0])
        found[class_name(finding)] = Localisation(
            projected=figures(cell_counts(grid, own.max(axis=0), projected_counts(grid, lesions))),
            volume=figures(cell_counts(grid, own, counts)) if truth.shape[0] > 1 else None,
            patches=patch_figures(rois, lesions),
            peak_hit=peak_hit(own, counts),
        )
    return found


def layer_counts(grid: Grid, lesions: Sequence[Lesion], slices: int) -> npt.NDArray[np.integer]:
    """Return the lesion pixels of each rectangle on each slice, (slices, a, b); overlapping findings count once."""
    row0, col0, union, first = _union(lesions)
    counts = np.zeros((slices, len(grid.row_starts), len(grid.column_starts)), np.int32)
    for k, mask in enumerate(union):
        if mask.any():
            counts[first + k] = grid.count(mask, (row0, col0))
    return counts


def projected_counts(grid: Grid, lesions: Sequence[Lesion]) -> npt.NDArray[np.integer]:
    """Return the pixels of each rectangle that belong to a finding on any slice, (a, b)."""
    row0, col0, union, _ = _union(lesions)
    return grid.count(np.asarray(union.any(axis=0)), (row0, col0))


def cell_counts(grid: Grid, values: npt.NDArray[np.float32], lesion: npt.NDArray[np.integer]) -> CellCounts:
    """Return the rectangles that the network saw, and all lesion pixels outside as one more of saliency 0.

    Parameters
    ----------
    values, lesion : (..., a, b), saliency and lesion pixels of each rectangle.
    """
    seen = np.broadcast_to(grid.seen, values.shape)
    pixels = np.broadcast_to(grid.pixels, values.shape)
    missed = float(lesion[~seen].sum())
    return CellCounts.of(
        np.append(values[seen], np.float32(0)), np.append(pixels[seen], missed), np.append(lesion[seen], missed)
    )


def peak_hit(values: npt.NDArray[np.float32], lesion: npt.NDArray[np.integer]) -> bool:
    """Return whether the first of the highest values lies on lesion pixels; an empty map hits nothing."""
    at = int(np.argmax(values))
    return bool(values.flat[at] > 0 and lesion.flat[at] > 0)


def _union(lesions: Sequence[Lesion]) -> tuple[int, int, npt.NDArray[np.bool_], int]:
    """Return first row, first column, bool (slices, rows, columns) and first slice of all findings together."""
    row0, col0 = (min(lesion.corner[axis] for lesion in lesions) for axis in (0, 1))
    first, last = min(v.slices[0] for v in lesions), max(v.slices[1] for v in lesions)
    row1 = max(v.corner[0] + v.layers.shape[1] for v in lesions)
    col1 = max(v.corner[1] + v.layers.shape[2] for v in lesions)
    union = np.zeros((last - first, row1 - row0, col1 - col0), bool)
    for v in lesions:
        row, column, k = v.corner[0] - row0, v.corner[1] - col0, v.slices[0] - first
        depth, rows, columns = v.layers.shape
        union[k : k + depth, row : row + rows, column : column + columns] |= v.layers
    return row0, col0, union, first
