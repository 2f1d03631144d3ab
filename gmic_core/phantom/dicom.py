"""Write simulated images as valid DICOM objects, laid out like a Hologic system's.

Frames are written one after the other: a 96-slice volume never stands in memory. A file appears under its name only
when it is complete. UIDs follow from the seed, so that the same breast is the same object on every machine.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from gmic_core.errors import PhantomError
from gmic_core.phantom import headers
from gmic_core.phantom.spec import PHANTOM_VERSION, BreastSpec, ViewName

Image = npt.NDArray[np.uint16]
Syntax = Literal["explicit", "jpegls"]

TRANSFER_SYNTAX: dict[str, str] = {"explicit": "1.2.840.10008.1.2.1", "jpegls": "1.2.840.10008.1.2.4.80"}
IMPLEMENTATION_UID = "2.25.137460984517385069223474951237041270349"
FORMAT_VERSION = 2
"""Part of every UID: raise it when the same pixels get another header."""


def write_dbt_dicom(
    path: Path,
    volume: Iterable[Image],
    spec: BreastSpec,
    view: ViewName,
    syntax: Syntax = "explicit",
    study: str = "",
) -> Path:
    """Write a tomosynthesis volume as one Breast Tomosynthesis Image object.

    Parameters
    ----------
    volume : uint16 frames (rows, columns) in slice order, e.g. an array or a generator; ``spec.slices`` of them.
    study : what tells the exam from others of the same seed; part of every UID.

    Raises
    ------
    PhantomError
        If the frames do not fit ``spec`` or the syntax is not known.
    """
    dataset = headers.tomosynthesis(spec, view, make_uids(spec, view, "DBT", study))
    return _write(path, dataset, volume, (spec.slices, *spec.plate.dbt), syntax)


def write_mg_dicom(
    path: Path,
    image: Image,
    spec: BreastSpec,
    view: ViewName,
    kind: Literal["FFDM", "S2D"],
    syntax: Syntax = "explicit",
    study: str = "",
) -> Path:
    """Write a 2D image as Digital Mammography X-Ray for presentation.

    Raises
    ------
    PhantomError
        If the image does not fit ``spec`` or the syntax is not known.
    """
    dataset = headers.mammogram(spec, view, kind, make_uids(spec, view, kind, study))
    return _write(path, dataset, [image], (1, dataset.Rows, dataset.Columns), syntax)


def make_uids(spec: BreastSpec, view: ViewName, kind: headers.Kind, study: str = "") -> headers.Uids:
    """Return UIDs that depend on nothing but what is simulated: one study per exam, one series per kind and view."""
    exam = (spec.seed, spec.size, study)
    place = (*exam, repr(spec), view)
    return headers.Uids(
        study=_uid("study", *exam),
        series=_uid("series", kind, *place),
        frame_of_reference=_uid("frame", *place),
        dimensions=_uid("dimensions", kind, *place),
        instance=_uid("instance", kind, *place),
        source=_uid("instance", "DBT", *place) if kind == "S2D" else "",
    )


def _uid(*parts: object) -> str:
    """Return a UUID-derived UID (PS3.5 B.2) from a digest of ``parts``."""
    digest = hashlib.sha256(repr((FORMAT_VERSION, PHANTOM_VERSION, *map(str, parts))).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _write(path: Path, dataset: Dataset, frames: Iterable[Image], shape: tuple[int, int, int], syntax: Syntax) -> Path:
    if syntax not in TRANSFER_SYNTAX:
        raise PhantomError(f"Simulated images cannot be written as {syntax}; use one of {', '.join(TRANSFER_SYNTAX)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as out:
            out.write(_head(dataset, syntax))
            checked = _checked(frames, shape)
            for chunk in _raw(checked, shape) if syntax == "explicit" else _encapsulated(checked):
                out.write(chunk)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _head(dataset: Dataset, syntax: Syntax) -> bytes:
    """Return the file up to Pixel Data, which is the last element of every object written here."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(TRANSFER_SYNTAX[syntax])
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    dataset.file_meta = meta
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _checked(frames: Iterable[Image], shape: tuple[int, int, int]) -> Iterator[Image]:
    """Pass frames on, making sure that there are as many, as large, as the header says."""
    count = 0
    for frame in frames:
        count += 1
        if frame.shape != shape[1:] or frame.dtype != np.uint16 or count > shape[0]:
            raise PhantomError(
                f"Frame {count} is {frame.dtype} {frame.shape}, but {shape[0]} frames of uint16 {shape[1:]} were "
                "announced; give the volume and the BreastSpec that it was made from."
            )
        yield frame
    if count != shape[0]:
        raise PhantomError(
            f"The volume has {count} frames, but the BreastSpec says {shape[0]}; give the one it came from."
        )


def _raw(frames: Iterable[Image], shape: tuple[int, int, int]) -> Iterator[bytes]:
    """Yield the Pixel Data element, explicit VR little endian, uncompressed."""
    length = 2 * shape[0] * shape[1] * shape[2]
    if length >= 0xFFFFFFFF:
        raise PhantomError("Uncompressed pixels of 4 GiB or more do not fit a DICOM element; write them as jpegls.")
    yield b"\xe0\x7f\x10\x00OW\x00\x00" + length.to_bytes(4, "little")
    for frame in frames:
        yield frame.astype("<u2").tobytes()


def _encapsulated(frames: Iterable[Image]) -> Iterator[bytes]:
    """Yield the Pixel Data element with one JPEG-LS fragment per frame and an empty offset table (PS3.5 A.4)."""
    item = b"\xfe\xff\x00\xe0"
    yield b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff" + item + b"\x00\x00\x00\x00"
    for frame in frames:
        code: Any = imagecodecs.jpegls_encode(np.ascontiguousarray(frame))
        padded = bytes(code) + b"\x00" * (len(code) % 2)
        yield item + len(padded).to_bytes(4, "little") + padded
    yield b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
