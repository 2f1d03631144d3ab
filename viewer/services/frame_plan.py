"""Which slice is decoded next, and which is forgotten when memory is full: bookkeeping only, no threads.

A slice costs its distance from where the reader is in its volume, weighted by how near the volume is to the reader's
attention: the image looked at last, other images on screen, images that only stand in the list. Middle slices come
first everywhere (distance 0): they are what hangs when an exam opens, and the thumbnails.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from gmic_core.exam.image_key import slice_stamp
from gmic_core.exam.model import MammoImage
from viewer.model.resample import Pyramid

Key = tuple[str, int]
"""(sop_uid, slice_index)."""

WEIGHT_ACTIVE, WEIGHT_SEEN, WEIGHT_LISTED = 1, 4, 16
"""How much a step away from the reader counts, by what the reader did with the image."""
RECENT = 24
"""Slices asked for last: they are on screen, or were a moment ago; forgotten only when nothing else is left."""
PYRAMID_OVERHEAD = 4 / 3
"""Memory of a frame with its halvings: 1 + 1/4 + 1/16 + ..."""


@dataclass
class _Shelf:
    """What is known about one image."""

    image: MammoImage
    rank: int
    focus: int
    seen: bool = False
    slices: dict[int, Pyramid] = field(default_factory=dict)
    stamps: dict[int, str] = field(default_factory=dict)  # of the file of each slice, before it was read
    failed: dict[int, str] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)


class FramePlan:
    """The slices of one exam: decoded, wanted, under way, failed. Not thread-safe; the loader holds a lock around it.

    Parameters
    ----------
    cap_bytes : slices are forgotten beyond this; what was looked at last stays, even if it alone is more.
    """

    def __init__(self, cap_bytes: int) -> None:
        self.cap_bytes = cap_bytes
        self.used_bytes = 0
        self._shelves: dict[str, _Shelf] = {}
        self._asked: OrderedDict[Key, None] = OrderedDict()  # by the reader, not decoded yet, newest last
        self._recent: OrderedDict[Key, None] = OrderedDict()  # newest last
        self._active = ""

    def open(self, images: Sequence[MammoImage], ahead: FramePlan | None = None) -> None:
        """Plan for these images; decoded slices of images that stay the same pixels are kept.

        Parameters
        ----------
        ahead : a plan that has read some of them ahead; its slices are taken over, and it is empty then.
        """
        before, self._shelves = {**(ahead._shelves if ahead is not None else {}), **self._shelves}, {}
        if ahead is not None:
            ahead._shelves = {}
            ahead.open(())
        for rank, image in enumerate(images):
            shelf = _Shelf(image, rank, image.frames // 2)
            old = before.get(image.sop_uid)
            if old is not None and _same_pixels(old.image, image):
                shelf.slices, shelf.stamps = _unchanged(old), old.stamps
            self._shelves[image.sop_uid] = shelf
        self._asked.clear()
        self._recent.clear()
        self._active = ""
        self.used_bytes = sum(_nbytes(p) for shelf in self._shelves.values() for p in shelf.slices.values())

    def holds(self, image: MammoImage) -> bool:
        """Whether an image with these pixels is planned for."""
        shelf = self._shelves.get(image.sop_uid)
        return shelf is not None and _same_pixels(shelf.image, image)

    def described(self, image: MammoImage) -> MammoImage:
        """Return an image as it is planned for: its side or view may have been answered since it was asked for."""
        return self._shelves[image.sop_uid].image

    @property
    def wanted(self) -> bool:
        """Whether there is anything to plan for."""
        return bool(self._shelves)

    def set_cap(self, cap_bytes: int) -> None:
        """Keep within another cap from now on."""
        self.cap_bytes = cap_bytes
        self._make_room(("", -1))

    def extend(self, images: Sequence[MammoImage]) -> None:
        """Plan for these images as well, after those that are there."""
        for image in images:
            if image.sop_uid not in self._shelves:
                self._shelves[image.sop_uid] = _Shelf(image, len(self._shelves), image.frames // 2)

    # -- what the reader does ------------------------------------------------------------------------------------
    def look_at(self, sop_uid: str, index: int) -> str | None:
        """The reader looks at a slice now; return the message if it is known to be unreadable."""
        shelf = self._shelves.get(sop_uid)
        if shelf is None or not 0 <= index < shelf.image.frames:
            return None
        shelf.focus, shelf.seen, self._active = index, True, sop_uid
        self._touch((sop_uid, index))
        if index in shelf.failed:
            return shelf.failed[index]
        if index not in shelf.slices and index not in shelf.under_way:
            self._asked[sop_uid, index] = None
            self._asked.move_to_end((sop_uid, index))
        return None

    def get(self, sop_uid: str, index: int) -> Pyramid | None:
        """Return a decoded slice."""
        shelf = self._shelves.get(sop_uid)
        pyramid = shelf.slices.get(index) if shelf else None
        if pyramid is not None:
            self._touch((sop_uid, index))
        return pyramid

    def loaded(self, sop_uid: str) -> frozenset[int]:
        """Return the decoded slices of an image."""
        shelf = self._shelves.get(sop_uid)
        return frozenset(shelf.slices) if shelf else frozenset()

    def _touch(self, key: Key) -> None:
        self._recent[key] = None
        self._recent.move_to_end(key)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)

    # -- what the loader does ------------------------------------------------------------------------------------
    def next_asked(self) -> tuple[MammoImage, int] | None:
        """Return the slice that the reader asked for last and mark it as under way; older ones come after it."""
        if not self._asked:
            return None
        uid, index = self._asked.popitem()[0]
        return self._begin(uid, index)

    def next_ahead(self) -> tuple[MammoImage, int] | None:
        """Return the slice to read ahead and mark it as under way; None: all are there, or memory is better used."""
        missing = (
            (cost, shelf.rank, index, shelf) for shelf in self._shelves.values() for cost, index in self._missing(shelf)
        )
        best = min(missing, key=lambda entry: entry[:3], default=None)
        if best is None:
            return None
        cost, _, index, shelf = best
        if self.used_bytes + self._expected_bytes(shelf) > self.cap_bytes:
            farthest = self._farthest(("", -1))
            if farthest is None or farthest[0] <= cost:
                return None
        return self._begin(shelf.image.sop_uid, index)

    def _begin(self, uid: str, index: int) -> tuple[MammoImage, int]:
        shelf = self._shelves[uid]
        shelf.under_way.add(index)
        self._asked.pop((uid, index), None)
        return shelf.image, index

    def _missing(self, shelf: _Shelf) -> list[tuple[int, int]]:
        """Return (cost, slice) of the nearest slice that is not there, below and above the focus."""
        found = []
        for step, end in ((-1, -1), (1, shelf.image.frames)):
            for index in range(shelf.focus if step > 0 else shelf.focus - 1, end, step):
                if index not in shelf.slices and index not in shelf.under_way and index not in shelf.failed:
                    found.append((self._cost(shelf, index), index))
                    break
        return found

    def put(self, sop_uid: str, index: int, pyramid: Pyramid, stamp: str = "") -> None:
        """Keep a decoded slice, making room for it.

        Parameters
        ----------
        stamp : of its file before it was read (:func:`gmic_core.exam.image_key.slice_stamp`).
        """
        shelf = self._shelves[sop_uid]
        shelf.stamps[index] = stamp
        shelf.under_way.discard(index)
        self._asked.pop((sop_uid, index), None)
        old = shelf.slices.get(index)
        self.used_bytes += _nbytes(pyramid) - (_nbytes(old) if old is not None else 0)
        shelf.slices[index] = pyramid
        self._make_room((sop_uid, index))

    def fail(self, sop_uid: str, index: int, message: str) -> None:
        """Remember that a slice cannot be read, so that it is not tried over and over."""
        shelf = self._shelves[sop_uid]
        shelf.under_way.discard(index)
        shelf.failed[index] = message

    # -- what a slice is worth -----------------------------------------------------------------------------------
    def _cost(self, shelf: _Shelf, index: int) -> int:
        if shelf.image.sop_uid == self._active:
            weight = WEIGHT_ACTIVE
        else:
            weight = WEIGHT_SEEN if shelf.seen else WEIGHT_LISTED
        return abs(index - shelf.focus) * weight

    def _expected_bytes(self, shelf: _Shelf) -> int:
        image = shelf.image
        # the pixels of 32-bit images are clipped to 16 bits for painting
        width = min(max(image.pixel.bits_allocated // 8, 1), 2)
        pending = 1 + sum(len(other.under_way) for other in self._shelves.values())
        return math.ceil(image.rows * image.columns * width * PYRAMID_OVERHEAD) * pending

    def _farthest(self, newest: Key) -> tuple[int, Key] | None:
        """Return the decoded slice that is worth least, with its cost; slices looked at just now are not offered."""
        candidates = (
            (self._cost(shelf, index), (uid, index))
            for uid, shelf in self._shelves.items()
            for index in shelf.slices
            if (uid, index) != newest and (uid, index) not in self._recent and not (shelf.seen and index == shelf.focus)
        )
        return max(candidates, default=None)

    def _make_room(self, newest: Key) -> None:
        while self.used_bytes > self.cap_bytes:
            farthest = self._farthest(newest)
            victim = farthest[1] if farthest else self._oldest_recent(newest)
            if victim is None:
                return
            uid, index = victim
            self.used_bytes -= _nbytes(self._shelves[uid].slices.pop(index))
            self._recent.pop(victim, None)

    def _oldest_recent(self, newest: Key) -> Key | None:
        """Return the slice looked at longest ago; never one on screen, nor the one just decoded for the reader."""
        for uid, index in self._recent:
            shelf = self._shelves[uid]
            if (uid, index) != newest and index != shelf.focus and index in shelf.slices:
                return uid, index
        return None


def _nbytes(pyramid: Pyramid) -> int:
    return sum(level.nbytes for level in pyramid)


def _unchanged(shelf: _Shelf) -> dict[int, Pyramid]:
    """Return the decoded slices whose files are as they were: who opens an exam again wants what is there now."""
    now: dict[str, bool] = {}

    def same(index: int) -> bool:
        known = shelf.stamps.get(index, "")
        if known and known not in now:
            now[known] = slice_stamp(shelf.image, index) == known
        return not known or now[known]

    return {index: pyramid for index, pyramid in shelf.slices.items() if same(index)}


def _same_pixels(one: MammoImage, other: MammoImage) -> bool:
    """Whether two descriptions mean the same stored pixels (side or view may have been answered in between)."""
    return (one.source, one.pixel, one.frames, one.rows, one.columns) == (
        other.source, other.pixel, other.frames, other.rows, other.columns,
    )  # fmt: skip
