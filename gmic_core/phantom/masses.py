"""Masses and architectural distortion: their shapes and what they do to the tissue around them.

Attenuation (fat 0, fibroglandular tissue 1) from the coefficients of Johns and Yaffe, Phys. Med. Biol. 32:675 (1987):
infiltrating ductal carcinoma (0.844 - 0.456) / (0.802 - 0.456) = 1.12 at 20 keV, and 1.12 to 1.13 from 18 to 30 keV;
Carroll et al., Invest. Radiol. 29:266 (1994), measured cancers 10.9 % above normal tissue. Fredenberg et al., Phys.
Med. Biol. 61:2595 (2016), found malignant and benign solid lesions alike, and cyst fluid below both; water (0.810 per
cm at 20 keV, NISTIR 5632) is 1.02. A mass is seen because it is compact, pushes fat aside and has a border of its own,
not because it is much denser. Shapes: a star-shaped core with branching spicules stands up to readers (de Sisternes
et al., Med. Phys. 42:1098 (2015)); here bumps and waves make the core.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.phantom.shapes import (
    Bumps,
    Level,
    Points,
    Pose,
    Strands,
    Waves,
    directions,
    join,
    offsets_of,
    part_of,
    share_of,
    strand_share,
    tube,
    window_around,
)
from gmic_core.phantom.view_tissue import Grid, Volume

CARCINOMA = 1.12
FIBROADENOMA = 1.08
WATER = 1.02
NODE = 1.05
HILUM = 0.08

GAPS = 0.7
"""How much of the tissue between the strands of a distortion gives way to fat, at most."""
STEP_MM = 0.12
"""Length of the pieces that spicules are made of."""


@dataclass(frozen=True)
class Mass:
    """A mass in the breast's own axes, its centre at 0.

    Attributes
    ----------
    level : depth inside its core in mm.
    core_mm : the core, its soft border and its halo end within this distance of the centre.
    value : attenuation of the core.
    soft_mm : width over which its border fades.
    malignant : invades: never makes the tissue that it replaces less dense.
    strands : spicules, of attenuation ``value`` too.
    halo : how much of the tissue just outside the border gives way to fat, 0..1.
    hilum : depth inside a fatty part in mm, or None.
    pull : share of its radius by which tissue is drawn towards the centre (distortion), 0 for none.
    pull_mm : tissue farther away than this stays where it is.
    gaps : where fat is caught between the strands, by direction.
    hollow : has no core; ``level`` is only what is masked.
    outline_mm : how far outside the core the border is drawn in the truth.
    """

    level: Level
    core_mm: float
    value: float
    soft_mm: float
    malignant: bool
    strands: Strands = field(default_factory=lambda: join([]))
    halo: float = 0.0
    hilum: Level | None = None
    pull: float = 0.0
    pull_mm: float = 0.0
    gaps: Bumps | None = None
    hollow: bool = False
    outline_mm: float = 0.0

    @property
    def reach_mm(self) -> float:
        """Nothing of it, or of what it changes, is farther from its centre."""
        far = float(np.linalg.norm(self.strands.points, axis=1).max()) if len(self.strands.points) else 0.0
        return max(self.core_mm, self.pull_mm, far + 0.5)


def spiculated(rng: np.random.Generator, diameter_mm: float) -> Mass:
    """Return an irregular mass with many fine spicules that taper away in all directions."""
    radius = 0.5 * diameter_mm
    bumps = Bumps.drawn(rng, 26, 0.26, 12.0)
    ragged = Waves.drawn(rng, 28, (max(0.15 * diameter_mm, 0.8), max(0.5 * diameter_mm, 2.0)))
    stretch = _stretch(rng, (0.85, 1.2))
    even, largest = bumps.range()
    size = 0.92 * radius / even

    def level(offsets: Points) -> Points:
        near = offsets @ stretch
        edge: Points = size * bumps.radius(near) * (1.0 + 0.10 * ragged.at(offsets)) - np.linalg.norm(near, axis=-1)
        return edge

    count = int(np.clip(rng.normal(50.0 + 9.0 * radius, 8.0), 45, 150))
    lengths = radius * np.clip(rng.gamma(3.0, 0.42, count), 0.4, 2.4) + 2.0
    widths = rng.uniform(0.35, 0.85, count) * np.sqrt(np.clip(radius / 6.0, 0.5, 1.4))
    return Mass(
        level,
        core_mm=1.3 * size * largest + 1.0,
        value=CARCINOMA,
        soft_mm=0.9,
        malignant=True,
        strands=_spicules(rng, directions(rng, count), 0.65 * radius, lengths, widths),
        pull=0.22,
        pull_mm=2.2 * radius,
        outline_mm=0.10 * radius,
    )


def lobulated(rng: np.random.Generator, diameter_mm: float) -> Mass:
    """Return a mass of several lobes whose border fades into the tissue."""
    radius = 0.5 * diameter_mm
    count = int(rng.integers(4, 8))
    heads = directions(rng, count) * radius * rng.uniform(0.42, 0.68, (count, 1))
    sizes = radius * rng.uniform(0.46, 0.68, count)
    ragged = Waves.drawn(rng, 24, (max(0.15 * diameter_mm, 1.0), max(0.5 * diameter_mm, 2.0)))

    def level(offsets: Points) -> Points:
        depth = 0.70 * radius - np.linalg.norm(offsets, axis=-1)
        for head, size in zip(heads.astype(np.float32), sizes, strict=True):
            depth = np.maximum(depth, np.float32(size) - np.linalg.norm(offsets - head, axis=-1))
        edge: Points = depth + np.float32(0.09 * radius) * ragged.at(offsets)
        return edge

    return Mass(
        level,
        core_mm=1.7 * radius + 1.5,
        value=CARCINOMA - 0.02,
        soft_mm=float(np.clip(0.35 * radius, 0.8, 2.4)),
        malignant=True,
        pull=0.08,
        pull_mm=1.7 * radius,
    )


def circumscribed(rng: np.random.Generator, diameter_mm: float) -> Mass:
    """Return an oval mass with a sharp border and a thin halo of fat, as a fibroadenoma."""
    radius = 0.5 * diameter_mm
    waves = Bumps.drawn(rng, 6, 0.05, 2.0)
    stretch = _stretch(rng, (0.80, 1.30))

    def level(offsets: Points) -> Points:
        near = offsets @ stretch
        edge: Points = radius * waves.radius(near) - np.linalg.norm(near, axis=-1)
        return edge

    return Mass(level, 1.5 * radius + 2.0, FIBROADENOMA, 0.25, False, halo=0.55)


def cyst(rng: np.random.Generator, diameter_mm: float) -> Mass:
    """Return a round, sharply bounded mass of water."""
    radius = 0.5 * diameter_mm
    stretch = _stretch(rng, (0.94, 1.06))

    def level(offsets: Points) -> Points:
        edge: Points = radius - np.linalg.norm(offsets @ stretch, axis=-1)
        return edge

    return Mass(level, 1.2 * radius + 2.0, WATER, 0.15, False, halo=0.35)


def lymph_node(rng: np.random.Generator, diameter_mm: float) -> Mass:
    """Return a bean with a notch of fat: ``diameter_mm`` is its length."""
    long, turn = 0.5 * diameter_mm, _turn(rng)
    axes = np.array([1.0, rng.uniform(0.58, 0.68), rng.uniform(0.6, 0.75)], np.float32) * np.float32(long)
    notch = np.array([0.0, 0.62 * axes[1], 0.0], np.float32)
    hollow = np.array([0.56 * axes[0], 0.66 * axes[1], 0.62 * axes[2]], np.float32)

    def level(offsets: Points) -> Points:
        near = offsets @ turn
        edge: Points = (1.0 - np.linalg.norm(near / axes, axis=-1)) * np.float32(axes.min())
        return edge

    def hilum(offsets: Points) -> Points:
        near = offsets @ turn - notch
        edge: Points = (1.0 - np.linalg.norm(near / hollow, axis=-1)) * np.float32(hollow.min())
        return edge

    return Mass(level, long + 2.0, NODE, 0.25, False, halo=0.4, hilum=hilum)


def distortion(rng: np.random.Generator, diameter_mm: float) -> Mass:
    """Return tissue pulled towards a centre with straight thin strands and no mass in the middle."""
    radius = 0.5 * diameter_mm
    count = int(rng.integers(34, 52))
    lengths = radius * rng.uniform(0.55, 1.25, count)
    spicules = _spicules(rng, directions(rng, count), 0.2 * radius, lengths, rng.uniform(0.28, 0.62, count), 0.02)

    def level(offsets: Points) -> Points:
        edge: Points = np.float32(radius) - np.linalg.norm(offsets, axis=-1)
        return edge

    return Mass(
        level,
        core_mm=1.05 * radius,
        value=1.0,
        soft_mm=0.5,
        malignant=True,
        strands=spicules,
        pull=0.75,
        pull_mm=1.35 * radius,
        gaps=Bumps(directions(rng, 70), rng.uniform(0.0, 1.0, 70), 45.0),
        hollow=True,
    )


MASSES: dict[str, Callable[[np.random.Generator, float], Mass]] = {
    "malignant-mass": spiculated,
    "malignant-lobulated": lobulated,
    "malignant-distortion": distortion,
    "benign-mass": circumscribed,
    "benign-cyst": cyst,
    "benign-node": lymph_node,
}


def _turn(rng: np.random.Generator) -> Points:
    turned, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    out: Points = turned.astype(np.float32)
    return out


def _stretch(rng: np.random.Generator, factors: tuple[float, float]) -> Points:
    """Return a linear map that makes a ball an ellipsoid of the same volume, with axes longer by these factors."""
    scale = rng.uniform(*factors, 3)
    scale /= np.cbrt(np.prod(scale))
    turn = _turn(rng)
    out: Points = (turn * scale.astype(np.float32)) @ turn.T
    return out


def _spicules(
    rng: np.random.Generator,
    headings: Points,
    root_mm: float,
    lengths: Points,
    widths: Points,
    wiggle: float = 0.05,
) -> Strands:
    """Return tubes that set out near the surface of a core and taper to nothing; every third one forks."""
    strands = []
    for number, (heading, length, width) in enumerate(zip(headings, lengths, widths, strict=True)):
        path = _path(rng, heading * root_mm, heading, float(length), wiggle)
        radii = float(width) * (1.0 - np.linspace(0.0, 1.0, len(path))) ** 1.4 + 0.06
        strands.append(tube(path, radii, rng))
        if number % 3 == 0:
            start = len(path) // 3
            aside = path[-1] - path[start] + rng.normal(0.0, 0.3 * length, 3)
            fork = _path(rng, path[start], aside, 0.45 * float(length), wiggle)
            strands.append(tube(fork, np.linspace(radii[start], 0.05, len(fork)), rng))
    return join(strands)


def _path(rng: np.random.Generator, start: Points, heading: Points, length: float, wiggle: float) -> Points:
    """Return points along a slightly wandering path."""
    count = max(int(length / STEP_MM), 4)
    turns = np.cumsum(rng.normal(0.0, wiggle * np.sqrt(STEP_MM), (count, 3)), axis=0)
    ways = heading / max(float(np.linalg.norm(heading)), 1e-9) + turns
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    points: Points = (start + np.cumsum(ways * STEP_MM, axis=0)).astype(np.float32)
    return points


def apply(mass: Mass, dense: Volume, grid: Grid, pose: Pose, inside: Volume, room_mm: float) -> None:
    """Change the tissue of a window in place.

    Parameters
    ----------
    dense, grid : the window and where it lies.
    inside : share of breast (0..1) of its voxels; nothing is drawn outside.
    room_mm : distance of the centre to the nearest plate; tissue is pulled from within it only.
    """
    if mass.pull > 0.0:
        near = window_around(grid, pose.centre, mass.pull_mm)
        _pull(mass, dense[near], part_of(grid, near), pose, room_mm)
    if not mass.hollow:
        near = window_around(grid, pose.centre, mass.core_mm)
        _fill(mass, dense[near], part_of(grid, near), pose, inside[near])
    if len(mass.strands.points):
        share = strand_share(mass.strands, grid, pose) * inside
        dense += share * np.maximum(np.float32(mass.value) - dense, 0.0)


def _fill(mass: Mass, dense: Volume, grid: Grid, pose: Pose, inside: Volume) -> None:
    """Put the core of a mass in place of the tissue, with its halo and hilum."""
    core = share_of(mass.level, grid, pose, mass.soft_mm)
    if mass.halo > 0.0:
        wide = share_of(lambda offsets: mass.level(offsets) + np.float32(0.9), grid, pose, 0.5)
        dense *= 1.0 - np.float32(mass.halo) * np.clip(wide - core, 0.0, 1.0)
    value = np.full(dense.shape, mass.value, np.float32)
    if mass.hilum is not None:
        value += np.float32(HILUM - mass.value) * share_of(mass.hilum, grid, pose, 0.4)
    if mass.malignant:
        np.maximum(value, dense, out=value)
    core *= inside
    dense += core * (value - dense)


def _pull(mass: Mass, dense: Volume, grid: Grid, pose: Pose, room_mm: float) -> None:
    """Draw tissue towards the centre and stretch it along the radius: what was at r comes to lie nearer."""
    axes = [grid.axis(a) - np.float32(pose.centre[a]) for a in range(3)]
    reach = (max(min(mass.pull_mm, room_mm - 1.5), 1.0), mass.pull_mm, mass.pull_mm)  # the skin stays where it is
    z, y, x = (one.reshape([-1 if i == a else 1 for a in range(3)]) for i, one in enumerate(axes))
    rho = np.minimum(np.sqrt((z / reach[0]) ** 2 + (y / reach[1]) ** 2 + (x / reach[2]) ** 2), 1.0)
    strength = np.float32(mass.pull) * (1.0 - rho) ** 2
    before = dense.copy()
    total = np.zeros_like(dense)
    smears = (-0.2, 0.0, 0.2)
    for smear in smears:
        scale = 1.0 + strength + np.float32(smear * min(2.0 * mass.pull, 1.0)) * (1.0 - rho)
        index = [
            (one * scale + np.float32(pose.centre[a] - grid.origin[a])) / np.float32(grid.spacing[a])
            for a, one in enumerate((z, y, x))
        ]
        total += ndimage.map_coordinates(before, np.stack(index), order=1, mode="nearest")
    dense[...] = total / np.float32(len(smears))
    if mass.gaps is not None:
        fat = np.clip(mass.gaps.radius(offsets_of(grid, pose)) - 1.0, 0.0, 1.0)
        dense *= 1.0 - np.float32(GAPS) * fat * (1.0 - rho) ** 0.5 * np.clip(rho * 6.0, 0.0, 1.0)


def outline(mass: Mass, grid: Grid, pose: Pose) -> npt.NDArray[np.bool_]:
    """Return the mask of a mass: its core, and a little more where spicules leave it too densely to be told apart."""
    parts, _ = ndimage.label(mass.level(offsets_of(grid, pose)) > -mass.outline_mm)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    kept = ndimage.binary_fill_holes(parts == int(sizes.argmax()))  # no crumbs, no holes: one region is drawn
    return np.asarray(kept, bool)
