"""Words that every part of the project shares: sides, views, modalities, findings, results.

Axis order is (slice, row, column) everywhere; coordinates are pixel centres; boxes are half open
``[row0, row1) x [col0, col1)`` in stored pixels. This module imports nothing heavier than numpy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

from gmic_core.coverage import Coverage

CLASSES = ("benign", "malignant")
"""Channel order of every saliency map and score pair in this project (FACTS: channel 0 benign, 1 malignant)."""


SIMULATED_ONLY = "simulated breasts only"
"""How the description of training data begins where no patient was among it."""


class Laterality(StrEnum):
    """Image laterality (DICOM (0020,0062)); bilateral images have none."""

    L = "L"
    R = "R"


class Modality(StrEnum):
    """What kind of breast image it is, whatever SOP class carries it."""

    FFDM = "FFDM"
    DBT = "DBT"
    S2D = "S2D"
    MG = "MG"  # mammogram of unstated origin, e.g. digitised film as Secondary Capture
    OTHER = "OTHER"


class Finding(IntEnum):
    """Class index of saliency channels and score pairs."""

    BENIGN = 0
    MALIGNANT = 1


STANDARD_VIEWS = ("CC", "MLO")


@dataclass(frozen=True)
class Roi:
    """One patch that the network selected.

    Attributes
    ----------
    slice_index : slice in position order, 0-based; 0 for 2D images.
    row0, col0, row1, col1 : half-open box in *stored* pixels; may reach outside the image where the network's
        window did.
    attention : alpha_k of Eq. 4 (3D-GMIC); the scores of one image sum to 1.
    local_scores : local head on this patch alone, (benign, malignant). Not part of the published model.
    """

    slice_index: int
    row0: int
    col0: int
    row1: int
    col1: int
    attention: float
    local_scores: tuple[float, float] | None = None

    def inside(self, rows: int, columns: int) -> tuple[int, int, int, int] | None:
        """Return the part (row0, col0, row1, col1) that lies in an image of rows x columns, or None."""
        row0, col0 = max(self.row0, 0), max(self.col0, 0)
        row1, col1 = min(self.row1, rows), min(self.col1, columns)
        return (row0, col0, row1, col1) if row0 < row1 and col0 < col1 else None


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from; shown on screen and written into every export."""

    model: str
    weights: str  # name shown to the reader
    weights_sha256: str
    untrained: bool  # random weights: the overlay is noise and is marked so
    training_data: str
    preprocessing_version: str
    precision: str  # of the convolutions, "float32"
    device: str  # "cpu" or "cuda:0 (name)"
    seconds: float
    software: str  # "gmic-viewer 0.1.0, torch 2.13.0"
    created: str  # ISO 8601, UTC
    mode: str = "exact"  # or "fast", see gmic_core.inference.execution.modes

    @property
    def simulated_only(self) -> bool:
        """Whether any of the weights never saw a patient."""
        return SIMULATED_ONLY in self.training_data


@dataclass(frozen=True)
class Member:
    """What one set of weights says about an image, where several were asked.

    Attributes
    ----------
    weights, weights_sha256 : as in :class:`Provenance`.
    y, y_global, y_local : (benign, malignant) as in :class:`ImageResult`.
    patches : how many of the result's ``rois`` are this member's; they stand in the order of the members.
    """

    weights: str
    weights_sha256: str
    y: tuple[float, float]
    y_global: tuple[float, float]
    y_local: tuple[float, float]
    patches: int


@dataclass(frozen=True)
class ImageResult:
    """What one network says about one image.

    Attributes
    ----------
    saliency : float16, shape (slices, 2, h, w), channel order :data:`CLASSES`.
    saliency_to_stored : float64 (3, 3); maps a saliency cell centre (row, column, 1) to stored pixels.
    window_to_stored : float64 (3, 3); maps network-input pixels (row, column, 1) to stored pixels.
    window_shape : (rows, columns) of the network input.
    y, y_global, y_local : (benign, malignant) probabilities; y_local is NaN when no patch could be chosen.
    profile : float32 (slices, 2), the maximum of the map per slice and class.
    outside_fraction : share of breast pixels that the network's window did not cover, 0..1.
    coverage : what the network saw of the image and what lies outside; None in results of earlier versions.
    members : the sets of weights of an ensemble; empty for a single one.
    spread : float16 (slices, 2, h, w), population standard deviation of the members' maps; None for a single one.
    features : float32 (K, 512), what the local network made of each patch, in the order of ``rois``; None where it was
        not kept (results of earlier versions).
    vectors : float32 (members, 256), the largest global features of each set of weights.
    augmentations : (benign, malignant) of each window of test-time augmentation; the scores are their mean then, while
        maps and patches are those of the plain window. Empty without.
    """

    sop_uid: str
    modality: Modality
    laterality: Laterality | None
    view: str | None
    y: tuple[float, float]
    y_global: tuple[float, float]
    y_local: tuple[float, float]
    rois: tuple[Roi, ...]
    saliency: npt.NDArray[np.float16]
    saliency_to_stored: npt.NDArray[np.float64]
    window_to_stored: npt.NDArray[np.float64]
    window_shape: tuple[int, int]
    profile: npt.NDArray[np.float32]
    outside_fraction: float
    provenance: Provenance
    notes: tuple[str, ...] = field(default=())
    members: tuple[Member, ...] = field(default=())
    spread: npt.NDArray[np.float16] | None = None
    features: npt.NDArray[np.float32] | None = None
    vectors: npt.NDArray[np.float32] | None = None
    augmentations: tuple[tuple[float, float], ...] = field(default=())
    coverage: Coverage | None = None
