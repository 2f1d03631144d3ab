"""Where the time of a network goes: time, GMAC, bytes and floor of each layer, as a table.

Layers are measured in two ways: of a torch module every leaf is timed while the whole runs as it always does
(:func:`of_module`), and any other executor gives a list of :class:`Layer` to be run one by one (:func:`of_callables`).
Bytes are those that a layer has to read and write once: its inputs, its weights, its outputs. The floor is what the
machine would need at least for its operations or its bytes, whichever takes longer (:class:`roofline.Roof`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from roofline import Roof, best_seconds
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """One step of an executor.

    Attributes
    ----------
    stage : what it is summed up under, e.g. "stage 1".
    name : within the stage.
    run : does it, again and again.
    macs, moved : multiply-accumulates, and bytes read and written, of one run.
    """

    stage: str
    name: str
    run: Callable[[], object]
    macs: int
    moved: int


@dataclass(frozen=True)
class Row:
    """What was measured of a layer, or of several together; attributes as in :class:`Layer`."""

    stage: str
    name: str
    seconds: float
    macs: int
    moved: int


def of_callables(layers: Sequence[Layer], repeats: int = 3) -> list[Row]:
    """Return a row for each layer, the best of several runs each."""
    return [Row(each.stage, each.name, best_seconds(each.run, repeats), each.macs, each.moved) for each in layers]


def of_module(
    model: nn.Module, call: Callable[[], object], stage_of: Callable[[str], str], repeats: int = 3
) -> list[Row]:
    """Return a row for each module without children that takes part in ``call``, in the order of running.

    Parameters
    ----------
    call : runs the network once; the shortest of several times of each module counts, after one run to warm up.
    stage_of : module name -> what it is summed up under.
    """
    runs = []
    with torch.inference_mode():
        call()
        for _ in range(repeats):
            watch = _Watch(model, stage_of)
            call()
            watch.close()
            runs.append(watch.rows)
    return [replace(same[0], seconds=min(row.seconds for row in same)) for same in zip(*runs, strict=True)]


def by_stage(rows: Sequence[Row]) -> list[Row]:
    """Return one row for each stage, in order of appearance."""
    stages = dict.fromkeys(row.stage for row in rows)
    return [total([row for row in rows if row.stage == stage], stage, "") for stage in stages]


def total(rows: Sequence[Row], stage: str = "together", name: str = "") -> Row:
    """Return the sum of rows."""
    macs, moved = sum(row.macs for row in rows), sum(row.moved for row in rows)
    return Row(stage, name, sum(row.seconds for row in rows), macs, moved)


def table(rows: Sequence[Row], roof: Roof, passes: int = 1) -> str:
    """Return rows as Markdown.

    Parameters
    ----------
    passes : slices that each row was measured on; figures are of one.

    Floors add up layer by layer: that of a sum is the sum of the floors of what it was made of, so sums are given as
    rows of their own only by :func:`stage_table`.
    """
    floors = [roof.floor_s(row.macs, row.moved) for row in rows]
    return _markdown([(row, floor) for row, floor in zip(rows, floors, strict=True)], passes)


def stage_table(rows: Sequence[Row], roof: Roof, passes: int = 1) -> str:
    """Return a table with one line for each stage and one for all; their floors are sums over the layers."""
    lines = []
    for stage in by_stage(rows):
        lines.append((stage, floor_of([row for row in rows if row.stage == stage.stage], roof)))
    return _markdown([*lines, (total(rows), floor_of(rows, roof))], passes)


def floor_of(rows: Sequence[Row], roof: Roof) -> float:
    """Return the seconds that layers take at least when each reads its inputs from memory and writes its outputs."""
    return sum(roof.floor_s(row.macs, row.moved) for row in rows)


def _markdown(lines: Sequence[tuple[Row, float]], passes: int) -> str:
    out = ["| layer | time ms | GMAC | GMAC/s | MB read and written | floor ms | share of the floor |"]
    out.append("|---|---:|---:|---:|---:|---:|---:|")
    for row, floor in lines:
        label = f"{row.stage}, {row.name}" if row.name else row.stage
        rate = f"{row.macs / row.seconds / 1e9:.1f}" if row.macs else ""
        macs = f"{row.macs / passes / 1e9:.3f}" if row.macs else ""
        out.append(
            f"| {label} | {row.seconds / passes * 1e3:.2f} | {macs} | {rate} | {row.moved / passes / 1e6:.1f} "
            f"| {floor / passes * 1e3:.2f} | {floor / row.seconds:.0%} |"
        )
    return "\n".join(out)


class _Watch:
    """Times every leaf of a module by hooks around it."""

    def __init__(self, model: nn.Module, stage_of: Callable[[str], str]) -> None:
        self.rows: list[Row] = []
        self._start = 0.0
        self._hooks = []
        for name, module in model.named_modules():
            if name and not list(module.children()):
                self._hooks.append(module.register_forward_pre_hook(self._before))
                self._hooks.append(module.register_forward_hook(self._after(stage_of(name), name)))

    def _before(self, _module: nn.Module, _inputs: tuple[Any, ...]) -> None:
        self._start = time.perf_counter()

    def _after(self, stage: str, name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
        def after(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
            seconds = time.perf_counter() - self._start
            label = f"{'.'.join(name.split('.')[-2:])} {_shape_of(module, output)}"
            self.rows.append(Row(stage, label, seconds, macs_of(module, output), moved_by(module, inputs, output)))

        return after

    def close(self) -> None:
        """Take the hooks away."""
        for hook in self._hooks:
            hook.remove()


def _shape_of(module: nn.Module, output: Tensor) -> str:
    kind = type(module).__name__
    kernel = getattr(module, "kernel_size", None)
    size = "" if kernel is None else f" {kernel[0]}x{kernel[1]}" if isinstance(kernel, tuple) else f" {kernel}x{kernel}"
    return f"({kind}{size}, {'x'.join(str(n) for n in output.shape[1:])})"


def macs_of(module: nn.Module, output: Tensor) -> int:
    """Return the multiply-accumulates of a convolution or linear layer that made ``output``; 0 for any other layer."""
    if isinstance(module, nn.Conv2d | nn.Conv3d):
        return output.numel() * module.weight[0].numel()
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    return 0


def moved_by(module: nn.Module, inputs: Sequence[Any], output: Tensor) -> int:
    """Return the bytes of a layer's inputs, parameters and output."""
    held = [*(each for each in inputs if isinstance(each, Tensor)), *module.parameters(), output]
    return sum(tensor.numel() * tensor.element_size() for tensor in held)
