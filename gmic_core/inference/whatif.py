"""What an image's score would be with some of its patches left out: from kept feature vectors, in milliseconds.

The local network has looked at every patch once. What follows it (gated attention, Eq. 4 of the 3D-GMIC paper; the
classifier; the combination with the global score) is computed again over the patches that remain, whose attention sums
to 1 again. The choice of patches and the global score stay as they were.

Imports no torch: the computation itself is :func:`gmic_core.inference.reruns.without_patches`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import InferenceError
from gmic_core.inference.ensemble import mean_pairs, members_of
from gmic_core.types import ImageResult

Scores = tuple[float, float]
"""(benign, malignant)."""


@dataclass(frozen=True)
class PatchFeatures:
    """What one set of weights kept of an image.

    Attributes
    ----------
    features : float32 (K, 512), what the local network made of each patch.
    vector : float32 (256,), the largest global features.
    y_global : (benign, malignant) of the global network.
    """

    features: npt.NDArray[np.float32]
    vector: npt.NDArray[np.float32]
    y_global: Scores


@dataclass(frozen=True)
class Reduced:
    """The scores over the patches that remain.

    Attributes
    ----------
    y, y_local : (benign, malignant); without any patch ``y_local`` is NaN and ``y`` the global score.
    attention : of each patch, 0 for those left out; the others sum to 1 within each set of weights.
    """

    y: Scores
    y_local: Scores
    attention: tuple[float, ...]


def patch_features(result: ImageResult) -> tuple[PatchFeatures, ...]:
    """Return what each set of weights kept of a result.

    Raises
    ------
    InferenceError
        If the result was kept by a version that did not keep them.
    """
    members = members_of(result)
    if result.features is None or result.vectors is None or len(result.vectors) != len(members):
        raise InferenceError(
            "This result was computed by an earlier version, which kept no features of the patches; run the AI again."
        )
    parts, start = [], 0
    for member, vector in zip(members, result.vectors, strict=True):
        rows = result.features[start : start + member.patches]
        parts.append(PatchFeatures(rows, vector, member.y_global))
        start += member.patches
    return tuple(parts)


def mean_reduced(members: Sequence[Reduced]) -> Reduced:
    """Return the mean over the members of an ensemble, whose patches follow each other."""
    return Reduced(
        mean_pairs([member.y for member in members]),
        mean_pairs([member.y_local for member in members]),
        tuple(value for member in members for value in member.attention),
    )
