"""The full save of a segmentation in the user's data folder: NIfTI, slice by slice, there whole or not at all.

Slices are packed one after the other: no dense copy of the volume is made, and packing lets the interpreter go, so that
the window is not held up. What is read back is what this module wrote, byte for byte in its header, or it is refused.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from pathlib import Path

import numpy as np

from gmic_core.errors import SegmentationError
from gmic_core.exam.geometry import nifti_affine
from gmic_core.segmentation.geometry import VolumeGeometry
from viewer.model.annotation.label_map import NARROW, WIDE, LabelMap

HEADER_BYTES = 352


def _header(geometry: VolumeGeometry, dtype: np.dtype[np.unsignedinteger]) -> bytes:
    import nibabel  # a quarter of a second, which only who annotates waits for

    slices, rows, columns = geometry.shape
    header = nibabel.Nifti1Header()
    header.set_data_dtype(dtype)
    header.set_data_shape((columns, rows, slices))
    affine = nifti_affine(geometry.solid())
    header.set_qform(affine, 1)
    header.set_sform(affine, 1)
    header.set_slope_inter(1.0, 0.0)
    header["vox_offset"] = HEADER_BYTES
    header["magic"] = b"n+1"
    return bytes(header.binaryblock) + bytes(HEADER_BYTES - 348)


def write_map(path: Path, labels: LabelMap, geometry: VolumeGeometry) -> None:
    """Write a label map.

    Raises
    ------
    OSError
        If it cannot be written; a file that was there before stays.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=".nii.gz")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw:
            with gzip.GzipFile("", "wb", 1, raw, mtime=0) as file:
                file.write(_header(geometry, labels.dtype))
                empty = bytes(geometry.shape[1] * geometry.shape[2] * labels.dtype.itemsize)
                for index in range(geometry.shape[0]):
                    plane = labels.plane(index)
                    file.write(empty if plane is None else np.ascontiguousarray(plane).data)
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def read_map(path: Path, geometry: VolumeGeometry) -> LabelMap:
    """Read a label map that :func:`write_map` wrote for this geometry.

    Raises
    ------
    SegmentationError
        If it is not that, or damaged.
    """
    found = LabelMap(geometry.shape)
    try:
        with gzip.open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
            dtype = next((kind for kind in (NARROW, WIDE) if header == _header(geometry, kind)), None)
            if dtype is None:
                raise SegmentationError("The kept segmentation is of another image; it is not used.")
            size = geometry.shape[1] * geometry.shape[2] * dtype.itemsize
            for index in range(geometry.shape[0]):
                data = _exactly(file, size)
                if data.strip(b"\0"):
                    plane = np.frombuffer(data, dtype).reshape(geometry.shape[1:])
                    found.write(found.replaced(index, (0, 0), plane))
    except (OSError, EOFError, zlib.error) as error:
        raise SegmentationError("The kept segmentation is damaged; it is not used.") from error
    return found


def _exactly(file: gzip.GzipFile, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


def sync_folder(folder: Path) -> None:
    """Let a new or renamed file survive a power failure; Windows keeps folders by itself."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
