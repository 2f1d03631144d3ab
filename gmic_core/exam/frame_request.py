"""One frame to be read, as the decoder process is told of it: sizes are checked here, before memory is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gmic_core.errors import DecodeError, UnsupportedEncodingError
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource

MAX_FRAME_BYTES = 1 << 30
"""No detector has frames of more; a header that claims more is not believed."""


@dataclass(frozen=True)
class FrameRequest:
    """One frame to decode; everything that the decoder process has to know of it."""

    source: PixelSource
    slice_index: int
    frames: int
    rows: int
    columns: int
    pixel: PixelFormat

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values in memory, native byte order."""
        return pixel_dtype(self.pixel)

    @property
    def stored_index(self) -> int:
        """Frame number in the file of the wanted slice."""
        order = self.source.frame_order
        return order[self.slice_index] if order is not None else self.slice_index

    @property
    def nbytes(self) -> int:
        """Size of the decoded frame."""
        return self.rows * self.columns * self.dtype.itemsize


def pixel_dtype(pixel: PixelFormat) -> np.dtype[Any]:
    """Return the numpy type of stored values.

    Raises
    ------
    UnsupportedEncodingError
        If the allocation is none of 8, 16, 32 bits.
    """
    if pixel.bits_allocated not in (8, 16, 32):
        raise UnsupportedEncodingError(
            f"Pixels of {pixel.bits_allocated} allocated bits are not supported; export the image with 8 or 16 bits."
        )
    return np.dtype(f"{'i' if pixel.signed else 'u'}{pixel.bits_allocated // 8}")


def frame_request(image: MammoImage, slice_index: int) -> FrameRequest:
    """Return the request for a slice of an image.

    Raises
    ------
    DecodeError
        If there is no such slice, or a frame would be absurdly large.
    UnsupportedEncodingError
        If the pixels are stored in a type that is not supported.
    """
    if not 0 <= slice_index < image.frames:
        raise DecodeError(f"{image.label} has {image.frames} slices, there is no slice {slice_index + 1}.")
    pixel = replace(image.pixel, modality_table=None)  # large, and of no use to a decoder
    request = FrameRequest(image.source, slice_index, image.frames, image.rows, image.columns, pixel)
    if request.nbytes > MAX_FRAME_BYTES or image.rows < 1 or image.columns < 1:
        raise DecodeError(
            f"The header claims frames of {image.rows}x{image.columns} pixels; no mammogram is that size. "
            "The file is damaged, copy or export it again."
        )
    return request
