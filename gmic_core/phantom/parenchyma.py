"""The neutral breast's tissue: how much of every place is fibroglandular, from 0 (fat) to 1.

Kept are smooth potentials, not the tissue itself: mapped into a view and only then turned into tissue, thin sheets and
the edges of fat lobules stay sharper than the neutral grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.phantom.fields import Points, Volume, power_law, smoothstep
from gmic_core.phantom.spec import BreastSpec, Density, stream
from gmic_core.phantom.strands import (
    NeutralGrid,
    duct_paths,
    ligaments,
    noise,
    radial_noise,
    tubes,
    upsample,
    vessel_paths,
)

GLANDULAR: dict[Density, tuple[float, float]] = {
    "a": (0.045, 0.075),
    "b": (0.085, 0.140),
    "c": (0.160, 0.240),
    "d": (0.260, 0.380),
}
"""Fibroglandular share of the compressed volume, skin left out. Yaffe et al. 2009 (Med. Phys. 36:5437, "The myth of the
50-50 breast") measured 19.3 % on average, 13.7 to 25.6 % between groups of women, the skin counted in (it is about a
tenth of the volume here); 80 % of the women were below 27 %, 95 % below 45 %. How the range is divided among the four
classes is a choice of this simulation."""

GLAND_LEVEL = 0.90
"""Fibroglandular share where the gland is fullest: lobes hold some fat."""
FAT_LEVEL = 0.01
LIGAMENT_LEVEL = 0.65
LOBULE_SHARE = 0.5
"""Of the gland's level, what it reaches just inside its border; the rest comes where gland is certain."""
_LOW_MM = 2.0
_CALIBRATION_STEP = 3


def mix(potentials: Volume) -> Volume:
    """Return the fibroglandular share of (..., 4) potentials: gland, ligaments and their strength, tubes."""
    gland, sheet = potentials[..., 0], potentials[..., 1]
    tissue = np.float32(LOBULE_SHARE * GLAND_LEVEL) / (1.0 + np.exp(-gland))
    tissue += np.float32((1.0 - LOBULE_SHARE) * GLAND_LEVEL) / (1.0 + np.exp(np.float32(2.0) - np.float32(0.5) * gland))
    tissue += np.float32(FAT_LEVEL)
    lines = np.exp(-(sheet * sheet)) * potentials[..., 2]
    lines *= np.float32(LIGAMENT_LEVEL)
    np.maximum(lines, potentials[..., 3], out=lines)
    lines *= 1.0 - tissue  # a line adds less where there is gland already
    tissue += lines
    return np.asarray(tissue, np.float32)


@dataclass(frozen=True)
class NeutralTissue:
    """Tissue of the neutral breast: potentials (along, depth, across, 4) on a grid, see :func:`mix`."""

    grid: NeutralGrid
    potentials: Volume
    glandular: float

    def dense_at(self, neutral: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Return the fibroglandular share at points (depth, lateral, superior) in mm."""
        index = self.grid.index(np.asarray(neutral, np.float64).reshape(-1, 3)).T
        channels = [
            ndimage.map_coordinates(self.potentials[..., channel], index, order=1, mode="nearest")
            for channel in range(4)
        ]
        return mix(np.stack(channels, axis=-1))


def make_neutral(spec: BreastSpec, grid: NeutralGrid) -> NeutralTissue:
    """Return the tissue of one breast; its glandular share is drawn from the range of its density class."""
    ducts = duct_paths(spec.rng("ducts"), grid.shape)
    gland = _gland_potential(spec, grid, ducts)
    sheets, strength = ligaments(spec.rng("ligaments"), grid)
    lines = tubes(grid, ducts, 0.40)
    np.maximum(lines, tubes(grid, vessel_paths(spec.rng("vessels"), grid.shape), 0.75), out=lines)
    potentials = np.stack([gland, sheets, strength, lines], axis=-1)
    del gland, sheets, strength, lines
    low, high = GLANDULAR[spec.density]
    woman = stream(spec.seed, "glandularity").uniform(low, high)  # both breasts of a woman are about equally dense
    wanted = float(np.clip(woman * spec.rng("glandularity").uniform(0.94, 1.06), low, high))
    shift, reached = _calibrate(potentials, grid, wanted)
    potentials[..., 0] += np.float32(shift)
    return NeutralTissue(grid, potentials, reached)


def _gland_potential(spec: BreastSpec, grid: NeutralGrid, ducts: list[tuple[Points, float]]) -> Volume:
    """Return the gland's potential: a fan behind the nipple, strands along septa, dark rounded fat lobules between."""
    drive = upsample(_fan(spec, grid, ducts), grid.voxels, _low_factor(grid))
    for weight, field in _cells(spec, grid):
        np.abs(field, out=field)
        field *= np.float32(weight)
        drive -= field
        del field  # or it would stay while the next one is made
    drive += np.float32(0.5) * noise(spec.rng("grain"), grid, 2.3, (3.0 * grid.spacing, 6.0), 3.0)
    drive *= np.float32(1.5)
    return drive


def _cells(spec: BreastSpec, grid: NeutralGrid) -> Iterator[tuple[float, Volume]]:
    """Yield noise and its weight: |noise| has creases where it changes sign, the strands, and between them fat lobules.

    One at a time, for each takes as much memory as all that is kept of a potential.
    """
    yield 1.5, noise(spec.rng("lobules"), grid, 2.6, (5.0, 18.0))
    yield 2.1, radial_noise(spec.rng("lobes"), grid, 2.2, (2.4, 12.0), 2.2)
    yield 1.4, noise(spec.rng("fine strands"), grid, 2.3, (1.8, 7.0))


def _low_factor(grid: NeutralGrid) -> int:
    return max(int(_LOW_MM / grid.spacing), 1)


def _fan(spec: BreastSpec, grid: NeutralGrid, ducts: list[tuple[Points, float]]) -> Volume:
    """Return where gland is likely, on a coarse grid."""
    factor = _low_factor(grid)
    along, depth, across = grid.coarse(factor)
    lateral, superior, back = -along, across, 1.0 - depth
    rng = spec.rng("fan")
    axis = np.maximum(back, 0.0)
    off_l = lateral - np.float32(rng.uniform(0.08, 0.22)) * axis
    off_s = superior - np.float32(rng.uniform(0.05, 0.18)) * axis
    width = 0.14 + np.float32(rng.uniform(0.85, 1.05)) * axis
    fan = np.exp(-(off_l**2 + off_s**2) / width**2)
    quadrant = 0.30 * np.clip(lateral + superior, -0.5, 0.7)  # most of it lies in the upper outer quadrant
    step = grid.spacing * factor
    shape = np.broadcast_shapes(along.shape, depth.shape, across.shape)
    clouds = power_law(spec.rng("clouds"), shape, [step] * 3, 3.0, (2.5 * step, 60.0))
    wavy = power_law(spec.rng("border"), shape, [step] * 3, 3.2, (3.0 * step, 40.0))
    radius = np.sqrt(along**2 + depth**2 + across**2)
    aside = 1.0 - depth / np.maximum(radius, 0.05)  # 0 behind the nipple, 1 at the chest wall: the fat gets thicker
    under_skin = smoothstep(1.0 - radius + 0.06 * wavy, 0.04 + 0.10 * aside, 0.20 + 0.26 * aside)
    behind = smoothstep(depth + 0.09 * wavy, 0.0, 0.36)  # fat between gland and muscle
    coarse = NeutralGrid(grid.shape, step)
    trees = ndimage.gaussian_filter(_crop(tubes(coarse, ducts, 1.0), shape), 4.0 / step)
    trees /= max(float(trees.max()), 1e-6)
    drive = 3.4 * fan + 1.9 * np.sqrt(trees) + 0.8 * quadrant + 0.9 * clouds
    out: Volume = (drive - 7.0 * (1.0 - under_skin * behind)).astype(np.float32)
    return out


def _crop(volume: Volume, shape: tuple[int, ...]) -> Volume:
    """Return a volume cut or padded by its last voxel to ``shape``."""
    grown = np.pad(volume, [(0, max(want - have, 0)) for want, have in zip(shape, volume.shape, strict=True)], "edge")
    return grown[: shape[0], : shape[1], : shape[2]]


def _calibrate(potentials: Volume, grid: NeutralGrid, wanted: float) -> tuple[float, float]:
    """Return what to add to the gland's potential for the wanted share of the compressed volume, and the share got."""
    step = _CALIBRATION_STEP
    sample = potentials[::step, ::step, ::step]
    along, depth, across = (
        np.arange(count)[::step].astype(np.float32) * np.float32(grid.spacing) for count in grid.voxels
    )
    radius = grid.shape.radius_mm
    inside = (
        ((along - radius) / radius)[:, None, None] ** 2
        + (depth / grid.shape.depth_mm)[None, :, None] ** 2
        + ((across - radius) / radius)[None, None, :] ** 2
    )
    # compression spreads what lies near the surface: the weight is the view's volume per neutral volume
    weight = 1.0 / np.sqrt(np.maximum(1.0 - inside[inside < 0.97], 0.05))
    chosen = sample[inside < 0.97].copy()
    gland = chosen[:, 0].copy()
    low, high = -30.0, 30.0
    for _ in range(24):
        middle = 0.5 * (low + high)
        chosen[:, 0] = gland + np.float32(middle)
        share = float(np.average(mix(chosen), weights=weight))
        low, high = (middle, high) if share < wanted else (low, middle)
    return middle, share
