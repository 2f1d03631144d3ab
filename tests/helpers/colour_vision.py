"""How colours look to a colour-blind reader, and how far apart two colours are.

Dichromat matrices: Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision
deficiency", IEEE TVCG 15(6), 2009, severity 1.0, on linear sRGB. Distances: CIE 1976 Delta E in CIELAB, D65, and
CIEDE2000 as in Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula", Color Research and Application 30(1), 2005.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

DICHROMATS = {
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def linear(rgb: npt.NDArray[np.uint8]) -> FloatArray:
    """Return linear light 0..1 of 8-bit sRGB (..., 3)."""
    value = rgb / 255.0
    return np.asarray(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4))


def seen_by(rgb: npt.NDArray[np.uint8], reader: str | None) -> FloatArray:
    """Return linear sRGB as a dichromat sees it; None: normal colour vision."""
    light = linear(rgb)
    return light if reader is None else np.clip(light @ np.array(DICHROMATS[reader]).T, 0.0, 1.0)


def lab(light: FloatArray) -> FloatArray:
    """Return CIELAB (..., 3) of linear sRGB."""
    relative = light @ _TO_XYZ.T / _TO_XYZ.sum(axis=1)
    root = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def delta_e(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return all distances between two lists of CIELAB colours, (len(one), len(other))."""
    return np.asarray(np.linalg.norm(one[:, None] - other[None], axis=-1))


def ciede2000(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return CIEDE2000 between CIELAB colours (..., 3), pair by pair; all three weights are 1."""
    l1, a1, b1 = np.moveaxis(one, -1, 0)
    l2, a2, b2 = np.moveaxis(other, -1, 0)
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    c1, c2 = np.hypot((1 + g) * a1, b1), np.hypot((1 + g) * a2, b2)
    h1 = np.degrees(np.arctan2(b1, (1 + g) * a1)) % 360
    h2 = np.degrees(np.arctan2(b2, (1 + g) * a2)) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0.0, (h2 - h1 + 180) % 360 - 180)
    apart = np.abs(h1 - h2) > 180
    mean_hue = np.where(grey, h1 + h2, (h1 + h2) / 2 + np.where(apart, np.where(h1 + h2 < 360, 180, -180), 0))
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * _cos(mean_hue - 30) + 0.24 * _cos(2 * mean_hue)
    t += 0.32 * _cos(3 * mean_hue + 6) - 0.20 * _cos(4 * mean_hue - 63)
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    bend = 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    r_t = -bend * np.sin(np.radians(60 * np.exp(-(((mean_hue - 275) / 25) ** 2))))
    d_l, d_c = (l2 - l1) / s_l, (c2 - c1) / s_c
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / s_h
    return np.asarray(np.sqrt(d_l**2 + d_c**2 + d_h**2 + r_t * d_c * d_h))


def _cos(degrees: FloatArray) -> FloatArray:
    return np.asarray(np.cos(np.radians(degrees)))
