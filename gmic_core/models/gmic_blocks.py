"""What 2D GMIC and 3D-GMIC share besides their networks: pooling, choice of patches, cropping, attention.

A 2D image is a volume of one slice here: saliency maps are (slices, 2, h, w) throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gmic_core.errors import ModelError
from gmic_core.types import CLASSES

PATCH_SIZE = (256, 256)
DEFAULT_ZETA = 10

SliceDraw = Callable[[int, int], int]
"""``draw(low, high)`` returns a whole number in low .. high - 1; ``numpy.random.RandomState.randint`` is one."""


@dataclass(frozen=True)
class RoiSelection:
    """Patches chosen on a saliency map, in the order of choice.

    Attributes
    ----------
    slices : int64 (K,), slice of each patch; with training's random draw the drawn one.
    corners : int64 (K, 2), row and column of the window's upper left corner in input pixels, before clamping.
    cells : int64 (K, 2), the same in saliency cells.
    centres : int64 (K,), slice on which each window was chosen; differs from ``slices`` only in training.
    """

    slices: Tensor
    corners: Tensor
    cells: Tensor
    centres: Tensor
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.slices)


def top_t_mean(saliency: Tensor, t: float) -> Tensor:
    """Return the mean of the largest cells of each class map, over all slices together (f_agg of both papers).

    Parameters
    ----------
    saliency : (slices, 2, h, w).
    t : fraction of ONE slice's cells that is averaged; volumes use values above 1. Where fewer cells exist than
        asked for, all are averaged.

    Returns
    -------
    (1, 2), the class order of the map.
    """
    _check_map(saliency)
    count, _ = pooled_cells(saliency.shape, t)
    by_class = saliency.transpose(0, 1).flatten(1)  # (classes, slices * h * w)
    return by_class.topk(count, dim=1, sorted=False).values.mean(dim=1)[None]


def pooled_cells(shape: tuple[int, ...], t: float) -> tuple[int, str | None]:
    """Return how many cells of a (slices, 2, h, w) map are averaged, and a note when that is not what was asked for."""
    slices, _, h, w = shape
    asked = round(h * w * t)  # half to even, as published
    available = slices * h * w
    if asked > available:
        return available, f"Top-t pooling asked for {asked} cells of {available}; all were averaged."
    if asked < 1:
        return 1, f"Top-t pooling asked for {h * w * t:.2f} cells; the largest one was taken."
    return asked, None


def retrieve_rois(
    saliency: Tensor,
    image_size: tuple[int, int],
    num_patches: int,
    zeta: int = DEFAULT_ZETA,
    patch_size: tuple[int, int] = PATCH_SIZE,
) -> tuple[Tensor, Tensor]:
    """Return slices (K,) and corners (K, 2) of the chosen patches; see :func:`select_rois`."""
    chosen = select_rois(saliency, image_size, num_patches, zeta, patch_size)
    return chosen.slices, chosen.corners


def select_rois(
    saliency: Tensor,
    image_size: tuple[int, int],
    num_patches: int,
    zeta: int = DEFAULT_ZETA,
    patch_size: tuple[int, int] = PATCH_SIZE,
    draw: SliceDraw | None = None,
) -> RoiSelection:
    """Choose patches greedily where the maps of both classes together are highest (3D-GMIC paper, Algorithm 1).

    Parameters
    ----------
    saliency : (slices, 2, h, w).
    image_size : (rows, columns) of the network's input.
    num_patches : K, in all and not per class.
    zeta : the place of a chosen window is closed in this many slices on each side too.
    draw : training only: draws each patch's slice among those that its choice closed.

    A class map that is constant has no maximum and counts as zero; if both are, nothing is chosen. Once every window
    is closed, the first one is chosen again and again, as in the published code.
    """
    _check_map(saliency)
    scores, notes = _combined_map(saliency.detach().cpu())
    if scores is None:
        return _selection([], image_size, (saliency.shape[2], saliency.shape[3]), notes)
    depth, h, w = saliency.shape[0], saliency.shape[2], saliency.shape[3]
    rows, columns = _window_cells(image_size, (h, w), patch_size)
    picks: list[tuple[int, int, int, int]] = []
    for _ in range(num_patches):
        means = F.avg_pool2d(scores[:, None], (rows, columns), stride=1)[:, 0]  # (slices, h - rows + 1, w - cols + 1)
        position = int(means.argmax())  # the first of equal maxima: lowest slice, then row by row
        centre, inside = divmod(position, means.shape[1] * means.shape[2])
        row, column = divmod(inside, means.shape[2])
        low, high = max(0, centre - zeta), min(depth, centre + zeta + 1)
        scores[low:high, row : row + rows, column : column + columns] = 0.0
        picks.append((centre if draw is None else int(draw(low, high)), row, column, centre))
    return _selection(picks, image_size, (h, w), notes)


def _check_map(saliency: Tensor) -> None:
    if saliency.ndim != 4 or saliency.shape[1] != len(CLASSES) or 0 in saliency.shape:
        raise ModelError(f"A saliency map must have shape (slices, 2, h, w), not {tuple(saliency.shape)}.")


def _combined_map(saliency: Tensor) -> tuple[Tensor | None, tuple[str, ...]]:
    """Return the sum of both class maps, each stretched to 0..1 over all slices, and what had to be left out."""
    if not bool(torch.isfinite(saliency).all()):
        raise ModelError("The saliency map contains NaN or infinity; the weights or the image are damaged.")
    total: Tensor | None = None
    constant: list[str] = []
    for index, name in enumerate(CLASSES):
        values = saliency[:, index]  # (slices, h, w)
        low, high = values.min(), values.max()
        if bool(low == high):
            constant.append(name)
            continue
        stretched = (values - low) / (high - low)
        total = stretched if total is None else total + stretched
    if len(constant) == len(CLASSES):
        return None, ("Both saliency maps are constant: no patch was chosen; the score is the global one.",)
    return total, tuple(f"The {name} map is constant: it had no part in the choice of patches." for name in constant)


def _window_cells(image_size: tuple[int, int], cells: tuple[int, int], patch_size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a patch in saliency cells; 4x4 at the papers' sizes, at most the whole map."""
    sizes = [round(patch * cell / pixels) for patch, cell, pixels in zip(patch_size, cells, image_size, strict=True)]
    rows, columns = (min(max(size, 1), cell) for size, cell in zip(sizes, cells, strict=True))
    return rows, columns


def _selection(
    picks: list[tuple[int, int, int, int]], image_size: tuple[int, int], cells: tuple[int, int], notes: tuple[str, ...]
) -> RoiSelection:
    table = torch.tensor(picks, dtype=torch.int64).reshape(-1, 4)
    corners = [
        (round(row / cells[0] * image_size[0]), round(column / cells[1] * image_size[1])) for _, row, column, _ in picks
    ]
    pixels = torch.tensor(corners, dtype=torch.int64).reshape(-1, 2)
    return RoiSelection(table[:, 0], pixels, table[:, 1:3], table[:, 3], notes)


def crop_patch(
    image: Tensor, corner: tuple[float, float], size: tuple[int, int] = PATCH_SIZE, fill: float | None = None
) -> Tensor:
    """Cut a patch out of one image.

    The window is clamped to the image; what lies inside sits at the patch's bottom right and the rest is ``fill``
    (FACTS, as published: the padding is on the top and left although the part outside is at the bottom and right).

    Parameters
    ----------
    image : (rows, columns).
    corner : row and column of the window's upper left corner; halves are rounded to even.
    fill : default: the minimum of the image.
    """
    rows, columns = size
    row, column = round(corner[0]), round(corner[1])
    inside = image[max(row, 0) : max(row + rows, 0), max(column, 0) : max(column + columns, 0)]
    if inside.shape == (rows, columns):
        return inside
    patch = image.new_full(size, float(image.min()) if fill is None else fill)
    patch[rows - inside.shape[0] :, columns - inside.shape[1] :] = inside
    return patch


def gated_attention(features: Tensor, gate_v: nn.Module, gate_u: nn.Module, score: nn.Module) -> Tensor:
    """Return attention weights (1, K) of patch features (K, 512): softmax over w (tanh(V h) * sigmoid(U h)), Eq. 4."""
    gated = torch.tanh(gate_v(features)) * torch.sigmoid(gate_u(features))  # (K, 128)
    weights: Tensor = torch.softmax(score(gated), dim=0)  # (K, 1)
    return weights.transpose(0, 1)
