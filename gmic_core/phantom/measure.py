"""What is measured on images of tissue, real or simulated.

``python -m gmic_core.phantom.measure`` prints every number of ``docs/digital-breast.md``; with ``--pictures DIR`` it
draws its pictures too.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.errors import PhantomError


def power_spectrum(
    image: npt.NDArray[np.floating | np.integer],
    spacing_mm: float,
    inside: npt.NDArray[np.bool_] | None = None,
    patch_mm: float = 25.6,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return radial frequency (cycles/mm) and mean power over Hann-windowed patches that overlap by half.

    Parameters
    ----------
    inside : only patches that lie wholly inside are used; None uses all of them.

    Raises
    ------
    PhantomError
        If no patch fits.
    """
    side = round(patch_mm / spacing_mm)
    window = np.hanning(side)[:, None] * np.hanning(side)[None, :]
    total, count = np.zeros((side, side)), 0
    for top in range(0, image.shape[0] - side + 1, side // 2):
        for left in range(0, image.shape[1] - side + 1, side // 2):
            box = (slice(top, top + side), slice(left, left + side))
            if inside is not None and not inside[box].all():
                continue
            patch = np.asarray(image[box], np.float64)
            total += np.abs(np.fft.fft2(window * (patch - patch.mean()))) ** 2
            count += 1
    if count == 0:
        raise PhantomError(f"No patch of {patch_mm:g} mm lies wholly inside the tissue; use smaller patches.")
    axis = np.fft.fftfreq(side, spacing_mm)
    return np.hypot(axis[:, None], axis[None, :]), total * (spacing_mm**2 / (count * (window**2).sum()))


def spectral_slope(
    image: npt.NDArray[np.floating | np.integer],
    spacing_mm: float,
    inside: npt.NDArray[np.bool_] | None = None,
    band: tuple[float, float] = (0.1, 1.0),
    patch_mm: float = 25.6,
) -> float:
    """Return beta of P(f) ~ f**-beta, fitted to the radial mean of the spectrum over ``band`` (cycles/mm).

    Mammograms have 2.7 to 3.3 (Burgess, Proc. SPIE 3663, 1999).
    """
    frequency, power = power_spectrum(image, spacing_mm, inside, patch_mm)
    edges = np.geomspace(band[0], band[1], 13)
    bins = np.digitize(frequency, edges)
    used = [number for number in range(1, len(edges)) if (bins == number).any()]
    centre = [float(np.log(frequency[bins == number]).mean()) for number in used]
    level = [float(np.log(power[bins == number].mean())) for number in used]
    return -float(np.polyfit(centre, level, 1)[0])


def full_width(places_mm: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Return the full width at half maximum of a profile, in mm, interpolated between its samples.

    Parameters
    ----------
    places_mm : ascending.
    values : background is 0.

    Raises
    ------
    PhantomError
        If the profile does not fall to half its maximum on both sides.
    """
    x, y = np.asarray(places_mm, np.float64), np.asarray(values, np.float64)
    peak = int(y.argmax())
    half = 0.5 * y[peak]
    left, right = np.flatnonzero(y[:peak] <= half), np.flatnonzero(y[peak:] <= half)
    if not len(left) or not len(right):
        raise PhantomError("The profile stays above half its maximum on a side; measure it over a wider range.")
    low, high = int(left[-1]), peak + int(right[0])
    start = np.interp(half, [y[low], y[low + 1]], [x[low], x[low + 1]])
    end = np.interp(half, [y[high], y[high - 1]], [x[high], x[high - 1]])
    return float(end - start)


def artefact_spread(
    planes: npt.NDArray[np.floating], feature: npt.NDArray[np.bool_], background: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the artefact spread function (Wu et al., Med. Phys. 31:2636, 2004): 1 in the plane in focus.

    Parameters
    ----------
    planes : (slices, rows, columns).
    feature, background : (rows, columns); the place of the object in the plane in focus, and a place beside it.
    """
    signal = np.array([float(plane[feature].mean() - plane[background].mean()) for plane in planes])
    return signal / float(signal.max())


@dataclass(frozen=True)
class RingContrast:
    """How a region stands out from the ring around it, in the units of the image.

    Attributes
    ----------
    difference : mean of the region minus mean of the ring.
    peak : 99.5th percentile of the region minus its median: what grains have.
    ring_sd : standard deviation of the ring, anatomy and noise together.
    """

    difference: float
    peak: float
    ring_sd: float


def ring_contrast(
    image: npt.NDArray[np.number],
    region: npt.NDArray[np.bool_],
    spacing_mm: float,
    ring_mm: tuple[float, float] = (2.0, 6.0),
    inside: npt.NDArray[np.bool_] | None = None,
) -> RingContrast:
    """Compare a region with the ring from ``ring_mm[0]`` to ``ring_mm[1]`` around it.

    Parameters
    ----------
    inside : the ring keeps to it (the breast); None takes all of the image.

    Raises
    ------
    PhantomError
        If the region or its ring is empty.
    """
    if not region.any():
        raise PhantomError("The region is empty; the finding lies outside the image.")
    margin = int(np.ceil(ring_mm[1] / spacing_mm)) + 1
    rows, columns = ndimage.find_objects(region.astype(np.uint8))[0]
    box = (
        slice(max(rows.start - margin, 0), rows.stop + margin),
        slice(max(columns.start - margin, 0), columns.stop + margin),
    )
    values, within = np.asarray(image[box], np.float64), region[box]
    distance = ndimage.distance_transform_edt(~within, sampling=spacing_mm)
    ring = (distance > ring_mm[0]) & (distance <= ring_mm[1])
    if inside is not None:
        ring &= inside[box]
    if not ring.any():
        raise PhantomError("Nothing lies around the region to compare it with; use a narrower ring.")
    found, around = values[within], values[ring]
    return RingContrast(
        float(found.mean() - around.mean()),
        float(np.percentile(found, 99.5) - np.median(found)),
        float(around.std()),
    )


if __name__ == "__main__":
    from gmic_core.phantom.measurements import main

    sys.exit(main())
