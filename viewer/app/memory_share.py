"""Tells the frame loader what else is kept of decoded slices, so that all of it together stays within its cap."""

from __future__ import annotations

import math
from typing import Protocol

from viewer.model.session import Session
from viewer.model.volume import Volume
from viewer.services.frame_plan import PYRAMID_OVERHEAD

PAINTED_BYTES = 2
"""Bytes of a pixel of a slab, like those of a slice."""


class Keeper(Protocol):
    """Who divides the memory; :class:`viewer.services.loader.FrameLoader` does."""

    def set_aside(self, owner: str, nbytes: int) -> None:
        """Take into account that ``owner`` keeps so much."""


class MemoryShare:
    """Counts the slabs of the viewports and the volume of the 3D view."""

    def __init__(self, session: Session, keeper: Keeper) -> None:
        self._session, self._keeper = session, keeper
        for signal in (session.viewing.slab_changed, session.layout_changed):
            signal.connect(self._count_slabs, check_nargs=False)

    def _count_slabs(self, *_: object) -> None:
        """Every viewport that shows several slices as one keeps the slab that it made last."""
        on = self._session.viewing.slab.on
        hung = [slot.state.image for slot in self._session.slots if slot.state is not None] if on else []
        pixels = sum(image.rows * image.columns for image in hung if image.frames > 1)
        self._keeper.set_aside("slabs", math.ceil(pixels * PAINTED_BYTES * PYRAMID_OVERHEAD))

    def volume(self, volume: Volume | None) -> None:
        """The 3D view keeps this volume now."""
        self._keeper.set_aside("volume", volume.nbytes if volume is not None else 0)
