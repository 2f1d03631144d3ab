"""What 2D GMIC and 3D-GMIC share besides their networks: pooling, choice of patches, cropping, attention.

A 2D image is a volume of one slice here: saliency maps are (slices, 2, h, w) throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gmic_core.errors import ModelError
from gmic_core.types import CLASSES

PATCH_SIZE = (256, 256)
DEFAULT_ZETA = 10

NEAR_TIE = 1e-6
"""Windows whose means differ by less are told: rounding on another device may turn their order."""

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
    scores, notes = _combined_map(saliency.detach().float())
    cells = (saliency.shape[2], saliency.shape[3])
    if scores is None:
        return _selection([], image_size, cells, notes)
    window = _window_cells(image_size, cells, patch_size)
    picks: list[Tensor] = []
    for _ in range(num_patches):
        found = _highest(scores, window)  # (slice, row, column, windows as high)
        _close(scores, found, window, zeta)
        picks.append(found)
    table = [tuple(row) for row in torch.stack(picks).tolist()]  # the only thing that leaves the device
    depth = len(scores)
    drawn = [
        (k if draw is None else int(draw(max(0, k - zeta), min(depth, k + zeta + 1))), row, column, k)
        for k, row, column, _ in table
    ]
    return _selection(drawn, image_size, cells, (*notes, *_tie_notes([ties for *_, ties in table])))


def _highest(scores: Tensor, window: tuple[int, int]) -> Tensor:
    """Return int64 (4,): slice, row and column of the window with the highest mean, and how many others tie with it."""
    means = F.avg_pool2d(scores[:, None], window, stride=1)[:, 0]  # (slices, h - rows + 1, w - columns + 1)
    flat = means.flatten()
    best = flat.argmax()  # the first of equal maxima: lowest slice, then row by row
    value = flat[best]
    ties = ((flat >= value - NEAR_TIE) & (value > 0)).sum() - (value > 0).long()
    inside = means.shape[1] * means.shape[2]
    return torch.stack([best // inside, best % inside // means.shape[2], best % means.shape[2], ties])


def _close(scores: Tensor, found: Tensor, window: tuple[int, int], zeta: int) -> None:
    """Set the chosen window to zero, in ``zeta`` slices on each side too; in place."""
    k, row, column, _ = found.unbind()
    planes, rows, columns = (torch.arange(size, device=scores.device) for size in scores.shape)
    near = (planes - k).abs() <= zeta
    down, across = (rows >= row) & (rows < row + window[0]), (columns >= column) & (columns < column + window[1])
    scores.masked_fill_(near[:, None, None] & down[:, None] & across, 0.0)


def _tie_notes(ties: list[int]) -> tuple[str, ...]:
    """Say which choices hung on less than :data:`NEAR_TIE`."""
    tied = [number for number, count in enumerate(ties, start=1) if count > 0]
    if not tied:
        return ()
    which = "patch " + str(tied[0]) if len(tied) == 1 else "patches " + ", ".join(map(str, tied))
    text = f"Near tie in the choice of {which}: another place was within {NEAR_TIE:g}; another device may choose it."
    return (text,)


def _check_map(saliency: Tensor) -> None:
    if saliency.ndim != 4 or saliency.shape[1] != len(CLASSES) or 0 in saliency.shape:
        raise ModelError(f"A saliency map must have shape (slices, 2, h, w), not {tuple(saliency.shape)}.")


def _combined_map(saliency: Tensor) -> tuple[Tensor | None, tuple[str, ...]]:
    """Return the sum of both class maps, each stretched to 0..1 over all slices, and what had to be left out."""
    low, high = saliency.amin(dim=(0, 2, 3)), saliency.amax(dim=(0, 2, 3))  # (classes,)
    lows, highs = torch.stack([low, high]).tolist()
    if not all(map(math.isfinite, (*lows, *highs))):  # NaN and infinity reach the extremes
        raise ModelError("The saliency map contains NaN or infinity; the weights or the image are damaged.")
    total: Tensor | None = None
    constant: list[str] = []
    for index, name in enumerate(CLASSES):
        if lows[index] == highs[index]:
            constant.append(name)
            continue
        stretched = (saliency[:, index] - low[index]) / (high[index] - low[index])  # (slices, h, w)
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
