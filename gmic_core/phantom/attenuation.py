"""What X-rays lose and how many arrive: attenuation coefficients and quanta at an effective energy.

Tissue: Johns and Yaffe, Phys. Med. Biol. 32:675 (1987), table 2. Hydroxyapatite (3.16 g/cm3): from the elements of
Hubbell and Seltzer, NISTIR 5632. A spectrum is stood for by one effective energy: there is no beam hardening.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ENERGIES_KEV = (18.0, 20.0, 25.0, 30.0)
PER_CM: dict[str, tuple[float, float, float, float]] = {
    "fat": (0.558, 0.456, 0.322, 0.264),
    "fibroglandular": (1.028, 0.802, 0.506, 0.378),
    "carcinoma": (1.085, 0.844, 0.529, 0.392),
    "hydroxyapatite": (28.0, 20.7, 11.1, 6.63),
}

AIR_ENERGY_ABSORPTION_CM2_PER_G = {20.0: 0.539, 30.0: 0.154}
JOULE_PER_KEV = 1.602177e-16


def per_mm(tissue: str, energy_kev: float) -> float:
    """Return the linear attenuation coefficient in 1/mm, interpolated between the tabulated energies (log-log)."""
    return float(np.exp(np.interp(np.log(energy_kev), np.log(ENERGIES_KEV), np.log(PER_CM[tissue])))) / 10.0


def quanta_per_mm2_mgy(energy_kev: float) -> float:
    """Return the photons per mm2 that make an air kerma of 1 mGy."""
    low, high = AIR_ENERGY_ABSORPTION_CM2_PER_G
    absorption = np.exp(
        np.interp(
            np.log(energy_kev),
            np.log([low, high]),
            np.log([AIR_ENERGY_ABSORPTION_CM2_PER_G[low], AIR_ENERGY_ABSORPTION_CM2_PER_G[high]]),
        )
    )
    gray_per_cm2 = float(absorption) * energy_kev * JOULE_PER_KEV * 1000.0  # J/g -> Gy
    return 1e-3 / gray_per_cm2 / 100.0


@dataclass(frozen=True)
class Technique:
    """How one kind of image is exposed.

    Attributes
    ----------
    energy_kev : effective energy.
    kerma_mgy : air kerma at the entrance of a 50 mm breast, the whole exposure; mean glandular dose is about a quarter.
    shots : exposures that share it.
    scatter : scattered quanta per primary one; they add noise, their mean is taken as corrected.
    dqe : detective quantum efficiency of the detector at low frequency.
    """

    energy_kev: float
    kerma_mgy: float
    shots: int
    scatter: float
    dqe: float = 0.6

    @property
    def fat(self) -> float:
        """1/mm of fat."""
        return per_mm("fat", self.energy_kev)

    @property
    def contrast(self) -> float:
        """1/mm by which fibroglandular tissue exceeds fat."""
        return per_mm("fibroglandular", self.energy_kev) - self.fat

    @property
    def mineral(self) -> float:
        """1/mm by which hydroxyapatite exceeds fat."""
        return per_mm("hydroxyapatite", self.energy_kev) - self.fat

    def quanta(self, pixel_mm: float, thickness_mm: float) -> float:
        """Return the quanta that one detector pixel would count without a breast.

        The automatic exposure control keeps the signal behind the breast: it raises the tube's output with thickness,
        by three quarters of what fat takes away.
        """
        output = np.exp(0.75 * self.fat * (thickness_mm - 50.0))
        farther = ((675.0 - thickness_mm) / 700.0) ** 2  # from the breast's surface to the detector
        kerma = self.kerma_mgy / self.shots * float(output) * farther
        return quanta_per_mm2_mgy(self.energy_kev) * kerma * pixel_mm**2 * self.dqe


TOMOSYNTHESIS = Technique(energy_kev=22.0, kerma_mgy=6.0, shots=15, scatter=0.5)
"""W/Al, 31 kVp, no grid: 1.6 mGy mean glandular dose at 50 mm."""
MAMMOGRAPHY = Technique(energy_kev=20.5, kerma_mgy=5.5, shots=1, scatter=0.12)
"""W/Rh, 29 kVp, cellular grid: 1.3 mGy mean glandular dose at 50 mm."""
