"""Two label maps of one image as one: what a second file adds to the labels that are there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gmic_core.errors import SegmentationError
from gmic_core.segmentation.label_descriptions import CLEAR, LabelDescription, default_description
from gmic_core.segmentation.voxels import MAX_LABEL
from gmic_core.types import CLASSES
from viewer.model.annotation.edits import Edit, Patch
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.state import Names


@dataclass(frozen=True)
class Joined:
    """What a second map adds.

    Attributes
    ----------
    edit : brings the voxels that have no label yet to those of the second map.
    names : descriptions of the labels of both.
    numbers : what each label of the second map is called now.
    hidden : voxels that both maps label; they keep the label that they had.
    revision : of the first map, on which the edit fits.
    """

    edit: Edit
    names: Names
    numbers: Mapping[int, int]
    hidden: int
    revision: int


def join(present: LabelMap, names: Names, added: LabelMap, added_names: Names) -> Joined:
    """Add a map to the one that is there; neither is changed.

    A label keeps its number where that is free or has the same name in both maps; else it gets the next free one.

    Parameters
    ----------
    present, added : of one image.
    names, added_names : descriptions of their labels, as far as there are some.

    Raises
    ------
    SegmentationError
        If no number is free.
    """
    revision = present.revision
    mine = {entry.index: entry for entry in names}
    theirs = {entry.index: entry for entry in added_names}
    numbers = _numbers({*present.counts, *mine}, mine, {*added.counts, *theirs}, theirs)
    table = np.zeros(MAX_LABEL + 1, np.uint16)
    for label, number in numbers.items():
        table[label] = number
    patches: list[Patch] = []
    hidden = 0
    for index, plane in added.planes.items():
        box = added.box(index)
        if box is None:
            continue
        window = (slice(box[0], box[2]), slice(box[1], box[3]))
        under, over = present.plane(index), table[plane[window]]
        if under is not None:
            drawn = under[window] != 0
            hidden += int(np.count_nonzero(drawn & (over != 0)))
            over = np.where(drawn, under[window], over)
        patches += present.replaced(index, box[:2], over).patches
    described = mine | {now: _moved(theirs.get(n), n, now) for n, now in numbers.items() if now not in mine}
    return Joined(Edit(tuple(patches)), tuple(described[n] for n in sorted(described)), numbers, hidden, revision)


def _numbers(
    taken: set[int], mine: Mapping[int, LabelDescription], labels: set[int], theirs: Mapping[int, LabelDescription]
) -> dict[int, int]:
    """Return the number that each label gets among those that are taken."""
    found: dict[int, int] = {}
    used = set(taken)
    for label in sorted(labels - {CLEAR.index}):
        same = label in theirs and label in mine and theirs[label].name == mine[label].name
        found[label] = label if same or label not in used else _free(used | labels)
        used.add(found[label])
    return found


def _free(taken: set[int]) -> int:
    for number in range(1, MAX_LABEL + 1):
        if number not in taken:
            return number
    raise SegmentationError(f"All {MAX_LABEL:,} labels are in use; take some away first.")


def _moved(entry: LabelDescription | None, label: int, number: int) -> LabelDescription:
    """Return a label under its new number: with its name, and in a colour of its own where the number changed."""
    entry = default_description(label) if entry is None else entry
    return entry if label == number else replace(entry, index=number, colour=default_description(number).colour)


_CLASS = re.compile(rf"(?:^|[ _.-])({'|'.join(CLASSES)})(?=[ _.-]|$)", re.IGNORECASE)


def names_by_file(stem: str, labels: Mapping[int, int], names: Names) -> Names:
    """Return descriptions of a map that none describes, where its file's name tells the class of its only label.

    Parameters
    ----------
    stem : name of the file, e.g. ``0_R-CC_malignant``.
    labels : voxels of each label.
    """
    words = {found.lower() for found in _CLASS.findall(stem)}
    if names or len(words) != 1 or len(labels) != 1:
        return names
    return (replace(default_description(next(iter(labels))), name=words.pop()),)
