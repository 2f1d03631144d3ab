"""What the machine says about an exposure, in the numbers of the physics that made it (:mod:`attenuation`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gmic_core.phantom.attenuation import MAMMOGRAPHY, TOMOSYNTHESIS, Technique

OUTPUT_MGY_PER_MAS = 0.077
"""Air kerma at the breast's surface per mAs: 3.75 mGy and 48.5 mAs stand in the header of a real tomosynthesis."""
CURRENT_MA = 165.0


@dataclass(frozen=True)
class Exposure:
    """One exposure of a breast, all shots together.

    Attributes
    ----------
    entrance_mgy : air kerma at the breast's surface.
    glandular_mgy : mean glandular dose.
    half_value_mm : half value layer in mm of aluminium.
    """

    kvp: int
    filter_material: str
    half_value_mm: float
    entrance_mgy: float
    glandular_mgy: float
    shots: int

    @property
    def charge_mas(self) -> float:
        """Tube current times time of one shot."""
        return self.entrance_mgy / OUTPUT_MGY_PER_MAS / self.shots

    @property
    def time_ms(self) -> float:
        """Duration of one shot."""
        return 1000.0 * self.charge_mas / CURRENT_MA


def tomosynthesis(thickness_mm: float) -> Exposure:
    """Return the exposure of a sweep: W/Al, 31 kVp."""
    entrance = _entrance_mgy(TOMOSYNTHESIS, thickness_mm)
    return Exposure(31, "ALUMINUM", 0.51, entrance, 1.6 / 6.0 * entrance, TOMOSYNTHESIS.shots)


def mammography(thickness_mm: float) -> Exposure:
    """Return the exposure of a full-field mammogram: W/Rh, 29 kVp."""
    entrance = _entrance_mgy(MAMMOGRAPHY, thickness_mm)
    return Exposure(29, "RHODIUM", 0.54, entrance, 1.3 / 5.5 * entrance, MAMMOGRAPHY.shots)


def _entrance_mgy(technique: Technique, thickness_mm: float) -> float:
    """Return what :meth:`Technique.quanta` exposes a breast of this thickness with."""
    return technique.kerma_mgy * float(np.exp(0.75 * technique.fat * (thickness_mm - 50.0)))
