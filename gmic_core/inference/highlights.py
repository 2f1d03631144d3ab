"""The slices of a volume that are worth stopping at. Ours, not the papers': a rule that can be read in one minute.

A slice is highlighted when it holds a patch that the network selected, or when the profile of a class (the maximum of
the map per slice) has a peak there: not lower than its neighbours within :data:`PEAK_DISTANCE` slices and at least
:data:`PEAK_SHARE` of the class's highest value in the volume.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gmic_core.types import CLASSES, Roi

PEAK_DISTANCE = 3
"""Slices on each side that a peak must not be lower than: neighbouring slices show the same lesion."""
PEAK_SHARE = 0.5
"""Share of the volume's maximum that a peak must reach."""
LOWEST_PEAK = 0.02
"""Saliency under which nothing is a peak, however low the rest is."""


def peak_slices(profile: npt.NDArray[np.floating]) -> tuple[int, ...]:
    """Return the peaks of one class's profile (slices,), ascending; of equal neighbours the first; NaN never counts."""
    values = np.nan_to_num(np.asarray(profile, np.float64), nan=0.0)
    if values.size == 0 or values.max() < LOWEST_PEAK:
        return ()
    floor = max(PEAK_SHARE * float(values.max()), LOWEST_PEAK)
    peaks = []
    for k, value in enumerate(values):
        before, after = values[max(k - PEAK_DISTANCE, 0) : k], values[k + 1 : k + 1 + PEAK_DISTANCE]
        if value >= floor and (before < value).all() and (after <= value).all():
            peaks.append(k)
    return tuple(peaks)


def highlighted_slices(profile: npt.NDArray[np.floating], rois: Iterable[Roi] = ()) -> tuple[int, ...]:
    """Return the highlighted slices of a volume, ascending.

    Parameters
    ----------
    profile : (slices, 2), maximum of the map per slice and class; NaN where not computed yet.
    rois : patches that the network selected.
    """
    slices = {roi.slice_index for roi in rois}
    for c in range(len(CLASSES)):
        slices.update(peak_slices(profile[:, c]))
    return tuple(sorted(slices))
