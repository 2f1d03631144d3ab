"""Lays the neutral breast into one compressed view, and adds what belongs to the view: skin, nipple, muscle, grain.

A row of the view is a plane of the neutral breast (see :mod:`gmic_core.phantom.compression`), so a row costs one
interpolation of two planes and one 2-D remap.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from gmic_core.phantom.compression import MLO_ANGLE_DEG, Compression
from gmic_core.phantom.fields import Volume, power_law, smoothstep
from gmic_core.phantom.outline import Outline
from gmic_core.phantom.parenchyma import NeutralTissue, mix
from gmic_core.phantom.pectoral import add_pectoral
from gmic_core.phantom.spec import BreastSpec, Size
from gmic_core.phantom.view_tissue import Grid, ViewTissue

Plane = npt.NDArray[np.float32]

VOXEL_MM: dict[Size, tuple[float, float]] = {"full": (0.5, 0.25), "small": (1.0, 0.5)}
"""Layer and in-plane voxel of a view."""
INSIDE_LAYER_MM = 1.0
SKIN_LEVEL = 1.0
NIPPLE_LENGTH_MM = 8.0
_SAMPLES = 2
"""Samples per layer: compression turns many sheets flat, and they get thinner than a layer."""
_TILE = 192
_GRAIN = 0.10
_GRAIN_FAT = 0.04


def view_grid(spec: BreastSpec, outline: Outline) -> Grid:
    """Return the grid of a view: the field's height, and as wide as the breast."""
    layer, pixel = VOXEL_MM[spec.size]
    rows = 2 * int(np.ceil(spec.plate.height_mm / (2.0 * pixel)))
    columns = 2 * int(np.ceil((outline.reach_mm + NIPPLE_LENGTH_MM + 1.0) / (2.0 * pixel)))
    layers = round(outline.size.thickness_mm / layer)
    return Grid((layers, rows, columns), (layer, pixel, pixel), (layer / 2, pixel / 2, pixel / 2))


def squeeze(spec: BreastSpec, compression: Compression, tissue: NeutralTissue) -> ViewTissue:
    """Return one compressed view of the neutral tissue, without findings."""
    outline = compression.outline
    grid = view_grid(spec, outline)
    rng = spec.rng("view", outline.view)
    skin = float(spec.rng("skin").uniform(1.5, 2.0))
    depth = _plane_depth(outline, grid)
    outer, inner = (outline.half_thickness(depth, inset).astype(np.float32) for inset in (0.0, skin))
    dense = np.zeros(grid.shape, np.float32)
    _fill(dense, grid, compression, tissue, outer, grain(rng, grid))
    if outline.view == "MLO":
        add_pectoral(dense, grid, outline, spec.rng("pectoral"))
    _cover(dense, grid, outer, inner)
    inside_grid, inside = _inside(grid, outer)
    nipple = _add_nipple(spec, outline, grid, dense, inside_grid, inside)
    return ViewTissue(grid, dense, inside_grid, inside, nipple)


def _plane_depth(outline: Outline, grid: Grid) -> npt.NDArray[np.float64]:
    return outline.depth_at(grid.axis(1).astype(np.float64)[:, None], grid.axis(2).astype(np.float64)[None, :])


def grain(rng: np.random.Generator, grid: Grid) -> Volume:
    """Return detail finer than the neutral grid, of unit variance: as deep as the view, periodic in its plane."""
    depth = fft.next_fast_len(grid.shape[0] + 4, real=True)
    pixel = grid.spacing[1]
    return power_law(rng, (depth, _TILE, _TILE), grid.spacing, 2.7, (2.0 * pixel, 4.0 * pixel + 2.5))


def turned(tissue: NeutralTissue, angle_deg: float) -> Volume:
    """Return the potentials turned about the nipple's axis: (along, depth, across, 4) of the view."""
    if angle_deg == 0.0:
        return tissue.potentials
    angle, centre = np.deg2rad(angle_deg), tissue.grid.shape.radius_mm / tissue.grid.spacing
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    matrix = np.array([[cos, -sin, centre * (1 - cos + sin)], [sin, cos, centre * (1 - cos - sin)]])
    out = np.empty_like(tissue.potentials)
    for level in range(out.shape[1]):
        plane = np.ascontiguousarray(tissue.potentials[:, level])
        out[:, level] = cv2.warpAffine(
            plane,
            matrix,
            plane.shape[1::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return out


def _fill(
    dense: Volume, grid: Grid, compression: Compression, tissue: NeutralTissue, outer: Plane, texture: Volume
) -> None:
    """Sample the neutral tissue row by row."""
    outline, spacing = compression.outline, tissue.grid.spacing
    potentials = turned(tissue, MLO_ANGLE_DEG if outline.view == "MLO" else 0.0)
    radius = compression.shape.radius_mm
    fine = np.arange(_SAMPLES * grid.shape[0], dtype=np.float32) + np.float32(0.5)
    height = (fine * np.float32(grid.spacing[0] / _SAMPLES) - np.float32(0.5 * outline.size.thickness_mm))[:, None]
    x = grid.axis(2).astype(np.float64)
    wrap = np.arange(grid.shape[2]) % _TILE
    y = grid.axis(1).astype(np.float64)
    for row, (ratio, edge) in enumerate(zip(outline.ratio(y), outline.edge_at(y), strict=True)):
        count = int(np.searchsorted(x, edge))
        if count == 0:
            continue
        plane = _neutral_plane(potentials, (ratio + 1.0) * radius / spacing)
        depth, scale = compression.plane(np.asarray(ratio), x[:count], np.asarray(edge))
        stretch = (scale / np.maximum(outer[row, :count], 0.05)).astype(np.float32)
        across = np.clip(height * stretch, -scale.astype(np.float32), scale.astype(np.float32))
        across += np.float32(radius)
        across *= np.float32(1.0 / spacing)
        level = np.broadcast_to((depth / spacing).astype(np.float32), across.shape)
        sampled = cv2.remap(
            plane, across, np.ascontiguousarray(level), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        found = mix(sampled).reshape(grid.shape[0], _SAMPLES, count).mean(axis=1)
        found += texture[: grid.shape[0], row % _TILE][:, wrap[:count]] * (_GRAIN_FAT + _GRAIN * found)
        np.clip(found, 0.0, 1.15, out=dense[:, row, :count])


def _neutral_plane(potentials: Volume, index: float) -> Volume:
    """Return the plane (depth, across, 4) at a fractional index along the rows."""
    low = int(np.clip(np.floor(index), 0, len(potentials) - 2))
    weight = np.float32(index - low)
    out: Volume = potentials[low] * (1 - weight) + potentials[low + 1] * weight
    return out


def overlap(low: float, high: float, middle: float, half: Plane) -> Plane:
    """Return which share of the layer from ``low`` to ``high`` lies within ``half`` of ``middle``."""
    length = np.minimum(np.float32(high), middle + half) - np.maximum(np.float32(low), middle - half)
    out: Plane = np.clip(length / np.float32(high - low), 0.0, 1.0)
    return out


def _cover(dense: Volume, grid: Grid, outer: Plane, inner: Plane) -> None:
    """Cut the tissue at the surface, with partial volume, and lay the skin over it."""
    layer, middle = grid.spacing[0], 0.5 * grid.spacing[0] * grid.shape[0]
    for number, plane in enumerate(dense):
        low = number * layer
        under = overlap(low, low + layer, middle, inner)
        plane *= under
        plane += np.float32(SKIN_LEVEL) * (overlap(low, low + layer, middle, outer) - under)


def _inside(grid: Grid, outer: Plane) -> tuple[Grid, Volume]:
    """Return the share of breast on a grid of 1 mm layers and twice the pixel."""
    thickness = grid.spacing[0] * grid.shape[0]
    layers, pixel = round(thickness / INSIDE_LAYER_MM), 2.0 * grid.spacing[1]
    coarse = Grid(
        (layers, grid.shape[1] // 2, grid.shape[2] // 2),
        (INSIDE_LAYER_MM, pixel, pixel),
        (INSIDE_LAYER_MM / 2, pixel / 2, pixel / 2),
    )
    inside = np.empty(coarse.shape, np.float32)
    for number in range(layers):
        low = number * INSIDE_LAYER_MM
        inside[number] = _pool(overlap(low, low + INSIDE_LAYER_MM, 0.5 * thickness, outer))
    return coarse, inside


def _pool(plane: Plane) -> Plane:
    out: Plane = 0.25 * (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2])
    return out


def _add_nipple(
    spec: BreastSpec, outline: Outline, grid: Grid, dense: Volume, inside_grid: Grid, inside: Volume
) -> tuple[float, float, float]:
    """Set a nipple on the free edge and return its tip."""
    rng = spec.rng("nipple")
    radius, length = float(rng.uniform(4.0, 6.0)), float(rng.uniform(0.55, 0.95) * NIPPLE_LENGTH_MM)
    tip = (0.5 * outline.size.thickness_mm, outline.nipple_row, outline.reach_mm + length)
    for number, (target, lattice) in enumerate(((dense, grid), (inside, inside_grid))):
        box, share = _nipple_share(lattice, tip, radius, length)
        region = target[box]
        level = np.float32(0.9 if number == 0 else 1.0)
        np.maximum(region, level * share, out=region)
    return tip


def _nipple_share(
    grid: Grid, tip: tuple[float, float, float], radius: float, length: float
) -> tuple[tuple[slice, slice, slice], Volume]:
    """Return an index box around the nipple and its share of every voxel there: a blunt half ellipsoid."""
    root = 3.0  # mm inside the breast
    centre = (tip[0], tip[1], tip[2] - length - root)
    reach = (radius + 1.0, radius + 1.0, length + root + 1.0)
    parts, axes = [], []
    for axis in range(3):
        mm = grid.axis(axis)
        first = int(np.searchsorted(mm, centre[axis] - (0.0 if axis == 2 else reach[axis])))
        last = int(np.searchsorted(mm, centre[axis] + reach[axis]))
        parts.append(slice(first, last))
        axes.append((mm[first:last] - np.float32(centre[axis])).reshape([-1 if a == axis else 1 for a in range(3)]))
    around = np.sqrt(axes[0] ** 2 + axes[1] ** 2) / np.float32(radius)
    forward = axes[2] / np.float32(length + root)
    solid = (around**2.5 + np.abs(forward) ** 2.5) ** np.float32(1.0 / 2.5)
    solid += 0.5 * (1.0 - smoothstep(axes[2], 0.0, root))  # fades into the breast
    share = smoothstep((1.0 - solid) * np.float32(radius), -0.5 * grid.spacing[2], 0.5 * grid.spacing[2])
    return (parts[0], parts[1], parts[2]), share.astype(np.float32)
