"""What a physicist lays on the breast support: a flat block for noise, a bead and a ball for the slice profile."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.attenuation import TOMOSYNTHESIS, Technique
from gmic_core.phantom.geometry import ANGLES_DEG
from gmic_core.phantom.measure import artefact_spread, full_width, power_spectrum
from gmic_core.phantom.projection import Detector, Plane, Projector, expose
from gmic_core.phantom.reconstruction import back_project, filtered
from gmic_core.phantom.spec import DBT_SLICE_MM, Plate
from gmic_core.phantom.view_tissue import Calcification, Grid, ViewTissue

BENCH = Plate("bench", (1280, 640), (945, 472))
"""A part of the field of view, with the pixels of a full exam."""
BLOCK_MM = 50
MIDDLE_MM = 25.0


def block(dense: float, ball_mm: float = 0.0) -> ViewTissue:
    """Return a block of fat with this share of fibroglandular tissue, and a ball of fibroglandular tissue in it."""
    layer, pixel = 0.5, 0.28
    shape = (round(BLOCK_MM / layer), round(BENCH.height_mm / pixel), round(BENCH.width_mm / pixel))
    grid = Grid(shape, (layer, pixel, pixel), (layer / 2, pixel / 2, pixel / 2))
    tissue = np.full(shape, dense, np.float32)
    if ball_mm > 0.0:
        middle = (MIDDLE_MM, 0.5 * BENCH.height_mm, 0.5 * BENCH.width_mm)
        z, y, x = np.meshgrid(*(grid.axis(a) - np.float32(middle[a]) for a in range(3)), indexing="ij", sparse=True)
        depth = np.float32(0.5 * ball_mm) - np.sqrt(z * z + y * y + x * x)
        tissue += np.float32(1.0 - dense) * np.clip(depth / np.float32(pixel) + np.float32(0.5), 0.0, 1.0)
    coarse = Grid((BLOCK_MM, 80, 40), (1.0, 1.12, 1.12), (0.5, 0.56, 0.56))
    inside = np.ones(coarse.shape, np.float32)
    return ViewTissue(grid, tissue, coarse, inside, (0.0, 0.0, 0.0))


@dataclass(frozen=True)
class Noise:
    """Quantum noise behind a flat block.

    Attributes
    ----------
    quanta : counted per pixel, from kerma, attenuation and quantum efficiency.
    stated, measured : relative noise of the detector's signal.
    flatness : noise power from 4 to 6 cycles/mm (or up to Nyquist) over that from 0.5 to 1; 1 for white noise.
    """

    quanta: float
    stated: float
    measured: float
    flatness: float


def flat_noise(technique: Technique, pixel_mm: float, dense: float = 0.2, seed: int = 0) -> Noise:
    """Expose a flat block of 50 mm once and measure the noise of its image."""
    detector = Detector(round(BENCH.height_mm / pixel_mm), round(BENCH.width_mm / pixel_mm), pixel_mm)
    rng = np.random.default_rng(seed)
    excess, _ = expose(Projector(block(dense), BENCH), 0.0, detector, technique, BLOCK_MM, rng)
    loss = BLOCK_MM * (technique.fat + dense * technique.contrast)
    quanta = technique.quanta(pixel_mm, BLOCK_MM) * float(np.exp(-loss))
    signal = technique.contrast * excess
    frequency, power = power_spectrum(signal, pixel_mm, patch_mm=12.8)
    top = min(6.0, 0.45 / pixel_mm)
    fine = power[(frequency > 0.65 * top) & (frequency <= top)].mean()
    coarse = power[(frequency >= 0.5) & (frequency <= 1.0)].mean()
    return Noise(quanta, float(np.sqrt((1.0 + technique.scatter) / quanta)), float(signal.std()), float(fine / coarse))


@dataclass(frozen=True)
class SliceProfile:
    """How an object spreads over the slices.

    Attributes
    ----------
    heights_mm, spread : height above the slice in focus, and the artefact spread function there.
    depth_mm : its full width at half maximum.
    along_mm, across_mm : full widths of the object's image in the slice in focus, along the tube's way and across it.
    """

    heights_mm: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    depth_mm: float
    along_mm: float
    across_mm: float


def slice_profile(diameter_mm: float) -> SliceProfile:
    """Return the slice sensitivity profile of an object in the middle of 50 mm of fat, without noise.

    Objects below 1 mm are beads as attenuating as hydroxyapatite, larger ones balls of fibroglandular tissue.
    """
    small = diameter_mm < 1.0
    tissue = block(0.0, 0.0 if small else diameter_mm)
    middle = (MIDDLE_MM, 0.5 * BENCH.height_mm, 0.5 * BENCH.width_mm)
    if small:
        tissue.calcifications.append(Calcification(middle, (0.5 * diameter_mm,) * 3, mineral=1.0))
    reach = 20.0 if small else 50.0  # a ball is seen beyond the breast, where no slice is made of an exam
    heights = np.arange(-reach, reach + DBT_SLICE_MM, DBT_SLICE_MM)
    planes = np.stack(_reconstructed(tissue, [MIDDLE_MM + float(h) for h in heights]))
    mm = BENCH.dbt_mm
    y = (np.arange(planes.shape[1]) + 0.5) * mm - middle[1]
    x = (np.arange(planes.shape[2]) + 0.5) * mm - middle[2]
    away = np.hypot(y[:, None], x[None, :])
    feature = away <= max(0.25 * diameter_mm, 0.75 * mm)
    beside = (np.abs(y)[:, None] < 2.0) & (np.abs(np.abs(x) - diameter_mm - 3.0)[None, :] < 2.0)
    spread = artefact_spread(planes, feature, beside)
    focus = planes[int(spread.argmax())]
    focus = focus - float(focus[beside].mean())
    row, column = (int(i) for i in np.unravel_index(int(np.where(away < diameter_mm, focus, 0.0).argmax()), away.shape))
    return SliceProfile(
        heights, spread, full_width(heights, spread), full_width(y, focus[:, column]), full_width(x, focus[row])
    )


def _reconstructed(tissue: ViewTissue, heights: list[float]) -> list[Plane]:
    """Return slices of a block, exposed with so many quanta that no noise is left."""
    quiet = replace(TOMOSYNTHESIS, kerma_mgy=1e12)
    pixel = BENCH.projection_mm
    detector = Detector(round(BENCH.height_mm / pixel), round(BENCH.width_mm / pixel), pixel)
    projector, rng = Projector(tissue, BENCH), np.random.default_rng(0)
    ready = []
    for angle in ANGLES_DEG:
        excess, _ = expose(projector, angle, detector, quiet, BLOCK_MM, rng)
        ready.append(filtered(excess, pixel, angle, max(ANGLES_DEG), BLOCK_MM))
    return list(back_project(ready, ANGLES_DEG, detector, BENCH, heights, BENCH.dbt[1]))
