"""Frames for the window: decoded in the background, middle slices first, then outward from where the reader is."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from gmic_core.errors import GmicError
from gmic_core.exam.image_key import slice_stamp
from gmic_core.exam.model import Exam, MammoImage, VoiWindow
from gmic_core.memory import usable_memory
from viewer.model.frames import Frame, FrameProvider
from viewer.model.resample import Pyramid, build_pyramid
from viewer.services.frame_plan import FramePlan

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
"""Runs a callable on the GUI thread."""

MEMORY_SHARE = 0.4
"""Part of the machine's memory that decoded frames may take: the worker and the system need the rest."""
AHEAD_BYTES = 1 << 30
"""Memory that the images of the exam to come may take of that, so that it opens at once."""
AHEAD_SHARE = 0.25
"""But no more than this part of it: the open exam comes first."""
REPEAT_S = 1.0
"""A failure is told again to views that ask again, but not more often: they may ask whenever they paint."""


@dataclass(frozen=True)
class _PixelFacts:
    """What the pixels of an image say beside its header; kept with its slices."""

    window: VoiWindow | None
    question: str | None


class Reader(Protocol):
    """What decodes; :class:`gmic_core.exam.frames.FrameReader` does."""

    def read(self, image: MammoImage, slice_index: int) -> npt.NDArray[Any]:
        """Return the stored values of a slice, (rows, columns)."""

    def close(self) -> None:
        """Stop; reads under way fail."""


class FrameLoader(FrameProvider):
    """Decodes the slices of the open exam and keeps as many as fit.

    One thread serves what the reader asked for, the others read ahead, so that a slice that is wanted now never waits
    behind slices that nobody looks at yet. Nothing here blocks the GUI thread: it only takes a lock that is held for
    bookkeeping.

    Parameters
    ----------
    reader_factory : makes the reader, in a thread of the loader: its imports must not delay the window.
    post : runs a callable on the GUI thread.
    cap_bytes : memory for all decoded frames together; default: 40 % of the machine's.
    ahead_bytes : how much of it the exam to come may take (:meth:`expect`).

    Signals (on the GUI thread)
    -------
    frame_ready(sop_uid, slice_index), frame_failed(sop_uid, slice_index, message),
    window_ready(sop_uid, VoiWindow): made from the pixels of an image whose file states none,
    question_raised(sop_uid, question): the pixels contradict the header about the chest wall
    """

    frame_ready = Signal(str, int)
    frame_failed = Signal(str, int, str)
    window_ready = Signal(str, VoiWindow)
    question_raised = Signal(str, str)

    def __init__(
        self,
        reader_factory: Callable[[], Reader],
        post: Post,
        cap_bytes: int | None = None,
        ahead_bytes: int = AHEAD_BYTES,
    ) -> None:
        self._factory = reader_factory
        self._post = post
        self._cap = int(usable_memory() * MEMORY_SHARE) if cap_bytes is None else cap_bytes
        self._ahead_cap = ahead_bytes
        self._beside: dict[str, int] = {}
        self._plan = FramePlan(self._cap)
        self._coming = FramePlan(0)  # of the exam that is expected next
        self._change = threading.Condition()
        self._generation = 0
        self._prefetch = True
        self._closed = False
        self._reader: Reader | None = None
        self._told: dict[tuple[str, int], float] = {}
        self._facts: dict[str, _PixelFacts] = {}
        ahead = min(max((os.cpu_count() or 1) - 1, 1), 7)  # with the reader's own thread as many as are decoded at once
        roles: list[Callable[[], None]] = [partial(self._work, False), *[partial(self._work, True)] * ahead]
        self._threads = [threading.Thread(target=role, name=f"frames-{i}", daemon=True) for i, role in enumerate(roles)]
        for thread in self._threads:
            thread.start()

    # -- for the GUI thread --------------------------------------------------------------------------------------
    def open_exam(self, exam: Exam | None) -> None:
        """Load the frames of this exam from now on; requests for any other are dropped."""
        with self._change:
            self._generation += 1
            self._told.clear()
            images = exam.images if exam is not None else ()
            self._plan.open(images, self._coming)
            self._share_memory()
            kept = {image.sop_uid: image for image in images if self._plan.loaded(image.sop_uid)}
            self._facts = {uid: facts for uid, facts in self._facts.items() if uid in kept}
            for uid, facts in self._facts.items():
                self._tell_window(self._generation, uid, facts)
                self._tell_question(self._generation, kept[uid], facts)
            self._change.notify_all()

    def expect(self, exam: Exam | None) -> None:
        """Read this exam ahead, when all of the open one is there: it is likely to be opened next."""
        with self._change:
            images = exam.images if exam is not None else ()
            self._coming.open([image for image in images if not self._plan.holds(image)])
            uids = {image.sop_uid for image in images}
            self._facts = {uid: facts for uid, facts in self._facts.items() if uid in uids or self._plan.loaded(uid)}
            self._share_memory()
            self._change.notify_all()

    def set_aside(self, owner: str, nbytes: int) -> None:
        """Say that something else keeps so much of what was decoded; all of it together stays within the cap."""
        with self._change:
            self._beside[owner] = nbytes
            self._share_memory()

    def _share_memory(self) -> None:
        """Divide the memory between the open exam and the one to come; slices far from the reader go first."""
        room = max(self._cap - sum(self._beside.values()), 0)
        ahead = min(self._ahead_cap, int(room * AHEAD_SHARE)) if self._coming.wanted else 0
        self._coming.set_cap(ahead)
        self._plan.set_cap(room - ahead)

    def extend(self, images: Sequence[MammoImage]) -> None:
        """Load the frames of images that were added to the open exam as well."""
        with self._change:
            self._plan.extend(images)
            self._change.notify_all()

    def get(self, image: MammoImage, slice_index: int) -> Pyramid | None:
        """Return the pyramid of a decoded slice: stored pixels, then halved by area averaging; None: not there yet."""
        with self._change:
            return self._plan.get(image.sop_uid, slice_index)

    def request(self, image: MammoImage, slice_index: int) -> None:
        """Say that a reader looks at this slice now: it comes first, its neighbours after it."""
        with self._change:
            message = self._plan.look_at(image.sop_uid, slice_index)
            if message is None:
                self._change.notify_all()
            elif time.monotonic() - self._told.get((image.sop_uid, slice_index), 0.0) >= REPEAT_S:
                self._tell_failure(self._generation, image.sop_uid, slice_index, message)

    def decode(self, image: MammoImage, slice_index: int) -> Frame:
        """Return the stored pixels of a slice without keeping them; waits, so it is not for the GUI thread.

        For work that passes once through a whole volume: it must not push out what the reader looks at.

        Raises
        ------
        GmicError
            If the slice cannot be read, or the program is closing.
        """
        pyramid = self.get(image, slice_index)
        if pyramid is not None:
            return pyramid[0]
        with self._change:
            self._change.wait_for(lambda: self._reader is not None or self._closed)
            reader = self._reader
            if self._closed or reader is None:
                raise GmicError("The program is closing; open it again to read more slices.")
        return reader.read(image, slice_index)

    def loaded(self, image: MammoImage) -> frozenset[int]:
        """Return the slices that are decoded."""
        with self._change:
            return self._plan.loaded(image.sop_uid)

    @property
    def prefetch(self) -> bool:
        """Whether slices that nobody asked for are read ahead."""
        return self._prefetch

    @prefetch.setter
    def prefetch(self, on: bool) -> None:
        with self._change:
            self._prefetch = on
            self._change.notify_all()

    @property
    def cap_bytes(self) -> int:
        """Memory that the decoded frames may take."""
        return self._cap

    @property
    def used_bytes(self) -> int:
        """Memory that the decoded frames take, those of the exam to come among them."""
        with self._change:
            return self._plan.used_bytes + self._coming.used_bytes

    @property
    def ahead_bytes(self) -> int:
        """Memory that the exam to come may take."""
        return self._ahead_cap

    @ahead_bytes.setter
    def ahead_bytes(self, nbytes: int) -> None:
        with self._change:
            self._ahead_cap = nbytes
            self._share_memory()
            self._change.notify_all()

    def close(self, timeout: float = 5.0) -> None:
        """Stop reading and the reader; no signal is emitted any more."""
        with self._change:
            self._closed = True
            self._generation += 1
            self._change.notify_all()
            reader = self._reader
        if reader is not None:
            reader.close()
        end = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(end - time.monotonic(), 0.0))

    # -- in the loader's threads ---------------------------------------------------------------------------------
    def _work(self, ahead: bool) -> None:
        """Read slices until closed: those that the reader asked for, or (``ahead``) also those that come next."""
        if not ahead:
            self._start_reader()
        while True:
            with self._change:
                task = None
                while not self._closed and (self._reader is None or (task := self._next(ahead)) is None):
                    self._change.wait()
                if self._closed or task is None or self._reader is None:
                    return
                reader = self._reader
            self._load(reader, *task)

    def _start_reader(self) -> None:
        try:
            reader = self._factory()
        except (GmicError, OSError) as error:
            log.exception("the frame reader could not be started")
            reader = _BrokenReader(str(error))
        with self._change:
            self._reader = reader
            self._change.notify_all()
            if self._closed:
                reader.close()

    def _next(self, ahead: bool) -> tuple[MammoImage, int] | None:
        task = self._plan.next_asked()
        if task is None and ahead and self._prefetch:
            task = self._plan.next_ahead() or self._coming.next_ahead()
        return task

    def _load(self, reader: Reader, image: MammoImage, index: int) -> None:
        try:
            stamp = slice_stamp(image, index)
            frame = reader.read(image, index)
            # an own copy: pixels mapped from the file would be fetched from the disk while the window paints
            pyramid = build_pyramid(frame if frame.flags.owndata else np.array(frame))
            self._loaded(image, index, pyramid, stamp)
        except GmicError as error:
            self._failed(image, index, str(error))
        except Exception:  # whatever it is, the thread must live and the view must not wait for ever
            log.exception("slice %d could not be prepared", index)
            reason = "an unexpected error while decoding; the log has the details"
            self._failed(image, index, f"Slice {index + 1} cannot be shown: {reason}.")

    def _loaded(self, image: MammoImage, index: int, pyramid: Pyramid, stamp: str) -> None:
        with self._change:
            plan = self._plan_of(image)
            if plan is None:
                return
            plan.put(image.sop_uid, index, pyramid, stamp)
            image, generation = plan.described(image), self._generation  # as its exam was opened, maybe meanwhile
            first = image.sop_uid not in self._facts
            self._change.notify_all()
        facts = _facts_of(image, pyramid[0]) if first else None
        if facts is not None:
            self._facts[image.sop_uid] = facts
        if plan is self._coming:
            return  # nobody looks at it yet; what it says beside its header is told when it is opened
        if facts is not None:
            self._tell_window(generation, image.sop_uid, facts)  # before the slice: it is painted once, not twice
        self._emit(generation, self.frame_ready.emit, image.sop_uid, index)
        if facts is not None:
            self._tell_question(generation, image, facts)

    def _failed(self, image: MammoImage, index: int, message: str) -> None:
        with self._change:
            plan = self._plan_of(image)
            if plan is None:
                return
            plan.fail(image.sop_uid, index, message)
            if plan is self._plan:
                self._tell_failure(self._generation, image.sop_uid, index, message)
            self._change.notify_all()

    def _plan_of(self, image: MammoImage) -> FramePlan | None:
        """Return the plan that waits for slices of an image; None when its exam is neither open nor expected."""
        if self._closed:
            return None
        return next((plan for plan in (self._plan, self._coming) if plan.holds(image)), None)

    def _tell_failure(self, generation: int, sop_uid: str, index: int, message: str) -> None:
        self._told[sop_uid, index] = time.monotonic()
        self._emit(generation, self.frame_failed.emit, sop_uid, index, message)

    def _tell_window(self, generation: int, sop_uid: str, facts: _PixelFacts) -> None:
        if facts.window is not None:
            self._emit(generation, self.window_ready.emit, sop_uid, facts.window)

    def _tell_question(self, generation: int, image: MammoImage, facts: _PixelFacts) -> None:
        asked = image.orientation_confirmed or facts.question in image.questions
        if facts.question is not None and not asked:
            self._emit(generation, self.question_raised.emit, image.sop_uid, facts.question)

    def _emit(self, generation: int, emit: Callable[..., object], *args: object) -> None:
        """Emit on the GUI thread, unless another exam was opened in between."""

        def deliver() -> None:
            if generation == self._generation:
                emit(*args)

        self._post(deliver)


def _facts_of(image: MammoImage, pixels: npt.NDArray[np.generic]) -> _PixelFacts:
    """Work out what the file does not say: a window to show the image with, and whether its side can be right."""
    from gmic_core.exam.orientation import check_orientation
    from gmic_core.exam.voi import auto_window

    stated = image.windows or image.frame_windows or image.voi_tables
    return _PixelFacts(None if stated else auto_window(pixels, image.pixel), check_orientation(image, pixels))


class _BrokenReader:
    """Stands in for a reader that could not be started: every frame fails with the reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def read(self, image: MammoImage, slice_index: int) -> npt.NDArray[Any]:
        raise GmicError(f"Frames cannot be read: {self._reason}. Close the program and start it again.")

    def close(self) -> None:
        """Nothing to stop."""
