"""Letters at the edges, against the standard hanging."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gmic_core.exam.geometry import ORIENTATIONS, Orientation
from tests.helpers.hung_images import make_image
from viewer.model.orientation_marks import EdgeLetters, edge_letters, opposite


@pytest.mark.parametrize("stored", ORIENTATIONS, ids=str)
@pytest.mark.parametrize(
    ("label", "expected"),
    [
        # CC: the lateral side is up; the nipple of a right breast points to the left of the screen
        ("R-CC", EdgeLetters("R", "P", "L", "A")),
        ("L-CC", EdgeLetters("L", "A", "R", "P")),
    ],
)
def test_a_cc_view_hangs_with_the_lateral_side_up(stored: Orientation, label: str, expected: EdgeLetters) -> None:
    assert edge_letters(make_image(label, stored=stored)) == expected


def test_an_oblique_view_has_the_head_up() -> None:
    letters = edge_letters(make_image("R-MLO", stored=Orientation()))
    assert letters is not None
    assert (letters.left, letters.right) == ("A", "P")
    assert letters.top.startswith("H")
    assert letters.bottom == opposite(letters.top)


def test_nothing_is_written_that_the_file_does_not_state() -> None:
    image = make_image("R-CC", stored=Orientation())
    assert edge_letters(make_image("R-CC")) is None
    assert edge_letters(replace(image, questions=("Which way is up?",))) is None
