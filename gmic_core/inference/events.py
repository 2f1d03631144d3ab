"""What a running inference tells, in order: one ImageStarted, maps and progress as they come, then the result.

All classes are picklable; maps stay at the network's resolution, nothing is upsampled on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.types import ImageResult


@dataclass(frozen=True)
class ImageStarted:
    """The network is about to run on an image.

    Attributes
    ----------
    cells : (h, w) of the saliency map of one slice.
    saliency_to_stored : float64 (3, 3); maps a cell centre (row, column, 1) to stored pixels.
    """

    sop_uid: str
    model: str
    slices: int
    cells: tuple[int, int]
    saliency_to_stored: npt.NDArray[np.float64]
    weights: str
    weights_sha256: str
    untrained: bool
    simulated_only: bool = False  # the weights never saw a patient


@dataclass(frozen=True)
class SliceSaliency:
    """The map of one slice: float16 (2, h, w), channel order benign, malignant."""

    sop_uid: str
    slice_index: int
    values: npt.NDArray[np.float16]


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` steps of ``stage`` (``reading``, ``global network``, ``patches``)."""

    sop_uid: str
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class ImageFinished:
    """The image is done."""

    result: ImageResult


Event = ImageStarted | SliceSaliency | Progress | ImageFinished
