"""How colours look to a colour-blind reader, and how far apart two colours are.

Dichromat matrices: Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision
deficiency", IEEE TVCG 15(6), 2009, severity 1.0, on linear sRGB. Distance: CIE 1976 Delta E in CIELAB, D65.
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
