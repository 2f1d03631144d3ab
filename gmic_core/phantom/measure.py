"""What is measured on images of tissue, real or simulated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.errors import PhantomError


def power_spectrum(
    image: npt.NDArray[np.floating],
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
    image: npt.NDArray[np.floating],
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
