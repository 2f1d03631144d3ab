"""Simulated breasts as arrays, facing right: chest wall on the left edge, air is 0.

Nothing here is a real image; the texture is smoothed noise in an ellipse.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Orientation
from gmic_core.types import Laterality

Pixels = npt.NDArray[np.generic]

_OPPOSITE = {"A": "P", "P": "A", "L": "R", "R": "L", "H": "F", "F": "H"}


def breast(rows: int = 256, cols: int = 192, seed: int = 0, *, bits: int = 12) -> npt.NDArray[np.uint16]:
    """Return a breast whose chest wall is the left edge; up is lateral (CC) or the head (MLO).

    The outline is lower-heavy (its widest row stands below the middle), so that a picture turned upside down differs
    from the original.
    """
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0.0, 1.0, (max(rows // 12, 2), max(cols // 12, 2))).astype(np.float32)
    texture = cv2.resize(coarse, (cols, rows), interpolation=cv2.INTER_CUBIC)
    row, col = np.mgrid[0:rows, 0:cols].astype(np.float32)
    down = (row - 0.55 * rows) / np.where(row < 0.55 * rows, 0.50 * rows, 0.40 * rows)
    radius = np.sqrt(down**2 + (col / (0.75 * cols)) ** 2)
    top = float(2**bits - 1)
    tissue = np.clip(0.45 + 0.12 * texture - 0.15 * radius**4, 0.05, 0.95) * top
    image: npt.NDArray[np.uint16] = np.where(radius < 1.0, tissue, 0.0).astype(np.uint16)
    return image


def breast_volume(
    slices: int = 8, rows: int = 256, cols: int = 192, seed: int = 0, *, bits: int = 12
) -> npt.NDArray[np.uint16]:
    """Return a stack (slices, rows, cols) that differs from slice to slice; ``[s, 0, -1]`` is 0, air."""
    base = breast(rows, cols, seed, bits=bits).astype(np.float32)
    gains = np.linspace(0.7, 1.0, slices, dtype=np.float32)
    volume: npt.NDArray[np.uint16] = np.stack([(base * gain).astype(np.uint16) for gain in gains])
    return volume


def patient_orientation(laterality: str, view: str, stored: Orientation) -> tuple[str, str]:
    """Return Patient Orientation of a right-facing breast that is stored turned by ``stored``.

    Written out from the anatomy, independently of ``gmic_core.exam.geometry``: columns run to anterior; rows run
    to the feet (MLO, ML, ...) or from lateral to medial (CC).
    """
    medial = "R" if laterality == Laterality.L else "L"
    along_cols, along_rows = "A", medial if view.startswith("CC") else "F"
    if stored.transpose:
        along_cols, along_rows = along_rows, along_cols
    if stored.flip_rows:
        along_rows = _OPPOSITE[along_rows]
    if stored.flip_cols:
        along_cols = _OPPOSITE[along_cols]
    return along_cols, along_rows


def hanging(facing: Pixels, laterality: str) -> Pixels:
    """Return the right-facing breast as most devices store it: L faces right, R faces left."""
    return facing if laterality == Laterality.L else np.ascontiguousarray(facing[..., ::-1])
