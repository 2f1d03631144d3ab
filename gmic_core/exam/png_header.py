"""Headers of PNG files."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from gmic_core.errors import ExamError, UnsupportedEncodingError
from gmic_core.exam.raster_header import RasterHeader, checked

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 1_000_000


def png_header(path: Path) -> RasterHeader:
    """Read a PNG's size and depth; its content is identified by the checksums of its chunks (PNG 5.3)."""
    with path.open("rb") as file:
        start = file.read(29)
        if len(start) < 29 or start[12:16] != b"IHDR":
            raise ExamError("a damaged PNG file; copy it again")
        columns, rows, depth, colour = struct.unpack_from(">IIBB", start, 16)
        if colour not in (0, 4):
            raise UnsupportedEncodingError("a colour picture; mammograms are greyscale PNG of 16 or 8 bits")
        if depth not in (8, 16):
            raise UnsupportedEncodingError(f"a PNG of {depth} bit; mammograms have 16 or 8")
        digest = hashlib.blake2b(start[8:], digest_size=16)
        at, size = 33, file.seek(0, 2)
        for _ in range(_MAX_CHUNKS):
            file.seek(at)
            head = file.read(8)
            if len(head) < 8:
                break
            length, name = struct.unpack(">I4s", head)
            if at + 12 + length > size:
                break
            file.seek(at + 8 + length)
            digest.update(head + file.read(4))
            if name == b"IEND":
                element = "|u1" if depth == 8 else ">u2"
                return checked(RasterHeader("png", rows, columns, 1, element, digest.hexdigest(), (path,)))
            at += 12 + length
    raise ExamError("a PNG file that is cut off; copy it again")
