"""The pectoral muscle of the MLO view: a convex wedge in the upper corner at the chest wall, with faint fibres."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.phantom.fields import Volume, power_law, smoothstep
from gmic_core.phantom.outline import Outline
from gmic_core.phantom.view_tissue import Grid

Plane = npt.NDArray[np.float32]

MUSCLE_LEVEL = 0.62
"""Muscle attenuates like fibroglandular tissue, but fat lies before, behind and between it."""
_FIBRE_STEP_MM = 0.5
_FIBRE_STRETCH = 12.0
"""How much longer than wide the fibres' pattern is."""


def add_pectoral(dense: Volume, grid: Grid, outline: Outline, rng: np.random.Generator) -> None:
    """Lay the muscle over the tissue of an MLO view, in place."""
    length = outline.nipple_row * rng.uniform(0.78, 1.05)
    base = outline.edge_at(np.zeros(1))[0] * rng.uniform(0.62, 0.86)
    convexity, tilt = rng.uniform(0.15, 0.5), rng.uniform(-5.0, 5.0)
    y, x = grid.axis(1), grid.axis(2)
    rows, columns = int(np.searchsorted(y, length + 12.0)), int(np.searchsorted(x, 1.35 * base + 10.0))
    t = np.clip(y[:rows] / np.float32(length), 0.0, 1.3)
    border = np.float32(base) * (1.0 - t) * (1.0 + np.float32(convexity) * t)
    fibres = _fibres(grid, rng, rows, columns, float(np.arctan2(base, length)))
    wave = power_law(rng, (grid.shape[0], 64), (grid.spacing[0], length / 48.0), 3.0, (6.0, 120.0))
    along = np.linspace(0.0, 47.0, rows)
    for number in range(grid.shape[0]):
        s = 2.0 * (number + 0.5) / grid.shape[0] - 1.0
        shift = tilt * s - 5.0 * s * s + 0.8 * np.interp(along, np.arange(64.0), wave[number])
        distance = (border + shift.astype(np.float32))[:, None] - x[None, :columns]
        weight = smoothstep(distance, -0.6, 0.9)
        region = dense[number, :rows, :columns]
        muscle = np.float32(MUSCLE_LEVEL) + np.float32(0.035) * next(fibres)
        region += weight * (muscle - region)


def _fibres(grid: Grid, rng: np.random.Generator, rows: int, columns: int, angle: float) -> Iterator[Plane]:
    """Yield for every layer a pattern of unit variance drawn out along the muscle's border."""
    height, width = rows * grid.spacing[1], columns * grid.spacing[2]
    diagonal = float(np.hypot(height, width))
    wide = int(diagonal / _FIBRE_STEP_MM) + 4
    long = int(diagonal / (_FIBRE_STEP_MM * _FIBRE_STRETCH)) + 6
    planes = power_law(
        rng, (grid.shape[0], wide, long), (grid.spacing[0], _FIBRE_STEP_MM, _FIBRE_STEP_MM), 2.2, (1.2, 14.0)
    )
    y, x = grid.axis(1)[:rows, None], grid.axis(2)[None, :columns]
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    off = (x * cos + y * sin) / np.float32(_FIBRE_STEP_MM)
    run = (y * cos - x * sin + np.float32(width)) / np.float32(_FIBRE_STEP_MM * _FIBRE_STRETCH)
    for plane in planes:
        yield cv2.remap(
            plane, run.astype(np.float32), off.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
