"""Headers of NRRD and MetaImage files: lines of text, with the pixels behind them or in a file beside."""

from __future__ import annotations

import math
from pathlib import Path

from gmic_core.errors import ExamError, UnsupportedEncodingError
from gmic_core.exam.candidate import content_digest
from gmic_core.exam.raster_header import RasterHeader, checked

MAX_TEXT_HEADER = 1 << 16

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
