"""The slices of one image as networks see them, without the volume ever being in memory as float32.

A volume is read for its maximum projection (where is the breast?), again for mean and deviation of the windows, and
slice by slice for the network. Decoding is slow, so decoded slices are kept as stored values while the budget lasts:
whole ones first, their windows once these are known. Frames that are mapped from an uncompressed file cost nothing to
read again and are not kept. Several networks and several windows (test-time augmentation) share all of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future

import numpy as np

from gmic_core.errors import InferenceError
from gmic_core.exam.model import MammoImage
from gmic_core.exam.orientation import check_orientation
from gmic_core.inference.reader import Frame, Reader
from gmic_core.preprocessing import Moments, PixelLevels, Projection, WindowPlan

Step = Callable[[str, int, int], None]
"""Called with a stage, what is done of it and its total; raises CancelledError when the run is to stop."""

AHEAD = 3
"""Frames asked for before they are needed, so that the decoder works while this process computes."""


def check_side(image: MammoImage, frame: Frame) -> None:
    """Refuse an image whose pixels show the chest wall on the edge opposite to the one that its header names.

    Parameters
    ----------
    frame : stored values of its middle slice.

    Raises
    ------
    InferenceError
        With the question that the reader has to answer first.
    """
    question = check_orientation(image, frame)
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
    return Slices(image, reader, room=0).project(step)


class Slices:
    """The slices of one image, cut into one or several windows.

    Parameters
    ----------
    room : bytes that kept slices may take.

    Attributes
    ----------
    plans : the windows, once :meth:`measure` was called.
    moments : of each window, over all slices together.
    """

    def __init__(self, image: MammoImage, reader: Reader, room: int) -> None:
        self._image, self._reader, self._room = image, reader, room
        self._kept: dict[int, Frame] = {}  # whole slices; with a single window and once it is known, windows
        self._cut = False
        self.plans: tuple[WindowPlan, ...] = ()
        self.moments: tuple[Moments, ...] = ()

    def check_side(self) -> None:
        """Refuse an image whose pixels and header disagree about the chest wall, see :func:`check_side`."""
        middle = self._image.frames // 2
        frame = self._reader.read(self._image, middle)
        check_side(self._image, frame)
        self._keep(middle, frame, frame)

    def project(self, step: Step) -> tuple[PixelLevels, Frame]:
        """Read all frames; return the grey levels and the maximum projection (rows, columns)."""
        projection = Projection(PixelLevels.of(self._image.pixel))
        for done, (k, frame) in enumerate(self._frames(range(self._image.frames)), start=1):
            projection.add(frame)
            if k not in self._kept:
                self._keep(k, frame, frame)
            step("reading", done, self._image.frames)
        return projection.finish()

    def measure(self, plans: Sequence[WindowPlan], step: Step) -> None:
        """Read all frames once more for the mean and the deviation of each window."""
        self.plans = tuple(plans)
        moments = [Moments() for _ in plans]
        single = len(plans) == 1
        for done, (k, frame) in enumerate(self._frames(range(self._image.frames)), start=1):
            cuts = [plan.take(frame) for plan in plans]
            moments = [sums.plus(cut) for sums, cut in zip(moments, cuts, strict=True)]
            if single:
                self._forget(k)
                self._keep(k, cuts[0], frame)
            step("measuring", done, self._image.frames)
        self._cut = single
        self.moments = tuple(moments)

    def windows(self, order: Iterable[int]) -> Iterator[tuple[int, tuple[Frame, ...]]]:
        """Yield (slice, its windows (rows, columns) before standardisation, one for each plan) in the given order."""
        wanted = list(order)
        if not self._cut:
            yield from ((k, tuple(plan.take(frame) for plan in self.plans)) for k, frame in self._frames(wanted))
            return
        missing = frames_ahead(self._image, self._reader, [k for k in wanted if k not in self._kept])
        for k in wanted:
            yield k, (self._kept[k] if k in self._kept else self.plans[0].take(next(missing)[1]),)

    def _frames(self, order: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """Yield (slice, stored values): what was kept as a whole slice, the others as they are read."""
        wanted = list(order)
        missing = frames_ahead(self._image, self._reader, [k for k in wanted if k not in self._kept])
        held = {k: k in self._kept for k in wanted}
        for k in wanted:
            yield k, self._kept[k] if held[k] else next(missing)[1]

    def _keep(self, k: int, values: Frame, read: Frame) -> None:
        """Keep what was made of a slice while there is room; not what was mapped, which costs nothing to read."""
        if not isinstance(read, np.memmap) and values.nbytes <= self._room:
            self._kept[k] = values
            self._room -= values.nbytes

    def _forget(self, k: int) -> None:
        kept = self._kept.pop(k, None)
        self._room += 0 if kept is None else kept.nbytes
