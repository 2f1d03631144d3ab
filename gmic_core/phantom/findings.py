"""Findings of a breast: where they lie, how large they are, and how they are put into the tissue of a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.errors import PhantomError
from gmic_core.phantom import calcifications, masses
from gmic_core.phantom.calcifications import CLUSTERS, Cluster
from gmic_core.phantom.masses import MASSES, Mass
from gmic_core.phantom.placing import Spot, find_spots
from gmic_core.phantom.shapes import Pose, part_of, strand_share, window_around
from gmic_core.phantom.spec import BreastSpec, ViewName
from gmic_core.phantom.view_tissue import Grid, ViewTissue, Volume

if TYPE_CHECKING:
    from gmic_core.phantom.breast import Breast

Mask = npt.NDArray[np.bool_]

SIZE_RANGE_MM = (3.0, 30.0)
SIZES_MM: dict[str, tuple[float, float, float, float]] = {
    "malignant-mass": (12.5, 0.38, 5.0, 26.0),
    "malignant-lobulated": (14.0, 0.38, 6.0, 28.0),
    "malignant-distortion": (20.0, 0.20, 14.0, 28.0),
    "malignant-calcifications": (11.0, 0.40, 5.0, 20.0),
    "benign-mass": (12.0, 0.38, 5.0, 28.0),
    "benign-cyst": (12.0, 0.42, 4.0, 30.0),
    "benign-node": (8.5, 0.30, 5.0, 16.0),
    "benign-calcifications": (20.0, 0.25, 14.0, 30.0),
    "benign-vascular": (22.0, 0.20, 15.0, 30.0),
}
"""Median, spread of the logarithm, smallest and largest diameter, log-normal.

Screen-detected cancers measure 14 mm on average (Wang et al., Breast 55:69 (2021)), spicules or in-situ parts aside;
clusters are given by the BI-RADS atlas (a group: up to 2 cm); intramammary nodes are mostly below 10 mm.
"""
MASK_STEP_MM = (0.5, 0.3, 0.3)
THICKEST = 0.6
"""A finding takes at most this share of the compressed thickness."""


@dataclass(frozen=True)
class Finding:
    """One finding of a breast, the same in both views.

    Attributes
    ----------
    kind : one of ``FINDING_KINDS``.
    diameter_mm : of its core, or of the whole where it has none (distortion, calcifications).
    centre : (depth, lateral, superior) in mm of the breast before compression.
    number : label 1..n in the breast's label maps.
    """

    kind: str
    malignant: bool
    diameter_mm: float
    centre: tuple[float, float, float]
    number: int

    def shape(self, spec: BreastSpec) -> Mass | Cluster:
        """Return its shape, drawn from the breast's seed; the same whenever it is asked for."""
        rng = spec.rng("finding", self.number, self.kind)
        if self.kind in MASSES:
            return MASSES[self.kind](rng, self.diameter_mm)
        return CLUSTERS[self.kind](rng, self.diameter_mm)


@dataclass(frozen=True)
class PlacedFinding:
    """A finding in one view.

    Attributes
    ----------
    centre : (z, y, x) in mm of the view frame.
    grid, mask : the box around it and which of its voxels it fills.
    """

    finding: Finding
    view: ViewName
    centre: tuple[float, float, float]
    grid: Grid
    mask: Mask

    @property
    def volume_mm3(self) -> float:
        """Volume of the mask."""
        return float(self.mask.sum()) * float(np.prod(self.grid.spacing))

    @property
    def extent(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """Return the first and last mm along z, y and x that the mask fills."""
        ranges = []
        for axis in range(3):
            filled = np.flatnonzero(self.mask.any(axis=tuple(a for a in range(3) if a != axis)))
            step, first = self.grid.spacing[axis], self.grid.origin[axis]
            low, high = (int(filled[0]), int(filled[-1])) if len(filled) else (0, -1)
            ranges.append((first + (low - 0.5) * step, first + (high + 0.5) * step))
        return (ranges[0], ranges[1], ranges[2])


def place_findings(breast: Breast) -> tuple[Finding, ...]:
    """Draw size and place of every finding of a breast.

    Raises
    ------
    PhantomError
        If they do not fit into the breast together.
    """
    spec = breast.spec
    rng = spec.rng("findings")
    sizes = [_diameter(rng, kind, spec.thickness_mm) for kind in spec.findings]
    spots: list[Spot] = [Spot(kind, size) for kind, size in zip(spec.findings, sizes, strict=True)]
    centres = find_spots(breast, spots, rng)
    if centres is None:
        raise PhantomError(
            f"{len(spots)} findings do not fit into this breast ({spec.thickness_mm} mm thick); "
            "ask for fewer, for a greater --thickness, or for another seed."
        )
    return tuple(
        Finding(spot.kind, spot.kind.startswith("malignant"), spot.diameter_mm, centre, number)
        for number, (spot, centre) in enumerate(zip(spots, centres, strict=True), start=1)
    )


def _diameter(rng: np.random.Generator, kind: str, thickness_mm: float) -> float:
    """Draw a diameter that the compressed breast can hold."""
    median, spread, low, high = SIZES_MM[kind]
    drawn = np.clip(median * np.exp(rng.normal(0.0, spread)), low, high)
    return round(float(np.clip(min(float(drawn), THICKEST * thickness_mm), *SIZE_RANGE_MM)), 1)


def insert_findings(
    breast: Breast, view: ViewName, tissue: ViewTissue, findings: tuple[Finding, ...]
) -> tuple[PlacedFinding, ...]:
    """Put findings into the tissue of a view, in place, and return where they came to lie."""
    return tuple(_insert(breast, view, tissue, finding) for finding in findings)


def _insert(breast: Breast, view: ViewName, tissue: ViewTissue, finding: Finding) -> PlacedFinding:
    z, y, x = (float(value) for value in breast.to_view(view, np.array([finding.centre]))[0])
    pose, shape = Pose(view, (z, y, x)), finding.shape(breast.spec)
    window = window_around(tissue.grid, pose.centre, shape.reach_mm)
    part, dense = part_of(tissue.grid, window), tissue.dense[window]
    inside = _inside(tissue, part)
    if isinstance(shape, Mass):
        room = min(z, breast.spec.thickness_mm - z)
        masses.apply(shape, dense, part, pose, inside, room)
    else:
        if shape.strands is not None:
            share = strand_share(shape.strands, part, pose) * inside
            dense += share * np.maximum(np.float32(1.0) - dense, 0.0)
        tissue.calcifications.extend(calcifications.grains(shape, pose))
    grid, mask = _mask(shape, pose)
    return PlacedFinding(finding, view, pose.centre, grid, mask)


def _inside(tissue: ViewTissue, part: Grid) -> Volume:
    """Return the share of breast on a part of the tissue's grid, from the coarser grid."""
    coarse = tissue.inside_grid
    index = [(part.axis(a) - coarse.origin[a]) / coarse.spacing[a] for a in range(3)]
    places = np.stack(np.meshgrid(*index, indexing="ij"))
    found: Volume = ndimage.map_coordinates(tissue.inside, places, order=1, mode="nearest", output=np.float32)
    return found


def _mask(shape: Mass | Cluster, pose: Pose) -> tuple[Grid, Mask]:
    """Return the mask of a shape on a box of its own, cut to what it fills."""
    reach = shape.core_mm if isinstance(shape, Mass) else shape.reach_mm
    half = [int(np.ceil(reach / step)) for step in MASK_STEP_MM]
    count = (2 * half[0] + 1, 2 * half[1] + 1, 2 * half[2] + 1)
    first = [c - n * step for c, n, step in zip(pose.centre, half, MASK_STEP_MM, strict=True)]
    grid = Grid(count, MASK_STEP_MM, (first[0], first[1], first[2]))
    mask = masses.outline(shape, grid, pose) if isinstance(shape, Mass) else calcifications.outline(shape, grid, pose)
    z, y, x = ndimage.find_objects(mask.astype(np.uint8))[0]
    return part_of(grid, (z, y, x)), mask[z, y, x]
