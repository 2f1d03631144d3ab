"""What gives inference the pixels of an image; without anything that is slow to import."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Protocol

import numpy.typing as npt

from gmic_core.exam.model import MammoImage

Frame = npt.NDArray[Any]
"""Stored values of one slice, (rows, columns)."""


class Reader(Protocol):
    """Gives the stored values of slices; :class:`gmic_core.exam.frames.FrameReader` does."""

    def read(self, image: MammoImage, slice_index: int) -> Frame:
        """Return (rows, columns)."""

    def submit(self, image: MammoImage, slice_index: int) -> Future[Frame]:
        """Ask for (rows, columns)."""
