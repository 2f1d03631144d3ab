"""What is to be simulated: an exam, its two breasts, and the rooms of random numbers that keep them reproducible.

Coordinates of one compressed view ("view frame"), the same for both sides: the breast faces right, x runs from the
chest wall to the nipple (columns), y down the image (rows: CC from lateral to medial, MLO from the axilla down), z from
the detector cover up to the paddle (slices). Points are (z, y, x) in mm. The breast's own frame ("neutral", not
compressed) has the axes (depth from the chest wall, lateral, superior) in mm; its origin is the middle of the chest
wall.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from gmic_core.errors import PhantomError
from gmic_core.types import Laterality

PHANTOM_VERSION = 1
"""Part of every UID and of the random numbers: raise it when the same options give other pixels."""

Density = Literal["a", "b", "c", "d"]
"""BI-RADS breast composition."""
ViewName = Literal["CC", "MLO"]
Size = Literal["full", "small"]

FINDING_KINDS = (
    "malignant-mass",  # spiculated, irregular
    "malignant-lobulated",  # lobulated, ill defined
    "malignant-distortion",  # architectural distortion
    "malignant-calcifications",  # pleomorphic cluster
    "benign-mass",  # circumscribed, oval
    "benign-cyst",
    "benign-node",  # lymph node with a fatty hilum
    "benign-calcifications",  # scattered, round
    "benign-vascular",  # calcified vessel
)
CALCIFIED_KINDS = ("malignant-calcifications", "benign-calcifications", "benign-vascular")
"""Kinds that are too fine for the pixels of a small exam."""

DBT_SLICE_MM = 1.0
EXTRA_SLICES = 6
"""A volume holds the breast's thickness in mm and this many slices more (3D-GMIC paper, section III)."""
THICKNESS_RANGE_MM = (20.0, 100.0)
SMALL_FACTOR = 4


@dataclass(frozen=True)
class Plate:
    """The field of view that the breast is laid on, as a Hologic Selenia Dimensions stores it.

    Attributes
    ----------
    ffdm : (rows, columns) of the full-field image; ``ffdm_mm`` is its pixel.
    dbt : (rows, columns) of a slice; the same field of view.
    projection_mm : pixel of the projections (2 x 2 detector elements).
    """

    name: str
    ffdm: tuple[int, int]
    dbt: tuple[int, int]
    factor: int = 1

    @property
    def ffdm_mm(self) -> float:
        """Pixel of the full-field image."""
        return 0.070 * self.factor

    @property
    def height_mm(self) -> float:
        """Height of the field of view."""
        return self.ffdm[0] * self.ffdm_mm

    @property
    def width_mm(self) -> float:
        """Width of the field of view."""
        return self.ffdm[1] * self.ffdm_mm

    @property
    def dbt_mm(self) -> float:
        """Pixel of a slice and of the synthetic image."""
        return self.height_mm / self.dbt[0]

    @property
    def projection_mm(self) -> float:
        """Pixel of a projection."""
        return 0.140 * self.factor


PLATES: dict[tuple[Size, str], Plate] = {
    ("full", "18x24"): Plate("18x24", (3328, 2560), (2457, 1890)),
    ("full", "24x29"): Plate("24x29", (4096, 3328), (2457, 1996)),
    ("small", "18x24"): Plate("18x24", (832, 640), (614, 472), SMALL_FACTOR),
    ("small", "24x29"): Plate("24x29", (1024, 832), (614, 499), SMALL_FACTOR),
}


@dataclass(frozen=True)
class BreastSpec:
    """One breast; both its views come from it.

    Attributes
    ----------
    seed : seed of the exam; the breast's own random numbers also depend on its side.
    thickness_mm : compressed thickness, of either view.
    findings : kinds of its findings, in the order in which they are placed.
    plate : field of view and pixels.
    """

    seed: int
    laterality: Laterality
    density: Density
    thickness_mm: int
    findings: tuple[str, ...]
    plate: Plate
    size: Size = "full"

    @property
    def slices(self) -> int:
        """Number of slices of either volume."""
        return self.thickness_mm + EXTRA_SLICES

    def slice_height(self, number: float) -> float:
        """Return z in mm of the middle of a slice, 0-based; the first ones lie under the detector cover."""
        return (number + 0.5) * DBT_SLICE_MM - 0.5 * EXTRA_SLICES

    def rng(self, *purpose: int | str) -> np.random.Generator:
        """Return the random numbers for one purpose; adding a purpose leaves the others as they were."""
        return stream(self.seed, str(self.laterality), *purpose)


def stream(seed: int, *purpose: int | str) -> np.random.Generator:
    """Return the random numbers of one purpose of one exam: independent of order, threads and machine."""
    digest = hashlib.sha256(repr((PHANTOM_VERSION, seed, *purpose)).encode()).digest()
    return np.random.default_rng(list(np.frombuffer(digest, "<u4")))


@dataclass(frozen=True)
class ExamSpec:
    """One four-view exam.

    Attributes
    ----------
    breasts : the right breast, then the left.
    """

    seed: int
    size: Size
    breasts: tuple[BreastSpec, BreastSpec]


def parse_findings(text: str) -> tuple[str, ...] | None:
    """Return the kinds named by ``--findings``: None for ``random``, empty for ``none``.

    Raises
    ------
    PhantomError
        If a kind is not known; the message lists them.
    """
    if text.strip() == "random":
        return None
    if text.strip() in ("none", ""):
        return ()
    kinds = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = sorted(set(kinds) - set(FINDING_KINDS))
    if unknown:
        raise PhantomError(
            f"No finding is called {', '.join(unknown)}; use random, none, or of {', '.join(FINDING_KINDS)}."
        )
    return kinds


def make_exam_spec(
    seed: int,
    density: Density | None = None,
    findings: tuple[str, ...] | None = None,
    thickness_mm: int | None = None,
    size: Size = "full",
) -> ExamSpec:
    """Return what an exam of this seed is made of; what is not given is drawn from the seed.

    Parameters
    ----------
    findings : kinds to place, all in one breast (drawn); None draws kinds for either breast.

    Raises
    ------
    PhantomError
        If a value is out of range, or a small exam is asked for findings that its pixels cannot show.
    """
    low, high = THICKNESS_RANGE_MM
    if thickness_mm is not None and not low <= thickness_mm <= high:
        raise PhantomError(
            f"A compressed breast is {low:.0f} to {high:.0f} mm thick, not {thickness_mm}; choose one of these."
        )
    if density is not None and density not in get_args(Density):
        raise PhantomError(f"Density is one of a, b, c, d, not {density!r}.")
    if size not in get_args(Size):
        raise PhantomError(f"Size is full or small, not {size!r}.")
    if seed < 0:
        raise PhantomError(f"The seed must be 0 or more, not {seed}.")
    unseen = sorted(set(findings or ()) & set(CALCIFIED_KINDS)) if size == "small" else []
    if unseen:
        raise PhantomError(
            f"Calcifications are finer than the pixels of a small exam ({', '.join(unseen)} would vanish); "
            "use --size full, or other findings."
        )
    rng = stream(seed, "exam")
    drawn_density = str(rng.choice(get_args(Density), p=(0.10, 0.40, 0.40, 0.10)))  # US screening (BI-RADS atlas)
    drawn_thickness = int(np.clip(round(float(rng.normal(56.0, 11.0))), 30, 85))
    plate_name = "24x29" if rng.random() < 0.35 else "18x24"
    affected = int(rng.integers(2))
    per_breast: list[tuple[str, ...]] = [(), ()]
    if findings is not None:
        per_breast[affected] = findings
    else:
        per_breast = [_draw_findings(rng, size) for _ in range(2)]
    right, left = (
        BreastSpec(
            seed=seed,
            laterality=side,
            density=density or drawn_density,  # type: ignore[arg-type]  # drawn from Density
            thickness_mm=thickness_mm or drawn_thickness,
            findings=kinds,
            plate=PLATES[size, plate_name],
            size=size,
        )
        for side, kinds in zip((Laterality.R, Laterality.L), per_breast, strict=True)
    )
    return ExamSpec(seed, size, (right, left))


def _draw_findings(rng: np.random.Generator, size: Size) -> tuple[str, ...]:
    """Draw the findings of one breast: half have none, the others one to three."""
    kinds = [kind for kind in FINDING_KINDS if size == "full" or kind not in CALCIFIED_KINDS]
    count = int(rng.choice([0, 1, 2, 3], p=(0.5, 0.3, 0.15, 0.05)))
    return tuple(str(kind) for kind in rng.choice(kinds, count, replace=False))
