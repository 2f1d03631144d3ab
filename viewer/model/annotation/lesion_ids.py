"""Which lesion is which: numbers that stay with a lesion while it is edited, and what the annotator notes on it.

Lesions are connected parts, found anew after each edit. A part keeps the number of the one whose box it shares most
of; one that is taken away keeps its number for when it comes back (undo, a second try at the same place).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from viewer.model.annotation.lesion_list import LesionRow

MAX_NOTE = 500
"""Characters of a note."""
MAX_GONE = 500
"""Lesions that are no longer there and have no note: so many are remembered."""

Remarks = tuple[tuple[int, str], ...]
"""(number of the lesion, note), sorted; lesions without a note are left out."""


@dataclass(frozen=True)
class KnownLesion:
    """Where a lesion was seen last.

    Attributes
    ----------
    id : its number, from 1; never given to another lesion of the segmentation.
    slices : half-open range.
    box : half-open (row0, col0, row1, col1) in stored pixels.
    """

    id: int
    label: int
    slices: tuple[int, int]
    box: tuple[int, int, int, int]


def identify(
    rows: Iterable[LesionRow], known: tuple[KnownLesion, ...], remarks: Remarks
) -> tuple[tuple[LesionRow, ...], tuple[KnownLesion, ...]]:
    """Return lesions with their numbers, and all that are known now, those among them that are gone.

    Parameters
    ----------
    remarks : a lesion with a note is never forgotten.
    """
    found = list(rows)
    ids = _unchanged(found, known)
    ids |= _moved(found, known, ids)
    following = max((0, *(one.id for one in known), *(number for number, _ in remarks))) + 1
    for at in range(len(found)):
        if at not in ids:
            ids[at], following = following, following + 1
    named = tuple(replace(row, id=ids[at]) for at, row in enumerate(found))
    here = {row.id for row in named}
    gone = [one for one in known if one.id not in here]
    noted = {number for number, _ in remarks}
    plain = [one.id for one in gone if one.id not in noted]
    forgotten = set(plain[: max(len(plain) - MAX_GONE, 0)])
    present = [KnownLesion(row.id, row.label, row.slices, row.box) for row in named]
    kept = [*present, *(one for one in gone if one.id not in forgotten)]
    return named, tuple(sorted(kept, key=lambda one: one.id))


def _unchanged(rows: list[LesionRow], known: tuple[KnownLesion, ...]) -> dict[int, int]:
    """Return position -> number of the lesions that are where they were."""
    places = {(one.label, one.slices, one.box): one.id for one in reversed(known)}
    found: dict[int, int] = {}
    for at, row in enumerate(rows):
        number = places.pop((row.label, row.slices, row.box), None)
        if number is not None:
            found[at] = number
    return found


def _moved(rows: list[LesionRow], known: tuple[KnownLesion, ...], ids: dict[int, int]) -> dict[int, int]:
    """Return position -> number of lesions that were changed: those that share most go together first."""
    taken = set(ids.values())
    left = [one for one in known if one.id not in taken]
    pairs = [
        (-_shared(row, one), one.id, at)
        for at, row in enumerate(rows)
        if at not in ids
        for one in left
        if one.label == row.label and _shared(row, one) > 0
    ]
    found: dict[int, int] = {}
    for _, number, at in sorted(pairs):
        if at not in found and number not in taken:
            found[at] = number
            taken.add(number)
    return found


def _shared(row: LesionRow, one: KnownLesion) -> float:
    """Return the share of two boxes that is in both, 0..1."""
    ranges = ((row.slices, one.slices), *(((row.box[k], row.box[k + 2]), (one.box[k], one.box[k + 2])) for k in (0, 1)))
    both, mine, other = 1, 1, 1
    for a, b in ranges:
        both *= max(min(a[1], b[1]) - max(a[0], b[0]), 0)
        mine *= a[1] - a[0]
        other *= b[1] - b[0]
    return both / (mine + other - both)


def with_note(remarks: Remarks, number: int, note: str) -> Remarks:
    """Return the notes with another one on a lesion; an empty one is none."""
    text = " ".join(note.split())[:MAX_NOTE]
    others = [entry for entry in remarks if entry[0] != number]
    return tuple(sorted([*others, (number, text)] if text else others))
