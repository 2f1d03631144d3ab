"""The images whose grey levels were recorded: small DICOM files that are the same wherever they are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from tests.helpers.dicom_files import write_dbt, write_mg

SIDE = 64
FRAME_WINDOWS = [(1200.0, 1800.0), (2048.0, 4096.0), (900.5, 333.25)]
WINDOWS = [(2047.5, 3000.0), (1500.0, 700.0), (2300.0, 5000.0)]
"""Of the files with several windows; the explanations are NORMAL, HARDER, SOFTER."""
SRGB_DARKEST, SRGB_BRIGHTEST = 0.5, 250.0
"""Luminance of the screen for which dcm2pnm calibrated, cd/m²; in between it follows sRGB."""


@dataclass(frozen=True)
class Case:
    """One combination; ``voi`` is the function of a window, or TABLE for a VOI LUT Sequence."""

    voi: str
    photometric: str
    signed: bool
    modality: str  # slope | table
    bits: int

    @property
    def name(self) -> str:
        """Name of its entry in dcm2pnm.npz."""
        return "_".join((self.voi, self.photometric, "signed" if self.signed else "unsigned", self.modality, f"{self.bits}bit"))  # fmt: skip # noqa: E501

    @property
    def options(self) -> list[str]:
        """What dcm2pnm was told."""
        return ["+Wl", "1"] if self.voi == "TABLE" else ["+Wi", "1"]


CASES = [
    Case(*values)
    for values in product(
        ("LINEAR", "SIGMOID", "TABLE"), ("MONOCHROME2", "MONOCHROME1"), (False, True), ("slope", "table"), (12, 16)
    )
]
"""48 combinations."""


def stored_ramp(bits: int, signed: bool) -> npt.NDArray[Any]:
    """Return stored values from the lowest to the highest, (64, 64)."""
    low = -(1 << (bits - 1)) if signed else 0
    values = np.linspace(low, low + (1 << bits) - 1, SIDE * SIDE).round()
    return values.astype(np.int16 if signed else np.uint16).reshape(SIDE, SIDE)


def write_case(path: Path, case: Case) -> Path:
    """Write the file of a case."""
    top = 1 << case.bits
    low = -top // 2 if case.signed else 0
    overrides: dict[str, Any] = {"PresentationLUTShape": "INVERSE" if case.photometric == "MONOCHROME1" else "IDENTITY"}
    if case.modality == "table":
        entries = np.round(4095 * np.linspace(0, 1, 1000) ** 0.8)
        overrides |= {"ModalityLUTSequence": [_table(entries, low + top // 5, 12, signed=case.signed)]}
        overrides |= {"RescaleSlope": None, "RescaleIntercept": None, "RescaleType": None}
        first, span = 0, 4096
    else:
        overrides |= {"RescaleSlope": "0.5", "RescaleIntercept": "-20", "RescaleType": "US"}
        first, span = low // 2 - 20, top // 2
    window: tuple[float, float] | None = (first + span * 0.45, span * 0.6)
    if case.voi == "TABLE":
        window = None
        entries = np.round(65535 * np.linspace(0, 1, 700) ** 1.4)
        overrides["VOILUTSequence"] = [_table(entries, first + span // 4, 16, signed=first < 0)]
    return write_mg(
        path, stored_ramp(case.bits, case.signed), photometric=case.photometric, window=window,
        voi_function=case.voi if window else "LINEAR", bits=case.bits, overrides=overrides,
    )  # fmt: skip


def _table(entries: npt.NDArray[Any], first: int, bits: int, *, signed: bool) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if signed else "US", [len(entries), first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    item.add_new("ModalityLUTType" if bits == 12 else "LUTExplanation", "LO", "US" if bits == 12 else "CURVE")
    return item


def write_windows(path: Path) -> Path:
    """Write an image with three windows."""
    overrides = {"WindowCenterWidthExplanation": ["NORMAL", "HARDER", "SOFTER"]}
    return write_mg(path, stored_ramp(12, signed=False), window=WINDOWS, overrides=overrides)


def write_frames(path: Path) -> Path:
    """Write a tomosynthesis image whose three frames have windows of their own."""
    volume = np.stack([np.roll(stored_ramp(12, signed=False), 700 * frame) for frame in range(3)])
    return write_dbt(path, volume, window=None, frame_windows=FRAME_WINDOWS)


def inverted(case: Case) -> Case:
    """Return the same case with the other photometric interpretation."""
    other = "MONOCHROME2" if case.photometric == "MONOCHROME1" else "MONOCHROME1"
    return replace(case, photometric=other)
