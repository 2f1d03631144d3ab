"""From stored pixels to network input, and back.

The steps, each in a module of its own: grey levels (``levels``), size (``scale``), breast (``crop``), where the
window goes (``centre``, ``window``), standardisation (``normalise``); ``prepare`` chains them for one image and keeps
what the way back needs. All arrays face right: chest wall on the left edge.

Names are resolved on first use: what only wants :data:`PREPROCESSING_VERSION` must not wait for OpenCV.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmic_core.preprocessing.centre import optimal_centre
    from gmic_core.preprocessing.crop import BreastCrop, crop_breast
    from gmic_core.preprocessing.levels import PixelLevels, Projection
    from gmic_core.preprocessing.normalise import Moments, standardise
    from gmic_core.preprocessing.prepare import WindowPlan, plan_window
    from gmic_core.preprocessing.version import PREPROCESSING_VERSION
    from gmic_core.preprocessing.window import AugmentationWindow, augmentation_window

__all__ = [
    "PREPROCESSING_VERSION",
    "AugmentationWindow",
    "BreastCrop",
    "Moments",
    "PixelLevels",
    "Projection",
    "WindowPlan",
    "augmentation_window",
    "crop_breast",
    "optimal_centre",
    "plan_window",
    "standardise",
]

_HOMES = {
    "centre": ("optimal_centre",),
    "crop": ("BreastCrop", "crop_breast"),
    "levels": ("PixelLevels", "Projection"),
    "normalise": ("Moments", "standardise"),
    "prepare": ("WindowPlan", "plan_window"),
    "version": ("PREPROCESSING_VERSION",),
    "window": ("AugmentationWindow", "augmentation_window"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    try:
        module = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
