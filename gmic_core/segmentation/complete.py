"""Whether NIfTI and GIPL files hold all voxels that they claim: SimpleITK fills up what is missing and says nothing.

A mask that was cut off while it was copied would lose lesions, or gain some where memory was not empty.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gmic_core.errors import SegmentationError

_GIPL_HEADER = 256
_BLOCK = 1 << 22
_CUT = "it is cut off; copy it again"


def check_complete(path: Path, suffix: str, voxel_bytes: int) -> None:
    """Refuse a NIfTI or GIPL file that ends before its voxels do.

    Parameters
    ----------
    voxel_bytes : what the voxels take, as SimpleITK understands the header; NIfTI says it itself, before scaling.

    Raises
    ------
    SegmentationError
        If bytes are missing, or the packed stream is damaged.
    OSError
        If the file cannot be read.
    """
    kind = suffix.removesuffix(".gz")
    if kind not in (".nii", ".gipl"):
        return
    packed = suffix.endswith(".gz")
    with gzip.open(path, "rb") if packed else path.open("rb") as file:
        try:
            wanted = _nifti_bytes(file.read(540)) if kind == ".nii" else _GIPL_HEADER + voxel_bytes
            if packed:
                _unpack(file, wanted)  # type: ignore[arg-type]  # GzipFile reads bytes like any binary file
            elif path.stat().st_size < wanted:
                raise SegmentationError(_CUT)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SegmentationError("its packed data is damaged or cut off; copy it again") from error


def _nifti_bytes(start: bytes) -> int:
    """Return how long a file must be, from its header."""
    order = "<" if start[:4] in (struct.pack("<i", 348), struct.pack("<i", 540)) else ">"
    size = struct.unpack_from(order + "i", start)[0] if len(start) >= 348 else 0
    if size == 348:
        dim, bits = struct.unpack_from(order + "8h", start, 40), int(struct.unpack_from(order + "h", start, 72)[0])
        offset = struct.unpack_from(order + "f", start, 108)[0]
        single = start[344:347] == b"n+1"
    elif size == 540 and len(start) >= 540:
        dim, bits = struct.unpack_from(order + "8q", start, 16), int(struct.unpack_from(order + "h", start, 14)[0])
        offset = struct.unpack_from(order + "q", start, 168)[0]
        single = start[4:7] == b"n+2"
    else:
        raise SegmentationError("it is no NIfTI file, in spite of its name; save it again")
    if not single:
        raise SegmentationError("its voxels are in a second file; save it as one .nii file")
    if not 1 <= dim[0] <= 7 or not math.isfinite(offset) or offset < 0 or bits < 1:
        raise SegmentationError("its header is damaged; save it again")
    voxels: int = math.prod(max(int(edge), 1) for edge in dim[1 : dim[0] + 1])
    return int(offset) + voxels * bits // 8


def _unpack(file: BinaryIO, wanted: int) -> None:
    file.seek(0)
    held = 0
    while held < wanted:
        block = file.read(min(_BLOCK, wanted - held))
        if not block:
            raise SegmentationError(_CUT)
        held += len(block)


def gaps(path: Path) -> tuple[int, int]:
    """Return how many voxels of a NIfTI file have no value (NaN), and how many are infinite.

    SimpleITK's reader puts 0 in place of both.
    """
    import nibabel

    image = nibabel.load(path, keep_file_open=True)
    missing = infinite = 0
    if image.get_data_dtype().kind == "f":
        planes = image.shape[2] if len(image.shape) > 2 else 1
        for k in range(planes):
            plane = np.asarray(image.dataobj[:, :, k] if len(image.shape) > 2 else image.dataobj)
            missing += int(np.isnan(plane).sum())
            infinite += int(np.isinf(plane).sum())
    return missing, infinite
