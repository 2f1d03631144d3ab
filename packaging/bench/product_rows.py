"""Time of every layer of the product's executor on the CPU, one after the other on what really reaches it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from layers import Row
from roofline import best_seconds
from torch import Tensor

from gmic_core.inference.execution.onednn import GlobalBlock, LocalBlock, OneDnnExecutor
from gmic_core.inference.execution.onednn_layers import Convolution
from gmic_core.models.random_weights import random_state
from gmic_core.models.registry import create_model

FLOAT = 4
"""Bytes of a value."""


class Product:
    """An executor with random weights, layer by layer."""

    def __init__(self, model: str, repeats: int) -> None:
        network = create_model(model)
        network.load_state_dict(random_state(network, 0))
        self._executor = OneDnnExecutor(network.requires_grad_(False))
        self._repeats = repeats
        self._rows: list[Row] = []

    def global_rows(self, x: Tensor) -> list[Row]:
        """Return the rows of the global network on one image (1, 1, rows, columns)."""
        self._rows, scan = [], self._executor.scan
        with torch.inference_mode():
            stem = scan.stem
            stage, convolved = "global first layers", stem.convolved(x)
            y = self._timed(stage, "7x7 and pooling", lambda: stem(x), [x], stem.convolution, convolved)
            for number, block in enumerate(scan.blocks):
                y = self._global_block(f"global stage {number // 2 + 1}", block, y)
            last = self._timed("global last norm", "norm, ReLU", lambda: scan.last(y), [y])
            self._timed("class map", "1x1", lambda: self._executor.class_map(last), [last])
        return self._rows

    def local_rows(self, patch: Tensor) -> list[Row]:
        """Return the rows of the local network on one patch (1, rows, columns)."""
        self._rows, look = [], self._executor.look
        with torch.inference_mode():
            x = patch[:, None].contiguous()
            y = self._timed("local first layers", "7x7, ReLU", lambda: look.stem(x, relu=True), [x], look.stem)
            y = self._timed("local first layers", "pooling", lambda: look.pooled(y), [y])
            for number, block in enumerate(look.blocks):
                y = self._local_block(f"local stage {number // 2 + 1}", block, y)
        return self._rows

    def _global_block(self, stage: str, block: GlobalBlock, x: Tensor) -> Tensor:
        activated = self._timed(stage, "norm, ReLU", lambda: block.first(x), [x])
        residual, project = x, block.project
        if project is not None:
            residual = self._timed(stage, "1x1", lambda: project(activated), [activated], project)
        conv1, second = block.conv1, block.second
        name = "3x3" if second is not None else "3x3, norm, ReLU"
        y = self._timed(stage, name, lambda: conv1(activated, relu=second is None), [activated], conv1)
        if second is not None:
            y = self._timed(stage, "norm, ReLU", lambda: second(y), [y])
        return self._added(stage, "3x3, sum", block.conv2, residual, y, relu=False)

    def _local_block(self, stage: str, block: LocalBlock, x: Tensor) -> Tensor:
        residual, project, conv1 = x, block.project, block.conv1
        if project is not None:
            residual = self._timed(stage, "1x1, norm", lambda: project(x), [x], project)
        y = self._timed(stage, "3x3, norm, ReLU", lambda: conv1(x, relu=True), [x], conv1)
        return self._added(stage, "3x3, norm, sum, ReLU", block.conv2, residual, y, relu=True)

    def _added(self, stage: str, name: str, layer: Convolution, residual: Tensor, x: Tensor, *, relu: bool) -> Tensor:
        scratch = residual.clone()  # sums pile up in it while it is timed
        self._timed(stage, name, lambda: layer.added_to(scratch, x, relu=relu), [x, residual], layer)
        return layer.added_to(residual, x, relu=relu)

    def _timed(
        self,
        stage: str,
        name: str,
        work: Callable[[], Tensor],
        inputs: list[Tensor],
        layer: Convolution | None = None,
        outputs: tuple[int, int] | None = None,
    ) -> Tensor:
        """Time a step and add its row.

        Parameters
        ----------
        outputs : rows and columns that the convolution computes, where they are not those of the result.
        """
        out = work()
        seconds = best_seconds(work, self._repeats)
        weights = layer.kernel.numel() if layer is not None else 0
        rows, columns = outputs or (out.shape[-2], out.shape[-1])
        macs = weights * rows * columns
        moved = FLOAT * (sum(each.numel() for each in inputs) + out.numel() + weights)
        self._rows.append(Row(stage, name, seconds, macs, moved))
        return out
