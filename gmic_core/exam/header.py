"""Read DICOM headers: quickly, with bounded memory, and without trusting a single length in the file.

A reader of our own rather than pydicom's, for three measured reasons: importing pydicom takes 0.4-1.1 s, which the
first image cannot wait for; a tomosynthesis header takes it 16 ms (here 2); and it believes lengths and nesting,
so that a hostile file can take all memory or the stack. Tests compare the two on every kind of file.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from gmic_core.errors import ExamError
from gmic_core.exam.dictionary import (
    EXPLICIT_LITTLE,
    FLOAT_PIXEL_DATA,
    HOLOGIC_GROUP,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    TAG,
    VR,
    Syntax,
    syntax_of,
)
from gmic_core.exam.elements import Context, Elements, encoding_of

MAX_VALUE = 1 << 20
"""Longest value kept in memory; the longest useful one is a LUT of 65,536 16-bit entries."""
MAX_ELEMENTS = 400_000
"""Attributes walked through in one file; a tomosynthesis header of 200 slices has about 8,000."""
MAX_DEPTH = 16
"""Nesting of the sequences that are read; those that are skipped may nest deeper."""
MAX_HEADER = 256 << 20
"""A header that needs more bytes than this to be read is a bomb."""

_BLOCK = 1 << 15
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PREAMBLE = 128
_META_GROUP = 0x0002
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
     b"ST", b"TM", b"UI", b"UL", b"US"}
)  # fmt: skip


class ByteSource(Protocol):
    """Where a header's bytes come from."""

    @property
    def size(self) -> int:
        """Number of bytes, or an upper bound where it is not known yet."""

    def read(self, at: int, count: int) -> bytes:
        """Return up to ``count`` bytes from offset ``at``; fewer at the end."""


class FileSource:
    """The bytes of an open file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def read(self, at: int, count: int) -> bytes:
        """Return up to ``count`` bytes from offset ``at``."""
        self._file.seek(at)
        return self._file.read(count)


class InflatingSource:
    """A raw deflate stream that is inflated as far as it is read, never further than ``limit`` bytes."""

    def __init__(self, file: BinaryIO, start: int, limit: int) -> None:
        self._file = file
        self._file.seek(start)
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._data = bytearray()
        self.size = limit

    def read(self, at: int, count: int) -> bytes:
        """Return up to ``count`` inflated bytes from offset ``at``."""
        while len(self._data) < at + count and not self._inflate.eof:
            self._more()
        return bytes(self._data[at : at + count])

    def _more(self) -> None:
        packed = self._inflate.unconsumed_tail or self._file.read(_BLOCK)
        if not packed:
            raise ExamError("The deflated data set is cut off; copy the file again.")
        if len(self._data) >= self.size:
            raise ExamError(f"The deflated data set unpacks to more than {self.size >> 20} MiB of header; refused.")
        try:
            self._data += self._inflate.decompress(packed, 1 << 20)
        except zlib.error as error:
            raise ExamError(f"The deflated data set is damaged ({error}); copy the file again.") from error
        if self._inflate.eof:
            self.size = len(self._data)


@dataclass
class Header:
    """A file's header.

    Attributes
    ----------
    elements : attributes of the data set, those of the file meta group included.
    pixel_offset : offset of Pixel Data's value in the file (deflated: in the inflated data set); None without pixels.
    pixel_length : its length in bytes; None when undefined (encapsulated).
    pixel_bytes_left : bytes from ``pixel_offset`` to the end of the file; None when deflated.
    deflated_at : offset in the file of the deflated data set; None when it is not deflated.
    hologic_private : whether private tomosynthesis pixels of Hologic were met.
    float_pixels : whether the pixels are floating point numbers.
    """

    elements: Elements
    syntax: Syntax
    pixel_offset: int | None = None
    pixel_length: int | None = None
    pixel_bytes_left: int | None = None
    deflated_at: int | None = None
    hologic_private: bool = False
    float_pixels: bool = False


def read_header(path: Path) -> Header:
    """Read the header of a DICOM file.

    Raises
    ------
    ExamError
        If the file is no DICOM file, or damaged so that no header can be read; the message says how.
    OSError
        If the file cannot be opened or read.
    """
    with path.open("rb", buffering=0) as file:
        return parse_header(file)


def parse_header(file: BinaryIO) -> Header:
    """Read the header from an open file; see :func:`read_header`."""
    source = FileSource(file)
    context = Context()
    elements = Elements(context)
    walker = _Walker(source, context)
    at = walker.meta(_dataset_start(source, context), elements)
    syntax = _actual_syntax(source, at, elements, context)
    header = Header(elements, syntax)
    if syntax.codec == "deflated":
        header.deflated_at = at
        walker, at = _Walker(InflatingSource(file, at, MAX_HEADER), context), 0
    walker.explicit, context.big_endian = syntax.explicit, syntax.big_endian
    walker.top(at, header)
    context.encoding = encoding_of(elements.texts("SpecificCharacterSet"))
    if header.pixel_offset is not None and syntax.codec != "deflated":
        header.pixel_bytes_left = max(source.size - header.pixel_offset, 0)
    return header


def parse_bytes(data: bytes) -> Header:
    """Read the header from bytes in memory; see :func:`read_header`."""
    return parse_header(io.BytesIO(data))


def _dataset_start(source: ByteSource, context: Context) -> int:
    """Return where the file meta group (or the data set) begins."""
    start = source.read(0, _PREAMBLE + 4)
    if start[_PREAMBLE:] == b"DICM":
        return _PREAMBLE + 4
    if start[:4] == b"DICM":
        context.warn("the preamble is missing")
        return 4
    if len(start) >= 8 and _plausible_start(start):
        context.warn("the preamble and the DICM mark are missing")
        return 0
    raise ExamError("not a DICOM file, nor an image that this program reads")


def _plausible_start(start: bytes) -> bool:
    """Whether bytes look like the first element of group 2 or 8, in explicit or implicit VR."""
    group, number = struct.unpack_from("<HH", start)
    if group not in (_META_GROUP, 0x0008) or number > 0x0070:
        return False
    return start[4:6] in _SHORT_VRS | _LONG_VRS or bool(struct.unpack_from("<I", start, 4)[0] <= 128)


def _actual_syntax(source: ByteSource, at: int, elements: Elements, context: Context) -> Syntax:
    """Return the transfer syntax, corrected where the first element shows that it is stated wrongly."""
    uid = elements.text("TransferSyntaxUID")
    syntax = syntax_of(uid)
    head = source.read(at, 6)
    looks_explicit = head[4:6] in _SHORT_VRS | _LONG_VRS
    if not uid:
        context.warn("the transfer syntax is missing; guessed from the first attribute")
        return syntax_of(EXPLICIT_LITTLE if looks_explicit else IMPLICIT_LITTLE)
    if syntax.codec == "native" and len(head) == 6 and looks_explicit != syntax.explicit:
        actual = syntax_of(EXPLICIT_LITTLE if looks_explicit else IMPLICIT_LITTLE)
        context.warn(f"states {syntax.name} but is written in {actual.name}")
        return actual
    return syntax


class _Walker:
    """Walks through elements; ``explicit`` says whether value representations are written out."""

    def __init__(self, source: ByteSource, context: Context) -> None:
        self.source = source
        self.context = context
        self.explicit = True
        self._budget = MAX_ELEMENTS
        self._block = b""
        self._start = 0

    # --- one element -------------------------------------------------------------------------------------------

    def _position(self, at: int, count: int) -> int:
        """Return the position in the block of offset ``at`` with ``count`` bytes (zeros after the end) behind it."""
        position = at - self._start
        if position < 0 or position + count > len(self._block):
            if at > MAX_HEADER and self.source.size > MAX_HEADER:
                raise ExamError(f"The header is larger than {MAX_HEADER >> 20} MiB; refused.")
            self._block = self.source.read(at, max(count, _BLOCK))
            if len(self._block) < count:
                self._block += bytes(count - len(self._block))
            self._start, position = at, 0
        return position

    def element(self, at: int) -> tuple[int, bytes, int, int]:
        """Return (tag, VR, length, offset of the value) of the element at ``at``."""
        self._budget -= 1
        if self._budget < 0:
            raise ExamError(f"The header has more than {MAX_ELEMENTS:,} attributes; refused.")
        position = self._position(at, 12)
        block, order = self._block, ">" if self.context.big_endian else "<"
        group, number = struct.unpack_from(order + "HH", block, position)
        tag = group << 16 | number
        if self.explicit and group != 0xFFFE:
            vr = block[position + 4 : position + 6]
            if vr in _SHORT_VRS:
                return tag, vr, struct.unpack_from(order + "H", block, position + 6)[0], at + 8
            if vr in _LONG_VRS:
                return tag, vr, struct.unpack_from(order + "I", block, position + 8)[0], at + 12
            self.context.warn("some attributes have no valid value representation")
        return tag, b"", struct.unpack_from(order + "I", block, position + 4)[0], at + 8

    def _value(self, tag: int, at: int, length: int) -> bytes:
        if length > MAX_VALUE:
            self.context.warn(f"{_name(tag)} is {length:,} bytes long and was ignored")
            return b""
        position = self._position(at, length)
        return self._block[position : position + length]

    # --- data sets and sequences -------------------------------------------------------------------------------

    def meta(self, at: int, elements: Elements) -> int:
        """Read the file meta group, whatever its stated length, and return where the data set begins."""
        while at + 8 <= self.source.size:
            if self.source.read(at, 2) != b"\x02\x00":  # looked at first: the data set may be in implicit VR
                break
            tag, vr, length, value_at = self.element(at)
            at = self._store(tag, vr, length, value_at, self.source.size, elements, 0)
        return at

    def top(self, at: int, header: Header) -> None:
        """Read the data set up to Pixel Data or the end of the file."""
        while at + 8 <= self.source.size:
            tag, vr, length, value_at = self.element(at)
            if tag == PIXEL_DATA:
                header.pixel_offset = value_at
                header.pixel_length = None if length == _UNDEFINED else length
                return
            if tag in FLOAT_PIXEL_DATA:
                header.float_pixels = True
                return
            if tag >> 16 == 0xFFFE:
                self.context.warn("stray sequence delimiters")
                at = value_at
                continue
            if tag >> 16 == HOLOGIC_GROUP:
                header.hologic_private = True
            at = self._store(tag, vr, length, value_at, self.source.size, header.elements, 0)

    def _store(self, tag: int, vr: bytes, length: int, at: int, end: int, into: Elements, depth: int) -> int:
        """Keep or skip one element's value; return the offset behind it."""
        stated = VR.get(tag)
        if stated == "SQ" and (vr in (b"SQ", b"UN", b"") or length == _UNDEFINED):
            items, after = self._sequence(tag, vr, length, at, end, depth)
            into.sequences.setdefault(tag, items)
            return after
        if length == _UNDEFINED:
            return self._skip(tag, vr, at)
        if length > end - at:
            raise ExamError(
                f"The header is damaged: {_name(tag)} claims {length:,} bytes where {max(end - at, 0):,} are left."
            )
        if stated is not None:
            if tag in into.values:
                self.context.warn(f"{_name(tag)} occurs twice; the first one counts")
            else:
                into.values[tag] = vr.decode("ascii"), self._value(tag, at, length)
        return at + length

    def _sequence(self, tag: int, vr: bytes, length: int, at: int, end: int, depth: int) -> tuple[list[Elements], int]:
        """Read the items of a sequence; return them and the offset behind."""
        if depth >= MAX_DEPTH:
            raise ExamError(f"Sequences are nested deeper than {MAX_DEPTH} levels; refused.")
        if length != _UNDEFINED:
            if length > end - at:
                raise ExamError(f"The header is damaged: {_name(tag)} claims {length:,} bytes, more than are left.")
            end = at + length
        explicit = self.explicit
        self.explicit = explicit and vr != b"UN"  # a sequence written as UN is in implicit VR, PS3.5 6.2.2
        items: list[Elements] = []
        while at + 8 <= end:
            item_tag, _, item_length, value_at = self.element(at)
            if item_tag == _SEQUENCE_END:
                at = value_at
                break
            if item_tag != _ITEM:
                self.context.warn(f"{_name(tag)} does not end properly")
                break
            item, at = self._item(item_length, value_at, end, depth)
            items.append(item)
        self.explicit = explicit
        return items, at if length == _UNDEFINED else end

    def _item(self, length: int, at: int, end: int, depth: int) -> tuple[Elements, int]:
        item = Elements(self.context)
        if length != _UNDEFINED:
            if length > end - at:
                raise ExamError("The header is damaged: an item of a sequence claims more bytes than are left.")
            end = at + length
        while at + 8 <= end:
            tag, vr, value_length, value_at = self.element(at)
            if tag == _ITEM_END:
                return item, value_at if length == _UNDEFINED else end
            if tag in (_SEQUENCE_END, _ITEM):
                break  # the item's delimiter is missing; the sequence goes on from here
            at = self._store(tag, vr, value_length, value_at, end, item, depth + 1)
        return item, at if length == _UNDEFINED else end

    def _skip(self, tag: int, vr: bytes, at: int) -> int:
        """Return the offset behind a value of undefined length; a loop, so that nesting cannot exhaust the stack."""
        explicit = self.explicit
        levels = [explicit and vr != b"UN"]  # per open sequence: whether it is in explicit VR
        while levels:
            if at + 8 > self.source.size:
                raise ExamError(f"The header is damaged: {_name(tag)} does not end.")
            self.explicit = levels[-1]
            inner, inner_vr, length, value_at = self.element(at)
            at = value_at
            if inner == _SEQUENCE_END:
                levels.pop()
            elif length == _UNDEFINED:
                if inner != _ITEM:
                    levels.append(levels[-1] and inner_vr != b"UN")
            elif inner != _ITEM_END:
                at += length
        self.explicit = explicit
        return at


_KEYWORD = {tag: keyword for keyword, tag in TAG.items()}


def _name(tag: int) -> str:
    return _KEYWORD.get(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
