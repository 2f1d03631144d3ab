"""Random windows: the network's window of an image, moved and resized by chance, for training and at test time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.preprocessing.prepare import WindowPlan
from gmic_core.preprocessing.window import AugmentationWindow, augmentation_window

WINDOW_NOISE = 100
"""Largest shift of the window and of its borders in pixels (3D-GMIC paper, V-D.3)."""

_SEEDS = 1 << 32


def augmented(
    plan: WindowPlan,
    view: str | None,
    rng: np.random.Generator,
    noise: int = WINDOW_NOISE,
    size_noise: int | None = None,
) -> AugmentationWindow:
    """Return the window of a plan, moved and resized by chance.

    The plan keeps where its window starts, not the centre it came from. That is enough: where no padding is needed,
    start and centre say the same, and where it is, the centre has no part in the result.

    Parameters
    ----------
    noise : largest shift in pixels, in any direction.
    size_noise : largest change of each border; ``noise`` when it is not given.
    """
    row0, col0, row1, col1 = plan.crop_box
    size = (plan.window.rows, plan.window.columns)
    centre = (int(plan.window.row0) - row0 + size[0] // 2, int(plan.window.col0) - col0 + size[1] // 2)
    return augmentation_window(
        (row1 - row0, col1 - col0),
        view,
        centre,
        size,
        location_noise=(noise, noise),
        size_noise=noise if size_noise is None else size_noise,
        random=np.random.RandomState(int(rng.integers(_SEEDS))),
    )


def take_window(plan: WindowPlan, frame: npt.NDArray[Any], window: AugmentationWindow | None) -> npt.NDArray[Any]:
    """Return a window (rows, columns) of a frame of stored values, facing right; the plan's own one for None."""
    if window is None:
        return plan.take(frame)
    row0, col0, row1, col1 = plan.crop_box
    facing = plan.window.orientation.apply(plan.levels.apply(frame))
    return np.asarray(window.cut(plan.scale.apply(facing)[row0:row1, col0:col1]))
