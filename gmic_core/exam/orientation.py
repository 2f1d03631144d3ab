"""Which edge the chest wall is on: what the tags predict, and what the pixels show.

The side of a breast comes from tags or file names, never from pixels; the pixels only have to agree. Where they do
not, or a volume is turned by 180 degrees (known in BCS-DBT), the reader is asked before any AI result is shown.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from gmic_core.errors import GeometryError
from gmic_core.exam.geometry import display_orientation
from gmic_core.exam.model import MammoImage
from gmic_core.exam.voi import air_is_high, air_range
from gmic_core.types import Laterality

Edge = Literal["left", "right", "top", "bottom"]
EDGES: tuple[Edge, ...] = ("left", "right", "top", "bottom")

CLEAR_MARGIN = 0.20
"""The chest-wall edge must carry tissue on this much more of its length than the opposite edge to count as seen."""
STRIP = 0.02
"""Share of the image's depth that is looked at along each edge; narrower strips trip over labels and frames."""


def predicted_chest_wall(image: MammoImage) -> Edge | None:
    """Return the stored edge that the tags call the chest wall; None without a side.

    Raises
    ------
    GeometryError
        If Patient Orientation contradicts itself.
    """
    if image.laterality is None:
        return None
    turn = display_orientation(image.patient_orientation, image.laterality, image.view)
    hung: Edge = "left" if image.laterality is Laterality.L else "right"
    to_stored = turn.inverse()
    marker = np.zeros((3, 3), np.int8)
    marker[1, 0 if hung == "left" else 2] = 1
    row, column = (int(v) for v in np.argwhere(to_stored.apply(marker))[0])
    edges: dict[tuple[int, int], Edge] = {(1, 0): "left", (1, 2): "right", (0, 1): "top", (2, 1): "bottom"}
    return edges[row, column]


def tissue_mask(pixels: npt.NDArray[np.generic], image: MammoImage) -> npt.NDArray[np.bool_]:
    """Return a coarse mask of tissue, (rows, columns) subsampled so that the longer side has about 256 pixels."""
    step = max(max(pixels.shape) // 256, 1)
    sample = pixels[::step, ::step].astype(np.float64)
    low, high = air_range(image.pixel)
    inside = (sample < low) | (sample > high)
    if not inside.any():
        return np.zeros(sample.shape, np.bool_)
    # reconstructed slices and film have no exact air value: split the grey levels at the valley between air and tissue
    values = -sample if air_is_high(image.pixel) else sample
    return np.asarray(inside & (values > _otsu(values)), np.bool_)


def _otsu(values: npt.NDArray[np.float64]) -> float:
    """Return the threshold that separates two classes with the largest variance between them (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=128)
    centres = (edges[:-1] + edges[1:]) / 2.0
    below = np.cumsum(counts)
    total, mean = below[-1], np.cumsum(counts * centres)
    above = total - below
    ok = (below > 0) & (above > 0)
    if not ok.any():
        return float(edges[0])
    between = np.zeros(len(centres))
    gap = mean[ok] / below[ok] - (mean[-1] - mean[ok]) / above[ok]
    between[ok] = below[ok] * above[ok] * gap**2
    return float(edges[int(np.argmax(between)) + 1])


def observed_chest_wall(pixels: npt.NDArray[np.generic], image: MammoImage) -> Edge | None:
    """Return the stored edge along which the tissue lies; None where the pixels do not tell.

    Parameters
    ----------
    pixels : (rows, columns) as stored; a middle slice of a volume.
    """
    mask = tissue_mask(pixels, image)
    depth = max(round(min(mask.shape) * STRIP), 1)
    strips = {
        "left": mask[:, :depth].any(axis=1),
        "right": mask[:, -depth:].any(axis=1),
        "top": mask[:depth].any(axis=0),
        "bottom": mask[-depth:].any(axis=0),
    }
    share = {edge: float(strips[edge].mean()) for edge in EDGES}
    opposite: dict[Edge, Edge] = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    best = max(EDGES, key=lambda edge: share[edge])
    return best if share[best] - share[opposite[best]] >= CLEAR_MARGIN else None


def check_orientation(image: MammoImage, pixels: npt.NDArray[np.generic]) -> str | None:
    """Return the question to ask when pixels and tags disagree about the chest wall; None when they do not.

    Only a chest wall seen on the *opposite* edge of the predicted one counts: a tissue strip along the top of an MLO
    is ordinary, a breast that points the other way is not.
    """
    if image.orientation_confirmed:
        return None
    try:
        predicted = predicted_chest_wall(image)
    except GeometryError as error:
        return str(error)
    if predicted is None:
        return None
    observed = observed_chest_wall(pixels, image)
    across = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}[predicted]
    if observed != across:
        return None
    return (
        f"{image.label}: the header says that the chest wall is on the {predicted} edge of the stored image, the "
        f"pixels show it on the {across} edge. Confirm the side and orientation before using any AI result."
    )
