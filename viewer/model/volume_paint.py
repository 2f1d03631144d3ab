"""From projected numbers to a picture: grey values under the two finding colours, exactly as over the 2D images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import Finding
from viewer.model.colormaps import line_rgb, rgba
from viewer.model.overlay_paint import CONTOUR_PIXELS, HATCH_GAP, HATCH_PERIOD
from viewer.model.overlays import OverlaySettings
from viewer.model.results import ResultEntry
from viewer.model.volume_grid import FloatArray, VolumeGrid
from viewer.model.volume_project import Stack, Values

Pixels = npt.NDArray[np.uint8]
FINE = 65535
"""Steps of saliency between 0 and 1 while it is projected."""


@dataclass(frozen=True)
class FindingStacks:
    """The saliency of one volume in space.

    Attributes
    ----------
    stacks : one per class, uint16 of :data:`FINE` steps; slices that are not computed yet are 0.
    untrained : random weights: the colours are cut into stripes.
    """

    stacks: dict[Finding, Stack]
    untrained: bool


@dataclass(frozen=True)
class Projection:
    """What lies under every device pixel.

    Attributes
    ----------
    gray : uint8 (height, width).
    findings : uint16 (height, width) of :data:`FINE` steps per class that is shown.
    """

    gray: Pixels
    findings: dict[Finding, Values]


def finding_stacks(entry: ResultEntry | None, grid: VolumeGrid, to_plane: PlaneMap) -> FindingStacks | None:
    """Return the saliency of a result as it lies in the world, or None where there is none.

    Parameters
    ----------
    to_plane : stored pixels -> (y, x) in mm (:func:`viewer.model.volume_grid.stored_to_plane`).
    """
    if entry is None or entry.saliency is None or entry.saliency_to_stored is None:
        return None
    values = np.nan_to_num(entry.saliency.astype(np.float32), nan=0.0).clip(0.0, 1.0)
    steps = np.rint(values * FINE).astype(np.uint16)
    to_world = cells_to_world(grid, to_plane @ entry.saliency_to_stored)
    stacks = {finding: Stack(np.ascontiguousarray(steps[:, finding]), to_world) for finding in Finding}
    return FindingStacks(stacks, entry.untrained)


def cells_to_world(grid: VolumeGrid, in_plane: PlaneMap) -> FloatArray:
    """Return (slice, row, column, 1) -> (z, y, x, 1) for what lies in the slices by ``in_plane``, float64 (4, 4)."""
    matrix = np.eye(4)
    matrix[0, 0], matrix[0, 3] = grid.away * grid.spacing[0], grid.origin[0]
    matrix[1:3, 1:3], matrix[1:3, 3] = in_plane.matrix[:2, :2], in_plane.matrix[:2, 2]
    return matrix


def shown(stacks: FindingStacks | None, settings: OverlaySettings) -> dict[Finding, Stack]:
    """Return the classes that the overlay settings let through."""
    if stacks is None:
        return {}
    return {finding: stack for finding, stack in stacks.stacks.items() if settings.shows(finding)}


def compose(projection: Projection, settings: OverlaySettings, *, untrained: bool) -> Pixels:
    """Return a picture, uint8 (height, width, 4) BGRA with alpha 255; malignant lies over benign."""
    import cv2

    picture = np.asarray(cv2.cvtColor(projection.gray, cv2.COLOR_GRAY2BGRA), np.uint8)
    for finding in sorted(projection.findings):
        _lay(picture, finding, projection.findings[finding], settings, hatched=untrained)
    picture[..., 3] = 255
    return picture


def _lay(picture: Pixels, finding: Finding, steps: Values, settings: OverlaySettings, *, hatched: bool) -> None:
    """Blend one class over the part of the picture where it is over its threshold."""
    over = steps > round(settings.threshold(finding) * FINE)
    rows, cols = np.flatnonzero(over.any(axis=1)), np.flatnonzero(over.any(axis=0))
    if not rows.size:
        return
    part = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    if settings.contour:
        picture[part][_outline(over[part])] = (*line_rgb(finding)[::-1], 255)
        return
    colours = rgba(finding, steps[part].astype(np.float32) / FINE, settings.threshold(finding), settings.opacity)
    colours[~over[part]] = 0  # a value on the threshold may be rounded up to the step above it
    if hatched:
        row, col = np.ogrid[part]
        colours[(row + col) % HATCH_PERIOD < HATCH_GAP] = 0
    through = 255 - colours[..., 3:].astype(np.uint16)
    under = (picture[part][..., :3].astype(np.uint16) * through + 127) // 255
    picture[part][..., :3] = np.minimum(under + colours[..., 2::-1], 255).astype(np.uint8)


def _outline(over: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the rim of a finding, inside it, as wide as over the 2D images."""
    import cv2

    kernel = np.ones((2 * CONTOUR_PIXELS + 1,) * 2, np.uint8)
    inside = cv2.erode(over.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(over & (inside == 0), np.bool_)
