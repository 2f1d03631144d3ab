"""Random fields and curves that tissue is made of.

Breast tissue has a power-law spectrum, P(f) ~ 1 / f**beta with beta near 3 in projections (Burgess 1999); septa and
Cooper's ligaments are thin curved sheets, which a slice cuts as lines.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import fft

Volume = npt.NDArray[np.float32]
Points = npt.NDArray[np.float32]


def power_law(
    rng: np.random.Generator,
    shape: Sequence[int],
    spacing_mm: Sequence[float],
    beta: float,
    band_mm: tuple[float, float],
) -> Volume:
    """Return Gaussian noise of zero mean and unit variance with a power-law spectrum inside a band.

    Parameters
    ----------
    shape, spacing_mm : voxels and mm per voxel of each axis.
    beta : exponent of the power spectrum.
    band_mm : shortest and longest wavelength that is kept, in mm.
    """
    spectrum = fft.rfftn(rng.standard_normal(tuple(shape), dtype=np.float32), workers=-1)
    frequency = _radial_frequency(shape, spacing_mm)
    low, high = 1.0 / band_mm[1], 1.0 / band_mm[0]
    gain = np.maximum(frequency, low) ** np.float32(-beta / 2)
    gain *= np.exp(-((frequency / high) ** 2))
    gain[(0,) * len(shape)] = 0.0
    spectrum *= gain
    field: Volume = fft.irfftn(spectrum, s=tuple(shape), workers=-1, overwrite_x=True).astype(np.float32, copy=False)
    field /= max(float(field.std()), 1e-12)
    return field


def _radial_frequency(shape: Sequence[int], spacing_mm: Sequence[float]) -> Volume:
    """Return |f| in cycles per mm for every bin of a real FFT."""
    total = np.zeros((1,) * len(shape), np.float32)
    for axis, (size, step) in enumerate(zip(shape, spacing_mm, strict=True)):
        one = fft.rfftfreq(size, step) if axis == len(shape) - 1 else fft.fftfreq(size, step)
        total = total + (one.astype(np.float32) ** 2).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    radius: Volume = np.sqrt(total)
    return radius


def smoothstep(value: Volume, low: float, high: float) -> Volume:
    """Return 0 below ``low``, 1 above ``high`` and a smooth step between."""
    t = np.clip((value - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    out: Volume = t * t * (3.0 - 2.0 * t)
    return out


def curve(
    rng: np.random.Generator, start: Points, direction: Points, length: float, wiggle: float, step: float
) -> Points:
    """Return points (N, 3) in mm, ``step`` apart, along a path that sets out in ``direction`` and wanders.

    Parameters
    ----------
    wiggle : standard deviation of the change of direction per sqrt(mm), in radians.
    """
    count = max(int(length / step), 2)
    turns = np.cumsum(rng.normal(0.0, wiggle * np.sqrt(step), (count, 3)).astype(np.float32), axis=0)
    headings = direction / max(float(np.linalg.norm(direction)), 1e-9) + turns
    headings /= np.linalg.norm(headings, axis=1, keepdims=True)
    points: Points = (start + np.cumsum(headings * step, axis=0)).astype(np.float32)
    return points
