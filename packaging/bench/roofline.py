"""What the machine could do at most: multiply-accumulates of a matrix product, bytes of a copy, in this very run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

MATRIX = 2048
COPY_BYTES = 256 << 20
REPEATS = 5


@dataclass(frozen=True)
class Roof:
    """Upper bounds of a machine.

    Attributes
    ----------
    macs_per_s : of a float32 matrix product of 2048 x 2048 x 2048.
    bytes_per_s : read and written by copying 256 MiB, far more than a cache holds.
    """

    macs_per_s: float
    bytes_per_s: float

    def floor_s(self, macs: float, moved: float) -> float:
        """Return the seconds that so many operations and bytes take at least, whichever takes longer."""
        return max(macs / self.macs_per_s, moved / self.bytes_per_s)


def best_seconds(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the shortest of several runs, after one that is not counted."""
    work()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def measure_roof() -> Roof:
    """Measure this machine with as many threads as torch has been given."""
    a, b, c = (torch.rand(MATRIX, MATRIX) for _ in range(3))
    source = torch.ones(COPY_BYTES // 4)
    target = torch.empty_like(source)
    with torch.inference_mode():
        product = best_seconds(lambda: torch.mm(a, b, out=c))
        copy = best_seconds(lambda: target.copy_(source))
    return Roof(MATRIX**3 / product, 2 * COPY_BYTES / copy)


def merged(*roofs: Roof) -> Roof:
    """Return the best of what was measured at several times: a bound is never what a busy moment allowed."""
    return Roof(max(roof.macs_per_s for roof in roofs), max(roof.bytes_per_s for roof in roofs))
