"""Small volumes with bright places at known positions, for tests of the 3D view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import PlanePosition
from gmic_core.exam.model import MammoImage
from gmic_core.types import Modality
from tests.helpers.panel_fakes import make_image
from viewer.model.volume import Volume, filled_box
from viewer.model.volume_grid import volume_grid
from viewer.model.volume_project import Stack


def volume_image_of(
    side: str = "L",
    shape: tuple[int, int, int] = (20, 60, 40),
    spacing: tuple[float, float] | None = (0.5, 0.5),
    *,
    step: float = 1.0,
    orientation: tuple[str, str] | None = None,
    plane: PlanePosition | None = None,
) -> MammoImage:
    """Return a tomosynthesis image of ``shape`` (slices, rows, columns), slices ``step`` mm apart."""
    image = make_image(side, "CC", Modality.DBT, frames=shape[0], spacing=spacing)
    return replace(
        image,
        rows=shape[1],
        columns=shape[2],
        slice_spacing_mm=step,
        patient_orientation=orientation,
        plane=plane,
    )


def volume_of(image: MammoImage, frames: npt.NDArray[np.uint8]) -> Volume:
    """Return a volume whose voxels are the frames (slices, rows, columns), hung; grey as stored."""
    grid = volume_grid(image)
    gray = np.ascontiguousarray(grid.turn.apply(frames))
    assert gray.shape == grid.shape
    stack = Stack(gray, grid.to_world)
    return Volume(image, grid, gray, stack, filled_box(grid, stack))
