"""What a stroke changed: run lengths of old and new labels inside bounding boxes; undone, redone and kept on disk.

A run is a stretch of pixels of one box, counted row by row, that had one label and got another. A brush stroke of
thousands of pixels is some hundred runs. Applying the same edit twice does no harm: runs state the new labels, not a
difference. That is what makes a journal of edits safe to replay over a map that holds some of them already.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import SegmentationError
from gmic_core.exam.geometry import Box

Plane = npt.NDArray[np.unsignedinteger]
Shape = tuple[int, int, int]
_HEAD = struct.Struct("<6I")
_MAX_BYTES = 1 << 31
"""What an edit may unpack to; a fill of a whole volume of 120 slices is far below it."""


LONG_RUN = 24
"""Pixels of a run on average from which runs are written one by one: an index of each pixel would cost more."""


@dataclass(frozen=True, eq=False)
class Patch:
    """Changes on one slice.

    Attributes
    ----------
    slice_index : which slice.
    box : (row0, col0, row1, col1), half open, that the runs count in.
    starts, lengths : int64 (n,), pixels from the box's first one, row by row; runs do not overlap.
    old, new : uint16 (n,), labels before and after.
    """

    slice_index: int
    box: Box
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    old: npt.NDArray[np.uint16]
    new: npt.NDArray[np.uint16]

    def inverted(self) -> Patch:
        """Return the change back."""
        return Patch(self.slice_index, self.box, self.starts, self.lengths, self.new, self.old)

    def write(self, plane: Plane) -> None:
        """Put the new labels into a slice (rows, columns)."""
        row0, col0, row1, col1 = self.box
        if self.lengths.sum() >= LONG_RUN * self.lengths.size:
            part = plane[row0:row1, col0:col1]
            values = part.ravel()
            runs = (self.starts.tolist(), self.lengths.tolist(), self.new.tolist())
            for start, length, new in zip(*runs, strict=True):
                values[start : start + length] = new
            part[...] = values.reshape(part.shape)
            return
        ends = np.cumsum(self.lengths)
        flat = np.arange(int(ends[-1])) + np.repeat(self.starts - (ends - self.lengths), self.lengths)
        rows, columns = np.divmod(flat, col1 - col0)
        plane[rows + row0, columns + col0] = np.repeat(self.new, self.lengths).astype(plane.dtype)


def make_patch(slice_index: int, corner: tuple[int, int], before: Plane, after: Plane) -> Patch | None:
    """Return what differs between two states of a rectangle whose first pixel is ``corner``; None: nothing does."""
    changed = (before != after).ravel()
    if not changed.any():
        return None
    old, new = before.ravel().astype(np.uint16), after.ravel().astype(np.uint16)
    key = np.where(changed, old.astype(np.int64) * 65536 + new, -1)
    edges = np.flatnonzero(np.diff(key, prepend=key[0] - 1))
    lengths = np.diff(edges, append=key.size)
    kept = changed[edges]
    starts = edges[kept]
    box = (corner[0], corner[1], corner[0] + before.shape[0], corner[1] + before.shape[1])
    return Patch(slice_index, box, starts.astype(np.int64), lengths[kept].astype(np.int64), old[starts], new[starts])


def uniform_patch(
    slice_index: int, corner: tuple[int, int], wanted: npt.NDArray[np.bool_], before: Plane, label: int
) -> Patch | None:
    """Return the patch that gives a label to the wanted pixels (rows, columns) of a rectangle; None: there are none."""
    flat = np.flatnonzero(wanted)
    if not flat.size:
        return None
    old = before[wanted].astype(np.uint16)
    first = np.concatenate(([True], (np.diff(flat) != 1) | (old[1:] != old[:-1])))
    at = np.flatnonzero(first)
    box = (corner[0], corner[1], corner[0] + wanted.shape[0], corner[1] + wanted.shape[1])
    lengths = np.diff(at, append=flat.size).astype(np.int64)
    return Patch(slice_index, box, flat[at].astype(np.int64), lengths, old[at], np.full(at.size, label, np.uint16))


@dataclass(frozen=True, eq=False)
class Edit:
    """One action of the annotator: patches in the order in which they were made."""

    patches: tuple[Patch, ...]

    def inverted(self) -> Edit:
        """Return the edit that takes this one back."""
        return Edit(tuple(patch.inverted() for patch in reversed(self.patches)))

    @property
    def slices(self) -> frozenset[int]:
        """Slices that it touches."""
        return frozenset(patch.slice_index for patch in self.patches)

    @property
    def labels(self) -> frozenset[int]:
        """Labels that come or go."""
        sides = [side for patch in self.patches for side in (patch.old, patch.new)]
        return frozenset(np.unique(np.concatenate(sides)).tolist()) if sides else frozenset()

    def counts(self) -> dict[int, int]:
        """Return by how many voxels each label grows (positive) or shrinks."""
        if not self.patches:
            return {}
        # all at once: a stroke of a large ball is thousands of patches
        old, new = (np.concatenate(side) for side in zip(*((p.old, p.new) for p in self.patches), strict=True))
        lengths = np.concatenate([patch.lengths for patch in self.patches])
        size = int(max(old.max(), new.max())) + 1
        grown = np.bincount(new, lengths, size) - np.bincount(old, lengths, size)
        return {int(label): int(grown[label]) for label in np.unique(np.concatenate((old, new)))}

    def encoded(self) -> bytes:
        """Return the edit as packed bytes."""
        packer = zlib.compressobj(1)
        parts = [packer.compress(_patch_bytes(patch)) for patch in self.patches]
        return b"".join([*parts, packer.flush()])


def _patch_bytes(patch: Patch) -> bytes:
    head = _HEAD.pack(patch.slice_index, *patch.box, patch.starts.size)
    runs = (patch.starts.astype("<u4"), patch.lengths.astype("<u4"), patch.old.astype("<u2"), patch.new.astype("<u2"))
    return head + b"".join(values.tobytes() for values in runs)


def decoded(data: bytes, shape: Shape) -> Edit:
    """Return an edit from packed bytes.

    Parameters
    ----------
    shape : (slices, rows, columns) of the label map that it must fit.

    Raises
    ------
    SegmentationError
        If the bytes are no edit of such a map.
    """
    try:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(data, _MAX_BYTES)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise SegmentationError("An edit of the journal is longer than any edit can be; the rest is not used.")
        return Edit(tuple(_patches(raw, shape)))
    except (zlib.error, struct.error, ValueError) as error:
        raise SegmentationError("An edit of the journal is damaged; it and what follows is not used.") from error


def _patches(raw: bytes, shape: Shape) -> Iterator[Patch]:
    at = 0
    while at < len(raw):
        index, row0, col0, row1, col1, count = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        starts, lengths = (np.frombuffer(raw, "<u4", count, at + 4 * count * k).astype(np.int64) for k in range(2))
        old, new = (np.frombuffer(raw, "<u2", count, at + 8 * count + 2 * count * k).astype(np.uint16) for k in (0, 1))
        at += 12 * count
        inside = index < shape[0] and row0 < row1 <= shape[1] and col0 < col1 <= shape[2]
        if not (inside and count and (lengths > 0).all() and (starts + lengths).max() <= (row1 - row0) * (col1 - col0)):
            raise ValueError("runs outside of the map")
        yield Patch(index, (row0, col0, row1, col1), starts, lengths, old, new)
