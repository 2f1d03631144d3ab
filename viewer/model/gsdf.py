"""The Grayscale Standard Display Function (DICOM PS3.14): equal steps of grey look equally far apart.

The function ties a luminance to a number of just noticeable differences (JND). A screen follows it when p-values
(0..255 here) that are equally spaced are equally many JNDs apart between its darkest and its brightest luminance.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

FIRST_JND, LAST_JND = 1.0, 1023.0
"""Range of the function, PS3.14 section 7.1."""
DARKEST, BRIGHTEST = 0.05, 3993.404
"""Luminance at both ends of it, cd/m²."""

# PS3.14 equation 7-1, log10 L(j): coefficients of the powers of ln j, lowest first
_NUMERATOR = (-1.3011877, 8.0242636e-2, 1.3646699e-1, -2.5468404e-2, 1.3635334e-3)
_DENOMINATOR = (1.0, -2.5840191e-2, -1.0320229e-1, 2.8745620e-2, -3.1978977e-3, 1.2992634e-4)
# PS3.14 section 7.1, j(L): coefficients of the powers of log10 L, lowest first
_INVERSE = (71.498068, 94.593053, 41.912053, 9.8247004, 0.28175407, -1.1878455, -0.18014349, 0.14710899, -0.017046845)

_SAMPLES = 4096


def luminance(jnd: npt.ArrayLike) -> FloatArray:
    """Return the luminance in cd/m² of a JND index, 1..1023 (PS3.14 equation 7-1)."""
    log = np.log(np.clip(np.asarray(jnd, np.float64), FIRST_JND, LAST_JND))
    value = np.polynomial.polynomial.polyval(log, _NUMERATOR) / np.polynomial.polynomial.polyval(log, _DENOMINATOR)
    return np.asarray(10.0**value, np.float64)


def jnd_index(candela: npt.ArrayLike) -> FloatArray:
    """Return the JND index of a luminance in cd/m², 0.05..3993.4 (PS3.14 section 7.1, the fitted inverse)."""
    log = np.log10(np.clip(np.asarray(candela, np.float64), DARKEST, BRIGHTEST))
    return np.asarray(np.polynomial.polynomial.polyval(log, _INVERSE), np.float64)


def srgb_to_linear(signal: npt.ArrayLike) -> FloatArray:
    """Return the relative luminance 0..1 that a screen of the sRGB standard makes of a signal 0..1 (IEC 61966-2-1)."""
    value = np.asarray(signal, np.float64)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: npt.ArrayLike) -> FloatArray:
    """Return the signal 0..1 for a relative luminance 0..1: the inverse of :func:`srgb_to_linear`."""
    value = np.clip(np.asarray(light, np.float64), 0.0, 1.0)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1.0 / 2.4) - 0.055)


def screen_luminance(driving: npt.ArrayLike, darkest: float, brightest: float) -> FloatArray:
    """Return the luminance in cd/m² of a screen driven with levels 0..255.

    Parameters
    ----------
    darkest, brightest : luminance of levels 0 and 255 in cd/m², with the light of the room that the screen reflects;
        in between the screen is taken to follow sRGB.
    """
    return np.asarray(darkest + (brightest - darkest) * srgb_to_linear(np.asarray(driving, np.float64) / 255.0))


def driving_levels(p_values: npt.ArrayLike, darkest: float, brightest: float) -> FloatArray:
    """Return what drives a screen so that p-values 0..255 look equally spaced: levels 0..255, not rounded.

    Parameters
    ----------
    darkest, brightest : see :func:`screen_luminance`.
    """
    samples, levels = _table(darkest, brightest)
    return np.asarray(np.interp(np.asarray(p_values, np.float64), samples, levels), np.float64)


@lru_cache(maxsize=8)
def _table(darkest: float, brightest: float) -> tuple[FloatArray, FloatArray]:
    samples = np.linspace(0.0, 255.0, _SAMPLES)
    first, last = jnd_range(darkest, brightest)
    wanted = luminance(first + (last - first) * samples / 255.0)
    return samples, 255.0 * linear_to_srgb((wanted - darkest) / (brightest - darkest))


def jnd_range(darkest: float, brightest: float) -> tuple[float, float]:
    """Return the JND indices of a screen's darkest and brightest luminance."""
    return float(jnd_index(darkest)), float(jnd_index(brightest))
