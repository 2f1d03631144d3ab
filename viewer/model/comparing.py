"""The comparison of a folder as the reader sees it: what is to be compared, how far it is, what came out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from gmic_core.types import Finding

if TYPE_CHECKING:  # annotations only: the session must stay cheap to import
    from gmic_core.comparison.batch import Row
    from gmic_core.comparison.folder import Compared
    from gmic_core.detection.froc import Froc

FIRST_MAP: dict[int, Finding | None] = {1: Finding.BENIGN, 2: Finding.MALIGNANT}
"""What the table begins with where nothing was remembered: the label maps of mini-MIAS and of simulated breasts."""


@dataclass(frozen=True)
class Wish:
    """What the reader chose.

    Attributes
    ----------
    by_map : whether labels mean what the table says; else every label is malignant.
    same_size : compare voxel by voxel where only the size fits.
    """

    results: Path | None = None
    segmentations: Path | None = None
    by_map: bool = False
    same_size: bool = False


@dataclass(frozen=True)
class Shown:
    """What the table is narrowed to, and its order.

    Attributes
    ----------
    text : words that the image's name must have.
    finding : class, None: both.
    per_label : one row per image, label and class; else per image and class.
    column : name of the column that it is sorted by, "": as compared.
    """

    text: str = ""
    finding: Finding | None = None
    per_label: bool = True
    column: str = ""
    descending: bool = False


@dataclass(frozen=True)
class Tables:
    """The tables of BCS-DBT that the reader chose.

    Attributes
    ----------
    submission : predictions to be scored.
    boxes : the truth.
    paths : file paths, which name the volumes of a results folder.
    slices : of every volume of which no table says it; 0: not known.
    peaks : whether peaks of the maps are exported instead of patches.
    """

    submission: Path | None = None
    boxes: Path | None = None
    paths: Path | None = None
    slices: int = 0
    peaks: bool = False


@dataclass(frozen=True)
class Scored:
    """A submission against boxes: the curve, and what was counted, in words."""

    froc: Froc
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Work:
    """Something that goes on: what, how far, of how much (0: not known), and with which image."""

    text: str
    done: int = 0
    total: int = 0
    image: str = ""


class Comparing:
    """State of the window that compares folders.

    Signals
    -------
    changed(): choices, map, result, message. shown_changed(): order or filter of the table. work_changed(): progress.
    """

    changed = Signal()
    shown_changed = Signal()
    work_changed = Signal()

    def __init__(self) -> None:
        self.wish = Wish()
        self.classes: dict[int, Finding | None] = dict(FIRST_MAP)
        self.shown = Shown()
        self.tables = Tables()
        self.work: Work | None = None
        self.found: Compared | None = None
        self.scored: Scored | None = None
        self.chosen: Row | None = None
        self.level, self.message = "", ""

    def choose(self, **fields: object) -> None:
        """Change what is to be compared."""
        self.wish = replace(self.wish, **fields)  # type: ignore[arg-type]
        self.changed.emit()

    def set_class(self, label: int, finding: Finding | None) -> None:
        """Say what a label means; None: it does not count."""
        self.classes = dict(sorted({**self.classes, label: finding}.items()))
        self.changed.emit()

    def forget_label(self, label: int) -> None:
        """Take a label out of the map."""
        self.classes = {known: finding for known, finding in self.classes.items() if known != label}
        self.changed.emit()

    def set_map(self, classes: dict[int, Finding | None]) -> None:
        """Use another map."""
        self.classes = dict(sorted(classes.items()))
        self.changed.emit()

    def show(self, **fields: object) -> None:
        """Sort or narrow the table otherwise."""
        self.shown = replace(self.shown, **fields)  # type: ignore[arg-type]
        self.shown_changed.emit()

    def choose_tables(self, **fields: object) -> None:
        """Choose tables of BCS-DBT."""
        self.tables = replace(self.tables, **fields)  # type: ignore[arg-type]
        self.changed.emit()

    def set_work(self, work: Work | None) -> None:
        """Tell what goes on; None: nothing."""
        ended = (work is None) != (self.work is None)
        self.work = work
        self.work_changed.emit()
        if ended:
            self.changed.emit()

    def tell(self, level: str, message: str) -> None:
        """Say how something ended: ``""``, ``hint``, ``warning`` or ``error``."""
        self.level, self.message = level, message
        self.changed.emit()

    def take(self, found: Compared) -> None:
        """Show what a comparison found."""
        self.found, self.chosen = found, None
        self.changed.emit()

    def take_score(self, scored: Scored | None) -> None:
        """Show what a submission is worth."""
        self.scored = scored
        self.changed.emit()
