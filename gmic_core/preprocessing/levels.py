"""Stored values to the intensities that a network expects: air is 0, tissue is brighter.

* MONOCHROME1 (or presentation LUT shape INVERSE): v becomes max - v, where max is the largest value of the stored
  bits, so that air, stored as max, becomes 0.
* Pixels in the padding range become 0.
* Where anything lies below zero (signed pixels), everything is lifted so that the darkest becomes 0; one lift for
  all slices.
* Rescale slope and intercept, VOI windows and tables are not applied: the published networks saw stored values, and
  standardisation cancels any slope and intercept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import InferenceError
from gmic_core.exam.model import PixelFormat

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

AIR = 0


@dataclass(frozen=True)
class PixelLevels:
    """How one image's stored values become intensities.

    Attributes
    ----------
    top : value that becomes 0 when the image is inverted, else None.
    padding : inclusive range of stored values that are air, or None.
    lift : added to every intensity except air; 0 for images without negative values.
    """

    top: int | None = None
    padding: tuple[int, int] | None = None
    lift: float = 0

    @classmethod
    def of(cls, pixel: PixelFormat) -> PixelLevels:
        """Return the levels of an image, without lift."""
        inverted = pixel.inverted or pixel.presentation_lut_shape == "INVERSE"
        top = (1 << (pixel.bits_stored - 1 if pixel.signed else pixel.bits_stored)) - 1
        padding = None if pixel.padding is None else (min(pixel.padding), max(pixel.padding))
        if not inverted and not pixel.signed and padding == (AIR, AIR):
            padding = None  # the usual case: padded pixels are air already
        return cls(top if inverted else None, padding)

    def apply(self, frame: Pixels) -> Pixels:
        """Return the intensities of a frame (rows, columns); ``frame`` itself when there is nothing to change."""
        if self.changes_nothing(frame):
            return frame
        return _lifted(*self.unlifted(frame), self.lift)

    def unlifted(self, frame: Pixels) -> tuple[Pixels, Mask | None]:
        """Return the intensities before the lift, where negative ones may be left, and the mask of air if any."""
        if frame.dtype.kind == "f":
            values: Pixels = frame.astype(np.float32)
            air = np.isnan(values)
        else:
            values = frame.astype(np.int64 if frame.dtype.itemsize > 2 else np.int32)
            air = np.zeros(frame.shape, np.bool_)
        if self.padding is not None:
            air |= (frame >= self.padding[0]) & (frame <= self.padding[1])
        if self.top is not None:
            values = self.top - values
        return values, air if air.any() else None

    def changes_nothing(self, frame: Pixels) -> bool:
        """Whether stored values are intensities already: unsigned, air 0."""
        return self.top is None and self.padding is None and self.lift == 0 and frame.dtype.kind == "u"


def _lifted(values: Pixels, air: Mask | None, lift: float) -> Pixels:
    """Return intensities without negative values: float32 as it came, whole numbers in 16 bits where they fit."""
    out = np.maximum(values + np.asarray(lift, values.dtype), AIR)
    if air is not None:
        out[air] = AIR
    if out.dtype.kind == "f" or int(out.max(initial=0)) > np.iinfo(np.uint16).max:
        return np.asarray(out)
    return np.asarray(out, np.uint16)


class Projection:
    """The maximum over the slices of a volume, gathered frame by frame; an image is a volume of one slice.

    Whether anything lies below zero is only known once every frame was seen, so the lift comes last.
    """

    def __init__(self, levels: PixelLevels) -> None:
        self._levels = levels
        self._lowest = 0.0
        self._highest: Pixels | None = None

    def add(self, frame: Pixels) -> None:
        """Take a frame (rows, columns) of stored values into account; no reference to it is kept."""
        if self._levels.changes_nothing(frame):
            values: Pixels = frame
        else:
            values, air = self._levels.unlifted(frame)
            if self._levels.top is None:  # inverted values below zero are beyond the stored bits: damage, not air
                tissue = values if air is None else values[~air]
                self._lowest = min(self._lowest, float(tissue.min(initial=0)))
            if air is not None:
                values[air] = _floor(values.dtype)
        if self._highest is None:
            self._highest = values.copy()
        else:
            self._highest = np.maximum(self._highest, values)

    def finish(self) -> tuple[PixelLevels, Pixels]:
        """Return the levels with their lift, and the maximum projection (rows, columns) of the intensities.

        Raises
        ------
        InferenceError
            If no frame was added.
        """
        if self._highest is None:
            raise InferenceError("The image has no frames; read the file again or check that it is complete.")
        levels = replace(self._levels, lift=-self._lowest)
        if self._highest.dtype.kind == "u":
            return levels, self._highest
        air = self._highest == _floor(self._highest.dtype)
        return levels, _lifted(self._highest, air, levels.lift)


def _floor(dtype: np.dtype[np.generic]) -> float:
    """Return the value that stands for air while a maximum is gathered: below everything else."""
    return -np.inf if dtype.kind == "f" else int(np.iinfo(dtype.name).min)
