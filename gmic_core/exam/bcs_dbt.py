"""The table of file paths that comes with BCS-DBT: it knows side and view of volumes whose headers may not.

Rows are matched by Series Instance UID, the last folder of the column ``classic_path``; so the volumes may have been
moved or renamed since.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gmic_core.exam.candidate import Candidate
from gmic_core.exam.names import parse_name
from gmic_core.types import Laterality

SideAndView = tuple[Laterality, str]
USED = "the BCS-DBT table of file paths; side and view of its volumes were taken from it"
MAX_TABLE = 64 << 20

_COPY = re.compile(r"\d+$")


def read_table(path: Path) -> dict[str, SideAndView] | None:
    """Return side and view by Series Instance UID; None when the file is no such table."""
    if path.suffix.lower() != ".csv" or path.stat().st_size > MAX_TABLE:
        return None
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.DictReader(file)
        try:
            if not {"View", "classic_path"} <= set(rows.fieldnames or ()):
                return None
            return dict(filter(None, map(_entry, rows)))
        except csv.Error:
            return None


def _entry(row: dict[str, str | None]) -> tuple[str, SideAndView] | None:
    name = parse_name(_COPY.sub("", row.get("View") or ""))  # lcc, rmlo, lcc2
    series = PurePosixPath(row.get("classic_path") or "").parent.name
    return (series, (name.laterality, name.view)) if name is not None and series else None


def apply_table(candidates: Iterable[Candidate], table: dict[str, SideAndView]) -> list[Candidate]:
    """Return the candidates with side and view completed from the table; contradictions become questions."""
    return [
        _completed(candidate, table[candidate.image.series_uid]) if candidate.image.series_uid in table else candidate
        for candidate in candidates
    ]


def _completed(candidate: Candidate, entry: SideAndView) -> Candidate:
    image = candidate.image
    side, view = entry
    said = f"The file says {image.label}, the BCS-DBT table {side}-{view}."
    contradicted = (image.laterality not in (None, side), image.view not in (None, view))
    questions = [
        f"{question} {said}"
        for question, wrong in zip(("Which breast is this?", "Which view is this?"), contradicted, strict=True)
        if wrong
    ]
    image = replace(
        image,
        laterality=None if contradicted[0] else side,
        view=None if contradicted[1] else view,
        questions=tuple(questions),
    )
    return replace(candidate, image=image)
