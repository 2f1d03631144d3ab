"""Corner text: warnings are written whole, in as many lines as the air beside the breast asks for."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRectF, QSizeF
from PySide6.QtWidgets import QApplication

from viewer.model.corner_text import Line
from viewer.views.viewport_text import Placed, place_lines, text_width

WARNING = "describes 45 frames, but the pixel data holds 4; the latter counts"
SIZE = QSizeF(800.0, 600.0)
BELOW = [Line("slice 3 / 4"), Line("zoom 5.11"), Line(WARNING, "warning")]


def lower(breast_to: float, below: list[Line]) -> list[Placed]:
    """Return the lower lines beside a left breast that reaches so far to the right."""
    breast = QRectF(0, 0, breast_to, SIZE.height())
    placed = place_lines(SIZE, False, Line("L-CC"), [], below, breast.intersects)
    return [one for one in placed if not one.marker]


@pytest.mark.parametrize(("breast_to", "parts"), [(200.0, 1), (480.0, 2), (630.0, 3)])
def test_a_warning_is_broken_where_the_breast_leaves_little_room(
    qapp: QApplication, breast_to: float, parts: int
) -> None:
    placed = lower(breast_to, BELOW)
    warning = sorted((one for one in placed if one.line.tone == "warning"), key=lambda one: one.rect.top())
    assert len(warning) == parts
    assert " ".join(one.line.text for one in warning) == WARNING  # read downwards, nothing is cut off
    others = [one for one in placed if one.line.tone != "warning"]
    assert max(one.rect.bottom() for one in warning) <= min(one.rect.top() for one in others)
    assert min(one.rect.left() for one in placed) >= breast_to


def test_no_line_lies_on_another_and_what_has_no_room_is_left_out(qapp: QApplication) -> None:
    placed = lower(480.0, [*BELOW, Line("no pixel spacing", "warning")])
    assert len(placed) == 5
    assert not any(a.rect.intersects(b.rect) for a in placed for b in placed if a is not b)
    assert [one.line.text for one in lower(720.0, BELOW)] == ["slice 3 / 4", "zoom 5.11"]


def test_other_lines_are_broken_where_they_are_too_long(qapp: QApplication) -> None:
    text = "value 2458   82 mm deep  31 mm below middle"
    narrow = QSizeF(275.0, 600.0)  # a third of a small screen
    placed = place_lines(narrow, False, Line("L-CC"), [], [Line(text)], lambda _rect: False)
    parts = sorted((one for one in placed if not one.marker), key=lambda one: one.rect.top())
    assert " ".join(one.line.text for one in parts) == " ".join(text.split())
    assert len(parts) == 2
    assert all(text_width(one.line.text) <= 0.62 * narrow.width() for one in parts)
    assert [one.line.text for one in lower(200.0, [Line(text)])] == [text]  # as it is where it fits


def test_what_would_take_too_many_lines_ends_in_an_ellipsis(qapp: QApplication) -> None:
    (placed,) = lower(100.0, [Line("W 3200  L 1840  " * 30)])
    assert placed.line.text.endswith("…")
    assert text_width(placed.line.text) <= 0.62 * SIZE.width()
