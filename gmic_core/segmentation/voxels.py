"""From what a file stores to labels: whole numbers from 0 to 65,535 as in ITK-SNAP, whatever type carries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import SegmentationError

MAX_LABEL = 65_535
"""ITK-SNAP keeps labels in 16 bits without sign."""
_ABSOLUTE, _RELATIVE = 1e-3, 1e-6
"""How far a whole number may be off: what scale factors in single precision leave behind."""

Plane = npt.NDArray[np.generic]


@dataclass(frozen=True)
class LabelRange:
    """What all slices together hold.

    Attributes
    ----------
    largest : the largest label.
    missing : voxels without a value (NaN), which count as background.
    """

    largest: int
    missing: int

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """The smallest type that holds the labels."""
        return np.dtype(np.uint8 if self.largest <= 255 else np.uint16)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        if not self.missing:
            return ()
        return (f"{self.missing:,} voxels have no value (NaN) and count as background.",)


def label_range(volume: npt.NDArray[np.generic], alive: Callable[[int], object] = lambda _: None) -> LabelRange:
    """Check all slices.

    Parameters
    ----------
    volume : (slices, rows, columns) of any plain number type.
    alive : called with the number of each slice that is done.

    Raises
    ------
    SegmentationError
        Giving the value that is no label.
    """
    largest = missing = 0
    for k, plane in enumerate(volume):
        high, gaps = _checked(plane)
        largest, missing = max(largest, high), missing + gaps
        alive(k)
    return LabelRange(largest, missing)


def as_labels(plane: Plane, dtype: np.dtype[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
    """Return the labels of a checked slice, contiguous."""
    if plane.dtype.kind == "f":
        plane = np.rint(np.nan_to_num(plane))
    return np.ascontiguousarray(plane, dtype)


def _checked(plane: Plane) -> tuple[int, int]:
    """Return the largest label of a slice and how many voxels have no value."""
    missing = 0
    values = np.asarray(plane)
    if values.dtype.kind == "f":
        gaps = np.isnan(values)
        missing = int(gaps.sum())
        values = np.where(gaps, values.dtype.type(0), values) if missing else values
        _whole(values)
    low, high = float(values.min()), float(values.max())
    if round(low) < 0:
        raise SegmentationError(
            f"it holds the value {low:g}; labels are whole numbers from 0 to {MAX_LABEL:,}. Is it an image?"
        )
    if round(high) > MAX_LABEL:
        raise SegmentationError(f"it holds the value {high:g}; ITK-SNAP's labels end at {MAX_LABEL:,}. Is it an image?")
    return round(high), missing


def _whole(values: npt.NDArray[Any]) -> None:
    """Refuse values that are no whole numbers."""
    if not np.isfinite(values).all():
        raise SegmentationError("it holds infinite values, which are no labels; save the segmentation again")
    off = np.abs(values - np.rint(values)) > _ABSOLUTE + _RELATIVE * np.abs(values)
    if off.any():
        raise SegmentationError(
            f"it holds the value {values[off][0]:.4g}, and labels are whole numbers: it is an image, or a segmentation "
            "that was smoothed or resampled. Save it with nearest-neighbour interpolation."
        )
