"""Slabs: several neighbouring slices shown as one, by their mean or their brightest values. For the eye only.

A slab is made from the decoded slices when a viewport paints; nothing that is measured, exported or sent to a network
ever sees one. It is computed from stored values at full resolution before any pyramid level, so that every pixel on
the screen equals what numpy says about the stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from gmic_core.exam.model import MammoImage
from viewer.model.frames import FrameProvider
from viewer.model.resample import Frame, Pyramid, as_unsigned, build_pyramid

SlabMode = Literal["mean", "maximum"]
THICKNESSES_MM = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0)
"""What thicker and thinner step through; any thickness between the first and the last may be set."""
MIN_MM, MAX_MM = THICKNESSES_MM[0], THICKNESSES_MM[-1]
STRIP_ROWS = 128
"""Rows combined at a time: the result of a strip stays in the processor's cache while all slices go over it."""


@dataclass(frozen=True)
class Slab:
    """How slices are combined for display.

    Attributes
    ----------
    on : whether a slab is shown; off, every slice is shown as it is.
    thickness_mm : 1 to 20.
    mode : ``mean``, or ``maximum``: the brightest value of each pixel.
    """

    on: bool = False
    thickness_mm: float = 10.0
    mode: SlabMode = "mean"

    def thick(self, thickness_mm: float) -> Slab:
        """Return the slab with another thickness, kept between 1 and 20 mm."""
        return replace(self, thickness_mm=min(max(float(thickness_mm), MIN_MM), MAX_MM))

    def stepped(self, step: int) -> Slab:
        """Return the slab with the next larger (``step`` > 0) or smaller thickness of :data:`THICKNESSES_MM`."""
        if step > 0:
            return self.thick(next((mm for mm in THICKNESSES_MM if mm > self.thickness_mm), MAX_MM))
        return self.thick(next((mm for mm in reversed(THICKNESSES_MM) if mm < self.thickness_mm), MIN_MM))

    def slices(self, image: MammoImage, index: int) -> range:
        """Return the slices that are combined around slice ``index``; at the ends of the volume they become fewer.

        Without a stated slice distance one slice counts as 1 mm.
        """
        if not self.on:
            return range(index, index + 1)
        count = max(round(self.thickness_mm / (image.slice_spacing_mm or 1.0)), 1)
        first = index - (count - 1) // 2
        return range(max(first, 0), min(first + count, image.frames))

    def text(self, image: MammoImage) -> str:
        """Return e.g. ``slab 10 mm mean``; in slices where the image does not say how far apart they are."""
        unit = "mm" if image.slice_spacing_mm else "slices"
        return f"slab {self.thickness_mm:g} {unit} {self.mode}"


@dataclass(frozen=True)
class Shown:
    """The pixels that a viewport shows.

    Attributes
    ----------
    pyramid : of the slab once all its slices are decoded, until then of the current slice.
    slices : what the slab consists of.
    missing : how many of them are not decoded yet; 0: ``pyramid`` is the slab.
    """

    pyramid: Pyramid
    slices: range
    missing: int = 0


class SlabMaker:
    """Makes the slab of a viewport and keeps the last one, so that zoom, pan and grey values cost nothing."""

    def __init__(self, frames: FrameProvider) -> None:
        self._frames = frames
        self._kept: tuple[object, Pyramid] | None = None
        self._asked: tuple[str, int, range] | None = None

    def shown(self, image: MammoImage, index: int, slab: Slab) -> Shown | None:
        """Return what to show of slice ``index``; None while not even that slice is decoded.

        Slices of the slab that are missing are asked for, the reader's own one last: the last request tells the
        loader where the reader is.
        """
        middle = self._frames.get(image, index)
        if middle is None:
            return None
        slices = slab.slices(image, index)
        if len(slices) < 2:
            self._kept = None
            return Shown(middle, slices)
        stack = [self._frames.get(image, one) for one in slices]
        there = [pyramid[0] for pyramid in stack if pyramid is not None]
        if len(there) < len(slices):
            missing = [one for one, pyramid in zip(slices, stack, strict=True) if pyramid is None]
            self._ask(image, index, slices, missing)
            return Shown(middle, slices, len(slices) - len(there))
        key = (image.sop_uid, slices, slab.mode, tuple(map(id, there)))
        if self._kept is None or self._kept[0] != key:
            self._kept = (key, build_pyramid(combine(there, slab.mode, inverted=image.pixel.low_is_bright)))
        return Shown(self._kept[1], slices)

    def _ask(self, image: MammoImage, index: int, slices: range, missing: Sequence[int]) -> None:
        wanted = (image.sop_uid, index, slices)
        if self._asked == wanted:  # a viewport repaints at every arrival: one request is enough
            return
        self._asked = wanted
        for one in sorted(missing, key=lambda other: -abs(other - index)):
            self._frames.request(image, one)
        self._frames.request(image, index)

    def forget(self) -> None:
        """Drop what is kept (another exam)."""
        self._kept = self._asked = None


def combine(frames: Sequence[Frame], mode: SlabMode, *, inverted: bool = False) -> Frame:
    """Return slices combined pixel by pixel, in their own type.

    Parameters
    ----------
    frames : (rows, columns) each, of one integer type; stored values.
    mode : ``mean``: ``np.rint(np.mean(frames, axis=0))``; ``maximum``: ``np.max(frames, axis=0)``.
    inverted : low values are bright (MONOCHROME1): the brightest value is then ``np.min(frames, axis=0)``.
    """
    if len(frames) == 1:
        return frames[0]
    out = np.empty_like(frames[0])
    for top in range(0, len(out), STRIP_ROWS):
        strips = [frame[top : top + STRIP_ROWS] for frame in frames]
        if mode == "mean":
            _mean(strips, out[top : top + STRIP_ROWS])
        else:
            _brightest(strips, out[top : top + STRIP_ROWS], np.minimum if inverted else np.maximum)
    return out


def _brightest(strips: Sequence[Frame], out: Frame, extreme: np.ufunc) -> None:
    extreme(strips[0], strips[1], out=out)
    for strip in strips[2:]:
        extreme(out, strip, out=out)


def _mean(strips: Sequence[Frame], out: Frame) -> None:
    """Write the mean, rounded half to even.

    A float32 holds every sum of 16-bit values exactly up to 256 of them, and a quotient that lies between two
    rounding steps is at least 1 / (2 x 256) away from the nearest tie: the rounding is that of exact arithmetic.
    """
    import cv2

    total: npt.NDArray[np.float32] = np.zeros(out.shape, np.float32)
    for strip in strips:
        cv2.accumulate(as_unsigned(strip), total)
    np.divide(total, np.float32(len(strips)), out=total)
    np.rint(total, out=total)
    if out.dtype.kind == "i":  # as_unsigned moved signed values up by half their range
        np.subtract(total, np.float32(1 << (8 * out.dtype.itemsize - 1)), out=total)
    out[...] = total.astype(out.dtype)
