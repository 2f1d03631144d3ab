"""The two finding colours: malignant an orange ramp, benign a cyan ramp.

Both are drawn as lines through CIELAB (D65) with lightness rising along them, so that a stronger saliency is lighter
whatever the reader's colour vision, and with hues on opposite sides of the yellow-blue axis, which deuteranopes and
protanopes keep, and apart on the red-green axis, which tritanopes keep. Never red against green.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.types import Finding

Ramp = npt.NDArray[np.uint8]

_MALIGNANT_LCH = ((45.0, 62.0, 52.0), (63.0, 74.0, 62.0), (80.0, 70.0, 80.0))
_BENIGN_LCH = ((45.0, 26.0, 215.0), (66.0, 35.0, 208.0), (88.0, 44.0, 200.0))
"""Anchors (lightness, chroma, hue in degrees) at saliency 0, 0.5 and 1; all inside sRGB."""

_RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""Linear sRGB to CIE XYZ, D65 (IEC 61966-2-1)."""

FAINTEST = 0.35
"""Share of the full opacity that a value just above the threshold gets: a finding never starts invisible."""


def _ramp(anchors: tuple[tuple[float, float, float], ...]) -> Ramp:
    """Return 256 sRGB colours (256, 3) along straight lines between LCh anchors."""
    lightness, chroma, hue = (
        np.interp(np.linspace(0.0, 1.0, 256), np.linspace(0.0, 1.0, len(anchors)), column)
        for column in zip(*anchors, strict=True)
    )
    fy = (lightness + 16.0) / 116.0
    fx = fy + chroma * np.cos(np.radians(hue)) / 500.0
    fz = fy - chroma * np.sin(np.radians(hue)) / 200.0
    f = np.stack([fx, fy, fz], axis=-1)
    relative = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))  # XYZ over the white point's XYZ
    linear = np.clip(relative * _RGB_TO_XYZ.sum(axis=1) @ np.linalg.inv(_RGB_TO_XYZ).T, 0.0, 1.0)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    ramp: Ramp = np.rint(srgb * 255.0).astype(np.uint8)
    ramp.setflags(write=False)
    return ramp


MALIGNANT = _ramp(_MALIGNANT_LCH)
"""uint8 (256, 3) RGB; index = saliency * 255."""
BENIGN = _ramp(_BENIGN_LCH)
"""uint8 (256, 3) RGB; index = saliency * 255."""


def ramp(finding: Finding) -> Ramp:
    """Return the colours of a class, uint8 (256, 3) RGB."""
    return MALIGNANT if finding is Finding.MALIGNANT else BENIGN


def line_rgb(finding: Finding) -> tuple[int, int, int]:
    """Return the one colour of a class for contours, boxes, ticks and curves."""
    red, green, blue = ramp(finding)[160]
    return int(red), int(green), int(blue)


def alpha(values: npt.NDArray[np.floating], threshold: float, opacity: float) -> npt.NDArray[np.float32]:
    """Return how opaque saliency values are painted, 0..1: nothing at and under the threshold, ``opacity`` at 1."""
    over = np.asarray(values, np.float32) - np.float32(threshold)
    share = np.clip(over / max(1.0 - threshold, 1e-6), 0.0, 1.0)
    out: npt.NDArray[np.float32] = np.where(over > 0, opacity * (FAINTEST + (1.0 - FAINTEST) * share), 0.0).astype(
        np.float32
    )
    return out


def rgba(finding: Finding, values: npt.NDArray[np.floating], threshold: float, opacity: float) -> npt.NDArray[np.uint8]:
    """Return the colours of saliency values, premultiplied with their alpha.

    Parameters
    ----------
    values : saliency 0..1, any shape; NaN (not computed) is transparent.

    Returns
    -------
    uint8 (..., 4), RGBA with RGB already multiplied by A, so that it can be resampled without dark fringes.
    """
    known = np.nan_to_num(np.asarray(values, np.float32), nan=0.0)
    index = np.rint(np.clip(known, 0.0, 1.0) * 255.0).astype(np.uint8)
    out = np.empty((*index.shape, 4), np.float32)
    out[..., :3] = ramp(finding)[index]
    out[..., 3] = 255.0
    out *= alpha(known, threshold, opacity)[..., None]
    return np.rint(out).astype(np.uint8)
