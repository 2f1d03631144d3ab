"""What a view may ask for pixels: it never waits; a frame is there or will be announced."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
from psygnal import SignalInstance

from gmic_core.exam.model import MammoImage

Frame = npt.NDArray[np.generic]


class FrameProvider(Protocol):
    """Implemented by the loader service (and by fakes in tests).

    ``frame_ready(sop_uid, slice_index)`` and ``frame_failed(sop_uid, slice_index, message)`` are emitted on the GUI
    thread.
    """

    frame_ready: SignalInstance
    frame_failed: SignalInstance

    def get(self, image: MammoImage, slice_index: int) -> tuple[Frame, ...] | None:
        """Return the pyramid of a decoded slice: stored pixels, then halved by area averaging; None: not there yet."""

    def request(self, image: MammoImage, slice_index: int) -> None:
        """Say that a reader looks at this slice now: it comes first, its neighbours after it."""

    def loaded(self, image: MammoImage) -> frozenset[int]:
        """Return the slices that are decoded."""
