"""Several label maps on one image."""

from __future__ import annotations

import numpy as np
import pytest

from gmic_core.errors import SegmentationError
from gmic_core.segmentation.label_descriptions import LabelDescription
from viewer.model.annotation.joining import Joined, join, names_by_file
from viewer.model.annotation.label_map import LabelMap

BENIGN = LabelDescription(255, "benign", (10, 20, 30))
MALIGNANT = LabelDescription(255, "malignant", (40, 50, 60))


def _map(**labels: tuple[slice, slice]) -> LabelMap:
    found = np.zeros((2, 6, 8), np.uint8)
    for label, (rows, columns) in labels.items():
        found[1, rows, columns] = int(label.removeprefix("n"))
    return LabelMap.of(found)


def _after(present: LabelMap, joined: Joined) -> np.ndarray:
    present.write(joined.edit)
    return present.dense()


def test_a_number_that_is_taken_by_something_else_becomes_the_next_free_one() -> None:
    present, added = _map(n255=(slice(0, 2), slice(0, 3))), _map(n255=(slice(1, 4), slice(0, 3)))
    found = join(present, (BENIGN,), added, (MALIGNANT,))
    assert found.numbers == {255: 1}
    assert found.hidden == 3  # the row that both draw stays benign
    assert [(entry.index, entry.name) for entry in found.names] == [(1, "malignant"), (255, "benign")]
    assert found.names[0].colour == (255, 0, 0)  # ITK-SNAP's first colour, not the one of another number
    labels = _after(present, found)
    assert (labels[1, 2:4, 0:3] == 1).all()
    assert present.counts == {1: 6, 255: 6}
    assert not labels[0].any()


def test_labels_of_one_name_and_free_numbers_stay_what_they_are() -> None:
    present = _map(n255=(slice(0, 1), slice(0, 1)))
    added = _map(n255=(slice(3, 4), slice(0, 2)), n7=(slice(5, 6), slice(0, 4)))
    found = join(present, (BENIGN,), added, (BENIGN,))
    assert found.numbers == {7: 7, 255: 255}
    assert found.hidden == 0
    assert [(entry.index, entry.name) for entry in found.names] == [(7, "Label 7"), (255, "benign")]
    _after(present, found)
    assert present.counts == {7: 4, 255: 3}


def test_labels_that_nothing_names_are_not_thrown_together() -> None:
    present, added = _map(n1=(slice(0, 1), slice(0, 2))), _map(n1=(slice(0, 1), slice(6, 8)))
    found = join(present, (), added, ())
    assert found.numbers == {1: 2}
    labels = _after(present, found)
    assert labels[1, 0].tolist() == [1, 1, 0, 0, 0, 0, 2, 2]
    assert added.counts == {1: 2}


def test_an_edit_that_is_taken_back_leaves_what_was_there() -> None:
    present, added = _map(n3=(slice(0, 2), slice(0, 2))), _map(n3=(slice(1, 6), slice(1, 8)))
    before = present.dense()
    edit = join(present, (), added, ()).edit
    present.write(edit)
    present.write(edit.inverted())
    assert (present.dense() == before).all()


def test_no_number_is_free() -> None:
    full = np.arange(65_536, dtype=np.uint16).reshape(1, 256, 256)
    ones = LabelMap.of(np.ones((1, 256, 256), np.uint8))
    with pytest.raises(SegmentationError, match=r"All 65,535 labels are in use; take some away first\."):
        join(LabelMap.of(full), (), ones, ())


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("0_R-CC_malignant", "malignant"),
        ("R-CC FFDM Benign", "benign"),
        ("0_R-CC", None),
        ("benign_or_malignant", None),
        ("nonmalignant", None),
    ],
)
def test_a_file_tells_the_class_of_its_only_label(stem: str, name: str | None) -> None:
    names = names_by_file(stem, {255: 40}, ())
    assert [(entry.index, entry.name) for entry in names] == ([] if name is None else [(255, name)])
    assert names_by_file(stem, {1: 40, 2: 3}, ()) == ()
    assert names_by_file(stem, {255: 40}, (BENIGN,)) == (BENIGN,)
