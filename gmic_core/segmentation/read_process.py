"""The process that reads segmentations and saliency files: SimpleITK meets untrusted files here, not in the window.

A request is answered by :class:`Header` and then the voxels of every slice as bytes (none for a slice without a label),
or by :class:`Refused`. The process ends when its pipe closes, so it cannot outlive its parent.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gmic_core.errors import SegmentationError
from gmic_core.exam.decoder import limit_memory
from gmic_core.segmentation.complete import check_complete, gaps
from gmic_core.segmentation.detached import check_data_file
from gmic_core.segmentation.voxels import LabelRange, as_labels, label_range

Kind = Literal["labels", "map"]

READERS = {
    ".nii.gz": "NiftiImageIO", ".nii": "NiftiImageIO", ".nrrd": "NrrdImageIO", ".nhdr": "NrrdImageIO",
    ".mha": "MetaImageIO", ".mhd": "MetaImageIO", ".gipl.gz": "GiplImageIO", ".gipl": "GiplImageIO",
    ".png": "PNGImageIO",
}  # fmt: skip
"""The reader of each ending: what a file is called decides, so that no other reader can be chosen by its content."""

MAX_VOXELS = 1 << 30
"""A volume of 120 slices of 3328x2560 pixels."""
MAX_BYTES = 4 << 30
MAX_RATIO = 1100
"""No deflate stream unpacks to more than 1032 times its size: a header that claims more lies."""


@dataclass(frozen=True)
class Request:
    """A file to read; ``kind`` says whether its values are labels or saliency."""

    path: str
    kind: Kind


@dataclass(frozen=True)
class Header:
    """What comes: ``shape`` (slices, rows, columns) of ``dtype``, place in space, and what the user should know."""

    shape: tuple[int, int, int]
    dtype: str
    to_lps: tuple[float, ...] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """Why a file cannot be used."""

    reason: str


ALIVE = b"+"
"""A sign of life while nothing else is sent."""


def suffix_of(path: Path) -> str | None:
    """Return the ending of a file as in :data:`READERS`, or None."""
    name = path.name.lower()
    return next((suffix for suffix in READERS if name.endswith(suffix)), None)


def main(pipe: Connection) -> None:
    """Answer requests until the pipe closes; entry point of the process."""
    limit_memory()
    _silence()
    while True:
        try:
            _answer(pipe, pipe.recv())
        except (EOFError, OSError):
            return


def _silence() -> None:
    """Send what ITK's readers print about damaged files nowhere: the reason is told through the pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _answer(pipe: Connection, request: Request) -> None:
    path = Path(request.path)
    try:
        read = _read(path, lambda: pipe.send(ALIVE))
        header, planes = _prepared(read, request.kind, lambda _: pipe.send(ALIVE))
    except SegmentationError as error:
        pipe.send(Refused(str(error)))
    except MemoryError:
        pipe.send(Refused("there is not enough memory for it; save it as 8-bit integers, or close other images"))
    except RuntimeError as error:  # what SimpleITK raises, whatever happened
        pipe.send(Refused(_reason(error, path)))
    except OSError as error:
        pipe.send(Refused(f"the file cannot be opened ({error.strerror})"))
    else:
        pipe.send(header)
        for plane in planes:
            pipe.send_bytes(plane)


@dataclass(frozen=True)
class _Read:
    """Voxels (slices, rows, columns), ``to_lps`` (None where the format has no place), and what the voxels lie in."""

    voxels: npt.NDArray[Any]
    to_lps: tuple[float, ...] | None
    image: Any  # SimpleITK frees the memory behind a view together with its image
    missing: int = 0


def _read(path: Path, alive: Callable[[], object]) -> _Read:
    import SimpleITK as sitk

    suffix = suffix_of(path)
    if suffix is None:
        raise SegmentationError(f"its ending is none of {', '.join(READERS)}")
    check_data_file(path, suffix)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO(READERS[suffix])
    reader.ReadImageInformation()
    colours = _check_header(reader, path, suffix)
    alive()
    image = reader.Execute()
    alive()
    missing = _missing(path, suffix)
    array = sitk.GetArrayViewFromImage(image)
    if colours:
        array = _grey(array)
    shape = array.shape[-3:] if array.ndim > 2 else (1, *array.shape)
    place = None if suffix == ".png" else _to_lps(image)
    return _Read(array.reshape(shape), place, image, missing)


def _missing(path: Path, suffix: str) -> int:
    """Return how many voxels of a NIfTI file have no value; other readers keep NaN, so that it is seen later."""
    if READERS[suffix] != "NiftiImageIO":
        return 0
    missing, infinite = gaps(path)
    if infinite:
        raise SegmentationError("it holds infinite values; save it again")
    return missing


def _check_header(reader: Any, path: Path, suffix: str) -> bool:
    """Check size and kind before anything is allocated; return whether it is a picture with colour channels."""
    sizes, channels = reader.GetSize(), reader.GetNumberOfComponents()
    if any(edge > 1 for edge in sizes[3:]):
        raise SegmentationError(
            f"it has four axes ({' x '.join(map(str, sizes))}); save one time point as a volume of its own"
        )
    voxels = 1
    for edge in sizes:
        voxels *= int(edge)
    width = _width(_type_name(reader))
    if voxels < 1 or voxels > MAX_VOXELS or voxels * width * channels > MAX_BYTES:
        raise SegmentationError(
            f"it claims {' x '.join(map(str, sizes))} voxels, more than any breast image has; refused"
        )
    held = MAX_RATIO * path.stat().st_size * (8 if suffix == ".png" else 1)  # a PNG may keep eight pixels in a byte
    if suffix not in (".nrrd", ".nhdr", ".mhd") and voxels * channels > held:
        raise SegmentationError("it claims more voxels than a file of its size can hold; it is damaged, copy it again")
    check_complete(path, suffix, voxels * _width(_type_name(reader)))
    if "complex" in _type_name(reader):
        raise SegmentationError("it holds complex numbers, which are no labels and no saliency")
    if channels > 1 and suffix != ".png":
        raise SegmentationError(
            f"it has {channels} values per voxel (colours or vectors); save a label map with one whole number each"
        )
    return bool(channels > 1)


def _width(type_name: str) -> int:
    """Return the bytes of one value of a type such as ``16-bit unsigned integer``."""
    bits = re.search(r"(\d+)-bit", type_name)
    return int(bits[1]) // 8 if bits is not None else 8


def _type_name(reader: Any) -> str:
    import SimpleITK as sitk

    return str(sitk.GetPixelIDValueAsString(reader.GetPixelID()))


def _grey(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the one channel of a grey picture that was saved in colour, (rows, columns)."""
    full = np.iinfo(array.dtype).max if array.dtype.kind == "u" else 0
    count = array.shape[-1]
    colours = array[..., :3] if count >= 3 else array[..., :1]
    if count in (2, 4) and (array[..., -1] != full).any():
        raise SegmentationError("it is transparent in places; save the mask as a grey picture without transparency")
    if (colours != colours[..., :1]).any():
        raise SegmentationError("it is a colour picture, and no colour says which label it means; save a grey mask")
    return colours[..., 0]


def _to_lps(image: Any) -> tuple[float, ...]:
    """Return float (16,), row by row the (4, 4) from (slice, row, column, 1) to LPS mm."""
    axes = image.GetDimension()
    direction = np.asarray(image.GetDirection(), np.float64).reshape(axes, axes)
    matrix = np.eye(4)[:, [2, 1, 0, 3]]
    for axis in range(min(axes, 3)):  # x runs along columns, y along rows, z along slices
        column = direction[:3, axis] * image.GetSpacing()[axis]
        matrix[:3, 2 - axis] = 0.0
        matrix[: len(column), 2 - axis] = column
    origin = image.GetOrigin()[:3]
    matrix[: len(origin), 3] = origin
    return tuple(float(value) for value in matrix.ravel())


def _prepared(read: _Read, kind: Kind, alive: Callable[[int], object]) -> tuple[Header, Iterator[bytes | memoryview]]:
    volume, to_lps = read.voxels, read.to_lps
    shape = (volume.shape[0], volume.shape[1], volume.shape[2])
    if kind == "map":
        if read.missing:
            raise SegmentationError("it holds values that are no numbers (NaN); make the saliency again")
        return Header(shape, "<f4", to_lps), (_bytes(np.ascontiguousarray(plane, "<f4")) for plane in volume)
    found = label_range(volume, alive)
    found = LabelRange(found.largest, found.missing + read.missing)
    planes = (as_labels(plane, found.dtype) for plane in volume)
    sent = (_bytes(plane) if plane.any() else b"" for plane in planes)
    return Header(shape, found.dtype.newbyteorder("<").str, to_lps, found.notes), sent


def _bytes(plane: npt.NDArray[Any]) -> memoryview:
    return plane.data.cast("B")


def _reason(error: RuntimeError, path: Path) -> str:
    """Return SimpleITK's last words without the path, which may name a patient."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else "no reason given"
    for text in (str(path), str(path.parent), path.name):
        last = last.replace(text, "the file")
    last = re.sub(r"\S*0x[0-9a-f]+\S*:?\s*", "", last)
    last = re.sub(r"(?:/[^\s/]+){2,}", "the file", last)
    return f"it is damaged, cut off, or not what its name says ({last[:160].rstrip('. ')}); save it again"
