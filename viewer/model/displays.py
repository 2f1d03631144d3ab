"""How grey levels get onto each screen: sRGB or GSDF, the size of its pixels, whether somebody checked it.

A screen is known by a key made of its maker, model and serial number, so that it is recognised on another plug. Nobody
is named: only the day is kept on which somebody said that the screen is calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from viewer.model import gsdf

Output = Literal["srgb", "gsdf"]

LUMINANCE_RANGE = (0.05, 3000.0)
"""What may be entered for a screen, cd/m²: inside the range of the GSDF."""
SMALLEST_RATIO = 2.0
"""Brightest over darkest luminance at least; everything sold has a hundred times that."""
PIXEL_MM_RANGE = (0.02, 2.0)
"""Size of a device pixel that is believed, mm: from a telephone to a video wall."""
NOT_CALIBRATED = "display not calibrated"


@dataclass(frozen=True)
class DisplayProfile:
    """What is known about one screen.

    Attributes
    ----------
    output : ``srgb``: grey levels are sent as they are; ``gsdf``: so that they look equally spaced (PS3.14).
    darkest, brightest : luminance of black and white in cd/m², with the light of the room.
    pixel_mm : size of a device pixel measured with a ruler, or None: what the screen tells about itself counts.
    calibrated : day (ISO 8601) on which somebody said that the screen is calibrated, or "".
    """

    output: Output = "srgb"
    darkest: float = 0.5
    brightest: float = 250.0
    pixel_mm: float | None = None
    calibrated: str = ""

    def changed(self, **fields: object) -> DisplayProfile:
        """Return the profile with other fields; with another output or luminance the calibration no longer holds."""
        new = replace(self, **fields)  # type: ignore[arg-type]
        same = (new.output, new.darkest, new.brightest) == (self.output, self.darkest, self.brightest)
        return new if same or "calibrated" in fields else replace(new, calibrated="")


def output_levels(levels: npt.NDArray[np.float64], profile: DisplayProfile) -> npt.NDArray[np.uint8]:
    """Return what drives a screen for grey levels 0..255 (p-values), rounded once."""
    if profile.output == "gsdf":
        levels = gsdf.driving_levels(levels, profile.darkest, profile.brightest)
    return np.asarray(np.rint(levels), np.uint8)


def profile_problem(profile: DisplayProfile) -> str:
    """Return in words what cannot be so in a profile, or ""."""
    low, high = LUMINANCE_RANGE
    if not (low <= profile.darkest <= high and low <= profile.brightest <= high):
        return f"the luminance lies between {low:g} and {high:g} cd/m²"
    if profile.brightest < SMALLEST_RATIO * profile.darkest:
        return "white must be at least twice as bright as black"
    if profile.pixel_mm is not None and not PIXEL_MM_RANGE[0] <= profile.pixel_mm <= PIXEL_MM_RANGE[1]:
        return f"a pixel is between {PIXEL_MM_RANGE[0]:g} and {PIXEL_MM_RANGE[1]:g} mm wide"
    return ""


class DisplayModel:
    """All screens that somebody set up, and whether air is kept black.

    Signals
    -------
    changed()
    """

    changed = Signal()

    def __init__(self, profiles: dict[str, DisplayProfile] | None = None) -> None:
        self._profiles = dict(profiles or {})
        self._air_black = True

    @property
    def profiles(self) -> dict[str, DisplayProfile]:
        """A copy of what is known, by screen."""
        return dict(self._profiles)

    def profile(self, screen: str) -> DisplayProfile:
        """Return what is known about a screen; a new one is taken for sRGB, not calibrated."""
        return self._profiles.get(screen, DisplayProfile())

    def set_profile(self, screen: str, profile: DisplayProfile) -> None:
        """Remember what is known about a screen."""
        if self._profiles.get(screen) != profile:
            self._profiles[screen] = profile
            self.changed.emit()

    def load(self, profiles: dict[str, DisplayProfile]) -> None:
        """Take what was known when the program ran last."""
        self._profiles = dict(profiles)
        self.changed.emit()

    @property
    def air_black(self) -> bool:
        """Whether what is outside the breast stays black at any window and when inverted."""
        return self._air_black

    def set_air_black(self, black: bool) -> None:
        """Keep the air black, or show it by the window like everything else."""
        if black != self._air_black:
            self._air_black = black
            self.changed.emit()
