"""Milliseconds per slice step of napari on the same volume: runs in the environment that ``make bench-peers`` makes.

The volume comes as a .npy of decoded slices, uint16 (slices, rows, columns), and lies in memory; two maps as coarse as
saliency lie over it. The canvas has the size of a viewport. Nothing of this project is imported.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import napari
import numpy as np
from qtpy.QtWidgets import QApplication


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description="measure napari's scrolling")
    parser.add_argument("volume", type=Path)
    parser.add_argument("--size", type=int, nargs=2, required=True, help="width and height of the canvas")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    stack, maps = np.load(args.volume), _maps(np.load(args.volume, mmap_mode="r").shape)
    viewer = napari.Viewer(show=True)
    viewer.add_image(stack, contrast_limits=(int(stack.min()), int(stack.max())), multiscale=False)
    for colour, one in zip(("red", "cyan"), maps, strict=True):
        scale = (1.0, stack.shape[1] / one.shape[1], stack.shape[2] / one.shape[2])
        viewer.add_image(one, scale=scale, colormap=colour, blending="additive", opacity=0.5)
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFixedSize(*args.size)
    QApplication.processEvents()
    if (canvas.width(), canvas.height()) != tuple(args.size):
        raise SystemExit(f"the canvas is {canvas.width()} x {canvas.height()}, not {args.size[0]} x {args.size[1]}")
    figures = np.array([np.percentile(_sweep(viewer, canvas, len(stack)), [50, 95]) for _ in range(args.runs)])
    p50, p95 = figures.min(axis=0)
    version = {"version": napari.__version__}
    args.out.write_text(json.dumps({"p50_ms": p50, "p95_ms": p95, **version}), encoding="utf-8")
    viewer.close()


def _maps(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return two smooth maps as coarse as a network's."""
    coarse = np.random.default_rng(0).random((2, shape[0], 7, 6), np.float32).repeat(6, axis=2).repeat(6, axis=3)
    return list(np.clip(1.6 * coarse - 0.6, 0.0, 1.0))


def _sweep(viewer: napari.Viewer, canvas: object, count: int) -> list[float]:
    """Scroll through the stack and back; return the milliseconds until each slice is drawn."""
    drawn: list[float] = []
    canvas.frameSwapped.connect(lambda: drawn.append(time.perf_counter()))
    viewer.dims.set_current_step(0, 0)
    QApplication.processEvents()
    steps = []
    for index in [*range(1, count), *range(count - 2, -1, -1)]:
        drawn.clear()
        start = time.perf_counter()
        viewer.dims.set_current_step(0, index)
        while not drawn and time.perf_counter() - start < 10.0:
            QApplication.processEvents()
        steps.append(1000.0 * (time.perf_counter() - start))
    return steps


if __name__ == "__main__":
    main()
