"""A digital breast without its tissue: the maps between views only, so that findings are placed and drawn fast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.compression import Compression, neutral_shape
from gmic_core.phantom.outline import body_size, make_outline
from gmic_core.phantom.spec import PLATES, BreastSpec, Density, Size, ViewName
from gmic_core.phantom.view_tissue import Grid, ViewTissue
from gmic_core.types import Laterality


def plain_spec(
    *findings: str,
    seed: int = 1,
    thickness: int = 50,
    side: Laterality = Laterality.L,
    density: Density = "b",
    size: Size = "small",
) -> BreastSpec:
    return BreastSpec(seed, side, density, thickness, findings, PLATES[size, "18x24"], size)


class PlainBreast:
    """Stands for ``Breast``: gland in a ball behind the nipple, fat elsewhere."""

    def __init__(self, spec: BreastSpec) -> None:
        self.spec = spec
        self.shape = neutral_shape(body_size(spec))
        self.maps = {view: Compression(self.shape, make_outline(spec, view)) for view in ("CC", "MLO")}

    def to_view(self, view: ViewName, neutral: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return self.maps[view].to_view(neutral)

    def to_neutral(self, view: ViewName, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return self.maps[view].to_neutral(points)

    def dense_at(self, neutral: npt.ArrayLike) -> npt.NDArray[np.float32]:
        offset = np.asarray(neutral, np.float64) - np.array([0.5 * self.shape.depth_mm, 0.0, 0.0])
        return (np.linalg.norm(offset, axis=1) < 0.4 * self.shape.depth_mm).astype(np.float32) * np.float32(0.7)


def plain_tissue(
    spec: BreastSpec, value: float = 0.1, spacing: tuple[float, float, float] = (1.0, 0.5, 0.5)
) -> ViewTissue:
    """Return a block of even tissue as thick as the breast and as large as the plate's left half."""
    z, y, x = spacing
    shape = (round(spec.thickness_mm / z), round(spec.plate.height_mm / y), round(110.0 / x))
    grid = Grid(shape, spacing, (0.5 * z, 0.5 * y, 0.5 * x))
    coarse = (spec.thickness_mm // 2, round(spec.plate.height_mm / 2), 55)
    inside_grid = Grid(coarse, (2.0, 2.0, 2.0), (1.0, 1.0, 1.0))
    return ViewTissue(
        grid,
        np.full(shape, value, np.float32),
        inside_grid,
        np.ones(coarse, np.float32),
        (0.5 * spec.thickness_mm, 0.5 * spec.plate.height_mm, 100.0),
    )
