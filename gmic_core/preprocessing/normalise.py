"""Standardisation: zero mean and unit standard deviation over one image, or once over a whole volume."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_STD = 1e-5
"""Smallest standard deviation that is divided by (published)."""

_BLOCK = 1 << 20
"""Pixels summed at once: the squares of 2**20 16-bit values add up to less than 2**53, so float64 sums them exactly."""


@dataclass(frozen=True)
class Moments:
    """Sums over the pixels seen so far, so that a volume need not be in memory at once.

    Sums of whole numbers stay Python integers: exact, however large the volume, and the same in any order of slices.
    """

    count: int = 0
    total: float = 0
    squares: float = 0

    def plus(self, pixels: npt.NDArray[np.generic]) -> Moments:
        """Return the sums with ``pixels`` added."""
        count, total, squares = self.count, self.total, self.squares
        if pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2 and pixels.size:
            return self._plus_counts(np.bincount(pixels.reshape(-1)))
        whole = pixels.dtype.kind in "uib"
        for block in _blocks(pixels):
            added, squared = float(block.sum()), float(block @ block)
            total += int(added) if whole else added
            squares += int(squared) if whole else squared
            count += block.size
        return Moments(count, total, squares)

    def _plus_counts(self, counts: npt.NDArray[np.int64]) -> Moments:
        """Return the sums with a histogram added: five times as fast as squares in float64, and exact."""
        values = np.arange(len(counts), dtype=np.int64)
        weighted = counts * values  # below 2**48 for 2**32 pixels
        squares = _exact_dot(weighted, values)
        return Moments(self.count + int(counts.sum()), self.total + int(weighted.sum()), self.squares + squares)

    @property
    def mean(self) -> float:
        """Mean of all pixels."""
        return self.total / self.count

    @property
    def std(self) -> float:
        """Population standard deviation of all pixels."""
        spread = self.count * self.squares - self.total**2
        return math.sqrt(max(spread, 0)) / self.count

    def apply(self, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        """Return (pixels - mean) / max(std, 1e-5) as float32."""
        out = pixels.astype(np.float32)
        out -= np.float32(self.mean)
        out /= np.float32(max(self.std, MIN_STD))
        return out


def _exact_dot(weighted: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> int:
    """Return the sum of products as a Python integer; halves keep every partial sum within 64 bits."""
    low, high = weighted & 0xFFFFFF, weighted >> 24
    return int(low @ values) + (int(high @ values) << 24)


def standardise(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Return an image (rows, columns) or volume (slices, rows, columns) with mean 0 and deviation 1 over all of it."""
    return Moments().plus(pixels).apply(pixels)


def _blocks(pixels: npt.NDArray[np.generic]) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the pixels in float64 pieces: a whole image in float64 would take four times its memory."""
    flat = pixels.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        yield flat[start : start + _BLOCK].astype(np.float64)
