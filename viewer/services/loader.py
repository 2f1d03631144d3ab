"""Frames for the views: what a reader looks at first, then outward from there, inside a memory cap.

Decoding and halving happen in threads (both release the interpreter); every result comes back to the GUI thread
through ``post``. What belongs to an exam that was closed meanwhile is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from psygnal import Signal

from gmic_core.errors import GmicError
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import Exam, MammoImage, VoiWindow
from gmic_core.exam.orientation import check_orientation
from gmic_core.exam.voi import auto_window
from viewer.model.render import build_pyramid
from viewer.model.resample import Pyramid
from viewer.services.memory import frame_cache_bytes

Post = Callable[[Callable[[], None]], None]
Key = tuple[str, int]

AT_ONCE = 2
"""Frames under way at a time: what a reader asks for waits for at most so many others."""
READER_FAILED = "The frame could not be read"


@dataclass(frozen=True)
class _Loaded:
    """A frame on its way back, with what its pixels tell about the image."""

    pyramid: Pyramid
    window: VoiWindow | None
    question: str | None


class FrameLoader:
    """Implements :class:`viewer.model.frames.FrameProvider`. All methods are called on the GUI thread.

    Parameters
    ----------
    reader : decodes frames; it belongs to the caller.
    post : runs a callable on the GUI thread; may be called from any thread.
    cap_bytes : memory for decoded frames; default 40 % of the machine's.
    prefetch : decode neighbouring slices before they are asked for.

    Signals
    -------
    frame_ready(sop_uid, slice_index), frame_failed(sop_uid, slice_index, message),
    window_ready(sop_uid, VoiWindow) for images whose file states no window,
    question_raised(sop_uid, text) when the pixels contradict the header's orientation.
    """

    frame_ready = Signal(str, int)
    frame_failed = Signal(str, int, str)
    window_ready = Signal(str, object)
    question_raised = Signal(str, str)

    def __init__(self, reader: FrameReader, post: Post, cap_bytes: int | None = None, *, prefetch: bool = True) -> None:
        self._reader, self._post = reader, post
        self.cap_bytes = frame_cache_bytes() if cap_bytes is None else cap_bytes
        self.prefetch = prefetch
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="gmic-frames")
        self._generation = 0
        self._images: dict[str, MammoImage] = {}
        self._frames: dict[Key, Pyramid] = {}
        self._bytes = 0
        self._failed: dict[Key, str] = {}
        self._under_way: set[Key] = set()
        self._focus: dict[str, int] = {}  # slice looked at, by image; the last entry is the most recent
        self._closed = False

    # -- for views -----------------------------------------------------------------------------------------------
    def get(self, image: MammoImage, slice_index: int) -> Pyramid | None:
        """Return the pyramid of a slice, or None when it is not there (yet)."""
        return self._frames.get((image.sop_uid, slice_index))

    def request(self, image: MammoImage, slice_index: int) -> None:
        """Say that a reader looks at this slice now."""
        if self._images.get(image.sop_uid) is not image:
            return  # of an exam that is not open
        self._focus.pop(image.sop_uid, None)
        self._focus[image.sop_uid] = slice_index
        message = self._failed.get((image.sop_uid, slice_index))
        if message is not None:
            self.frame_failed.emit(image.sop_uid, slice_index, message)
        self._feed()

    def loaded(self, image: MammoImage) -> frozenset[int]:
        """Return the slices of an image that are decoded."""
        return frozenset(k for uid, k in self._frames if uid == image.sop_uid)

    # -- for the application -------------------------------------------------------------------------------------
    def open_exam(self, exam: Exam | None) -> None:
        """Forget the frames of the exam before, and begin with the middle slice of each image."""
        self._generation += 1
        self._images = {image.sop_uid: image for image in exam.images} if exam else {}
        self._frames.clear()
        self._failed.clear()
        self._under_way.clear()
        self._focus.clear()
        self._bytes = 0
        self._feed()

    def retry_failed(self) -> None:
        """Try frames that could not be read again, e.g. after a drive came back."""
        self._failed.clear()
        self._feed()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing is wanted."""
        return not self._under_way and next(self._wanted(), None) is None

    @property
    def bytes_used(self) -> int:
        """Memory of the decoded frames."""
        return self._bytes

    def close(self) -> None:
        """Stop; frames under way are dropped."""
        self._closed = True
        self._generation += 1
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._frames.clear()

    # -- what next -----------------------------------------------------------------------------------------------
    def _feed(self) -> None:
        for key in self._wanted():
            if self._closed or len(self._under_way) >= AT_ONCE:
                return
            self._under_way.add(key)
            self._threads.submit(self._load, self._generation, self._images[key[0]], key[1])

    def _wanted(self) -> Iterator[Key]:
        """Yield missing frames in the order in which they are to be decoded."""
        seen: set[Key] = set()
        for key in self._ranking():
            if key in seen or key in self._frames or key in self._under_way or key in self._failed:
                continue
            seen.add(key)
            yield key

    def _ranking(self) -> Iterator[Key]:
        """Yield frames in order of use: looked at now, one of each image, then outward from what is looked at."""
        looked_at = list(reversed(self._focus.items()))
        yield from looked_at
        for uid, image in self._images.items():
            if uid not in self._focus:
                yield uid, image.frames // 2
        if not self.prefetch:
            return
        for distance in range(1, max((self._images[uid].frames for uid, _ in looked_at), default=0)):
            for uid, focus in looked_at:
                for k in (focus + distance, focus - distance):
                    if 0 <= k < self._images[uid].frames and self._has_room(uid, distance):
                        yield uid, k

    def _has_room(self, uid: str, distance: int) -> bool:
        """Whether a frame that nobody looks at yet still fits, or stands nearer to a reader than one that would go."""
        image = self._images[uid]
        size = image.rows * image.columns * max(image.pixel.bits_allocated // 8, 1) * 4 // 3
        return self._bytes + size * (len(self._under_way) + 1) <= self.cap_bytes or distance < self._farthest()

    def _distance(self, key: Key) -> int:
        """How far a frame is from what its reader looks at; frames of images that nobody looks at are farthest."""
        focus = self._focus.get(key[0])
        if focus is None:
            return self._images[key[0]].frames + 1
        return abs(key[1] - focus)

    def _farthest(self) -> int:
        return max((self._distance(key) for key in self._frames), default=0)

    # -- loading -------------------------------------------------------------------------------------------------
    def _load(self, generation: int, image: MammoImage, k: int) -> None:
        """Decode and halve a frame; runs in a thread."""
        key = (image.sop_uid, k)
        try:
            frame = self._reader.read(image, k)
            middle = k == image.frames // 2
            states_none = not (image.windows or image.frame_windows or image.voi_tables)
            loaded = _Loaded(
                build_pyramid(frame),
                auto_window(frame, image.pixel) if states_none and middle else None,
                check_orientation(image, frame) if middle else None,
            )
        except GmicError as error:
            text = str(error)
            self._post(lambda: self._lost(generation, key, text))
        except (OSError, MemoryError, ValueError) as error:
            # a drive that went away under a mapped file, or memory that ran out: the reader is told, the window lives
            text = f"{READER_FAILED} ({type(error).__name__}: {error}). Check the drive and the free memory."
            self._post(lambda: self._lost(generation, key, text))
        else:
            self._post(lambda: self._arrived(generation, key, loaded))

    def _arrived(self, generation: int, key: Key, loaded: _Loaded) -> None:
        if generation != self._generation:
            return
        self._under_way.discard(key)
        self._frames[key] = loaded.pyramid
        self._bytes += _size(loaded.pyramid)
        self._evict(key)
        if loaded.window is not None:
            self.window_ready.emit(key[0], loaded.window)
        if loaded.question is not None:
            self.question_raised.emit(key[0], loaded.question)
        self.frame_ready.emit(*key)
        self._feed()

    def _lost(self, generation: int, key: Key, message: str) -> None:
        if generation != self._generation:
            return
        self._under_way.discard(key)
        self._failed[key] = message
        self.frame_failed.emit(*key, message)
        self._feed()

    def _evict(self, arrived: Key) -> None:
        """Drop frames far from the reader until the rest fits; never the one that arrived or one on screen."""
        kept = {arrived, *self._focus.items()}
        while self._bytes > self.cap_bytes:
            candidates = [key for key in self._frames if key not in kept]
            if not candidates:
                return
            farthest = max(candidates, key=self._distance)
            self._bytes -= _size(self._frames.pop(farthest))


def _size(pyramid: Pyramid) -> int:
    return sum(level.nbytes for level in pyramid)
