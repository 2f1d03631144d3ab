"""What the headers of PNG, NIfTI, NRRD and MetaImage files have in common; pixels are never decoded here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gmic_core.errors import ExamError
from gmic_core.exam.geometry import PlanePosition
from gmic_core.exam.pixeldata import MAX_FRAME_BYTES, MAX_FRAMES


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
