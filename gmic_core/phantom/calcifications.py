"""Calcifications: pleomorphic clusters, scattered round ones, calcified vessels.

How much mineral: Warren, Mackenzie, Dance and Young, Phys. Med. Biol. 58:N103 (2013), found real calcifications as
attenuating as 0.85 times their diameter of aluminium, and solid hydroxyapatite as 2.19 times its own thickness: a
share of 0.85 / 2.19 = 0.39. Size and number of grains after the BI-RADS atlas (5th edition: fine pleomorphic grains
are below 0.5 mm, coarse heterogeneous ones 0.5 to 1 mm, punctate ones below 0.5 mm, round ones up to 1 mm; a group has
at least five within 1 cm, up to 2 cm).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import spatial

from gmic_core.phantom.shapes import Points, Pose, Strands, offsets_of, to_view, tube
from gmic_core.phantom.view_tissue import Calcification, Grid

MINERAL = 0.39
WALL_TRACKS = 14
"""Rows of grains around a vessel: so many that its wall is seen as a wall, twice as bright where it is seen edge-on."""
ENVELOPE_MM = 1.5
"""A cluster is masked as one region: everything this close to the line between neighbouring grains."""


@dataclass(frozen=True)
class Cluster:
    """Grains in the breast's own axes, the cluster's centre at 0.

    Attributes
    ----------
    centres, radii : (n, 3) and (n,) in mm: balls; a grain of irregular shape is several of them.
    mineral : (n,) share of hydroxyapatite.
    strands : soft tissue around them (a vessel), or None.
    links : (m, 3) points that its envelope goes through.
    filled : whether the envelope is the hull of these points, or runs along the lines between them.
    """

    centres: Points
    radii: Points
    mineral: Points
    links: Points
    strands: Strands | None = None
    filled: bool = True

    @property
    def reach_mm(self) -> float:
        """Nothing of it is farther from its centre."""
        far = np.linalg.norm(self.centres, axis=1) + self.radii
        return float(max(far.max(), np.linalg.norm(self.links, axis=1).max())) + ENVELOPE_MM


def pleomorphic(rng: np.random.Generator, diameter_mm: float) -> Cluster:
    """Return 8 to 40 grains of 0.15 to 0.8 mm and of irregular shape, in a flattened or drawn-out region."""
    radius = 0.5 * diameter_mm
    count = int(np.clip(rng.normal(8.0 + 1.3 * diameter_mm, 4.0), 8, 40))
    turned, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    along = np.array([1.0, rng.uniform(0.45, 0.85), rng.uniform(0.4, 0.7)])
    places = _apart(rng, count, 0.9) * along * (radius - 0.4) @ turned.T
    places *= (radius - 0.4) / max(float(np.linalg.norm(places, axis=1).max()), 1e-6)
    sizes = np.clip(np.exp(rng.normal(np.log(0.32), 0.42, count)), 0.15, 0.8)
    centres, radii, mineral = [], [], []
    for place, size in zip(places, sizes, strict=True):
        parts, part_radii = _grain(rng, float(size))
        centres.append(place + parts)
        radii.append(part_radii)
        mineral.append(np.full(len(parts), np.clip(rng.normal(MINERAL, 0.06), 0.25, 0.55)))
    return _cluster(centres, radii, mineral, places)


def _grain(rng: np.random.Generator, size_mm: float) -> tuple[Points, Points]:
    """Return balls (centres, radii) that make one irregular grain; some are rods or branch."""
    length = float(rng.choice([0.25, 0.8, 1.6], p=(0.45, 0.35, 0.20)))
    count = 3 if length < 0.5 else int(rng.integers(3, 6))
    thick = 0.5 * size_mm / (1.0 + 0.5 * length)
    heading = rng.standard_normal(3)
    heading /= np.linalg.norm(heading)
    along = np.linspace(-0.5, 0.5, count)[:, None] * length * 2.0 * thick * heading
    parts = along + rng.normal(0.0, 0.35 * thick, (count, 3))
    return parts.astype(np.float32), (thick * rng.uniform(0.55, 1.0, count)).astype(np.float32)


def scattered(rng: np.random.Generator, diameter_mm: float) -> Cluster:
    """Return 4 to 9 round calcifications of 0.5 to 1.2 mm, far apart."""
    radius = 0.5 * diameter_mm
    count = int(rng.integers(4, 10))
    places = _apart(rng, count, 2.5) * (radius - 0.6)
    sizes = rng.uniform(0.25, 0.6, count)
    mineral = np.clip(rng.normal(MINERAL, 0.04, count), 0.3, 0.5)
    return _cluster([places], [sizes], [mineral], places)


def vascular(rng: np.random.Generator, diameter_mm: float) -> Cluster:
    """Return a curved vessel whose wall is calcified in stretches: two parallel tracks where it is seen from aside."""
    step, radius = 0.2, float(rng.uniform(0.8, 1.3))
    count = max(int(1.12 * diameter_mm / step), 8)
    heading = np.array([1.0, rng.normal(0.0, 0.5), rng.normal(0.0, 0.5)])
    bend = np.cumsum(rng.normal(0.0, 0.05, (count, 3)) + rng.normal(0.0, 0.012, 3), axis=0)
    ways = heading / np.linalg.norm(heading) + bend
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    path = np.cumsum(ways * step, axis=0)
    path -= path[count // 2]
    path *= min(0.5 * diameter_mm / float(np.linalg.norm(path, axis=1).max()), 1.0)
    side = np.cross(ways, rng.standard_normal(3))
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    up = np.cross(ways, side)
    laid = _plaques(rng, count, WALL_TRACKS)
    centres, radii = [], []
    for at in np.flatnonzero(laid.any(axis=1)):
        angles = (np.flatnonzero(laid[at]) + rng.uniform(-0.4, 0.4, int(laid[at].sum()))) * (2.0 * np.pi / WALL_TRACKS)
        around = np.cos(angles)[:, None] * side[at] + np.sin(angles)[:, None] * up[at]
        centres.append(path[at] + radius * around + rng.normal(0.0, 0.03, around.shape))
        radii.append(rng.uniform(0.05, 0.10, len(around)))
    mineral = [np.full(len(one), MINERAL) for one in centres]
    vessel = tube(path.astype(np.float32), np.full(count, 0.9 * radius), rng, filling=40)
    return _cluster(centres, radii, mineral, path[::4], vessel)


def _plaques(rng: np.random.Generator, count: int, tracks: int) -> npt.NDArray[np.bool_]:
    """Return where a vessel's wall is calcified: (along, around), long stretches with gaps, thinner on one side."""
    along, around = np.linspace(0.0, 1.0, count)[:, None], np.linspace(0.0, 2.0 * np.pi, tracks, endpoint=False)
    waves = np.sin(2.0 * np.pi * rng.uniform(1.0, 2.2) * along + rng.uniform(0.0, 6.28))
    waves = waves + 0.5 * np.sin(2.0 * np.pi * rng.uniform(3.0, 5.0) * along + around + rng.uniform(0.0, 6.28))
    laid: npt.NDArray[np.bool_] = waves + 0.4 * rng.standard_normal((count, tracks)) > -0.5
    return laid


def _cluster(
    centres: Sequence[Points],
    radii: Sequence[Points],
    mineral: Sequence[Points],
    links: Points,
    strands: Strands | None = None,
) -> Cluster:
    """Return the parts as one."""
    joined = [np.concatenate(parts).astype(np.float32) for parts in (centres, radii, mineral)]
    return Cluster(joined[0], joined[1], joined[2], links.astype(np.float32), strands, filled=strands is None)


def _apart(rng: np.random.Generator, count: int, gap: float) -> Points:
    """Return points (count, 3) in the unit ball, each the farthest of a few draws from the ones before."""
    points = [_in_ball(rng, 1)[0]]
    tries = max(int(2 * gap), 2)
    while len(points) < count:
        drawn = _in_ball(rng, tries)
        nearest = np.linalg.norm(drawn[:, None] - np.stack(points)[None], axis=-1).min(axis=1)
        points.append(drawn[int(nearest.argmax())])
    return np.stack(points)


def _in_ball(rng: np.random.Generator, count: int) -> Points:
    """Draw points from the unit ball."""
    ways = rng.standard_normal((count, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    points: Points = ways * np.cbrt(rng.random((count, 1)))
    return points


CLUSTERS: dict[str, Callable[[np.random.Generator, float], Cluster]] = {
    "malignant-calcifications": pleomorphic,
    "benign-calcifications": scattered,
    "benign-vascular": vascular,
}


def grains(cluster: Cluster, pose: Pose) -> list[Calcification]:
    """Return the grains where they stand in a view."""
    places = to_view(pose.view, cluster.centres) + np.asarray(pose.centre)
    return [
        Calcification((float(z), float(y), float(x)), (float(r), float(r), float(r)), float(share))
        for (z, y, x), r, share in zip(places, cluster.radii, cluster.mineral, strict=True)
    ]


def outline(cluster: Cluster, grid: Grid, pose: Pose) -> npt.NDArray[np.bool_]:
    """Return the mask of a cluster: the region that its grains span, not each grain."""
    offsets = offsets_of(grid, pose).reshape(-1, 3).astype(np.float64)
    lines = [start + t * (end - start) for start, end in _bridges(cluster.links) for t in np.linspace(0.0, 1.0, 12)]
    nearest, _ = spatial.cKDTree(np.stack(lines)).query(offsets, distance_upper_bound=1.01 * ENVELOPE_MM)
    masked = nearest <= ENVELOPE_MM
    if cluster.filled:
        masked |= spatial.Delaunay(cluster.links.astype(np.float64)).find_simplex(offsets) >= 0
    return np.asarray(masked, bool).reshape(grid.shape)


def _bridges(links: Points) -> list[tuple[Points, Points]]:
    """Return the lines between neighbouring grains: each to its three nearest, and those that hold all together."""
    tree = spatial.cKDTree(links)
    count = min(4, len(links))
    near = tree.query(links, count)[1].reshape(len(links), -1)
    pairs = {(min(i, int(j)), max(i, int(j))) for i, row in enumerate(near) for j in row if i != int(j)}
    pairs |= _spanning(links)
    return [(links[i], links[j]) for i, j in sorted(pairs)] or [(links[0], links[0])]


def _spanning(links: Points) -> set[tuple[int, int]]:
    """Return the shortest lines that connect all grains."""
    distance = spatial.distance.squareform(spatial.distance.pdist(links)) if len(links) > 1 else np.zeros((1, 1))
    held, pairs = [0], set()
    while len(held) < len(links):
        rest = [i for i in range(len(links)) if i not in held]
        block = distance[np.ix_(held, rest)]
        row, column = np.unravel_index(int(block.argmin()), block.shape)
        pair = sorted((held[int(row)], rest[int(column)]))
        pairs.add((pair[0], pair[1]))
        held.append(rest[int(column)])
    return pairs
