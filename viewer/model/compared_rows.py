"""The rows of a comparison in the order that the reader asked for, and the image that a row is about."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from gmic_core.exam.model import Exam, MammoImage
from gmic_core.types import CLASSES
from viewer.model.comparing import Shown

if TYPE_CHECKING:  # comparing is imported when somebody compares: the model must stay cheap to import
    from gmic_core.comparison.batch import Row
    from gmic_core.comparison.folder import Compared
    from gmic_core.comparison.sources import MapSource

Names = Mapping[str, str]
"""What each image is called on screen."""


def plain(text: str) -> str:
    """Return words as they are compared: in small letters, however their accents are encoded."""
    return unicodedata.normalize("NFC", text).lower()


def shown_names(found: Compared, *, hidden: bool) -> dict[str, str]:
    """Return what each image is called; while identity is hidden by its number: names of files may name a patient.

    Images that go by their UID are called by side, view and modality as well.
    """
    names = {}
    for number, image in enumerate(dict.fromkeys(row.image for row in found.batch.images), start=1):
        facts = found.sources[image].facts if image in found.sources else None
        known = facts is not None and not image.strip("0123456789.")
        words = f"{facts.laterality}-{facts.view} {facts.modality} " if facts is not None and known else ""
        names[image] = f"{words}Image {number}" if hidden else f"{words}{image}"
    return names


def shown_rows(found: Compared, shown: Shown, names: Names) -> list[tuple[Row, dict[str, float]]]:
    """Return the rows that the filter lets through with their sixteen figures, sorted."""
    from gmic_core.comparison.tables import values

    words = plain(shown.text).split()
    rows = [
        (row, values(row))
        for row in (found.batch.labels if shown.per_label else found.batch.images)
        if shown.finding in (None, row.finding) and all(word in plain(names[row.image]) for word in words)
    ]
    return ordered(rows, shown, names)


def ordered(
    rows: Sequence[tuple[Row, dict[str, float]]], shown: Shown, names: Names
) -> list[tuple[Row, dict[str, float]]]:
    """Return rows sorted by a column; what does not exist stands last in both directions."""
    if not shown.column:
        return list(rows)

    def key(entry: tuple[Row, dict[str, float]]) -> tuple[bool, float | str | int]:
        row, figures = entry
        if shown.column == "image":
            return False, plain(names[row.image])
        if shown.column == "class":
            return False, CLASSES[row.finding]
        value = (math.nan if row.label is None else row.label) if shown.column == "label" else figures[shown.column]
        return math.isnan(value), value

    there = sorted((entry for entry in rows if not key(entry)[0]), key=key, reverse=shown.descending)
    return there + [entry for entry in rows if key(entry)[0]]


def image_of(exams: Iterable[Exam], source: MapSource) -> tuple[Exam, MammoImage] | None:
    """Return the image that maps belong to: by its UID, or by the name of its file where that says only one."""
    from gmic_core.inference.document import image_indices

    exams = list(exams)
    for exam in exams:
        for image in exam.images:
            if plain(image.sop_uid) in source.names:
                return exam, image
    found = []
    for exam in exams:
        called = image_indices(exam.images)
        found += [(exam, image) for image in exam.images if plain(called[image.sop_uid]) in source.names]
    return found[0] if len(found) == 1 else None
