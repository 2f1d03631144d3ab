"""The attenuation of a simulated breast: fat, parenchyma, ligaments, ducts, muscle and lesions.

Units: fat 0, parenchyma about 1, a dense mass a little more. Volumes have the axes (slice, row, column) on the tissue
grid of :class:`~gmic_core.phantom.anatomy.BreastSpec`.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from gmic_core.phantom.anatomy import BreastSpec, Lesion, Outline, Plane, parenchyma_weight, pectoral_weight
from gmic_core.phantom.fields import Points, Volume, curve, draw, power_law, smoothstep, thicken

SPICULES = 40
DUCTS = 16
VESSELS = 5


def make_tissue(spec: BreastSpec, outline: Outline, depth: Plane) -> tuple[Volume, tuple[Lesion, ...]]:
    """Return attenuation (slices, h, w) inside the outline, not yet cut to each slice's edge, and the lesions.

    Parameters
    ----------
    depth : distance to the skin in mm on the tissue grid.
    """
    weight = parenchyma_weight(spec, outline, depth)
    lesions = place_lesions(spec, outline) if spec.with_lesions else ()
    tissue = _parenchyma(spec, weight)
    tissue += _ligaments(spec, depth, weight)
    tissue += _tubes(spec, outline, depth)
    for number, lesion in enumerate(lesions):
        _add_lesion(tissue, spec, lesion, spec.rng(20 + number))
    _add_muscle(tissue, spec)
    return tissue, lesions


def _parenchyma(spec: BreastSpec, weight: Plane) -> Volume:
    """Return parenchyma: glandular strands and islands with lobules of fat (dark, rounded) between them."""
    shape, step = spec.tissue_shape, spec.tissue_spacing
    scale = spec.width_mm / 100.0  # a small field of view shows a small breast, not a part of a large one
    lobules = power_law(spec.rng(2), shape, step, 3.1, (1.6 * scale, 24.0 * scale))
    strands = np.abs(power_law(spec.rng(13), shape, step, 3.0, (1.2 * scale, 11.0 * scale)))
    strands = np.exp(-((strands / np.float32(0.55)) ** 2))
    drive = 0.85 * lobules + 2.9 * weight[None] + 0.9 * strands - 2.45
    tissue = 1.0 / (1.0 + np.exp(-3.6 * drive))
    grain = power_law(spec.rng(3), shape, step, 2.8, (0.6, 6.0 * scale))
    tissue *= 0.62 + 0.30 * strands + 0.10 * grain
    tissue += 0.03 * grain + 0.03 * lobules
    out: Volume = tissue.astype(np.float32)
    return out


def _ligaments(spec: BreastSpec, depth: Plane, weight: Plane) -> Volume:
    """Return Cooper's ligaments: thin sheets (zero sets of smooth noise) that hold fat lobules, faint near the skin."""
    scale = spec.width_mm / 100.0
    total = np.zeros(spec.tissue_shape, np.float32)
    for purpose, longest, width in ((4, 30.0 * scale, 0.05), (5, 13.0 * scale, 0.07)):
        sheets = power_law(spec.rng(purpose), spec.tissue_shape, spec.tissue_spacing, 4.0, (1.8 * scale, longest))
        patchy = power_law(spec.rng(purpose + 10), spec.tissue_shape, spec.tissue_spacing, 3.0, (6.0 * scale, longest))
        np.abs(sheets, out=sheets)
        total += np.exp(-((sheets / np.float32(width)) ** 2)) * smoothstep(patchy, -0.6, 0.9)
    total *= (0.50 * smoothstep(depth, 0.8, 4.0) * (0.70 + 0.30 * np.minimum(weight * 2.0, 1.0)))[None]
    return total


def _tubes(spec: BreastSpec, outline: Outline, depth: Plane) -> Volume:
    """Return ducts fanning out behind the nipple and vessels running under the skin."""
    rng, step = spec.rng(6), spec.tissue_spacing
    nipple = np.array([spec.slices / 2, outline.nipple[0], outline.nipple[1] - 2.0], np.float32)
    total = np.zeros(spec.tissue_shape, np.float32)
    for _ in range(DUCTS):
        heading = np.array([rng.normal(0.0, 0.06), rng.normal(0.0, 0.55), -1.0], np.float32)
        length = float(rng.uniform(0.3, 0.62) * outline.nipple[1])
        path = curve(rng, nipple, heading, length, 0.035, 0.15)
        draw(total, path, np.linspace(0.40, 0.10, len(path), dtype=np.float32), step)
    ducts = thicken(total, 0.35, step)
    total[...] = 0.0
    for _ in range(VESSELS):
        row = float(rng.uniform(0.2, 0.8) * spec.height_mm)
        start = np.array([rng.uniform(0.2, 0.8) * spec.slices, row, 0.02 * spec.width_mm], np.float32)
        heading = np.array([0.0, rng.normal(0.0, 0.25), 1.0], np.float32)
        path = curve(rng, start, heading, float(rng.uniform(0.4, 0.7) * outline.nipple[1]), 0.03, 0.15)
        draw(total, path, np.full(len(path), 0.42, np.float32), step)
    vessels = thicken(total, 0.6, step)
    vessels *= smoothstep(depth, 2.0, 4.0)[None]
    vessels += ducts
    return vessels


def place_lesions(spec: BreastSpec, outline: Outline) -> tuple[Lesion, ...]:
    """Choose a place for one spiculated and one smooth mass, in DBT pixels of the breast facing right."""
    rng = spec.rng(7)
    row, reach = outline.nipple
    size = min(spec.width_mm / 100.0, 1.4)
    up, down = row - 0.20 * spec.height_mm, row + 0.15 * spec.height_mm
    spots = (
        ("spiculated", up + rng.normal(0, 3) * size, rng.uniform(0.42, 0.52) * reach, rng.uniform(0.55, 0.72), 3.6),
        ("smooth", down + rng.normal(0, 3) * size, rng.uniform(0.40, 0.56) * reach, rng.uniform(0.25, 0.42), 4.0),
    )
    pixel = spec.spacing_mm
    return tuple(
        Lesion(kind, y / pixel - 0.5, x / pixel - 0.5, int(z * spec.slices), radius * size)  # type: ignore[arg-type]
        for kind, y, x, z, radius in spots
    )


def _add_lesion(tissue: Volume, spec: BreastSpec, lesion: Lesion, rng: np.random.Generator) -> None:
    """Add one mass; lesion rows and columns are DBT pixels."""
    centre = np.array([lesion.slice_index, lesion.row * spec.spacing_mm, lesion.column * spec.spacing_mm], np.float32)
    box, offset = _box(spec, centre, 4.0 * lesion.radius_mm)
    region = tissue[box]
    radius, angle = _polar(region.shape, spec, centre - offset)
    if lesion.kind == "smooth":
        lobes = 1.0 + 0.07 * np.cos(3.0 * angle + rng.uniform(0, 6.28))
        core = smoothstep(lesion.radius_mm * lobes - radius, -0.15, 0.45)
        halo = np.exp(-(((radius - lesion.radius_mm * lobes - 0.7) / 0.5) ** 2)) * np.float32(0.18)
        region += core * np.maximum(1.15 - region, 0.25) - halo * region
        return
    wave = sum(rng.normal(0, 0.35 / k) * np.cos(k * angle + rng.uniform(0, 6.28)) for k in range(2, 9))
    ragged = power_law(rng, region.shape, spec.tissue_spacing, 2.5, (0.6, 6.0))
    core = smoothstep(lesion.radius_mm * (1.0 + 0.30 * wave + 0.16 * ragged) - radius, -1.0, 1.0)
    region += core * np.maximum(1.40 + 0.07 * ragged - region, 0.40)
    region += (1.0 - 0.8 * core) * _spicules(region.shape, spec, centre - offset, lesion.radius_mm, rng)


def _spicules(
    shape: tuple[int, ...], spec: BreastSpec, centre: Points, radius: float, rng: np.random.Generator
) -> Volume:
    """Return fine tapering strands that radiate from a mass, mostly within a few slices."""
    lines = np.zeros(shape, np.float32)
    for _ in range(SPICULES):
        angle = rng.uniform(0.0, 2.0 * np.pi)
        heading = np.array([rng.normal(0.0, 0.09), np.sin(angle), np.cos(angle)], np.float32)
        root = centre + np.float32(0.6 * radius) * heading
        path = curve(rng, root, heading, float(radius * (1.0 + rng.gamma(2.0, 0.5))), 0.07, 0.08)
        draw(lines, path, np.linspace(rng.uniform(0.8, 1.5), 0.15, len(path), dtype=np.float32), spec.tissue_spacing)
    return thicken(lines, 0.20, spec.tissue_spacing)


def _box(spec: BreastSpec, centre: Points, reach: float) -> tuple[tuple[slice, slice, slice], Points]:
    """Return the index box of +-reach mm around ``centre`` (mm) and the position of its first voxel in mm."""
    step = np.asarray(spec.tissue_spacing, np.float32)
    low = np.maximum(np.floor((centre - reach) / step), 0).astype(int)
    high = np.minimum(np.ceil((centre + reach) / step) + 1, spec.tissue_shape).astype(int)
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    return box, (low * step).astype(np.float32)


def _polar(shape: tuple[int, ...], spec: BreastSpec, centre: Points) -> tuple[Volume, Volume]:
    """Return distance (slices, h, w) in mm from ``centre`` and the angle (1, h, w) in the plane."""
    axes = [
        np.arange(size, dtype=np.float32) * np.float32(step) - centre[axis]
        for axis, (size, step) in enumerate(zip(shape, spec.tissue_spacing, strict=True))
    ]
    z, y, x = (axis.reshape([-1 if i == a else 1 for a in range(3)]) for i, axis in enumerate(axes))
    radius: Volume = np.sqrt(z * z + y * y + x * x)
    angle: Volume = np.arctan2(y, x)
    return radius, angle


def _add_muscle(tissue: Volume, spec: BreastSpec) -> None:
    """Lay the pectoral muscle over what is there: dense, with faint fibres along its border."""
    weight = pectoral_weight(spec)
    if not weight.any():
        return
    cloud = power_law(spec.rng(8), weight.shape, spec.tissue_spacing[1:], 2.6, (2.0, 40.0))
    streaks = power_law(spec.rng(18), weight.shape, spec.tissue_spacing[1:], 2.0, (0.8, 8.0))
    streaks = ndimage.rotate(ndimage.uniform_filter1d(streaks, 81, axis=0), -22.0, reshape=False, mode="reflect")
    streaks /= max(float(streaks.std()), 1e-6)
    muscle = (0.80 + 0.05 * streaks + 0.05 * cloud).astype(np.float32)
    tissue *= (1.0 - 0.75 * weight)[None]
    tissue += (weight * muscle)[None]
