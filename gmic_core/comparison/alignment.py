"""A saliency file and a segmentation file that know nothing of each other but their place in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import SegmentationError
from gmic_core.exam.geometry import PlaneMap
from gmic_core.segmentation.geometry import TOLERANCE, Reorder, VolumeGeometry, fitting_order, same_grid

FloatArray = npt.NDArray[np.float64]

MIN_OVERLAP = 0.1
"""Share of the map and of the segmentation that must lie on each other: windows leave edges out and stick out."""
_PARALLEL = 0.999

SAME_SIZE = "They have the same size, but not the same place in space: --same-size compares them voxel by voxel."
STRETCHED = "Neither file states a place; the map was laid over the segmentation from edge to edge."
UNEVEN = (
    "Neither file states a place; the map was laid over the segmentation from edge to edge, which stretches a cell to "
    "{:.1f} x {:.1f} pixels. If it covers only a part of the image, such as the network's window, the figures are "
    "wrong: save it with its place, or on the pixels of the image."
)
SQUARE = 0.5
"""Cells whose number fits a square cell to within so many rows or columns count as square: maps end in broken cells."""


@dataclass(frozen=True)
class Alignment:
    """How a map lies on a segmentation.

    Attributes
    ----------
    order : how the segmentation is brought into the order of the map's image.
    to_pixels : float64 (3, 3) from a cell centre (row, column, 1) of the map to pixels of the reordered segmentation.
    note : what the user should know, or "".
    """

    order: Reorder
    to_pixels: FloatArray
    note: str = ""


def align_to_image(
    mask: VolumeGeometry, cells: VolumeGeometry, to_stored: FloatArray, *, same_size: bool = False
) -> Alignment:
    """Return the alignment of a map that says where it lies on the stored image (results.json).

    Parameters
    ----------
    to_stored : float64 (3, 3) from a cell centre (row, column, 1) to stored pixels.

    Raises
    ------
    SegmentationError
        With both geometries, if the segmentation was not drawn on this image.
    """
    to_cells = np.eye(4)
    to_cells[1:3, 1:3] = PlaneMap(to_stored).inverse().matrix[:2, :2]
    to_cells[1:3, 3] = PlaneMap(to_stored).inverse().matrix[:2, 2]
    image_to_lps = cells.solid() @ to_cells
    slices = cells.shape[0]
    order = fitting_order(mask, _rounded(image_to_lps), slices)
    if order is not None:
        return Alignment(order, to_stored)
    image = VolumeGeometry((slices, *mask.shape[1:]), _rounded(image_to_lps))
    if mask.shape[0] == slices and _covers(to_stored, cells.shape, mask.shape):
        if same_size:
            return Alignment(Reorder(), to_stored)
        raise SegmentationError(f"{SAME_SIZE} {_both(mask, image, 'Image')}")
    raise SegmentationError(f"It was not drawn on this image. {_both(mask, image, 'Image')}")


def align_files(mask: VolumeGeometry, cells: VolumeGeometry, *, same_size: bool = False) -> Alignment:
    """Return the alignment of two files by their places alone.

    Raises
    ------
    SegmentationError
        With both geometries, if they do not lie on each other.
    """
    order = same_grid(mask, cells)
    if order is not None:
        return Alignment(order, np.eye(3))
    if mask.shape == cells.shape:
        if same_size:
            return Alignment(Reorder(), np.eye(3))
        raise SegmentationError(f"{SAME_SIZE} {_both(mask, cells)}")
    if not (mask.stated or cells.stated) and mask.shape[0] == cells.shape[0]:
        rows, columns = mask.shape[1] / cells.shape[1], mask.shape[2] / cells.shape[2]
        return Alignment(Reorder(), PlaneMap.resampling(rows, columns).matrix, _stretched(rows, columns, cells))
    found = _by_place(mask, cells)
    if found is None:
        raise SegmentationError(f"The saliency and the segmentation do not lie on each other. {_both(mask, cells)}")
    return found


def _stretched(rows: float, columns: float, cells: VolumeGeometry) -> str:
    """Return the note on a map without a place; another one where its cells would not be square."""
    side = max(rows, columns)
    missing = abs(cells.shape[1] * rows / side - cells.shape[1]) + abs(cells.shape[2] * columns / side - cells.shape[2])
    return STRETCHED if missing <= 2 * SQUARE else UNEVEN.format(columns, rows)


def _by_place(mask: VolumeGeometry, cells: VolumeGeometry) -> Alignment | None:
    order = _parallel(mask, cells)
    if order is None:
        return None
    shape = order.shape(mask.shape)
    relation = order.matrix(mask.shape) @ np.linalg.inv(mask.solid()) @ cells.solid()  # map voxel -> mask voxel
    if shape[0] != cells.shape[0]:
        return None
    ends = np.array([0.0, cells.shape[0] - 1.0])
    if np.abs(relation[0, 0] * ends + relation[0, 3] - ends).max() > TOLERANCE and shape[0] > 1:
        return None
    to_pixels = np.eye(3)
    to_pixels[:2, :2], to_pixels[:2, 2] = relation[1:3, 1:3], relation[1:3, 3]
    return Alignment(order, to_pixels) if _covers(to_pixels, cells.shape, shape) else None


def _parallel(mask: VolumeGeometry, cells: VolumeGeometry) -> Reorder | None:
    """Return the order in which the axes of a segmentation run like those of a map; None where they are oblique."""
    ours, theirs = (g.solid()[:3, :3] for g in (cells, mask))
    cosines = (theirs / np.linalg.norm(theirs, axis=0)).T @ (ours / np.linalg.norm(ours, axis=0))
    axes = np.abs(cosines).argmax(axis=0)
    if sorted(axes) != [0, 1, 2] or np.abs(cosines).max(axis=0).min() < _PARALLEL:
        return None
    first, second, third = (int(axis) for axis in axes)
    turned = [bool(cosines[axis, place] < 0) for place, axis in enumerate((first, second, third))]
    back = turned[0] and mask.shape[first] > 1
    return Reorder((first, second, third), (back, turned[1], turned[2]))


def _covers(to_pixels: FloatArray, cells: tuple[int, int, int], shape: tuple[int, int, int]) -> bool:
    """Return whether map and segmentation share enough of their area."""
    row0, col0, row1, col1 = PlaneMap(to_pixels).apply_box((0.0, 0.0, float(cells[1]), float(cells[2])))
    rows, columns = max(min(row1, shape[1]) - max(row0, 0.0), 0.0), max(min(col1, shape[2]) - max(col0, 0.0), 0.0)
    shared = rows * columns
    return shared >= MIN_OVERLAP * (row1 - row0) * (col1 - col0) and shared >= MIN_OVERLAP * shape[1] * shape[2]


def _rounded(to_lps: FloatArray) -> FloatArray:
    """Return a place without the noise of single precision, so that the pixel frame is recognised."""
    near = np.round(to_lps)
    return np.where(np.abs(to_lps - near) < 1e-4, near, to_lps)


def _both(mask: VolumeGeometry, other: VolumeGeometry, what: str = "Saliency") -> str:
    place = "" if what == "Saliency" else f" (of {other.shape[0]} slices)" if other.shape[0] > 1 else ""
    return f"Segmentation: {mask.describe()}. {what}{place}: {other.describe()}."
