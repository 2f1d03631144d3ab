"""What an exam is: headers only; frames are read on demand by :mod:`gmic_core.exam.frames`.

All classes are frozen, picklable (they travel to the decoder and worker processes) and free of pixel data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gmic_core.exam.geometry import PlanePosition
from gmic_core.types import Laterality, Modality

VoiFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True)
class VoiWindow:
    """One window of PS3.3 C.11.2: centre and width in modality units, its function and explanation."""

    center: float
    width: float
    function: VoiFunction = "LINEAR"
    explanation: str = ""


@dataclass(frozen=True)
class VoiTable:
    """One item of a VOI LUT Sequence (PS3.3 C.11.2.1.1): ``entries[i]`` is the output for input ``first + i``."""

    first: int
    bits: int  # bits per entry: outputs run from 0 to 2**bits - 1
    entries: tuple[int, ...]
    explanation: str = ""


Voi = VoiWindow | VoiTable
"""What turns modality values into grey levels."""


@dataclass(frozen=True)
class PixelFormat:
    """How stored values are to be understood, PS3.3 C.7.6.3 (no pixel data here).

    Attributes
    ----------
    padding : inclusive range of Pixel Padding Value .. Range Limit in stored values, or None.
    """

    bits_allocated: int = 16
    bits_stored: int = 16
    signed: bool = False
    photometric: str = "MONOCHROME2"  # MONOCHROME1 | MONOCHROME2
    slope: float = 1.0
    intercept: float = 0.0
    padding: tuple[int, int] | None = None
    presentation_lut_shape: str = "IDENTITY"  # IDENTITY | INVERSE
    modality_table: VoiTable | None = None  # Modality LUT Sequence, in place of slope and intercept

    @property
    def inverted(self) -> bool:
        """Whether low stored values are to be shown bright (MONOCHROME1)."""
        return self.photometric == "MONOCHROME1"

    @property
    def low_is_bright(self) -> bool:
        """Whether low modality values are to be shown bright.

        MONOCHROME1 goes with shape INVERSE (PS3.3 C.8.11.7.1.2); a file that states only one of them means the same.
        """
        return self.inverted or self.presentation_lut_shape == "INVERSE"


@dataclass(frozen=True)
class PixelSource:
    """Where the frames are; only :mod:`gmic_core.exam.frames` looks inside.

    Attributes
    ----------
    kind : ``dicom`` (one file, one or more frames), ``dicom-series`` (one single-frame file per slice),
        ``png``, ``nifti``, ``sitk`` (NRRD, MetaImage).
    paths : the file, or the series' files in slice order.
    transfer_syntax : DICOM transfer syntax UID, or "" for other files.
    pixel_offset : byte offset of the Pixel Data element's value in the file when it is known, else None.
    pixel_offsets : the same for each file of a series, in slice order; () when they are not known.
    frame_order : stored frame index of each slice, when slices are not stored in position order; else None.
    member : name of the member inside ``paths[0]`` when that is a zip archive that had to be left packed; else None.
    element : type of the stored values of NIfTI, NRRD and MetaImage files, as a numpy dtype string such as ``<u2``;
        "" for others.
    """

    kind: Literal["dicom", "dicom-series", "png", "nifti", "sitk"]
    paths: tuple[Path, ...]
    transfer_syntax: str = ""
    pixel_offset: int | None = None
    frame_order: tuple[int, ...] | None = None
    member: str | None = None
    pixel_offsets: tuple[int, ...] = ()
    element: str = ""


@dataclass(frozen=True)
class MammoImage:
    """One breast image: a mammogram, a synthetic 2D image, or a tomosynthesis volume.

    Attributes
    ----------
    sop_uid : SOP Instance UID (series UID for a DBT stored as one file per slice). Files without one get a
        ``2.25.`` UID made from their content, so that results are never matched to other pixels.
    patient_orientation : the two values of Patient Orientation (0020,0020), e.g. ("A", "R"), or None.
    spacing_mm : (row, column) distance in mm after the magnification rules of FEATURES A, or None.
    frame_windows : the window or table of each slice when they differ, else empty.
    frame_choices : what each slice offers besides, in the order in which the slices state it: one tuple of windows
        per further choice, each with one window per slice; empty unless all slices state as many.
    spacing_meaning : where the spacing comes from: ``detector``, ``corrected``, ``calibrated`` or "".
    plane : position of slice 0 and directions in LPS mm, when the file states them.
    questions : what the reader has to answer before AI may run (side or view missing or contradicting).
    simulated : computed, not taken of a patient; everything that shows it says so.
    inputs : the files as the user gave them where ``source.paths`` are unpacked copies, e.g. ``exam.zip/a.dcm``.
    """

    sop_uid: str
    modality: Modality
    laterality: Laterality | None
    view: str | None
    frames: int
    rows: int
    columns: int
    source: PixelSource
    pixel: PixelFormat
    patient_orientation: tuple[str, str] | None = None
    spacing_mm: tuple[float, float] | None = None
    spacing_meaning: str = ""
    slice_spacing_mm: float | None = None
    plane: PlanePosition | None = None
    windows: tuple[VoiWindow, ...] = ()
    frame_windows: tuple[Voi, ...] = ()
    frame_choices: tuple[tuple[Voi, ...], ...] = ()
    voi_tables: tuple[VoiTable, ...] = ()
    series_uid: str = ""
    manufacturer: str = ""
    device: str = ""
    acquisition_time: str = ""
    kvp: float | None = None
    compression_mm: float | None = None
    compression_n: float | None = None
    for_processing: bool = False
    view_modifiers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    orientation_confirmed: bool = False  # the reader looked: the pixels' chest wall is not asked about again
    inputs: tuple[Path, ...] = ()
    simulated: bool = False

    @property
    def label(self) -> str:
        """Side and view as radiologists write them, e.g. ``R-MLO``; ``?`` stands for what is unknown."""
        return f"{self.laterality or '?'}-{self.view or '?'}"

    @property
    def files(self) -> tuple[Path, ...]:
        """Input files that this image was made from, as the user knows them."""
        return self.inputs or self.source.paths


@dataclass(frozen=True)
class Exam:
    """One study of one patient."""

    patient_id: str
    patient_name: str
    study_uid: str
    date: str  # YYYYMMDD or ""
    images: tuple[MammoImage, ...]
    birth_date: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether any of its images was computed."""
        return any(image.simulated for image in self.images)


@dataclass(frozen=True)
class Rejection:
    """An input file that is no image here, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class ScanResult:
    """Everything a scan found; every input file is in exactly one image's ``files`` or one rejection."""

    exams: tuple[Exam, ...] = ()
    rejected: tuple[Rejection, ...] = field(default=())
