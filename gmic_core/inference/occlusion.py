"""Occlude a place and run again, to see what becomes of score and map when the network cannot see it.

An experiment, never the result of the image: the place is filled with the mean of what surrounds it, slice by slice,
and everything else stays, the window of the network included. A filled place is not healthy tissue; a score that falls
says that the network needed the place, not that the place is a finding.

Imports no torch: the window describes an occlusion, the worker runs it (:mod:`gmic_core.inference.reruns`).
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gmic_core.errors import InferenceError
from gmic_core.exam.geometry import Box
from gmic_core.exam.model import MammoImage
from gmic_core.inference.reader import Frame, Reader
from gmic_core.types import ImageResult

SURROUNDINGS = 0.15
"""Width of the ring whose mean fills the place, as a share of the place's shorter side ..."""
LEAST_RING = 3
"""... and in stored pixels at least."""


@dataclass(frozen=True)
class Occlusion:
    """A place that is hidden from the network.

    Attributes
    ----------
    row0, col0, row1, col1 : half-open box in stored pixels; may reach outside the image.
    first, last : slices, both included, in position order.
    shape : the whole box, or the ellipse in it.
    """

    row0: int
    col0: int
    row1: int
    col1: int
    first: int
    last: int
    shape: Literal["box", "ellipse"] = "box"

    def __post_init__(self) -> None:
        """Check that there is something to fill."""
        if self.row1 - self.row0 < 1 or self.col1 - self.col0 < 1 or self.last < self.first:
            raise InferenceError("The place to occlude is empty; draw it larger.")

    @property
    def box(self) -> Box:
        """(row0, col0, row1, col1)."""
        return self.row0, self.col0, self.row1, self.col1

    def covers(self, slice_index: int) -> bool:
        """Whether a slice is changed."""
        return self.first <= slice_index <= self.last

    def fill(self, frame: Frame) -> Frame:
        """Return a copy of one slice's stored values with the place filled.

        Raises
        ------
        InferenceError
            If the place lies outside the image, or leaves nothing around it.
        """
        inside, ring, part = self._masks(frame.shape[0], frame.shape[1])
        filled = np.array(frame)
        view = filled[part]
        mean = view[ring].mean()
        view[inside] = np.rint(mean) if np.issubdtype(filled.dtype, np.integer) else mean
        return filled

    def _masks(
        self, rows: int, columns: int
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], tuple[slice, slice]]:
        """Return the place and the ring around it within a part of the image, and that part."""
        width = max(round(min(self.row1 - self.row0, self.col1 - self.col0) * SURROUNDINGS), LEAST_RING)
        part = (
            slice(max(self.row0 - width, 0), min(self.row1 + width, rows)),
            slice(max(self.col0 - width, 0), min(self.col1 + width, columns)),
        )
        inside, outer = self._shape(part, 0), self._shape(part, width)
        ring = outer & ~inside
        if not inside.any() or not ring.any():
            raise InferenceError("The place to occlude lies outside the image or covers all of it; draw another one.")
        return inside, ring, part

    def _shape(self, part: tuple[slice, slice], grown: int) -> npt.NDArray[np.bool_]:
        """Return which pixels of a part of the image lie in the shape grown by some pixels."""
        row, column = np.ogrid[part]
        if self.shape == "box":
            down = (row >= self.row0 - grown) & (row < self.row1 + grown)
            return np.asarray(down & (column >= self.col0 - grown) & (column < self.col1 + grown))
        height, width = (self.row1 - self.row0) / 2, (self.col1 - self.col0) / 2
        away = ((row - (self.row0 + height - 0.5)) / (height + grown)) ** 2
        return np.asarray(away + ((column - (self.col0 + width - 0.5)) / (width + grown)) ** 2 <= 1.0)


class OccludedReader:
    """Gives the slices of an image with the place filled."""

    def __init__(self, reader: Reader, occlusion: Occlusion) -> None:
        self._reader, self._occlusion = reader, occlusion

    def read(self, image: MammoImage, slice_index: int) -> Frame:
        """Return (rows, columns)."""
        frame = self._reader.read(image, slice_index)
        return self._occlusion.fill(frame) if self._occlusion.covers(slice_index) else frame

    def submit(self, image: MammoImage, slice_index: int) -> Future[Frame]:
        """Ask for (rows, columns)."""
        asked = self._reader.submit(image, slice_index)
        if not self._occlusion.covers(slice_index):
            return asked
        filled: Future[Frame] = Future()
        asked.add_done_callback(lambda done: self._pass_on(done, filled))
        return filled

    def _pass_on(self, done: Future[Frame], filled: Future[Frame]) -> None:
        if not filled.set_running_or_notify_cancel():
            return
        try:
            filled.set_result(self._occlusion.fill(done.result()))
        except BaseException as error:  # noqa: BLE001  # belongs to whoever waits for the slice
            filled.set_exception(error)


def change(before: ImageResult, after: ImageResult) -> npt.NDArray[np.float16]:
    """Return what became of the map: float16 (slices, 2, h, w), after minus before.

    Raises
    ------
    InferenceError
        If the two are not of one image in one window by the same weights.
    """
    same = before.sop_uid == after.sop_uid and before.saliency.shape == after.saliency.shape
    same = same and before.provenance.weights_sha256 == after.provenance.weights_sha256
    if not same or not np.allclose(before.saliency_to_stored, after.saliency_to_stored):
        raise InferenceError("The weights or the window changed since the AI ran on this image; run it again first.")
    return np.asarray(after.saliency - before.saliency, np.float16)
