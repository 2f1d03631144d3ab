"""Decode one frame of a file. Runs in the decoder process: a codec that crashes takes nothing else with it.

All codecs come from imagecodecs, whose calls release the GIL: frames decode side by side in threads.
"""

from __future__ import annotations

import mmap
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from gmic_core.errors import DecodeError, ExamError, UnsupportedEncodingError
from gmic_core.exam.dictionary import Syntax, syntax_of
from gmic_core.exam.fragments import frame_bytes, index_frames
from gmic_core.exam.frame_request import FrameRequest
from gmic_core.exam.header import parse_bytes, read_header
from gmic_core.exam.model import PixelSource

Buffer = bytes | mmap.mmap
Frame = npt.NDArray[Any]

MAX_UNPACKED = 2 << 30
"""Bytes that a deflated data set, a compressed volume or a zip member may unpack to."""


class _Cache:
    """The last few unpacked files: volumes that must be unpacked whole, fragment tables."""

    def __init__(self, size: int) -> None:
        self._items: OrderedDict[object, Any] = OrderedDict()
        self._size = size
        self._lock = threading.Lock()

    def get(self, key: object, make: Callable[[], Any]) -> Any:
        with self._lock:  # one thread unpacks, the others wait for it instead of doing it again
            if key not in self._items:
                self._items[key] = make()
                while len(self._items) > self._size:
                    self._items.popitem(last=False)
            self._items.move_to_end(key)
            return self._items[key]


_volumes = _Cache(2)
_files = _Cache(8)
_tables = _Cache(64)


def _key(path: Path, *more: object) -> tuple[object, ...]:
    stat = path.stat()
    return (path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, *more)  # the last cannot be set back


def decode(request: FrameRequest) -> Frame:
    """Return the stored values of one slice, (rows, columns).

    Raises
    ------
    ExamError
        If the frame is missing, damaged, of another size than its header says, or in an unsupported encoding.
    """
    try:
        frame = _DECODERS[request.source.kind](request)
    except ExamError:
        raise
    except FileNotFoundError as error:
        raise DecodeError(f"The file {Path(str(error.filename)).name} is gone; open the exam again.") from error
    except MemoryError as error:
        raise DecodeError("The frame needs more memory than is allowed; the file is damaged or hostile.") from error
    except (ValueError, RuntimeError, OSError, IndexError, TypeError, zlib.error, zipfile.BadZipFile) as error:
        # what the codecs raise is theirs to choose; all of it means that these bytes are no picture
        raise DecodeError(f"Slice {request.slice_index + 1} is damaged ({error}); copy the file again.") from error
    return _checked(frame, request)


def _checked(frame: Frame, request: FrameRequest) -> Frame:
    if frame.ndim == 3 and frame.shape[-1] in (3, 4) and frame.shape[:2] == (request.rows, request.columns):
        raise UnsupportedEncodingError("The image is in colour; mammograms must be greyscale. Export it again.")
    if frame.shape != (request.rows, request.columns):
        raise DecodeError(
            f"Slice {request.slice_index + 1} is {'x'.join(map(str, frame.shape))} pixels, its header says "
            f"{request.rows}x{request.columns}; the file is damaged, copy or export it again."
        )
    return frame


# -- DICOM -------------------------------------------------------------------------------------------------------


def _buffer(source: PixelSource, path: Path) -> Buffer:
    if source.member is not None:
        return bytes(_files.get(_key(path, source.member), lambda: _zip_member(path, str(source.member))))
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _zip_member(path: Path, member: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(member).file_size > MAX_UNPACKED:
            raise DecodeError("The zip member is too large to unpack; unpack the archive and open the folder.")
        return archive.read(member)


def _decode_dicom(request: FrameRequest) -> Frame:
    return _decode_dicom_file(request, request.source.paths[0], request.stored_index, request.source.pixel_offset)


def _decode_dicom_series(request: FrameRequest) -> Frame:
    # the paths are in slice order already
    source, index = request.source, request.slice_index
    return _decode_dicom_file(
        request, source.paths[index], 0, source.pixel_offsets[index] if source.pixel_offsets else None
    )


def _decode_dicom_file(request: FrameRequest, path: Path, number: int, offset: int | None) -> Frame:
    syntax = syntax_of(request.source.transfer_syntax)
    if syntax.codec is None:
        raise UnsupportedEncodingError(f"The encoding {syntax.name} is not supported; export the image uncompressed.")
    data = _buffer(request.source, path)
    if syntax.codec == "deflated":
        data, offset = _inflated(path, data)
    elif offset is None:
        offset = _tables.get(_key(path, request.source.member, "offset"), lambda: _pixel_offset(path, data))
    if syntax.codec in ("native", "deflated"):
        return _native(request, data, offset, number, syntax)
    frames = request.frames if request.source.kind == "dicom" else 1
    table = _tables.get(_key(path, request.source.member, offset), lambda: index_frames(data, offset, frames))
    packed = frame_bytes(data, table, number)
    return _compressed(request, packed, syntax)


def _pixel_offset(path: Path, data: Buffer) -> int:
    header = parse_bytes(data) if isinstance(data, bytes) else read_header(path)
    if header.pixel_offset is None:
        raise DecodeError("The file has no pixel data; export it again.")
    return header.pixel_offset


def _inflated(path: Path, data: Buffer) -> tuple[bytes, int]:
    def inflate() -> tuple[bytes, int]:
        whole = bytes(data)
        header = parse_bytes(whole)
        if header.pixel_offset is None or header.deflated_at is None:
            raise DecodeError("The file has no pixel data; export it again.")
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        plain = stream.decompress(whole[header.deflated_at :], MAX_UNPACKED)
        return plain, header.pixel_offset

    plain, offset = _volumes.get(_key(path), inflate)
    return plain, offset


def _native(request: FrameRequest, data: Buffer, offset: int, number: int, syntax: Syntax) -> Frame:
    start = offset + number * request.nbytes
    if start + request.nbytes > len(data):
        raise DecodeError(f"Slice {request.slice_index + 1} is missing: the file is cut short, copy it again.")
    dtype = request.dtype.newbyteorder(">" if syntax.big_endian else "<")
    flat = np.frombuffer(data, dtype, request.rows * request.columns, start)
    return flat.reshape(request.rows, request.columns).astype(request.dtype)


def _compressed(request: FrameRequest, packed: bytes, syntax: Syntax) -> Frame:
    if syntax.codec == "rle":
        plain = imagecodecs.dicomrle_decode(packed, request.dtype.newbyteorder("<"))
        if len(plain) < request.nbytes:
            raise DecodeError(f"Slice {request.slice_index + 1} is cut short; copy the file again.")
        flat = np.frombuffer(plain, request.dtype.newbyteorder("<"), request.rows * request.columns)
        return flat.reshape(request.rows, request.columns).astype(request.dtype)
    decoders: dict[str, Callable[[bytes], Frame]] = {
        "jpeg": imagecodecs.jpeg8_decode,
        "jpegls": imagecodecs.jpegls_decode,
        "jpeg2000": imagecodecs.jpeg2k_decode,
        "htj2k": imagecodecs.htj2k_decode,
    }
    return _as_stored(np.asarray(decoders[str(syntax.codec)](packed)), request)


def _as_stored(frame: Frame, request: FrameRequest) -> Frame:
    """Return decoded values in the type that the header states; codecs know neither sign nor allocation."""
    if frame.dtype == request.dtype:
        return frame
    if request.pixel.signed and frame.dtype.kind == "u":
        # two's complement in bits_stored bits: shift the sign bit up and back down
        spare = 8 * request.dtype.itemsize - request.pixel.bits_stored
        wide = frame.astype(request.dtype.str.replace("i", "u"))
        return (wide << spare).view(request.dtype) >> spare
    limits = np.iinfo(request.dtype)
    if frame.size and (int(frame.min()) < limits.min or int(frame.max()) > limits.max):
        raise DecodeError(
            f"Slice {request.slice_index + 1} holds values that its header does not allow; export the file again."
        )
    return frame.astype(request.dtype)


# -- other files -------------------------------------------------------------------------------------------------


def _decode_png(request: FrameRequest) -> Frame:
    data = bytes(_buffer(request.source, request.source.paths[request.slice_index]))
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if (height, width) != (request.rows, request.columns):  # before the codec takes memory for what the file claims
        raise DecodeError(f"The PNG is {height}x{width} pixels, not {request.rows}x{request.columns}; open it again.")
    frame = np.asarray(imagecodecs.png_decode(data))
    return _as_stored(frame[..., 0] if frame.ndim == 3 and frame.shape[2] in (1, 2) else frame, request)


def _decode_nifti(request: FrameRequest) -> Frame:
    """Take slice k of a volume stored (W, H, D), the convention of the published 3D-GMIC data (see FACTS)."""
    path = request.source.paths[0]

    def load() -> Frame:
        import nibabel

        image = nibabel.load(path)
        if int(np.prod(image.shape)) * image.get_data_dtype().itemsize > MAX_UNPACKED:
            raise DecodeError("The volume is too large to unpack; store it uncompressed or as DICOM.")
        return np.asarray(image.dataobj)

    volume = _volumes.get(_key(path), load)
    plane = volume[:, :, request.stored_index] if volume.ndim > 2 else volume
    return _integers(plane.T, request)


def _decode_sitk(request: FrameRequest) -> Frame:
    path = request.source.paths[0]

    def load() -> Frame:
        import SimpleITK

        reader = SimpleITK.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        if int(np.prod(reader.GetSize())) * 8 > 4 * MAX_UNPACKED:
            raise DecodeError("The volume is too large to unpack; store it as DICOM.")
        return np.asarray(SimpleITK.GetArrayFromImage(reader.Execute()))

    volume = _volumes.get(_key(path), load)
    return _integers(volume[request.stored_index] if volume.ndim > 2 else volume, request)


def _integers(plane: Frame, request: FrameRequest) -> Frame:
    """Return whole numbers in the stated type; volumes saved as floats keep their values only if those are whole."""
    if plane.dtype.kind == "f":
        if not np.isfinite(plane).all():
            raise DecodeError("The volume holds values that are no numbers; store it with whole numbers.")
        plane = np.rint(plane).astype(np.int64)
    return _as_stored(np.ascontiguousarray(plane), request) if plane.dtype.kind in "iub" else plane


_DECODERS: dict[str, Callable[[FrameRequest], Frame]] = {
    "dicom": _decode_dicom,
    "dicom-series": _decode_dicom_series,
    "png": _decode_png,
    "nifti": _decode_nifti,
    "sitk": _decode_sitk,
}
