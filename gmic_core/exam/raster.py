"""Images that are no DICOM files: 16-bit PNG, NIfTI, NRRD, MetaImage. Their names say side and view.

Files whose names share a prefix in one folder are one exam (``0_L-CC.png`` ... ``0_R-MLO.png``); 2D images count as
FFDM and volumes as DBT unless the name states a modality.
"""

from __future__ import annotations

from pathlib import Path

from gmic_core.errors import ExamError
from gmic_core.exam.candidate import Candidate, Owner, uid_of
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.exam.names import HOW_TO_NAME, LABEL_MAP, ImageName, masked_image, parse_name
from gmic_core.exam.nifti_header import nifti_header
from gmic_core.exam.png_header import PNG_SIGNATURE, png_header
from gmic_core.exam.raster_header import RasterHeader
from gmic_core.exam.spacing import MAX_SLICE_MM, plausible
from gmic_core.exam.text_header import text_header
from gmic_core.types import Modality

_READERS = {
    ".png": png_header,
    ".nii": nifti_header,
    ".nii.gz": nifti_header,
    ".nrrd": text_header,
    ".nhdr": text_header,
    ".mha": text_header,
    ".mhd": text_header,
}


VOLUME_WITHOUT_NAME = "; if it is a label map, name it after its image, like 0_L-CC_seg.nii.gz"
"""Said of volumes only: a mask in a PNG is recognised by its name, and pictures that are neither are common."""


def raster_suffix(path: Path, start: bytes) -> str | None:
    """Return the kind of raster file, as a key such as ``.nii.gz``; None for anything else.

    Parameters
    ----------
    start : the file's first bytes; a PNG is recognised by them whatever its name.
    """
    if start.startswith(PNG_SIGNATURE):
        return ".png"
    name = path.name.lower()
    return next((suffix for suffix in _READERS if suffix != ".png" and name.endswith(suffix)), None)


def read_raster(path: Path, suffix: str, known_as: Path | None = None) -> Candidate:
    """Read the header of a raster file and return the image that it and its name describe.

    Parameters
    ----------
    suffix : from :func:`raster_suffix`.
    known_as : the path as the user knows it, where ``path`` is an unpacked copy; its name counts.

    Raises
    ------
    ExamError
        If the file is no breast image; the message is the reason.
    OSError
        If the file cannot be read.
    """
    given = known_as or path
    stem = given.name[: -len(suffix)] if given.name.lower().endswith(suffix) else given.stem
    name = parse_name(stem)
    if name is None:
        masked = masked_image(stem)
        if masked is not None:
            raise ExamError(f"{LABEL_MAP} of {masked}, not an image")
        volume = "" if suffix == ".png" else VOLUME_WITHOUT_NAME
        raise ExamError(f"the name gives no side and view; {HOW_TO_NAME}{volume}")
    header = _READERS[suffix](path)
    patient = name.prefix or given.parent.name
    owner = Owner(patient_id=patient, place=f"{given.parent}|{name.prefix}")
    return Candidate(_image(header, name), owner)


def _image(header: RasterHeader, name: ImageName) -> MammoImage:
    warnings = []
    spacing = header.spacing_mm
    if spacing is not None and not plausible(spacing, header.rows, header.columns):
        warnings.append(f"pixel spacing {spacing[0]:g} x {spacing[1]:g} mm is not plausible and was ignored")
        spacing = None
    slices = header.slice_spacing_mm
    return MammoImage(
        sop_uid=uid_of("raster", name.prefix, name.laterality, name.view, name.modality, header.digest),
        modality=name.modality or (Modality.DBT if header.slices > 1 else Modality.FFDM),
        laterality=name.laterality,
        view=name.view,
        frames=header.slices,
        rows=header.rows,
        columns=header.columns,
        source=_source(header),
        pixel=_pixel(header),
        spacing_mm=spacing,
        spacing_meaning="calibrated" if spacing else "",
        slice_spacing_mm=slices if spacing and slices and slices <= MAX_SLICE_MM else None,
        plane=header.plane if spacing else None,
        warnings=tuple(warnings),
    )


def _source(header: RasterHeader) -> PixelSource:
    """Return where the pixels are; an offset only where they can be used as they lie in the file."""
    offset = None if header.scaled else header.offset
    return PixelSource(header.kind, header.files, "", offset, element=header.element)


def _pixel(header: RasterHeader) -> PixelFormat:
    """Return how the decoded values are coded: 8 or 16-bit integers, whatever wider type the file stores them in."""
    kind, width = header.element[1], int(header.element[2:])
    bits = 8 if width == 1 and not header.scaled else 16
    signed = kind == "i" and width <= 2 and not header.scaled
    # signed volumes hold their zeros, i.e. their air, in the middle of the range
    return PixelFormat(bits, bits, signed, padding=(-(1 << (bits - 1)), 0) if signed else None)
