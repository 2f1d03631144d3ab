"""From stored values to grey levels: modality LUT, VOI windows and tables, photometric interpretation (PS3.3 C.11).

Everything ends in one look-up table over all stored values, uint8. A table for an image is made once per window, so
that showing a slice costs one look-up per pixel on screen.

Air stays black: values of the padding range, and the lowest grey level of what was never exposed, are 0 whatever
the window or inversion.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.exam.model import MammoImage, PixelFormat, Voi, VoiTable, VoiWindow

Gray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

AUTO_LOW, AUTO_HIGH = 0.5, 99.8
"""Percentiles of the tissue between which a window is laid for images that state none."""


def stored_values(pixel: PixelFormat) -> npt.NDArray[np.int64]:
    """Return all stored values in table order: entry i of a table belongs to ``stored_values(...)[i]``.

    Tables run over all values of the allocated type: 0 .. 65535, or -32768 .. 32767 for signed pixels.
    """
    count = 1 << min(max(pixel.bits_allocated, 8), 16)
    return np.arange(count) - (count // 2 if pixel.signed else 0)


def modality_values(stored: npt.NDArray[np.int64], pixel: PixelFormat) -> FloatArray:
    """Return the values that windows refer to: stored values through the modality table, else slope and intercept."""
    table = pixel.modality_table
    if table is None:
        return np.asarray(stored * pixel.slope + pixel.intercept, np.float64)
    entries = np.asarray(table.entries, np.float64)
    return np.asarray(entries[np.clip(stored - table.first, 0, entries.size - 1)])


def window_levels(values: FloatArray, window: VoiWindow) -> FloatArray:
    """Return output levels 0..255 for modality values, not rounded.

    LINEAR is PS3.3 C.11.2.1.2.1, SIGMOID C.11.2.1.3.1, LINEAR_EXACT C.11.2.1.3.2.
    """
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        # a narrow window saturates exp(); the limits are the right answer there
        exponent = np.clip(-4.0 * (values - center) / max(width, 1e-9), -700.0, 700.0)
        return 255.0 / (1.0 + np.exp(exponent))
    if window.function == "LINEAR_EXACT":
        if width <= 0:
            return np.where(values > center, 255.0, 0.0)
        return np.clip((values - center) / width + 0.5, 0.0, 1.0) * 255.0
    if width <= 1:  # the standard's step: above c - 0.5 is white
        return np.where(values > center - 0.5, 255.0, 0.0)
    return np.clip((values - (center - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0) * 255.0


def table_levels(values: FloatArray, table: VoiTable) -> FloatArray:
    """Return output levels 0..255 of a VOI LUT for modality values; values beyond its ends take the end's level."""
    entries = np.asarray(table.entries, np.float64)
    index = np.clip(np.rint(values).astype(np.int64) - table.first, 0, entries.size - 1)
    return entries[index] * (255.0 / ((1 << table.bits) - 1))


def stored_to_levels(
    image: MammoImage, slice_index: int | None, window: Voi | None, invert: bool = False, air_black: bool = True
) -> FloatArray:
    """Return the grey levels 0..255 (p-values) of all stored values, not rounded: (256 or 65536,), as they are indexed.

    Parameters
    ----------
    slice_index : slice whose own window counts when ``window`` is None and windows differ from frame to frame.
    window : VOI window or table in force; None takes the image's own (:func:`default_window`), or the full range.
    invert : show bright as dark; air stays black.
    air_black : whether the values of air (:func:`air_range`) are 0 whatever the window says.
    """
    pixel = image.pixel
    stored = stored_values(pixel)
    if window is None:
        window = default_window(image, slice_index) or full_range(pixel)
    values = modality_values(stored, pixel)
    levels = window_levels(values, window) if isinstance(window, VoiWindow) else table_levels(values, window)
    if pixel.low_is_bright != invert:
        levels = 255.0 - levels
    if air_black:
        low, high = air_range(pixel)
        levels[(stored >= low) & (stored <= high)] = 0.0
    return levels


def stored_to_gray(
    image: MammoImage, slice_index: int | None, window: Voi | None, invert: bool = False, air_black: bool = True
) -> Gray:
    """Return the look-up table of an image: uint8 (256 or 65536,), indexed by stored value (signed: plus offset).

    The parameters are those of :func:`stored_to_levels`.
    """
    return np.rint(stored_to_levels(image, slice_index, window, invert, air_black)).astype(np.uint8)


def default_window(image: MammoImage, slice_index: int | None = None, choice: int = 0) -> Voi | None:
    """Return the window or table that the file wants: the slice's, the image's window, its table; or None.

    Parameters
    ----------
    choice : which of those that every slice states; 0 is the one that the file wants first.
    """
    if slice_index is not None and image.frame_windows:
        return (image.frame_windows, *image.frame_choices)[choice][slice_index]
    if image.windows:
        return image.windows[0]
    return image.voi_tables[0] if image.voi_tables else None


def full_range(pixel: PixelFormat) -> VoiWindow:
    """Return the window over every value that the pixels can have."""
    if pixel.modality_table is not None:
        top = float(1 << pixel.modality_table.bits)
        return VoiWindow(top / 2.0, top, "LINEAR", "full range")
    levels = 1 << pixel.bits_stored
    low = -levels // 2 if pixel.signed else 0
    first, last = (v * pixel.slope + pixel.intercept for v in (low, low + levels - 1))
    return VoiWindow((first + last + 1) / 2.0, abs(last - first) + 1.0, "LINEAR", "full range")


def air_range(pixel: PixelFormat) -> tuple[int, int]:
    """Return the inclusive range of stored values that are air: the padding range, else the value of no exposure.

    MONOCHROME2 presentation images hold 0 where nothing was imaged, MONOCHROME1 images their highest value; a falling
    modality transformation turns that around.
    """
    if pixel.padding is not None:
        return min(pixel.padding), max(pixel.padding)
    levels = 1 << pixel.bits_stored
    low = -levels // 2 if pixel.signed else 0
    air = low + levels - 1 if air_is_high(pixel) else low
    return air, air


def air_is_high(pixel: PixelFormat) -> bool:
    """Whether air has the highest stored values, not the lowest."""
    levels = 1 << pixel.bits_stored
    low = -levels // 2 if pixel.signed else 0
    first, last = modality_values(np.array([low, low + levels - 1]), pixel)
    return pixel.low_is_bright != bool(first > last)


def auto_window(pixels: npt.NDArray[np.generic], pixel: PixelFormat) -> VoiWindow:
    """Return a window from the pixels (rows, columns) of an image that states none.

    The grey levels between the percentiles :data:`AUTO_LOW` and :data:`AUTO_HIGH` of the tissue, i.e. of what is
    not air; every fourth pixel of every fourth row decides.
    """
    sample = pixels[::4, ::4].astype(np.float64)
    low, high = air_range(pixel)
    tissue = sample[(sample < low) | (sample > high)]
    if tissue.size == 0:
        return full_range(pixel)
    first, last = modality_values(np.rint(np.percentile(tissue, [AUTO_LOW, AUTO_HIGH])).astype(np.int64), pixel)
    width = max(abs(last - first) + 1.0, 2.0)
    return VoiWindow(float((first + last) / 2.0), float(width), "LINEAR", "from the pixels")
