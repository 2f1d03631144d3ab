"""Headers of PNG, NIfTI, NRRD and MetaImage files, read without decoding a pixel."""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gmic_core.errors import ExamError, UnsupportedEncodingError
from gmic_core.exam.candidate import content_digest
from gmic_core.exam.geometry import PlanePosition
from gmic_core.exam.pixeldata import MAX_FRAME_BYTES, MAX_FRAMES

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT_HEADER = 1 << 16
_MAX_CHUNKS = 1_000_000
_GZIP_TAIL = 8
"""A gzip stream ends in the CRC and length of its content: enough, with the file's ends, to tell contents apart."""


@dataclass(frozen=True)
class RasterHeader:
    """What the header of a file that is no DICOM file says.

    Attributes
    ----------
    element : numpy type string of the stored values, e.g. ``<u2``.
    offset : byte offset of uncompressed values in ``files[-1]``; None when they are compressed.
    scaled : whether the file's own slope and intercept are applied when it is read.
    digest : hash of the content.
    files : all files that belong to the image, the given one first.
    """

    kind: Literal["png", "nifti", "sitk"]
    rows: int
    columns: int
    slices: int
    element: str
    digest: str
    files: tuple[Path, ...]
    offset: int | None = None
    scaled: bool = False
    spacing_mm: tuple[float, float] | None = None
    slice_spacing_mm: float | None = None
    plane: PlanePosition | None = None


def checked(header: RasterHeader) -> RasterHeader:
    """Return the header if its size is possible.

    Raises
    ------
    ExamError
        If it is not.
    """
    if min(header.rows, header.columns, header.slices) < 1:
        raise ExamError(f"states a size of {header.slices} x {header.rows} x {header.columns}")
    if header.rows * header.columns * int(header.element[2:]) > MAX_FRAME_BYTES or header.slices > MAX_FRAMES:
        raise ExamError(
            f"claims {header.slices} x {header.rows} x {header.columns} pixels, more than any breast image has; refused"
        )
    return header


# --- PNG -------------------------------------------------------------------------------------------------------


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


# --- NIfTI -----------------------------------------------------------------------------------------------------

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


# --- NRRD and MetaImage ----------------------------------------------------------------------------------------

_META_TYPES = {
    "MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_USHORT": "u2", "MET_SHORT": "i2", "MET_UINT": "u4", "MET_INT": "i4",
    "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_NRRD_TYPES = {
    "uchar": "u1", "unsigned char": "u1", "uint8": "u1", "uint8_t": "u1", "signed char": "i1", "int8": "i1",
    "int8_t": "i1", "ushort": "u2", "unsigned short": "u2", "uint16": "u2", "uint16_t": "u2", "short": "i2",
    "int16": "i2", "int16_t": "i2", "signed short": "i2", "int": "i4", "int32": "i4", "int32_t": "i4", "uint": "u4",
    "unsigned int": "u4", "uint32": "u4", "uint32_t": "u4", "float": "f4", "double": "f8",
}  # fmt: skip


def text_header(path: Path) -> RasterHeader:
    """Read the header of a NRRD (.nrrd, .nhdr) or MetaImage (.mha, .mhd) file."""
    with path.open("rb") as file:
        text = file.read(MAX_TEXT_HEADER).decode("latin_1")
    nrrd = text.startswith("NRRD")
    fields = _nrrd_fields(text) if nrrd else _meta_fields(text)
    types = _NRRD_TYPES if nrrd else _META_TYPES
    kind = types.get(fields.get("type" if nrrd else "elementtype", "").strip())
    try:
        sizes = [int(word) for word in fields.get("sizes" if nrrd else "dimsize", "").split()]
        steps = _nrrd_steps(fields) if nrrd else [float(word) for word in fields.get("elementspacing", "").split()]
    except ValueError as error:
        raise ExamError("a damaged header; export the file again") from error
    if kind is None or fields.get("elementnumberofchannels", "1").strip() != "1":
        raise UnsupportedEncodingError("values that are no plain numbers; store the image as uint16")
    if len(sizes) not in (2, 3):
        raise UnsupportedEncodingError(f"a {len(sizes)}D image; a breast image has two or three axes")
    columns, rows, slices = (*sizes, 1)[:3]
    stated = len(steps) >= 2 and steps[:2] != [1.0, 1.0]
    return checked(
        RasterHeader(
            "sitk", rows, columns, slices, ("|" if kind.endswith("1") else "<") + kind, content_digest(path),
            (path, *_data_file(path, fields, nrrd)), None, False,
            (steps[1], steps[0]) if stated else None, steps[2] if stated and len(steps) > 2 and slices > 1 else None,
        )
    )  # fmt: skip


def _nrrd_fields(text: str) -> dict[str, str]:
    head = text.replace("\r\n", "\n").split("\n\n", 1)[0]
    pairs = (line.split(":", 1) for line in head.split("\n")[1:] if ":" in line and not line.startswith("#"))
    return {key.strip().lower(): value.lstrip("= ").strip() for key, value in pairs}


def _meta_fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if not equals:
            break
        fields[key.strip().lower()] = value.strip()
        if key.strip().lower() == "elementdatafile":  # the last field; pixels may follow
            return fields
    raise ExamError("not a MetaImage file, in spite of its name")


def _nrrd_steps(fields: dict[str, str]) -> list[float]:
    if "spacings" in fields:
        return [float(word) for word in fields["spacings"].split()]
    vectors = fields.get("space directions", "").replace(" ", "").strip("()").split(")(")
    return [math.hypot(*map(float, vector.split(","))) for vector in vectors if vector and vector != "none"]


def _data_file(path: Path, fields: dict[str, str], nrrd: bool) -> tuple[Path, ...]:
    """Return the separate file with the pixels, which must lie beside the header."""
    name = fields.get("data file" if nrrd else "elementdatafile", "LOCAL").strip()
    if name.upper() == "LOCAL":
        return ()
    if Path(name).name != name:
        raise ExamError("its pixels are said to be in another folder; keep both files together")
    if not (path.parent / name).is_file():
        raise ExamError(f"its pixels, the file {name}, are missing")
    return (path.parent / name,)


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
