"""truth.json of a simulated exam: which findings its breasts have, and which label is which in its label maps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmic_core.errors import EvaluationError
from gmic_core.types import CLASSES, Finding, Laterality

TRUTH_FILE = "truth.json"


@dataclass(frozen=True)
class SimulatedExam:
    """What truth.json says.

    Attributes
    ----------
    findings : class of each label, by the name of the image without its suffix.
    sides : side of each image.
    """

    folder: Path
    findings: dict[str, dict[int, Finding]]
    sides: dict[str, Laterality]

    @property
    def name(self) -> str:
        """The exam's folder."""
        return self.folder.name

    def classes(self, stem: str) -> dict[int, Finding]:
        """Return the class of each label in the label map of an image.

        Raises
        ------
        EvaluationError
            If truth.json does not name the image.
        """
        if stem not in self.findings:
            raise EvaluationError(f"{TRUTH_FILE} of {self.name} does not name {stem}; make the exam again.")
        return self.findings[stem]

    def labels(self, side: Laterality) -> tuple[bool, bool]:
        """Return whether a breast has a benign and whether it has a malignant finding."""
        present = {f for stem, found in self.findings.items() if self.sides[stem] is side for f in found.values()}
        return Finding.BENIGN in present, Finding.MALIGNANT in present


def read_simulated(folder: Path) -> SimulatedExam:
    """Read truth.json of an exam.

    Raises
    ------
    EvaluationError
        If it is damaged or says less than it must.
    """
    path = folder / TRUTH_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        findings: dict[str, dict[int, Finding]] = {}
        sides: dict[str, Laterality] = {}
        for view in _views(document):
            for image in view["images"].values():
                stem = Path(image["file"]).name.split(".")[0]
                findings[stem] = {int(f["label"]): Finding(CLASSES.index(f["class"])) for f in image["findings"]}
                sides[stem] = Laterality(view["laterality"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(
            f"{folder.name}/{TRUTH_FILE} cannot be understood ({type(error).__name__}: {error}); make the exam again."
        ) from error
    if not findings:
        raise EvaluationError(f"{folder.name}/{TRUTH_FILE} names no image; make the exam again.")
    return SimulatedExam(folder, findings, sides)


def _views(node: Any) -> Iterator[dict[str, Any]]:
    """Yield what the document says of each view, wherever it stands."""
    if isinstance(node, dict):
        if "images" in node and "laterality" in node:
            yield node
        else:
            for value in node.values():
                yield from _views(value)
    elif isinstance(node, list):
        for value in node:
            yield from _views(value)
