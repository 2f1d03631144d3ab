"""Frames of the next image, read and decoded while a network runs on the current one."""

from __future__ import annotations

import mmap
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

import numpy as np

from gmic_core.exam.decoder import thread_count
from gmic_core.exam.frame_request import pixel_dtype
from gmic_core.exam.model import MammoImage
from gmic_core.inference.reader import Frame, Reader


@dataclass
class _Held:
    """Frames of one image that were asked for ahead."""

    image: MammoImage
    frames: dict[int, Future[Frame]] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


class AheadReader:
    """A reader for one image after the other that uses the time in which nobody asks it. Close it at the end.

    Decoded frames of the current image stay as long as it is current: a volume is read several times over. Frames that
    lie uncompressed in their file are not held; the system is told that they will be needed.

    Parameters
    ----------
    reader : does the reading; it stays the caller's.
    room : bytes of frames held per image, of two images at most.
    """

    def __init__(self, reader: Reader, room: int) -> None:
        self._reader = reader
        self._room = room
        self._lock = threading.Lock()
        self._current: _Held | None = None
        self._next: _Held | None = None

    def begin(self, image: MammoImage) -> None:
        """Make an image the current one: what is held of others is dropped."""
        with self._lock:
            before, ahead = self._current, self._next
            self._next = None
            self._current = ahead if ahead is not None and ahead.image == image else _Held(image)
        for held in (before, ahead):
            if held is not None:
                held.stopped.set()  # of the current one too: its frames are asked for in its own order now

    def expect(self, image: MammoImage) -> None:
        """Start reading the image that comes next; to be called when the current one is read to the end."""
        with self._lock:
            if self._next is not None:
                return
            self._next = held = _Held(image)
        held.thread = threading.Thread(target=self._fetch, args=(held,), name="gmic-ahead", daemon=True)
        held.thread.start()

    def read(self, image: MammoImage, slice_index: int) -> Frame:
        """Return (rows, columns) of stored values."""
        return self.submit(image, slice_index).result()

    def submit(self, image: MammoImage, slice_index: int) -> Future[Frame]:
        """Ask for (rows, columns) of stored values."""
        with self._lock:
            held = self._current
            future = held.frames.get(slice_index) if held is not None and held.image is image else None
        if future is None or future.cancelled():  # whoever asked for it before did not want it any more
            return self._reader.submit(image, slice_index)
        return future

    def close(self) -> None:
        """Stop reading ahead and drop what is held."""
        with self._lock:
            held, self._current, self._next = [self._current, self._next], None, None
        for one in held:
            if one is not None:
                one.stopped.set()

    # -- in the thread -------------------------------------------------------------------------------------------
    def _fetch(self, held: _Held) -> None:
        """Ask for frames while there is room, a few at a time: the current image may want some of its own again."""
        image = held.image
        each = image.rows * image.columns * pixel_dtype(image.pixel).itemsize
        room, waiting = self._room, deque[Future[Frame]]()
        for k in _in_order_of_use(image.frames):
            if held.stopped.is_set() or room < each:
                return
            future = self._reader.submit(image, k)
            if future.done() and _is_mapped(future):
                continue
            room -= each
            held.frames[k] = future
            waiting.append(future)
            if len(waiting) >= thread_count():
                wait([waiting.popleft()])


def _in_order_of_use(frames: int) -> Iterator[int]:
    """Yield the middle slice, whose chest wall is looked at first, then all others from the first one."""
    middle = frames // 2
    yield middle
    yield from (k for k in range(frames) if k != middle)


def _is_mapped(future: Future[Frame]) -> bool:
    """Whether a frame lies in its file as it is; the system then begins to read it, without waiting."""
    if future.exception() is not None:
        return False
    frame = future.result()
    if not isinstance(frame, np.memmap):
        return False
    mapping: object = frame.base
    if isinstance(mapping, mmap.mmap) and hasattr(mmap, "MADV_WILLNEED"):
        mapping.madvise(mmap.MADV_WILLNEED)
    return True
