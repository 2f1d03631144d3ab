"""Area under the ROC curve, as far as training needs it: which epoch and which trial is best."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.errors import TrainingError


def auc(labels: npt.ArrayLike, scores: npt.ArrayLike, what: str) -> float:
    """Return the probability that a positive scores higher than a negative; ties count one half.

    Raises
    ------
    TrainingError
        If there is no positive or no negative; ``what`` names them.
    """
    positive = np.asarray(labels, dtype=float) > 0.5
    count, others = int(positive.sum()), int((~positive).sum())
    if count == 0 or others == 0:
        raise TrainingError(f"There is no AUC of {what}: {count} positive and {others} negative; add the missing kind.")
    _, places, sizes = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[places]  # equal scores share the mean of their ranks
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))
