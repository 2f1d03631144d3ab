"""VOI windows and tables from DICOM headers (PS3.3 C.11.2, C.7.6.16.2.10), and how stored values are coded."""

from __future__ import annotations

from gmic_core.exam.elements import Elements
from gmic_core.exam.model import PixelFormat, Voi, VoiFunction, VoiTable, VoiWindow
from gmic_core.exam.tags import functional_groups

_FUNCTIONS: dict[str, VoiFunction] = {"LINEAR": "LINEAR", "LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}


def windows_in(elements: Elements) -> tuple[VoiWindow, ...]:
    """Return the windows stated by one data set or item; impossible ones are left out."""
    centers, widths = elements.numbers("WindowCenter"), elements.numbers("WindowWidth")
    explanations = elements.texts("WindowCenterWidthExplanation")
    name = elements.text("VOILUTFunction").upper()
    function = _FUNCTIONS.get(name, "LINEAR")
    if name and name not in _FUNCTIONS:
        elements.context.warn(f"VOI LUT function {name} is unknown; LINEAR was taken")
    smallest = 1.0 if function == "LINEAR" else 0.0  # C.11.2.1.2: width >= 1; the others: > 0
    windows = []
    for index, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if width < smallest or width == 0.0:
            elements.context.warn(f"window width {width:g} is impossible and was ignored")
            continue
        explanation = explanations[index] if index < len(explanations) else ""
        windows.append(VoiWindow(center, width, function, explanation))
    return tuple(windows)


def image_windows(elements: Elements) -> tuple[VoiWindow, ...]:
    """Return the windows of the image, else those of its shared group, else of its first frame that has some."""
    found = windows_in(elements)
    if found:
        return found
    for group in functional_groups(elements):
        found = windows_in(group.item("FrameVOILUTSequence"))
        if found:
            return found
    return ()


def frame_windows(elements: Elements, frames: int, *, signed: bool) -> tuple[tuple[Voi, ...], ...]:
    """Return what the frames state of their own, where that differs from frame to frame; else ().

    Parameters
    ----------
    signed : see :func:`voi_tables`.

    Returns
    -------
    One tuple per choice (the first is the default), each with one window or table per stored frame. Frames may state
    different numbers of choices; those are returned that all frames have.
    """
    items = [group.item("FrameVOILUTSequence") for group in elements.items("PerFrameFunctionalGroupsSequence")[:frames]]
    found: list[tuple[Voi, ...]] = [(*windows_in(item), *_tables_in(item, signed)) for item in items]
    return choices_by_frame(found) if len(found) == frames else ()


def choices_by_frame(stated: list[tuple[Voi, ...]]) -> tuple[tuple[Voi, ...], ...]:
    """Return what frames or slices state, by choice instead of by frame; () where all state the same or one nothing.

    Frames that name the same explanations in different orders are put into the order of the first one.
    """
    if not all(stated) or len(set(stated)) == 1:
        return ()
    order = [voi.explanation for voi in stated[0]]
    if all(order) and all(sorted(voi.explanation for voi in one) == sorted(set(order)) for one in stated):
        stated = [tuple(sorted(one, key=lambda voi: order.index(voi.explanation))) for one in stated]
    return tuple(zip(*stated, strict=False))


def voi_tables(elements: Elements, *, signed: bool) -> tuple[VoiTable, ...]:
    """Return the usable items of VOI LUT Sequence: of the image, else of its shared group, else of its first frame.

    Parameters
    ----------
    signed : whether the input values (stored values after the modality transformation) may be negative.
    """
    groups = (group.item("FrameVOILUTSequence") for group in functional_groups(elements))
    return next((found for item in (elements, *groups) if (found := _tables_in(item, signed))), ())


def _tables_in(elements: Elements, signed: bool) -> tuple[VoiTable, ...]:
    tables = (_table(item, signed) for item in elements.items("VOILUTSequence"))
    return tuple(table for table in tables if table is not None)


def _table(item: Elements, signed: bool) -> VoiTable | None:
    descriptor = tuple(map(int, item.numbers("LUTDescriptor")))
    if len(descriptor) != 3:
        item.context.warn("a lookup table without descriptor was ignored")
        return None
    count, first, bits = descriptor
    count = (count & 0xFFFF) or 0x10000
    first = _as_signed(first) if signed else first & 0xFFFF
    entries = item.words("LUTData", count)
    if len(entries) < count or not 8 <= bits <= 16:
        item.context.warn("a lookup table with missing entries was ignored")
        return None
    top = 2**bits - 1
    return VoiTable(first, bits, tuple(min(entry, top) for entry in entries[:count]), item.text("LUTExplanation"))


def _as_signed(value: int) -> int:
    return (value & 0xFFFF) - ((value & 0x8000) << 1)


def pixel_format(elements: Elements) -> PixelFormat:
    """Return how stored values are coded; rows, columns and frames are checked elsewhere."""
    signed = elements.integer("PixelRepresentation") == 1
    slope, intercept = _rescale(elements)
    modality = elements.items("ModalityLUTSequence")
    photometric = elements.text("PhotometricInterpretation").upper() or "MONOCHROME2"
    allocated = elements.integer("BitsAllocated") or 0
    return PixelFormat(
        bits_allocated=allocated,
        bits_stored=elements.integer("BitsStored") or allocated,
        signed=signed,
        photometric=photometric,
        slope=slope,
        intercept=intercept,
        padding=_padding(elements, signed),
        presentation_lut_shape=elements.text("PresentationLUTShape").upper() or "IDENTITY",
        modality_table=_table(modality[0], signed) if modality else None,
    )


def _rescale(elements: Elements) -> tuple[float, float]:
    """Return slope and intercept of the image or its functional groups; warn where frames differ."""
    groups = [group.item("PixelValueTransformationSequence") for group in functional_groups(elements)]
    stated = [
        (slope, source.number("RescaleIntercept") or 0.0)
        for source in (*groups, elements)
        if (slope := source.number("RescaleSlope")) is not None
    ]
    if not stated:
        return 1.0, 0.0
    if len(set(stated)) > 1:
        elements.context.warn("frames have different rescale slopes; the first one was taken for all")
    if stated[0][0] == 0.0:
        elements.context.warn("a rescale slope of 0 was ignored")
        return 1.0, stated[0][1]
    return stated[0]


def _padding(elements: Elements, signed: bool) -> tuple[int, int] | None:
    value = elements.integer("PixelPaddingValue")
    if value is None:
        return None
    limit = elements.integer("PixelPaddingRangeLimit")
    ends = [value, value if limit is None else limit]
    if signed:
        ends = [_as_signed(end) for end in ends]
    return min(ends), max(ends)
