"""The frozen baseline: 3D-GMIC and GMIC as a plain torch programme runs them, to measure the product against.

Float32, contiguous NCHW, four slices per batch, inference_mode, every operation a call of torch: how the papers'
networks are published, without a fault that would make it slow. It starts from the network's windows as stored values;
finding the window, which the product has to do as well, costs it nothing. Keys are those of the published weight files,
so that it takes the state of the product's networks; before any time is told, :func:`check_same` compares what both
make of the same pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from eager_blocks import ResNet, ResNet22
from torch import Tensor, nn

SLICES_PER_BATCH = 4
PATCH = 256
SALIENCY_TOLERANCE, SCORE_TOLERANCE = 1e-4, 1e-5


@dataclass(frozen=True)
class EagerResult:
    """What the baseline finds in one volume or image.

    Attributes
    ----------
    saliency : (slices, 2, h, w), benign and malignant.
    y_global, y_local, y : (1, 2).
    slices : int64 (K,) slice of each patch.
    corners : int64 (K, 2) row and column in pixels of the window.
    """

    saliency: Tensor
    y_global: Tensor
    y_local: Tensor
    y: Tensor
    slices: Tensor
    corners: Tensor


class EagerGmic(nn.Module):
    """Either network.

    Parameters
    ----------
    three_d : 3D-GMIC (GroupNorm, relu(tanh), mean of global and local) or GMIC (BatchNorm, sigmoid, fusion layer).
    top_t : fraction of one slice's cells that is averaged.
    patches : K, in all.
    zeta : slices on each side of a patch in which its place is closed.
    local_blocks : of the local network; ResNet-18 unless another one is counted.
    """

    def __init__(self, three_d: bool, top_t: float, patches: int, zeta: int = 10, local: ResNet | None = None) -> None:
        super().__init__()
        self.three_d, self.top_t, self.patches, self.zeta = three_d, top_t, patches, zeta if three_d else 0
        self.ds_net = ResNet22("group" if three_d else "batch")
        self.left_postprocess_net = nn.ModuleDict({"gn_conv_last": nn.Conv2d(256, 2, 1, bias=False)})
        self.dn_resnet = ResNet((2, 2, 2, 2), 3) if local is None else local
        width = self.dn_resnet.features
        self.mil_attn_V = nn.Linear(width, 128, bias=False)
        self.mil_attn_U = nn.Linear(width, 128, bias=False)
        self.mil_attn_w = nn.Linear(128, 1, bias=False)
        self.classifier_linear = nn.Linear(width, 2, bias=False)
        if not three_d:
            self.fusion_dnn = nn.Linear(256 + width, 2)

    def run(self, windows: npt.NDArray[np.uint16]) -> EagerResult:
        """Run everything on the windows of one volume or image, stored values (slices, rows, columns)."""
        with torch.inference_mode():
            return self.on_batches(Standardised(windows), windows.shape)

    def run_standardised(self, windows: npt.NDArray[np.float32]) -> EagerResult:
        """Run everything on windows (slices, rows, columns) of mean 0 and deviation 1."""
        with torch.inference_mode():
            parts = list(torch.split(torch.from_numpy(windows)[:, None], SLICES_PER_BATCH))
            return self.on_batches(parts, windows.shape)

    def on_batches(self, batches: list[Tensor] | Standardised, shape: tuple[int, ...]) -> EagerResult:
        """Run everything on batches (n, 1, rows, columns) that follow one another."""
        passes = [self.global_pass(batch) for batch in batches]
        saliency = torch.cat([maps for maps, _ in passes])
        vector = torch.cat([highest for _, highest in passes]).amax(dim=0, keepdim=True)
        y_global = self._pooled(saliency)
        picks = self._choose(saliency, shape)
        none = torch.zeros((0, 2), dtype=torch.int64)
        if not picks:
            return EagerResult(saliency, y_global, torch.full_like(y_global, float("nan")), y_global, none[:, 0], none)
        planes = _planes(batches, {k for k, _, _ in picks})
        y_local, z = self.local(torch.stack([_crop(planes[k], row, column) for k, row, column in picks]))
        places = torch.tensor(picks, dtype=torch.int64)
        y = self.combined(y_global, y_local, vector, z)
        return EagerResult(saliency, y_global, y_local, y, places[:, 0], places[:, 1:])

    def global_pass(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps (n, 2, h, w) and the largest features (n, 256) of slices (n, 1, H, W)."""
        features = self.ds_net(x)
        logits = self.left_postprocess_net["gn_conv_last"](features)
        maps = torch.relu(torch.tanh(logits)) if self.three_d else torch.sigmoid(logits)
        return maps, features.amax(dim=(2, 3))

    def local(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return y_local (1, 2) and the features z (1, 512) of patches (K, 256, 256)."""
        features = self.dn_resnet(patches[:, None].repeat(1, 3, 1, 1)).mean(dim=2).mean(dim=2)
        gated = torch.tanh(self.mil_attn_V(features)) * torch.sigmoid(self.mil_attn_U(features))
        attention = torch.softmax(self.mil_attn_w(gated), dim=0).T
        z = attention @ features
        return torch.sigmoid(self.classifier_linear(z)), z

    def combined(self, y_global: Tensor, y_local: Tensor, vector: Tensor, z: Tensor) -> Tensor:
        """Return the prediction (1, 2): the mean, or of GMIC the fusion of global (1, 256) and local features."""
        if self.three_d:
            return 0.5 * y_global + 0.5 * y_local
        return torch.sigmoid(self.fusion_dnn(torch.cat([vector, z], dim=1)))

    def _pooled(self, saliency: Tensor) -> Tensor:
        cells = saliency.shape[2] * saliency.shape[3]
        count = min(max(round(cells * self.top_t), 1), cells * len(saliency))
        return saliency.transpose(0, 1).flatten(1).topk(count, dim=1).values.mean(dim=1)[None]

    def _choose(self, saliency: Tensor, shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
        """Return slice, row and column in pixels of each patch (3D-GMIC paper, Algorithm 1)."""
        total = torch.zeros_like(saliency[:, 0])
        for values in saliency.unbind(1):
            if bool(values.max() > values.min()):  # a constant map chooses nothing
                total += (values - values.min()) / (values.max() - values.min())
        if not bool(total.any()):
            return []
        cells, picks = saliency.shape[2:], []
        window = [round(PATCH * cell / pixels) for cell, pixels in zip(cells, shape[1:], strict=True)]
        for _ in range(self.patches):
            means = torch.nn.functional.avg_pool2d(total[:, None], tuple(window), stride=1)[:, 0]
            k, row, column = (int(i) for i in np.unravel_index(int(means.argmax()), means.shape))
            near = slice(max(k - self.zeta, 0), k + self.zeta + 1)
            total[near, row : row + window[0], column : column + window[1]] = 0.0
            picks.append((k, round(row / cells[0] * shape[1]), round(column / cells[1] * shape[2])))
        return picks


class Standardised:
    """Batches of windows with mean 0 and deviation 1 over the whole volume, made anew each time."""

    def __init__(self, windows: npt.NDArray[np.uint16]) -> None:
        self._windows = windows
        moments = [(int(part.sum(dtype=np.int64)), int(_squares(part))) for part in windows]
        total, squares = (sum(column) for column in zip(*moments, strict=True))
        self._mean = total / windows.size
        self._deviation = max((squares / windows.size - self._mean**2) ** 0.5, 1e-5)

    def __iter__(self) -> Iterator[Tensor]:
        for start in range(0, len(self._windows), SLICES_PER_BATCH):
            part = self._windows[start : start + SLICES_PER_BATCH].astype(np.float32)
            yield torch.from_numpy((part - np.float32(self._mean)) / np.float32(self._deviation))[:, None]


def _squares(part: npt.NDArray[np.uint16]) -> int:
    values = part.astype(np.int64)
    return int((values * values).sum())


def _planes(batches: list[Tensor] | Standardised, wanted: set[int]) -> dict[int, Tensor]:
    """Return the slices (rows, columns) that hold patches."""
    found = {}
    for number, batch in enumerate(batches):
        for k in wanted & set(range(number * SLICES_PER_BATCH, number * SLICES_PER_BATCH + len(batch))):
            found[k] = batch[k - number * SLICES_PER_BATCH, 0]
    return found


def _crop(plane: Tensor, row: int, column: int) -> Tensor:
    """Return the patch (256, 256) at a corner; beyond the window, as published, it is filled at the top left."""
    inside = plane[row : row + PATCH, column : column + PATCH]
    if inside.shape == (PATCH, PATCH):
        return inside
    patch = plane.new_full((PATCH, PATCH), float(plane.min()))
    patch[PATCH - inside.shape[0] :, PATCH - inside.shape[1] :] = inside
    return patch


@dataclass(frozen=True)
class Difference:
    """The largest differences between the product and the baseline: of the maps, of y, y_global and y_local."""

    saliency: float
    scores: float


def check_same(
    found: EagerResult, saliency: npt.NDArray[np.floating], scores: tuple[tuple[float, float], ...]
) -> Difference:
    """Compare what the product found with the baseline.

    Parameters
    ----------
    saliency : (slices, 2, h, w), float32 or the float16 that a result keeps (which alone is 2.5e-4 off near 1).
    scores : y, y_global and y_local.

    Raises
    ------
    ValueError
        If they differ by more than 1e-4 (maps, beside what float16 rounds away) or 1e-5 (scores): both would not
        compute the same, and times of different things must not be compared.
    """
    ours = found.saliency.numpy()
    rounding = np.abs(ours - ours.astype(saliency.dtype).astype(np.float32))  # 0 for float32
    maps = float((np.abs(ours - saliency.astype(np.float32)) - rounding).max())
    theirs = torch.stack([found.y[0], found.y_global[0], found.y_local[0]]).numpy()
    apart = float(np.abs(theirs - np.asarray(scores)).max())
    if not (maps <= SALIENCY_TOLERANCE and apart <= SCORE_TOLERANCE):
        raise ValueError(
            f"the product and the baseline differ by {maps:.2g} in saliency and {apart:.2g} in the scores; times of "
            "different results cannot be compared."
        )
    return Difference(maps, apart)
