"""Several weights for one network: the mean over the members, per image (FACTS, "Outputs")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from gmic_core.errors import InferenceError
from gmic_core.types import ImageResult, Member, Provenance


def ensemble_mean(members: Sequence[ImageResult]) -> ImageResult:
    """Return the mean of the members' scores and maps; a single member is returned as it is.

    Patches of all members are kept, in the members' order; the attention of each member sums to 1 by itself. What each
    member said, and where their maps differ, is kept too (``members``, ``spread``).

    Raises
    ------
    InferenceError
        If there is no member, or the members are not of one image.
    """
    if not members:
        raise InferenceError("An ensemble needs at least one set of weights.")
    first = members[0]
    if len(members) == 1:
        return first
    if any(m.sop_uid != first.sop_uid or m.saliency.shape != first.saliency.shape for m in members):
        raise InferenceError("The members of an ensemble must be results of one network on one image.")
    maps = np.stack([m.saliency.astype(np.float32) for m in members])  # (members, slices, 2, h, w)
    saliency = maps.mean(axis=0)
    return replace(
        first,
        y=mean_pairs([m.y for m in members]),
        y_global=mean_pairs([m.y_global for m in members]),
        y_local=mean_pairs([m.y_local for m in members]),
        rois=tuple(roi for m in members for roi in m.rois),
        saliency=saliency.astype(np.float16),
        profile=saliency.max(axis=(2, 3)).astype(np.float32),
        provenance=_joint_provenance([m.provenance for m in members]),
        notes=tuple(dict.fromkeys(note for m in members for note in m.notes)),
        members=tuple(map(member_of, members)),
        spread=maps.std(axis=0).astype(np.float16),
        features=_joined([m.features for m in members if m.rois]),
        vectors=_joined([m.vectors for m in members]),
    )


def member_of(result: ImageResult) -> Member:
    """Return the result of a single set of weights in short."""
    prov = result.provenance
    return Member(prov.weights, prov.weights_sha256, result.y, result.y_global, result.y_local, len(result.rois))


def members_of(result: ImageResult) -> tuple[Member, ...]:
    """Return the members of an ensemble; for a single set of weights the one that there is."""
    return result.members or (member_of(result),)


def _joined(parts: Sequence[npt.NDArray[np.float32] | None]) -> npt.NDArray[np.float32] | None:
    """Return arrays below each other; None when any of them, or all, are missing."""
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known and len(known) == len(parts) else None


def mean_pairs(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the mean of each class; NaN (no patch could be chosen) stays out of it unless all are NaN."""
    values = np.asarray(pairs, np.float64)
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    benign, malignant = (float(t / n) if n else float("nan") for t, n in zip(total, count, strict=True))
    return benign, malignant


def _joint_provenance(members: Sequence[Provenance]) -> Provenance:
    first = members[0]
    return replace(
        first,
        weights=" + ".join(p.weights for p in members),
        weights_sha256=" + ".join(p.weights_sha256 for p in members),
        untrained=any(p.untrained for p in members),
        training_data="; ".join(dict.fromkeys(p.training_data for p in members)),
        seconds=sum(p.seconds for p in members),
    )
