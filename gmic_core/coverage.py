"""How much of an image a network saw: what is known of the rest, and how a reader is told.

Counting is in :mod:`gmic_core.preprocessing.unseen`. This module imports nothing heavy, so that whatever shows or
keeps a result may use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

StoredBox = tuple[int, int, int, int]

OUTSIDE_LIMIT = 0.01
"""Share of the breast that the network did not see, above which the reader is told in amber."""
MOST_NAMED = 5
"""Structures that a sentence names one by one; results.json lists more."""


@dataclass(frozen=True)
class Structure:
    """A connected bright region of an image that the network did not see, or several that lie close to each other.

    Attributes
    ----------
    row0, col0, row1, col1 : half-open box in stored pixels.
    pixels : stored pixels of the region, not of its box.
    attached : the region goes on into the breast (tissue that was cut off); otherwise it lies apart, like a side
        marker, a label or a dot.
    """

    row0: int
    col0: int
    row1: int
    col1: int
    pixels: int
    attached: bool

    @property
    def box(self) -> StoredBox:
        """(row0, col0, row1, col1)."""
        return self.row0, self.col0, self.row1, self.col1

    def __str__(self) -> str:
        """Return e.g. ``12x12 pixels at row 40, column 200``."""
        size = f"{self.row1 - self.row0}x{self.col1 - self.col0}"
        return f"{size} pixels at row {self.row0}, column {self.col0}"


@dataclass(frozen=True)
class Coverage:
    """What of one image a network saw. All counts are of stored pixels; of volumes, of the maximum over all slices.

    Attributes
    ----------
    seen : half-open box (row0, col0, row1, col1) in stored pixels, inside the image: where the network's window and
        the crop of the breast overlap. Everything else was 0 for the network, whatever the image holds there.
    breast_pixels : pixels of the breast as it was found.
    breast_outside : how many of them were not seen.
    tissue_outside : further pixels outside that are as bright as tissue and connected with the breast; the outline of
        the breast, which is smoothed, does not count them.
    structures : bright regions that were not seen, the largest first; a bounded number of them.
    structures_total : how many there are.
    projected : whether the counts are of a maximum over slices.
    """

    seen: StoredBox
    breast_pixels: int
    breast_outside: int
    tissue_outside: int
    structures: tuple[Structure, ...]
    structures_total: int
    projected: bool

    @property
    def outside_fraction(self) -> float:
        """Share of the breast that was not seen, 0..1."""
        return self.breast_outside / self.breast_pixels if self.breast_pixels else 0.0

    @property
    def tissue_fraction(self) -> float:
        """All tissue that was not seen, as a share of the breast; may exceed 1."""
        return (self.breast_outside + self.tissue_outside) / self.breast_pixels if self.breast_pixels else 0.0

    @property
    def is_short(self) -> bool:
        """Whether so much was not seen that the reader is told in amber."""
        return self.tissue_fraction > OUTSIDE_LIMIT


# -- words ---------------------------------------------------------------------------------------------------------


def coverage_notes(coverage: Coverage) -> tuple[str, ...]:
    """Return what a reader is told of what was not seen: what is amber, then what is calm."""
    return (*amber_notes(coverage), *calm_notes(coverage))


def amber_notes(coverage: Coverage) -> tuple[str, ...]:
    """Return the sentence about more than :data:`OUTSIDE_LIMIT` of the breast, if it is so."""
    if not coverage.is_short:
        return ()
    of = " of the maximum over all slices" if coverage.projected else ""
    if coverage.outside_fraction > OUTSIDE_LIMIT:
        share = f"{coverage.outside_fraction:.1%} of the breast"
        counts = f"{coverage.breast_outside} of {coverage.breast_pixels} pixels{of}"
        return (f"{share} ({counts}) lies outside the network's window and was not analysed.",)
    share = (
        f"{coverage.breast_outside + coverage.tissue_outside} pixels{of}, {coverage.tissue_fraction:.1%} of its size"
    )
    return (f"Tissue connected with the breast ({share}) lies outside what the network saw and was not analysed.",)


def calm_notes(coverage: Coverage) -> tuple[str, ...]:
    """Return sentences that name the structures outside: those that lie apart, then tissue that was cut off."""
    apart = [one for one in coverage.structures if not one.attached]
    cut_off = [one for one in coverage.structures if one.attached]
    unlisted = coverage.structures_total - len(coverage.structures)
    notes = []
    if apart:
        what = "structure" if len(apart) + unlisted == 1 else "structures"
        notes.append(_sentence(apart, unlisted, what, "Side markers and labels count as well."))
    if cut_off:
        what = "part connected with the breast" if len(cut_off) == 1 else "parts connected with the breast"
        notes.append(_sentence(cut_off, 0, what))
    return tuple(notes)


def _sentence(structures: Sequence[Structure], unlisted: int, what: str, more: str = "") -> str:
    """Return that so many structures were not analysed, naming the largest."""
    count = len(structures) + unlisted
    rest = "outside what the network saw and"
    if count == 1:
        said = f"1 {what} of {structures[0]} lies {rest} was not analysed."
    else:
        named = "; ".join(str(one) for one in structures[:MOST_NAMED])
        others = f"; {count - MOST_NAMED} more" if count > MOST_NAMED else ""
        said = f"{count} {what} lie {rest} were not analysed: {named}{others}."
    return f"{said} {more}".rstrip()
