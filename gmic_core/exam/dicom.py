"""From a DICOM header to an image, or to the reason why the file is none."""

from __future__ import annotations

import re
from pathlib import Path

from gmic_core.errors import ExamError, UnsupportedEncodingError
from gmic_core.exam import codes, windows
from gmic_core.exam.candidate import Candidate, Owner, content_digest, uid_of, valid_uid
from gmic_core.exam.elements import Elements
from gmic_core.exam.header import Header, read_header
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.exam.pixeldata import Shape, count_frames
from gmic_core.exam.slices import SliceKey, SliceOrder, as_vector, frame_keys, order_slices
from gmic_core.exam.spacing import pixel_spacing, stated_slice_spacing
from gmic_core.exam.tags import (
    SideAndView,
    cbis_identity,
    image_orientation,
    is_projection,
    is_simulated,
    modality_of,
    patient_orientation,
    shows_breast,
    side_and_view,
)
from gmic_core.types import Modality

_DATE = re.compile(r"(18|19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_LONGEST_ID = 64


def read_dicom(path: Path) -> Candidate:
    """Read the header of a DICOM file and return the image that it describes.

    Raises
    ------
    ExamError
        If the file is no breast image that this program shows; the message is the reason.
    OSError
        If the file cannot be read.
    """
    header = read_header(path)
    elements = header.elements
    found = side_and_view(elements)
    _refuse_other_objects(header)
    _refuse_other_body_parts(elements, found)
    pixel = _pixel_format(header)
    rows, columns = _size(elements)
    frames = count_frames(path, header, Shape(rows, columns, pixel.bits_allocated // 8))
    modality = modality_of(elements, frames, found)
    cosines = image_orientation(elements)
    order = _slice_order(elements, frames, cosines)
    image = _image(path, header, pixel, (frames, rows, columns), modality, found, order)
    return Candidate(image, _owner(elements, path), _slice_key(elements, modality, frames), cosines)


# --- refusals --------------------------------------------------------------------------------------------------


def _sop_class(elements: Elements) -> str:
    return elements.text("SOPClassUID") or elements.text("MediaStorageSOPClassUID")


def _refuse_other_objects(header: Header) -> None:
    """Raise the reason when this is an object without a picture of a breast, or one that cannot be decoded."""
    elements = header.elements
    sop_class = _sop_class(elements)
    if header.hologic_private and (sop_class in codes.SECONDARY_CAPTURES or header.pixel_offset is None):
        raise UnsupportedEncodingError(
            "Hologic private Secondary Capture: its tomosynthesis pixels are in a private format (group 7E01); "
            "send the study as Breast Tomosynthesis objects instead"
        )
    known = {codes.MG_PRESENTATION, codes.MG_PROCESSING, codes.TOMOSYNTHESIS}
    known |= codes.PROJECTIONS | codes.CT_IMAGES | codes.SECONDARY_CAPTURES | codes.DIGITAL_XRAY
    nameless_mammogram = not sop_class and elements.text("Modality") == "MG"
    if sop_class not in known and not nameless_mammogram:
        raise ExamError(f"{codes.name_of_other_class(sop_class)}, not a breast X-ray image")
    identity = cbis_identity(elements)
    if identity is not None and identity.derived:
        raise ExamError("a crop or lesion mask of CBIS-DDSM, not a mammogram")
    if header.float_pixels:
        raise UnsupportedEncodingError("floating point pixels; a mammogram has 8 to 16-bit integers")
    if header.pixel_offset is None:
        raise ExamError("has no pixel data")
    if header.syntax.codec is None:
        raise UnsupportedEncodingError(
            f"stored in {header.syntax.name}, which this program does not decode; export it in another encoding"
        )


def _refuse_other_body_parts(elements: Elements, found: SideAndView) -> None:
    sop_class = _sop_class(elements)
    if sop_class not in codes.CT_IMAGES | codes.DIGITAL_XRAY or shows_breast(elements, found):
        return
    part = elements.text("BodyPartExamined") or "body part not stated"
    kind = "CT" if sop_class in codes.CT_IMAGES else "X-ray image"
    raise ExamError(f"{kind} of another body part ({part}), not of the breast")


def _pixel_format(header: Header) -> PixelFormat:
    elements = header.elements
    samples = elements.integer("SamplesPerPixel")
    if samples not in (None, 1):
        raise UnsupportedEncodingError(f"a colour picture ({samples} samples per pixel), not a mammogram")
    pixel = windows.pixel_format(elements)
    if pixel.photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnsupportedEncodingError(
            f"photometric interpretation {pixel.photometric[:16]} is not that of a mammogram"
        )
    if pixel.bits_allocated not in (8, 16):
        raise UnsupportedEncodingError(f"{pixel.bits_allocated} bits allocated per pixel; mammograms have 8 or 16")
    if not 1 <= pixel.bits_stored <= pixel.bits_allocated:
        raise ExamError(
            f"states {pixel.bits_stored} bits stored in {pixel.bits_allocated} allocated; the header is wrong"
        )
    high = elements.integer("HighBit")
    if high is not None and high != pixel.bits_stored - 1:
        raise UnsupportedEncodingError(f"high bit {high} with {pixel.bits_stored} bits stored is not supported")
    return pixel


def _size(elements: Elements) -> tuple[int, int]:
    rows, columns = elements.integer("Rows") or 0, elements.integer("Columns") or 0
    if rows < 1 or columns < 1:
        raise ExamError(f"states a size of {rows} x {columns} pixels")
    return rows, columns


# --- the image -------------------------------------------------------------------------------------------------


def _slice_order(elements: Elements, frames: int, cosines: tuple[float, ...] | None) -> SliceOrder:
    items = len(elements.items("PerFrameFunctionalGroupsSequence"))
    if items and items != frames:
        elements.context.warn(f"describes {items} frames, but the pixel data holds {frames}; the latter counts")
    if frames == 1:
        return SliceOrder()
    order = order_slices(frame_keys(elements, frames), cosines)
    for warning in order.warnings:
        elements.context.warn(warning)
    return order


def _slice_key(elements: Elements, modality: Modality, frames: int) -> SliceKey | None:
    """Return the place of a file that is one slice of a volume; None for whole images."""
    if frames != 1:
        return None
    position = as_vector(elements.numbers("ImagePositionPatient"))
    sop_class = _sop_class(elements)
    volume = sop_class in codes.CT_IMAGES and modality is Modality.DBT
    capture = sop_class in codes.SECONDARY_CAPTURES and modality is Modality.MG and position is not None
    if not volume and not capture:
        return None
    number = elements.integer("InstanceNumber")
    return SliceKey(position, () if number is None else (number,))


def _image(
    path: Path,
    header: Header,
    pixel: PixelFormat,
    shape: tuple[int, int, int],
    modality: Modality,
    found: SideAndView,
    order: SliceOrder,
) -> MammoImage:
    elements, (frames, rows, columns) = header.elements, shape
    spacing, meaning = pixel_spacing(elements, rows, columns)
    # a modality table puts out unsigned values whatever the pixels are
    signed = pixel.modality_table is None and (pixel.signed or pixel.intercept < 0)
    by_frame = windows.frame_windows(elements, frames, signed=signed)
    if order.order is not None:
        by_frame = tuple(tuple(choice[frame] for frame in order.order) for choice in by_frame)
    volume = modality is Modality.DBT or frames > 1
    image_windows = windows.image_windows(elements)
    tables = windows.voi_tables(elements, signed=signed)
    return MammoImage(
        sop_uid=_sop_uid(elements, header, path),
        modality=modality,
        laterality=found.laterality,
        view=found.view,
        frames=frames,
        rows=rows,
        columns=columns,
        source=PixelSource(
            "dicom", (path,), header.syntax.uid,
            None if header.syntax.codec == "deflated" else header.pixel_offset, order.order,
        ),
        pixel=pixel,
        patient_orientation=patient_orientation(elements),
        spacing_mm=spacing,
        spacing_meaning=meaning,
        slice_spacing_mm=(order.spacing_mm or stated_slice_spacing(elements)) if volume else None,
        plane=order.plane,
        windows=image_windows,
        frame_windows=by_frame[0] if by_frame else (),
        frame_choices=by_frame[1:],
        voi_tables=tables,
        series_uid=elements.text("SeriesInstanceUID"),
        manufacturer=elements.text("Manufacturer"),
        device=elements.text("ManufacturerModelName"),
        acquisition_time=elements.text("AcquisitionTime") or elements.text("ContentTime"),
        kvp=_acquired(elements, "KVP"),
        compression_mm=_acquired(elements, "BodyPartThickness"),
        compression_n=_acquired(elements, "CompressionForce"),
        for_processing=_for_processing(elements),
        view_modifiers=found.modifiers,
        warnings=(*_notes(elements), *found.warnings, *elements.context.warnings),
        questions=() if modality is Modality.OTHER else found.questions,
        simulated=is_simulated(elements),
    )  # fmt: skip


def _for_processing(elements: Elements) -> bool:
    intent = elements.text("PresentationIntentType").upper()
    return intent == "FOR PROCESSING" or _sop_class(elements) == codes.MG_PROCESSING


def _notes(elements: Elements) -> list[str]:
    notes = []
    if _for_processing(elements):
        notes.append("a raw image (FOR PROCESSING), not meant for reading")
    if is_projection(elements):
        notes.append("projections of a tomosynthesis, not a reconstructed volume")
    return notes


def _acquired(elements: Elements, keyword: str) -> float | None:
    """Return an exposure value of the image, or of its first tomosynthesis acquisition."""
    value = elements.number(keyword)
    return value if value is not None else elements.item("XRay3DAcquisitionSequence").number(keyword)


def _sop_uid(elements: Elements, header: Header, path: Path) -> str:
    uid = elements.text("SOPInstanceUID") or elements.text("MediaStorageSOPInstanceUID")
    if valid_uid(uid):
        return uid
    elements.context.warn("no valid SOP Instance UID; one was made from the content")
    return uid_of("sop", uid, content_digest(path, header.deflated_at or header.pixel_offset or 0))


# --- whose image -----------------------------------------------------------------------------------------------


def _owner(elements: Elements, path: Path) -> Owner:
    identity = cbis_identity(elements)
    if identity is not None:
        study = uid_of("CBIS-DDSM", identity.patient, elements.text("StudyDate"))
        return Owner(identity.patient, identity.patient, "", study, _date(elements))
    study = elements.text("StudyInstanceUID")
    if study and not valid_uid(study):
        elements.context.warn("the Study Instance UID is not valid; one was made from it")
        study = uid_of("study", study)
    return Owner(
        _short(elements.text("PatientID")), _short(elements.text("PatientName")), _date(elements, "PatientBirthDate"),
        study, _date(elements), str(path.parent),
    )  # fmt: skip


def _short(text: str) -> str:
    """Keep an identifier at its legal length without letting two patients become one."""
    if len(text) <= _LONGEST_ID:
        return text
    return f"{text[: _LONGEST_ID - 10]}~{uid_of(text)[-9:]}"


def _date(elements: Elements, *keywords: str) -> str:
    for keyword in keywords or ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        text = elements.text(keyword)[:8]
        if _DATE.fullmatch(text):
            return text
    return ""
