"""Random fields and curves that tissue is made of.

Breast tissue has a power-law spectrum, P(f) ~ 1 / f**beta with beta near 3 in projections (Burgess 1999); septa and
Cooper's ligaments are thin curved sheets, which a slice cuts as lines.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

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


def limited_angle(volume: Volume, spacing_mm: Sequence[float], half_angle_deg: float, slice_mm: float) -> Volume:
    """Blur a volume (slice, row, column) as tomosynthesis does: structures smear along rows into other slices.

    The tube moves along the chest wall, here the row axis, so only frequencies with ``|fz| <= |fy| tan(angle)`` are
    measured (the double wedge of the central-slice theorem).

    Parameters
    ----------
    half_angle_deg : half the angle that the tube sweeps.
    slice_mm : thickness of the slice sensitivity for structures without detail along the rows.
    """
    shape = volume.shape
    padded = np.concatenate([volume, volume[::-1]])  # mirrored: the first slice must not meet the last one
    spectrum = fft.rfftn(padded, axes=(0, 1), workers=-1)
    fz = np.abs(fft.fftfreq(2 * shape[0], spacing_mm[0])).astype(np.float32)[:, None]
    fy = fft.rfftfreq(shape[1], spacing_mm[1]).astype(np.float32)[None, :]
    reach = fy * np.float32(np.tan(np.deg2rad(half_angle_deg))) + np.float32(0.5 / slice_mm)
    spectrum *= np.exp(-((fz / reach) ** 2))[..., None]
    blurred = fft.irfftn(spectrum, s=(2 * shape[0], shape[1]), axes=(0, 1), workers=-1, overwrite_x=True)
    out: Volume = blurred[: shape[0]].astype(np.float32, copy=False)
    return out


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


def draw(volume: Volume, points_mm: Points, strength: Points, spacing_mm: Sequence[float]) -> None:
    """Mark points (slice, row, column in mm from voxel 0) in ``volume``, keeping the strongest mark per voxel."""
    index = np.rint(points_mm / np.asarray(spacing_mm, np.float32)).astype(np.intp)
    inside = np.all((index >= 0) & (index < volume.shape), axis=1)
    z, y, x = index[inside].T
    np.maximum.at(volume, (z, y, x), strength[inside].astype(np.float32))


def thicken(volume: Volume, radius_mm: float, spacing_mm: Sequence[float]) -> Volume:
    """Turn lines one voxel wide into soft tubes whose crest keeps about the strength that was drawn."""
    sigma = [max(radius_mm / step, 0.3) for step in spacing_mm]
    out: Volume = ndimage.gaussian_filter(volume, sigma, truncate=3.0)
    offsets = np.arange(-12, 13, dtype=np.float64)
    # a line in the plane is spread over slices and over one in-plane direction
    out *= np.float32(np.prod([np.exp(-0.5 * (offsets / one) ** 2).sum() for one in sigma[:2]]))
    return out
