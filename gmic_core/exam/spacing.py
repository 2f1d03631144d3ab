"""Pixel spacing and what it means: at the detector, corrected for magnification, or calibrated."""

from __future__ import annotations

from dataclasses import dataclass

from gmic_core.exam.elements import Elements
from gmic_core.exam.tags import functional_groups

MIN_SPACING_MM, MAX_SPACING_MM = 0.005, 2.0
"""Plausible distance of two pixels of a breast image; digitised film has 0.025, small test images 0.5 mm."""
MAX_EXTENT_MM = 600.0
"""No detector or film is longer than this; a spacing that makes the image longer is wrong (1.0 is a common one)."""
MAX_SLICE_MM = 10.0
"""Slice thickness above this is the compressed breast's thickness, not the distance of slices (seen in BCS-DBT)."""
MIN_MAGNIFICATION, MAX_MAGNIFICATION = 0.9, 4.0
"""Plausible Estimated Radiographic Magnification Factor; magnification views reach 2."""


@dataclass(frozen=True)
class Spacing:
    """Spacing in mm.

    Attributes
    ----------
    pixels : (row, column) distance, or None.
    meaning : ``detector``, ``corrected``, ``calibrated`` or "".
    slices : distance of slices, or None.
    """

    pixels: tuple[float, float] | None = None
    meaning: str = ""
    slices: float | None = None


Pair = tuple[float, float]


def pixel_spacing(elements: Elements, rows: int, columns: int) -> tuple[Pair | None, str]:
    """Return the (row, column) spacing in mm and its meaning; (None, "") when the file states no usable one.

    Pixel Measures of a tomosynthesis object lie in the reconstructed plane. A Pixel Spacing that differs from Imager
    Pixel Spacing was calibrated (PS3.3 10.7.1.3); otherwise Imager Pixel Spacing is at the detector and is divided by
    the Estimated Radiographic Magnification Factor (IHE Mammography Image, measurements).
    """
    measured = _measures(elements, rows, columns)
    if measured is not None:
        return measured, "corrected"
    calibrated = _pair(elements, "PixelSpacing", rows, columns)
    imager = _pair(elements, "ImagerPixelSpacing", rows, columns)
    if calibrated is not None and (
        imager is None or calibrated != imager or elements.text("PixelSpacingCalibrationType")
    ):
        return calibrated, "calibrated"
    if imager is not None:
        return _demagnified(elements, imager)
    _hint(elements)
    return None, ""


def _measures(elements: Elements, rows: int, columns: int) -> Pair | None:
    for group in functional_groups(elements):
        for measures in group.items("PixelMeasuresSequence"):
            pair = _pair(measures, "PixelSpacing", rows, columns)
            if pair is not None:
                return pair
    return None


def _pair(elements: Elements, keyword: str, rows: int, columns: int) -> Pair | None:
    """Return a spacing attribute if it is plausible for an image of this size; warn if it is not."""
    values = elements.numbers(keyword)
    if not values:
        return None
    pair = (values[0], values[1]) if len(values) > 1 else (values[0], values[0])
    if plausible(pair, rows, columns):
        return pair
    elements.context.warn(f"{keyword} {pair[0]:g} x {pair[1]:g} mm is not plausible and was ignored")
    return None


def plausible(spacing: Pair, rows: int, columns: int) -> bool:
    """Whether a (row, column) spacing in mm can be that of a breast image of ``rows`` x ``columns``."""
    in_range = all(MIN_SPACING_MM <= value <= MAX_SPACING_MM for value in spacing)
    return in_range and spacing[0] * rows <= MAX_EXTENT_MM and spacing[1] * columns <= MAX_EXTENT_MM


def _demagnified(elements: Elements, imager: Pair) -> tuple[Pair, str]:
    factor = elements.number("EstimatedRadiographicMagnificationFactor")
    for acquisition in elements.items("XRay3DAcquisitionSequence"):
        factor = factor or acquisition.number("EstimatedRadiographicMagnificationFactor")
    if factor is None:
        return imager, "detector"
    if not MIN_MAGNIFICATION <= factor <= MAX_MAGNIFICATION:
        elements.context.warn(f"magnification factor {factor:g} is not plausible and was ignored")
        return imager, "detector"
    if factor == 1.0:
        return imager, "detector"
    return (imager[0] / factor, imager[1] / factor), "corrected"


def _hint(elements: Elements) -> None:
    """Mention what the file says about the scan resolution of film: it is no measured spacing."""
    for keyword in ("NominalScannedPixelSpacing", "SpatialResolution"):
        value = elements.number(keyword)
        if value:
            elements.context.warn(f"no pixel spacing; {keyword} is {value:g} mm, not used for measuring")
            return
    elements.context.warn("no pixel spacing")


def stated_slice_spacing(elements: Elements) -> float | None:
    """Return the slice distance in mm from Spacing Between Slices or Slice Thickness, or None."""
    sources = [elements]
    for group in functional_groups(elements):
        sources += group.items("PixelMeasuresSequence")
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        for source in sources:
            value = source.number(keyword)
            if value is not None and MIN_SPACING_MM <= abs(value) <= MAX_SLICE_MM:
                return abs(value)
            if value is not None and value != 0.0:
                elements.context.warn(f"{keyword} {value:g} mm is not plausible and was ignored")
                break
    return None
