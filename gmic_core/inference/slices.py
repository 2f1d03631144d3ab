"""The slices of one image as a network sees them, without the volume ever being in memory as float32.

A volume is read for its maximum projection (where is the breast?), again for mean and deviation of the windows, and
slice by slice for the network. Windows of decoded frames are kept as stored values while the budget lasts, because
decoding is slow; frames that are mapped from an uncompressed file cost nothing to read again and are not kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future

import numpy as np
import numpy.typing as npt

from gmic_core.errors import InferenceError
from gmic_core.exam.model import MammoImage
from gmic_core.exam.orientation import check_orientation
from gmic_core.inference.reader import Frame, Reader
from gmic_core.preprocessing import Moments, PixelLevels, Projection, WindowPlan

Step = Callable[[str, int, int], None]
"""Called with a stage, what is done of it and its total; raises CancelledError when the run is to stop."""

AHEAD = 3
"""Frames asked for before they are needed, so that the decoder works while this process computes."""


def check_side(image: MammoImage, reader: Reader) -> None:
    """Refuse an image whose pixels show the chest wall on the edge opposite to the one that its header names.

    Raises
    ------
    InferenceError
        With the question that the reader has to answer first.
    """
    question = check_orientation(image, reader.read(image, image.frames // 2))
    if question is not None:
        raise InferenceError(question)


def frames_ahead(image: MammoImage, reader: Reader, order: Iterable[int]) -> Iterator[tuple[int, Frame]]:
    """Yield (slice, stored values) in the given order, with a few frames asked for ahead."""
    waiting: deque[tuple[int, Future[Frame]]] = deque()
    try:
        for k in order:
            waiting.append((k, reader.submit(image, k)))
            if len(waiting) > AHEAD:
                index, future = waiting.popleft()
                yield index, future.result()
        while waiting:
            index, future = waiting.popleft()
            yield index, future.result()
    finally:
        for _, future in waiting:
            future.cancel()


def project(image: MammoImage, reader: Reader, step: Step) -> tuple[PixelLevels, Frame]:
    """Read all frames; return the grey levels and the maximum projection (rows, columns)."""
    projection = Projection(PixelLevels.of(image.pixel))
    for done, (_, frame) in enumerate(frames_ahead(image, reader, range(image.frames)), start=1):
        projection.add(frame)
        step("reading", done, image.frames)
    return projection.finish()


class Slices:
    """Windows of the slices of one image, standardised over all of them together.

    Parameters
    ----------
    room : bytes that kept windows may take.
    """

    def __init__(self, image: MammoImage, reader: Reader, plan: WindowPlan, room: int, step: Step) -> None:
        self._image, self._reader, self.plan = image, reader, plan
        self._kept: dict[int, Frame] = {}
        self._moments = Moments()
        for done, (k, frame) in enumerate(frames_ahead(image, reader, range(image.frames)), start=1):
            cut = plan.take(frame)
            self._moments = self._moments.plus(cut)
            if not isinstance(frame, np.memmap) and room >= cut.nbytes:
                self._kept[k] = cut
                room -= cut.nbytes
            step("measuring", done, image.frames)

    def standardised(self, order: Iterable[int]) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """Yield (slice, window (rows, columns)) in the given order: mean 0 and deviation 1 over the whole volume."""
        wanted = list(order)
        missing = frames_ahead(self._image, self._reader, [k for k in wanted if k not in self._kept])
        for k in wanted:
            cut = self._kept[k] if k in self._kept else self.plan.take(next(missing)[1])
            yield k, self._moments.apply(cut)
