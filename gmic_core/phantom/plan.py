"""What an exam on disk consists of: simulated breasts, or one view of a voxel phantom read from a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import PhantomError
from gmic_core.phantom.dicom import FORMAT_VERSION
from gmic_core.phantom.frame import VIEWS
from gmic_core.phantom.headers import patient_id
from gmic_core.phantom.spec import PHANTOM_VERSION, PLATES, BreastSpec, Density, ExamSpec, Size, ViewName
from gmic_core.types import Laterality


@dataclass(frozen=True)
class Part:
    """One breast and the views to make of it.

    Attributes
    ----------
    anatomy : header of the voxel phantom that it is; None grows one from the seed.
    """

    spec: BreastSpec
    views: tuple[ViewName, ...] = VIEWS
    anatomy: Path | None = None


@dataclass(frozen=True)
class Plan:
    """One exam.

    Attributes
    ----------
    key : what tells it from others of the same seed: a digest of all that its pixels depend on.
    """

    seed: int
    size: Size
    parts: tuple[Part, ...]
    key: str

    @property
    def patient_id(self) -> str:
        """ID of the simulated patient."""
        return patient_id(self.seed)

    @property
    def name(self) -> str:
        """Name of the exam's folder, e.g. ``sim-000007``."""
        return self.patient_id.lower()

    @property
    def anatomy(self) -> str | None:
        """Name of the file that the anatomy was read from, if it was."""
        return next((part.anatomy.name for part in self.parts if part.anatomy is not None), None)

    def views(self) -> list[tuple[Laterality, ViewName]]:
        """Return the exam's views, in the order in which they become ready."""
        return [
            (part.spec.laterality, part.views[number])
            for number in range(len(VIEWS))
            for part in self.parts
            if number < len(part.views)
        ]


def plan_of(spec: ExamSpec) -> Plan:
    """Return the plan of a four-view exam."""
    return Plan(spec.seed, spec.size, tuple(Part(breast) for breast in spec.breasts), _key(spec))


def plan_of_anatomy(path: Path, seed: int, size: Size = "full", density: Density = "b") -> Plan:
    """Return the plan of an exam with the one view that a VICTRE phantom was compressed for.

    Parameters
    ----------
    density : what the headers and truth.json are to say; it changes nothing else.

    Raises
    ------
    PhantomError
        If the phantom cannot be read or does not fit the field of view.
    """
    from gmic_core.phantom.victre import read_victre

    if seed < 0:
        raise PhantomError(f"The seed must be 0 or more, not {seed}.")
    plate = PLATES[size, "24x29"]
    found = read_victre(path, plate)
    kinds = tuple(placed.finding.kind for placed in found.placed)
    spec = BreastSpec(seed, Laterality.L, density, found.thickness_mm, kinds, plate, size)
    return Plan(seed, size, (Part(spec, ("CC",), path),), _key((spec, _digest(found.tissue.dense.tobytes()))))


def _key(what: object) -> str:
    return _digest(repr((PHANTOM_VERSION, FORMAT_VERSION, what)).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
