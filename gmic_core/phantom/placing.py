"""Where findings may lie: in or beside glandular tissue, off the skin, seen in both views, apart from each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.outline import Outline, make_outline
from gmic_core.phantom.spec import BreastSpec, ViewName

if TYPE_CHECKING:
    from gmic_core.phantom.breast import Breast

Points = npt.NDArray[np.float64]
Centre = tuple[float, float, float]

VIEWS: tuple[ViewName, ...] = ("CC", "MLO")
CANDIDATES = 4000
SKIN_MM = 12.0
"""Smallest distance in the plane from a centre to the skin."""
PLATE_MM = 3.0
"""What is left between a finding and the detector cover or the paddle."""
NIPPLE_MM = 12.0
FIELD_MM = 4.0
APART_MM = 6.0
NEARBY_MM = (4.0, 9.0)
"""Tissue this far around a place tells whether it is at the border of glandular tissue."""
RELAXED = (1.0, 0.7, 0.45)
"""Shares of these distances that are tried in turn, for breasts too small for all of them."""


@dataclass(frozen=True)
class Spot:
    """What is to be placed."""

    kind: str
    diameter_mm: float

    @property
    def radius_mm(self) -> float:
        """Half the diameter."""
        return 0.5 * self.diameter_mm


@dataclass(frozen=True)
class _Candidates:
    """Places that lie in both views: (n, 3) in the breast's axes and in each view, and how likely each is.

    Attributes
    ----------
    skin_mm, plate_mm, nipple_mm, field_mm : distances, the smaller of both views.
    muscle : small where the pectoral muscle may lie over the place, else 1.
    """

    neutral: Points
    in_view: dict[ViewName, Points]
    skin_mm: npt.NDArray[np.float64]
    plate_mm: npt.NDArray[np.float64]
    nipple_mm: npt.NDArray[np.float64]
    field_mm: npt.NDArray[np.float64]
    muscle: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


def find_spots(breast: Breast, spots: list[Spot], rng: np.random.Generator) -> list[Centre] | None:
    """Return a centre (depth, lateral, superior) for each, or None if they do not fit."""
    if not spots:
        return []
    candidates = _candidates(breast, rng)
    order = sorted(range(len(spots)), key=lambda number: -spots[number].diameter_mm)  # large ones need room first
    for share in RELAXED:
        placed: dict[int, int] = {}
        for number in order:
            held = [(spots[other], index) for other, index in placed.items()]
            choice = _choose(candidates, spots[number], held, share, rng)
            if choice is None:
                break
            placed[number] = choice
        else:
            chosen = (candidates.neutral[placed[number]] for number in range(len(spots)))
            return [(float(d), float(lateral), float(up)) for d, lateral, up in chosen]
    return None


def _choose(
    candidates: _Candidates, spot: Spot, held: list[tuple[Spot, int]], share: float, rng: np.random.Generator
) -> int | None:
    """Return the index of a place for one finding, or None."""
    radius = spot.radius_mm
    free = candidates.skin_mm >= max(share * SKIN_MM, radius + share * PLATE_MM)
    free &= candidates.plate_mm >= radius + share * PLATE_MM
    free &= candidates.nipple_mm >= radius + share * NIPPLE_MM
    free &= candidates.field_mm >= radius + share * FIELD_MM
    for other, index in held:
        apart = radius + other.radius_mm + share * APART_MM
        for points in candidates.in_view.values():  # in the plane, so that projections do not overlap either
            free &= np.linalg.norm(points[:, 1:] - points[index, 1:], axis=1) >= apart
    weight = candidates.weight * candidates.muscle * free
    if spot.kind == "benign-node":  # intramammary nodes lie in the upper outer quadrant
        lateral, superior = candidates.neutral[:, 1], candidates.neutral[:, 2]
        weight = (
            free
            * candidates.muscle
            * (0.02 + (lateral > 0) * (superior > 0))
            * np.exp(-candidates.neutral[:, 0] / 60.0)
        )
    if weight.sum() <= 0.0:
        return None
    return int(rng.choice(len(weight), p=weight / weight.sum()))


def _candidates(breast: Breast, rng: np.random.Generator) -> _Candidates:
    """Draw places all over the breast and measure their distances in both views."""
    spec = breast.spec
    outlines = {view: make_outline(spec, view) for view in VIEWS}
    outline = outlines["CC"]
    reach = min(spec.plate.width_mm, float(outline.edge.max()))
    box = np.array([spec.thickness_mm, spec.plate.height_mm, reach])
    points = rng.random((CANDIDATES, 3)) * box
    points = points[outline.depth_at(points[:, 1], points[:, 2]) > 0.3 * SKIN_MM]
    neutral = np.asarray(breast.to_neutral("CC", points), np.float64)
    in_view: dict[ViewName, Points] = {v: np.asarray(breast.to_view(v, neutral), np.float64) for v in VIEWS}
    distances = [_distances(breast.spec, outlines[view], in_view[view]) for view in VIEWS]
    skin, plate, nipple, field = (np.minimum(a, b) for a, b in zip(*distances, strict=True))
    muscle = _off_muscle(spec, in_view["MLO"])
    return _Candidates(neutral, in_view, skin, plate, nipple, field, muscle, _likelihood(breast, neutral))


def _distances(spec: BreastSpec, outline: Outline, points: Points) -> tuple[Points, Points, Points, Points]:
    """Return the distances to the skin line, the nearer plate, the nipple, and the edge of the field, in mm."""
    plate = spec.plate
    z, y, x = points.T
    depth = outline.depth_at(y, x)
    across = outline.half_thickness(depth) - np.abs(z - 0.5 * spec.thickness_mm)
    nipple = np.hypot(y - outline.nipple_row, x - outline.reach_mm)
    field = np.minimum.reduce([y, plate.height_mm - y, x, plate.width_mm - x])
    return depth, across, nipple, field


def _likelihood(breast: Breast, neutral: Points) -> npt.NDArray[np.float64]:
    """Return how likely a finding is at each place: where glandular tissue and fat meet, and seldom in fat alone."""
    six = np.vstack([np.eye(3), -np.eye(3)])
    around = np.concatenate([np.zeros((1, 3)), *(radius * six for radius in NEARBY_MM)])
    dense = np.clip(np.mean([np.asarray(breast.dense_at(neutral + step)) for step in around], axis=0), 0.0, 1.0)
    weight: npt.NDArray[np.float64] = 0.002 + np.clip(dense - 0.08, 0.0, 1.0) * (1.0 - dense) ** 2
    return weight


def _off_muscle(spec: BreastSpec, points: Points) -> npt.NDArray[np.float64]:
    """Return 1, and little where the pectoral muscle may be: the upper corner at the chest wall of an MLO."""
    _, y, x = points.T
    muscle = x < 0.42 * spec.plate.width_mm * (1.0 - y / (0.62 * spec.plate.height_mm))
    return np.where(muscle, 0.02, 1.0)
