"""Where the three planes of a reslice stand: as an engineer draws them, edges in line, one scale for all."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.model.volume_grid import Box
from viewer.model.volume_reslice import PlaneName

GAP = 12
CAPTION = 20
"""Device-independent pixels between planes, and above each one for its name."""


@dataclass(frozen=True)
class Cells:
    """The places of the planes in device pixels.

    Attributes
    ----------
    scale : device pixels per mm.
    sizes : (width, height) of each plane.
    corners : (row, column) of each upper left corner.
    """

    scale: float
    sizes: dict[PlaneName, tuple[int, int]]
    corners: dict[PlaneName, tuple[int, int]]


def cells_for(box: Box, size: tuple[int, int], ratio: float) -> Cells:
    """Lay the planes out: ``above`` on top, ``tilted`` under it, ``side`` at the right of that; edges that touch match.

    Parameters
    ----------
    box : what is to be seen of the volume, mm.
    size : (width, height) of the view in device pixels.
    ratio : device pixels per device-independent pixel.
    """
    (z0, y0, x0), (z1, y1, x1) = box
    deep, tall, wide = z1 - z0, y1 - y0, x1 - x0
    gap, caption = round(GAP * ratio), round(CAPTION * ratio)
    room_x, room_y = max(size[0] - 3 * gap, 3), max(size[1] - 2 * caption - 2 * gap, 3)
    scale = min(room_x / (wide + deep), room_y / (tall + deep))
    w, h, d = (max(int(extent * scale), 1) for extent in (wide, tall, deep))
    left = (size[0] - w - d - gap) // 2
    top = caption + max((room_y - h - d) // 2, 0)
    below = top + d + caption + gap
    return Cells(
        scale,
        {"above": (w, d), "side": (d, h), "tilted": (w, h)},
        {"above": (top, left), "side": (below, left + w + gap), "tilted": (below, left)},
    )
