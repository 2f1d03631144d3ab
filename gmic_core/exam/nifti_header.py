"""Headers of NIfTI files, read as the published 3D-GMIC volumes are stored: axes (W, H, D)."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import ExamError, UnsupportedEncodingError
from gmic_core.exam.candidate import content_digest
from gmic_core.exam.geometry import PlanePosition
from gmic_core.exam.raster_header import RasterHeader, checked

_GZIP_TAIL = 8
"""A gzip stream ends in the CRC and length of its content: enough, with the file's start, to tell contents apart."""

_NIFTI_TYPES = {
    2: "u1", 256: "i1", 512: "u2", 4: "i2", 768: "u4", 8: "i4", 1280: "u8", 1024: "i8", 16: "f4", 64: "f8",
}  # fmt: skip
_COLOUR = (128, 2304)


@dataclass(frozen=True)
class _NiftiFields:
    order: str
    dim: tuple[int, ...]
    datatype: int
    pixdim: tuple[float, ...]
    offset: int
    slope: float
    intercept: float
    srow: tuple[float, ...] | None


def nifti_header(path: Path) -> RasterHeader:
    """Read a NIfTI file's header; axes (W, H, D) as the published 3D-GMIC volumes are stored."""
    packed = path.suffix.lower() == ".gz"
    fields = _nifti_fields(_nifti_start(path, packed))
    count = fields.dim[0]
    sizes = list(fields.dim[1 : count + 1])
    if count < 2 or any(size != 1 for size in sizes[3:]):
        raise UnsupportedEncodingError(f"a {count}D NIfTI file; a breast image has two or three axes (W, H, D)")
    if fields.datatype in _COLOUR or fields.datatype not in _NIFTI_TYPES:
        raise UnsupportedEncodingError("NIfTI values that are no plain numbers; store the image as uint16")
    kind = _NIFTI_TYPES[fields.datatype]
    scaled = math.isfinite(fields.slope) and fields.slope != 0.0 and (fields.slope, fields.intercept) != (1.0, 0.0)
    columns, rows, slices = (*sizes[:3], 1)[:3]
    spacing, slice_spacing = _nifti_spacing(fields.pixdim)
    header = RasterHeader(
        "nifti", rows, columns, slices, ("|" if kind.endswith("1") else fields.order) + kind,
        _content(path, packed), (path,), None if packed else fields.offset, scaled,
        spacing, slice_spacing if slices > 1 else None, _plane(fields.srow) if spacing else None,
    )  # fmt: skip
    return _with_all_bytes(checked(header))


def _nifti_start(path: Path, packed: bool) -> bytes:
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            return file.read(540)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ExamError("a damaged gzip file; copy it again") from error


def _nifti_fields(start: bytes) -> _NiftiFields:
    order = "<" if start[:4] in (struct.pack("<i", 348), struct.pack("<i", 540)) else ">"
    size = struct.unpack_from(order + "i", start)[0] if len(start) >= 348 else 0
    if size == 348 and start[344:348] in (b"n+1\0", b"ni1\0"):
        if start[344:347] == b"ni1":
            raise UnsupportedEncodingError("a NIfTI header without pixels; save the image as one .nii file")
        srow = struct.unpack_from(order + "12f", start, 280)
        code = struct.unpack_from(order + "h", start, 254)[0]
        offset, slope, intercept = struct.unpack_from(order + "3f", start, 108)
        dim = struct.unpack_from(order + "8h", start, 40)
        pixdim = struct.unpack_from(order + "8f", start, 76)
        datatype = struct.unpack_from(order + "h", start, 70)[0]
    elif size == 540 and start[4:7] == b"n+2" and len(start) >= 540:
        srow = struct.unpack_from(order + "12d", start, 400)
        code = struct.unpack_from(order + "i", start, 348)[0]
        offset, slope, intercept = struct.unpack_from(order + "q2d", start, 168)
        dim = struct.unpack_from(order + "8q", start, 16)
        pixdim = struct.unpack_from(order + "8d", start, 104)
        datatype = struct.unpack_from(order + "h", start, 12)[0]
    else:
        raise ExamError("not a NIfTI file, in spite of its name")
    if not 1 <= dim[0] <= 7 or not math.isfinite(offset) or offset < 0:
        raise ExamError("a damaged NIfTI header; export the file again")
    return _NiftiFields(order, dim, datatype, pixdim, int(offset), slope, intercept, srow if code > 0 else None)


def _nifti_spacing(pixdim: tuple[float, ...]) -> tuple[tuple[float, float] | None, float | None]:
    """Return (row, column) and slice spacing; 1 x 1 means "not stated" in the published convention."""
    column_mm, row_mm, slice_mm = (abs(value) for value in pixdim[1:4])
    if not all(map(math.isfinite, (column_mm, row_mm))) or (row_mm, column_mm) == (1.0, 1.0):
        return None, None
    return (row_mm, column_mm), slice_mm if math.isfinite(slice_mm) and slice_mm > 0 else None


def _plane(srow: tuple[float, ...] | None) -> PlanePosition | None:
    """Return where a NIfTI stack stands, from its RAS affine to LPS."""
    if srow is None or not all(map(math.isfinite, srow)):
        return None
    x, y, z = srow[0:4], srow[4:8], srow[8:12]
    axes = [(-x[axis], -y[axis], z[axis]) for axis in range(4)]
    lengths = [math.hypot(*axis) for axis in axes[:3]]
    if min(lengths) < 1e-6:
        return None
    columns, rows = (tuple(value / lengths[i] for value in axes[i]) for i in (0, 1))
    return PlanePosition(axes[3], columns, rows, axes[2])  # type: ignore[arg-type]


def _content(path: Path, packed: bool) -> str:
    if not packed:
        return content_digest(path)
    size = path.stat().st_size
    ends = content_digest(path, 0, 1 << 16) + content_digest(path, max(size - _GZIP_TAIL, 0))
    return f"{ends}-{size}"


def _with_all_bytes(header: RasterHeader) -> RasterHeader:
    """Return the header if the file has as many bytes as it claims.

    Raises
    ------
    ExamError
        If uncompressed values are missing.
    """
    if header.offset is not None:
        wanted = header.offset + header.slices * header.rows * header.columns * int(header.element[2:])
        size = header.files[-1].stat().st_size
        if size < wanted:
            raise ExamError(f"the file is cut off: {size:,} of {wanted:,} bytes; copy it again")
    return header
