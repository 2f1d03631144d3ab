"""How many frames the pixel data of a DICOM file really holds, found without decoding any.

The header is not believed: a wrong Number of Frames, a file that was cut off while copying and a claim of a million
frames all show here, before memory is taken for a single pixel.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gmic_core.errors import ExamError
from gmic_core.exam.header import Header

MAX_FRAME_BYTES = 256 << 20
"""Largest frame that is read; the largest detectors and film scans have 30 MB."""
MAX_FRAMES = 10_000
MAX_FRAGMENTS = 200_000

_ITEM, _DELIMITER = 0xFFFEE000, 0xFFFEE0DD


@dataclass(frozen=True)
class Shape:
    """Rows, columns and bytes of one stored value."""

    rows: int
    columns: int
    value_bytes: int

    @property
    def frame_bytes(self) -> int:
        """Size of an uncompressed frame."""
        return self.rows * self.columns * self.value_bytes


def count_frames(path: Path, header: Header, shape: Shape) -> int:
    """Return the number of frames in the pixel data; disagreement with the header becomes a warning.

    Raises
    ------
    ExamError
        If the pixel data is cut off, empty, or larger than any breast image.
    """
    context = header.elements.context
    stated = header.elements.integer("NumberOfFrames")
    if stated is not None and stated < 1:
        context.warn(f"states {stated} frames")
        stated = None
    if shape.frame_bytes > MAX_FRAME_BYTES:
        raise ExamError(f"claims {shape.rows} x {shape.columns} pixels, more than any detector has; refused")
    if header.syntax.codec in ("native", "deflated"):
        found = _native_frames(header, shape, stated or 1)
    else:
        found = _compressed_frames(path, header, stated or 1)
    if found > MAX_FRAMES:
        raise ExamError(f"holds {found:,} frames, more than any breast image has; refused")
    if found != (stated or 1):
        said = "states no number of frames" if stated is None else f"states {stated:,} frames"
        context.warn(f"{said}, but the pixel data holds {found:,}; the latter counts")
    return found


def _native_frames(header: Header, shape: Shape, stated: int) -> int:
    left = header.pixel_bytes_left
    length = header.pixel_length if header.pixel_length is not None else (left or 0)
    available = length if left is None else min(length, left)
    frames, rest = divmod(available, shape.frame_bytes)
    if frames < stated and (available < length or rest > 1 or frames == 0):
        raise ExamError(
            f"the pixel data is cut off: {available:,} of {stated * shape.frame_bytes:,} bytes; copy the file again"
        )
    if frames > stated and rest > 1:
        header.elements.context.warn("bytes after the pixels were ignored")
        return stated
    return frames


@dataclass(frozen=True)
class _Fragments:
    """The items of encapsulated Pixel Data.

    Attributes
    ----------
    table : number of entries of the basic offset table.
    count : number of fragments.
    starts : how many of them begin a compressed stream.
    complete : whether the sequence delimiter was found.
    """

    table: int
    count: int
    starts: int
    complete: bool


def _compressed_frames(path: Path, header: Header, stated: int) -> int:
    if header.pixel_length is not None or header.pixel_offset is None:
        raise ExamError(f"states {header.syntax.name}, but its pixels are not stored that way; export it again")
    with path.open("rb", buffering=4096) as file:
        found = _walk(file, header.pixel_offset)
    if found.count == 0:
        raise ExamError("holds no compressed frames")
    if found.count < stated and not found.complete:
        raise ExamError(f"the file is cut off: {found.count} of {stated} frames are there; copy it again")
    if not found.complete:
        header.elements.context.warn("the pixel data does not end properly")
    if stated in (found.count, found.starts, found.table) or found.count < stated:
        return min(stated, found.count)
    if stated == 1 and found.starts <= 1 and found.table <= 1:
        return 1  # one frame in several fragments
    return found.starts or found.count


def _walk(file: BinaryIO, offset: int) -> _Fragments:
    """Walk over the items of encapsulated pixel data."""
    file.seek(0, 2)
    size = file.tell()
    table = count = starts = 0
    at, first, complete = offset, True, False
    while at + 8 <= size and count <= MAX_FRAGMENTS:
        file.seek(at)
        head = file.read(16)
        group, element, length = struct.unpack_from("<HHI", head)
        tag = group << 16 | element
        if tag != _ITEM:
            complete = tag == _DELIMITER
            break
        at += 8 + length
        if at > size:
            raise ExamError(f"the file is cut off in frame {count + 1}; copy it again")
        if first:
            table, first = length // 4, False
            continue
        count += 1
        starts += _begins_stream(head[8:])
    if count > MAX_FRAGMENTS:
        raise ExamError(f"has more than {MAX_FRAGMENTS:,} compressed pieces; refused")
    return _Fragments(table, count, starts, complete or at == size)


def _begins_stream(head: bytes) -> bool:
    """Whether bytes start a JPEG, JPEG-LS, JPEG 2000 or RLE stream."""
    if head[:2] == b"\xff\xd8" or head[:4] == b"\xff\x4f\xff\x51" or head[4:8] == b"jP  ":
        return True
    if len(head) < 8:
        return False
    segments, first = struct.unpack_from("<II", head)
    return bool(1 <= segments <= 15 and first == 64)  # PS3.5 G.5
