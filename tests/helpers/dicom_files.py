"""Builders of DICOM test files: MG, S2D, tomosynthesis in every shape it comes in, and things that are no mammogram.

Every patient is SIMULATED. Pixels are written exactly as given (stored order); for a breast in one of the eight
stored orientations turn it first and state the matching Patient Orientation::

    facing = breast(256, 192, seed=1)                        # chest wall on the left edge
    stored = Orientation(transpose=True, flip_cols=True)
    write_mg(path, stored.apply(facing), laterality="R", view="CC",
             patient_orientation=patient_orientation("R", "CC", stored))

Any tag can be changed with ``overrides={"Keyword": value}``; ``None`` removes it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import UID

from tests.helpers.breasts import breast, breast_volume, hanging, patient_orientation

__all__ = [
    "CODECS",
    "SYNTAXES",
    "breast",
    "breast_volume",
    "code",
    "encode_frame",
    "hanging",
    "make_uid",
    "patient_orientation",
    "write_ct",
    "write_dbt",
    "write_dbt_series",
    "write_dicomdir",
    "write_exam",
    "write_hologic_sc",
    "write_mg",
    "write_sc",
    "write_sr",
]

Pixels = npt.NDArray[Any]

MG_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
MG_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MULTIFRAME_WORD_SC = "1.2.840.10008.5.1.4.1.1.7.3"

SYNTAXES: dict[str, str] = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "bigendian": "1.2.840.10008.1.2.2",
    "jpeg-baseline": "1.2.840.10008.1.2.4.50",
    "jpeg-extended": "1.2.840.10008.1.2.4.51",
    "jpeg-lossless": "1.2.840.10008.1.2.4.57",
    "jpeg-lossless-sv1": "1.2.840.10008.1.2.4.70",
    "jpegls": "1.2.840.10008.1.2.4.80",
    "jpegls-near": "1.2.840.10008.1.2.4.81",
    "jpeg2000": "1.2.840.10008.1.2.4.90",
    "jpeg2000-lossy": "1.2.840.10008.1.2.4.91",
    "htj2k": "1.2.840.10008.1.2.4.201",
    "htj2k-rpcl": "1.2.840.10008.1.2.4.202",
    "htj2k-lossy": "1.2.840.10008.1.2.4.203",
    "rle": "1.2.840.10008.1.2.5",
}
"""Short names of the transfer syntaxes that can be written."""

CODECS = tuple(name for name in SYNTAXES if name not in {"implicit", "explicit", "deflated", "bigendian"})
"""Those that encapsulate compressed frames; ``jpeg-baseline`` takes 8-bit pixels only."""

_VIEW_CODES = {  # CID 4014, SNOMED CT
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
    "ML": ("399260004", "medio-lateral"),
    "LM": ("399352003", "latero-medial"),
    "XCCL": ("399192008", "cranio-caudal exaggerated laterally"),
}


def make_uid(*parts: object) -> str:
    """Return a UID that depends on ``parts`` only, so that files of one exam agree without a shared state."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:16]
    return f"2.25.{int.from_bytes(digest, 'big')}"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return one item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


# --- frames ----------------------------------------------------------------------------------------------------


def _rle_frame(frame: Pixels) -> bytes:
    from rle.rle import encode_frame as rle_encode

    bits = frame.dtype.itemsize * 8
    little = np.ascontiguousarray(frame.astype(frame.dtype.newbyteorder("<")))
    return bytes(rle_encode(little.tobytes(), frame.shape[0], frame.shape[1], 1, bits, "<"))


def encode_frame(frame: Pixels, syntax: str, bits: int = 12) -> bytes:
    """Return one (rows, columns) frame as a compressed stream of ``syntax`` (a name of :data:`CODECS`)."""
    frame = np.ascontiguousarray(frame)
    if syntax == "rle":
        return _rle_frame(frame)
    if syntax == "jpeg-baseline":
        return bytes(imagecodecs.jpeg8_encode(frame, level=95))
    if syntax == "jpeg-extended":
        return bytes(imagecodecs.jpeg8_encode(frame, level=95, bitspersample=12))
    if syntax in {"jpeg-lossless", "jpeg-lossless-sv1"}:
        predictor = 1 if syntax.endswith("sv1") else 6
        return bytes(imagecodecs.jpeg8_encode(frame, lossless=True, predictor=predictor, bitspersample=bits))
    if syntax in {"jpegls", "jpegls-near"}:
        return bytes(imagecodecs.jpegls_encode(frame, level=2 if syntax == "jpegls-near" else None))
    if syntax == "jpeg2000":
        return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True, level=0))
    if syntax == "jpeg2000-lossy":
        return bytes(imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=False, level=95))
    if syntax in {"htj2k", "htj2k-rpcl"}:
        return bytes(imagecodecs.htj2k_encode(frame, reversible=True))
    if syntax == "htj2k-lossy":
        return bytes(imagecodecs.htj2k_encode(frame, reversible=False, level=0.0005))
    raise ValueError(f"{syntax!r} is no compressed syntax")


def _set_pixel_data(ds: Dataset, frames: Pixels, syntax: str, bits: int, fragments: int, offset_table: str) -> None:
    """Put (n, rows, columns) into Pixel Data; ``offset_table``: ``basic``, ``empty`` or ``extended``."""
    if syntax not in CODECS:
        order = ">" if syntax == "bigendian" else "<"
        value = np.ascontiguousarray(frames.astype(frames.dtype.newbyteorder(order))).tobytes()
        ds.PixelData = value + b"\0" * (len(value) % 2)
        ds["PixelData"].VR = "OB" if frames.dtype.itemsize == 1 else "OW"
        return
    streams = [encode_frame(frame, syntax, bits) for frame in frames]
    if offset_table == "extended":
        ds.PixelData, offsets, lengths = encapsulate_extended(streams)
        ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = offsets, lengths
    else:
        ds.PixelData = encapsulate(streams, fragments_per_frame=fragments, has_bot=offset_table == "basic")
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True


def _pixel_module(ds: Dataset, frames: Pixels, bits: int, photometric: str) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = photometric
    ds.Rows, ds.Columns = frames.shape[1:]
    ds.BitsAllocated = frames.dtype.itemsize * 8
    ds.BitsStored = min(bits, ds.BitsAllocated)
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(frames.dtype.kind == "i")


# --- data sets -------------------------------------------------------------------------------------------------


def _common(sop_class: str, *, patient: str, study: str, series: str, sop_uid: str, date: str) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, sop_uid
    ds.StudyDate = ds.ContentDate = date
    ds.StudyTime = ds.ContentTime = ds.AcquisitionTime = "101500"
    ds.AccessionNumber = ""
    ds.Manufacturer = "SIMULATED"
    ds.ManufacturerModelName = "GMIC test builder"
    ds.PatientName, ds.PatientID = "SIMULATED^BREAST", patient
    ds.PatientBirthDate, ds.PatientSex = "", "F"
    ds.StudyInstanceUID = make_uid("study", study)
    ds.SeriesInstanceUID = make_uid("series", study, series)
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "1", "1", "1"
    ds.BodyPartExamined = "BREAST"
    return ds


def _view(ds: Dataset, view: str | None, modifiers: Sequence[Dataset] = ()) -> None:
    if view is None:
        return
    ds.ViewPosition = view
    if view in _VIEW_CODES:
        value, meaning = _VIEW_CODES[view]
        item = code(value, "SCT", meaning)
        item.ViewModifierCodeSequence = list(modifiers)
        ds.ViewCodeSequence = [item]


def _window(ds: Dataset, window: tuple[float, float] | Sequence[tuple[float, float]] | None, function: str) -> None:
    if window is None:
        return
    pairs = [window] if isinstance(window[0], int | float) else list(window)  # type: ignore[list-item]
    ds.WindowCenter = [pair[0] for pair in pairs]  # type: ignore[index]
    ds.WindowWidth = [pair[1] for pair in pairs]  # type: ignore[index]
    ds.VOILUTFunction = function


def _override(ds: Dataset, overrides: Mapping[str, Any] | None) -> None:
    for keyword, value in (overrides or {}).items():
        if value is None:
            if keyword in ds:
                delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)


def save(path: Path, ds: Dataset, syntax: str = "explicit", overrides: Mapping[str, Any] | None = None) -> Path:
    """Write ``ds`` as a DICOM file with the transfer syntax ``syntax`` and return the path."""
    _override(ds, overrides)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", make_uid("none"))
    meta.TransferSyntaxUID = UID(SYNTAXES[syntax])
    ds.file_meta = meta
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path


def _directions(
    orientation: tuple[str, str] | None, laterality: str | None, view: str | None
) -> tuple[str, str] | None:
    if orientation is not None or laterality is None:
        return orientation
    columns, rows = patient_orientation(laterality, view or "MLO", breast_side(laterality))
    return columns, rows


def breast_side(laterality: str) -> Any:
    """Return the usual stored orientation of a right-facing breast: L as is, R mirrored."""
    from gmic_core.exam.geometry import Orientation

    return Orientation(flip_cols=laterality == "R")


# --- builders --------------------------------------------------------------------------------------------------


def write_mg(
    path: Path,
    pixels: Pixels,
    laterality: str | None = "R",
    view: str | None = "CC",
    *,
    patient_orientation: tuple[str, str] | None = None,
    syntax: str = "explicit",
    spacing: float | None = 0.07,
    modality: str = "FFDM",
    photometric: str = "MONOCHROME2",
    window: tuple[float, float] | Sequence[tuple[float, float]] | None = (2048, 4096),
    voi_function: str = "LINEAR",
    bits: int = 12,
    for_processing: bool = False,
    patient: str = "SIM-0001",
    study: str = "1",
    series: str | None = None,
    sop_uid: str | None = None,
    date: str = "20240115",
    fragments: int = 1,
    offset_table: str = "basic",
    view_modifiers: Sequence[Dataset] = (),
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Write a digital mammogram (FFDM) or a synthetic 2D image (``modality="S2D"``) as MG For Presentation.

    ``pixels`` are stored as given. ``patient_orientation=None`` states the usual one (L faces right, R faces left);
    ``overrides={"PatientOrientation": None}`` leaves the tag out. 8-bit pixels need ``bits=8``.
    """
    sop_class = MG_PROCESSING if for_processing else MG_PRESENTATION
    name = series or f"{modality}-{laterality}-{view}"
    ds = _common(
        sop_class, patient=patient, study=study, series=name,
        sop_uid=sop_uid or make_uid("mg", patient, study, name, path), date=date,
    )  # fmt: skip
    ds.Modality = "MG"
    ds.PresentationIntentType = "FOR PROCESSING" if for_processing else "FOR PRESENTATION"
    ds.ImageType = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"] if modality == "S2D" else [
        "ORIGINAL" if for_processing else "DERIVED", "PRIMARY"]  # fmt: skip
    if laterality is not None:
        ds.ImageLaterality = laterality
    _view(ds, view, view_modifiers)
    directions = _directions(patient_orientation, laterality, view)
    if directions is not None:
        ds.PatientOrientation = list(directions)
    if spacing is not None:
        ds.ImagerPixelSpacing = [spacing, spacing]
        ds.EstimatedRadiographicMagnificationFactor = "1.0"
    ds.KVP, ds.BodyPartThickness, ds.CompressionForce = "29", "55", "90"
    _pixel_module(ds, pixels[None], bits, photometric)
    ds.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    _window(ds, window, voi_function)
    _set_pixel_data(ds, pixels[None], syntax, bits, fragments, offset_table)
    return save(path, ds, syntax, overrides)


def _frame_item(position: Sequence[float], axes: Sequence[float], index: int) -> Dataset:
    item = Dataset()
    content, plane, turn = Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = [index + 1]
    content.InStackPositionNumber = index + 1
    plane.ImagePositionPatient = [float(value) for value in position]
    turn.ImageOrientationPatient = [float(value) for value in axes]
    item.FrameContentSequence, item.PlanePositionSequence = [content], [plane]
    item.PlaneOrientationSequence = [turn]
    return item


def write_dbt(
    path: Path,
    volume: Pixels,
    laterality: str | None = "R",
    view: str | None = "CC",
    *,
    patient_orientation: tuple[str, str] | None = None,
    syntax: str = "explicit",
    spacing: float | None = 0.085,
    slice_spacing: float = 1.0,
    photometric: str = "MONOCHROME2",
    window: tuple[float, float] | None = (2048, 4096),
    frame_windows: Sequence[tuple[float, float]] | None = None,
    bits: int = 12,
    frame_order: Sequence[int] | None = None,
    per_frame_items: int | None = None,
    generated_2d: bool = False,
    patient: str = "SIM-0001",
    study: str = "1",
    series: str | None = None,
    sop_uid: str | None = None,
    date: str = "20240115",
    fragments: int = 1,
    offset_table: str = "basic",
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Write a Breast Tomosynthesis object; ``volume`` is (slices, rows, columns) in position order.

    ``frame_order[i]`` is the slice that is stored as frame i (positions and dimension indices say so);
    ``per_frame_items`` writes another number of per-frame items than frames; ``generated_2d`` marks a single frame
    as synthetic 2D image.
    """
    name = series or f"DBT-{laterality}-{view}{'-2D' if generated_2d else ''}"
    ds = _common(
        TOMOSYNTHESIS, patient=patient, study=study, series=name,
        sop_uid=sop_uid or make_uid("dbt", patient, study, name, path), date=date,
    )  # fmt: skip
    ds.Modality = "MG"
    ds.ImageType = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D" if generated_2d else "NONE"]
    ds.PresentationIntentType = "FOR PRESENTATION"
    directions = _directions(patient_orientation, laterality, view)
    if directions is not None:
        ds.PatientOrientation = list(directions)
    order = list(range(len(volume))) if frame_order is None else list(frame_order)
    stored = np.ascontiguousarray(volume[order])
    _pixel_module(ds, stored, bits, photometric)
    ds.NumberOfFrames = len(stored)
    ds.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    _view(ds, view)
    if "ViewPosition" in ds:
        del ds.ViewPosition
    ds.SharedFunctionalGroupsSequence = [_shared_groups(laterality, spacing, slice_spacing, window)]
    axes, step = _axes(directions, slice_spacing)
    slices = order if per_frame_items is None else [order[i % len(order)] for i in range(per_frame_items)]
    items = [_frame_item([s * v for v in step], axes, s) for s in slices]
    for item, pair in zip(items, frame_windows or (), strict=False):
        voi = Dataset()
        voi.WindowCenter, voi.WindowWidth = pair
        item.FrameVOILUTSequence = [voi]
    ds.PerFrameFunctionalGroupsSequence = items
    _set_pixel_data(ds, stored, syntax, bits, fragments, offset_table)
    return save(path, ds, syntax, overrides)


_LPS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "H": (0, 0, 1), "F": (0, 0, -1)}


def _axes(directions: tuple[str, str] | None, slice_spacing: float) -> tuple[list[int], list[float]]:
    """Return Image Orientation (Patient) that agrees with Patient Orientation, and the step from slice to slice."""
    columns, rows = (_LPS[letter[0]] for letter in directions or ("A", "F"))
    normal = np.cross(columns, rows) * slice_spacing
    return [*columns, *rows], [float(value) for value in normal]


def _shared_groups(
    laterality: str | None, spacing: float | None, slice_spacing: float, window: tuple[float, float] | None
) -> Dataset:
    shared, measures, value = Dataset(), Dataset(), Dataset()
    if spacing is not None:
        measures.PixelSpacing = [spacing, spacing]
    measures.SliceThickness = slice_spacing
    shared.PixelMeasuresSequence = [measures]
    if laterality is not None:
        anatomy = Dataset()
        anatomy.FrameLaterality = laterality
        anatomy.AnatomicRegionSequence = [code("76752008", "SCT", "Breast")]
        shared.FrameAnatomySequence = [anatomy]
    if window is not None:
        voi = Dataset()
        voi.WindowCenter, voi.WindowWidth = window
        shared.FrameVOILUTSequence = [voi]
    value.RescaleIntercept, value.RescaleSlope, value.RescaleType = 0.0, 1.0, "US"
    shared.PixelValueTransformationSequence = [value]
    return shared


def write_dbt_series(
    folder: Path,
    volume: Pixels,
    laterality: str = "R",
    view: str = "CC",
    *,
    patient_orientation: tuple[str, str] | None = None,
    syntax: str = "explicit",
    spacing: float = 0.085,
    slice_spacing: float = 1.0,
    bits: int = 12,
    patient: str = "SIM-0001",
    study: str = "1",
    body_part: str = "BREAST",
    names: Sequence[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a tomosynthesis volume as one CT Image object per slice; file names do not follow the slice order.

    Returns the files in slice order.
    """
    name = f"DBTCT-{laterality}-{view}"
    paths = []
    directions = _directions(patient_orientation, laterality, view)
    axes, step = _axes(directions, slice_spacing)
    for index, frame in enumerate(volume):
        sop_uid = make_uid("ct", patient, study, name, index)
        ds = _common(CT_IMAGE, patient=patient, study=study, series=name, sop_uid=sop_uid, date="20240115")
        ds.Modality, ds.BodyPartExamined = "CT", body_part
        ds.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
        ds.SeriesDescription = f"{laterality} {view} Tomosynthesis Reconstruction"
        ds.ImageLaterality, ds.ViewPosition = laterality, view
        ds.PatientOrientation = list(directions or ())
        ds.InstanceNumber = str(index + 1)
        ds.ImagePositionPatient = [value * index for value in step]
        ds.ImageOrientationPatient = [float(value) for value in axes]
        ds.PixelSpacing, ds.SliceThickness = [spacing, spacing], slice_spacing
        ds.RescaleIntercept, ds.RescaleSlope = "0", "1"
        ds.WindowCenter, ds.WindowWidth = "2048", "4096"
        _pixel_module(ds, frame[None], bits, "MONOCHROME2")
        _set_pixel_data(ds, frame[None], syntax, bits, 1, "basic")
        file_name = names[index] if names else f"{(index * 7919) % 10007:05d}.dcm"
        paths.append(save(folder / file_name, ds, syntax, overrides))
    return paths


def write_sc(
    path: Path,
    pixels: Pixels,
    *,
    syntax: str = "explicit",
    bits: int = 16,
    patient: str = "SIM-0001",
    study: str = "1",
    sop_uid: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Write a Secondary Capture; side and view only where ``overrides`` put them. (n, rows, cols) is multi-frame."""
    frames = pixels[None] if pixels.ndim == 2 else pixels
    sop_class = SECONDARY_CAPTURE if pixels.ndim == 2 else MULTIFRAME_WORD_SC
    ds = _common(
        sop_class, patient=patient, study=study, series=f"SC-{path.stem}",
        sop_uid=sop_uid or make_uid("sc", patient, study, path), date="20240115",
    )  # fmt: skip
    ds.Modality, ds.ConversionType = "MG", "DF"
    ds.ImageType = ["DERIVED", "SECONDARY"]
    _pixel_module(ds, frames, bits, "MONOCHROME2")
    if pixels.ndim == 3:
        ds.NumberOfFrames = len(frames)
    _set_pixel_data(ds, frames, syntax, bits, 1, "basic")
    return save(path, ds, syntax, overrides)


def write_ct(
    path: Path, pixels: Pixels, *, body_part: str = "ABDOMEN", overrides: Mapping[str, Any] | None = None
) -> Path:
    """Write a CT slice of another body part."""
    ds = _common(
        CT_IMAGE, patient="SIM-0001", study="1", series="CT", sop_uid=make_uid("abdomen", path), date="20240115"
    )
    ds.Modality, ds.BodyPartExamined = "CT", body_part
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    _pixel_module(ds, pixels[None], 12, "MONOCHROME2")
    _set_pixel_data(ds, pixels[None], "explicit", 12, 1, "basic")
    return save(path, ds, "explicit", overrides)


def write_hologic_sc(path: Path, *, overrides: Mapping[str, Any] | None = None) -> Path:
    """Write what Hologic's private Secondary Capture looks like: tomosynthesis in group 7E01, no Pixel Data."""
    ds = _common(
        SECONDARY_CAPTURE, patient="SIM-0001", study="1", series="SCO", sop_uid=make_uid("sco", path), date="20240115"
    )
    ds.Modality, ds.Manufacturer = "MG", "HOLOGIC, Inc."
    ds.ImageType = ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]
    ds.ImageLaterality = "L"
    block = ds.private_block(0x7E01, "HOLOGIC, Inc.", create=True)
    block.add_new(0x01, "LO", "1.0")
    block.add_new(0x02, "SH", "TOMO")
    item = Dataset()
    item.private_block(0x7E01, "HOLOGIC, Inc.", create=True).add_new(0x12, "OB", b"\x01\x02" * 512)
    block.add_new(0x10, "SQ", [item])
    return save(path, ds, "explicit", overrides)


def write_sr(path: Path, *, patient: str = "SIM-0001", study: str = "1") -> Path:
    """Write a small Mammography CAD SR: a valid DICOM file without pixels."""
    ds = _common(
        "1.2.840.10008.5.1.4.1.1.88.50", patient=patient, study=study, series="SR",
        sop_uid=make_uid("sr", path), date="20240115",
    )  # fmt: skip
    ds.Modality = "SR"
    return save(path, ds)


def write_dicomdir(folder: Path) -> Path:
    """Write a DICOMDIR that lists every DICOM file under ``folder``; the files move to DICOM's short names."""
    from pydicom.fileset import FileSet

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    file_set = FileSet()
    for path in files:
        file_set.add(path)
    out = folder / "media"
    file_set.write(out)
    file_set._stage["t"].cleanup()  # pydicom leaves this to the garbage collector, which warns
    for path in files:
        path.unlink()
    return out / "DICOMDIR"


def write_exam(
    folder: Path,
    rows: int = 256,
    cols: int = 192,
    *,
    modalities: Sequence[str] = ("FFDM",),
    slices: int = 6,
    syntax: str = "explicit",
    patient: str = "SIM-0001",
    study: str = "1",
    date: str = "20240115",
) -> list[Path]:
    """Write a four-view exam (L and R, CC and MLO) in each of ``modalities`` (FFDM, S2D, DBT)."""
    paths = []
    for seed, (side, view) in enumerate((s, v) for s in "RL" for v in ("CC", "MLO")):
        for modality in modalities:
            path = folder / f"{modality}_{side}_{view}.dcm"
            shared: dict[str, Any] = {"syntax": syntax, "patient": patient, "study": study, "date": date}
            if modality == "DBT":
                volume = hanging(breast_volume(slices, rows, cols, seed), side)
                paths.append(write_dbt(path, volume, side, view, **shared))
            else:
                pixels = hanging(breast(rows, cols, seed), side)
                paths.append(write_mg(path, pixels, side, view, modality=modality, **shared))
    return paths
