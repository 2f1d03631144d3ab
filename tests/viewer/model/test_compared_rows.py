"""Order and names of compared images, and the image that a row is about."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gmic_core.comparison.batch import Batch, Row
from gmic_core.comparison.folder import Asked, Compared
from gmic_core.comparison.measures import Measures
from gmic_core.comparison.sources import MapSource
from gmic_core.exam.names import ImageName
from gmic_core.types import Finding, Laterality, Modality
from tests.helpers.panel_fakes import make_exam
from viewer.model.compared_rows import image_of, shown_names, shown_rows
from viewer.model.comparing import Shown

B, M = Finding.BENIGN, Finding.MALIGNANT


def compared(*rows: Row, sources: dict[str, MapSource] | None = None) -> Compared:
    batch = Batch(labels=list(rows), images=list(rows[::-1]))
    return Compared(Asked(Path("r"), Path("s")), batch, (), (), (), sources or {})


ROWS = (
    Row("b", 1, M, Measures(pxap=0.2), None),
    Row("Äa", None, B, Measures(), None),
    Row("a", 3, M, Measures(pxap=0.9), Measures(pxap=0.1)),
)


@pytest.mark.parametrize(
    ("shown", "images"),
    [
        (Shown(), ["b", "Äa", "a"]),
        (Shown(column="image"), ["a", "b", "Äa"]),
        (Shown(column="pxap"), ["b", "a", "Äa"]),
        (Shown(column="pxap", descending=True), ["a", "b", "Äa"]),
        (Shown(column="pxap_3d", descending=True), ["a", "b", "Äa"]),
        (Shown(column="label", descending=True), ["a", "b", "Äa"]),
        (Shown(column="class"), ["Äa", "b", "a"]),
        (Shown(text="A\u0308"), ["Äa"]),
        (Shown(finding=M), ["b", "a"]),
        (Shown(per_label=False), ["a", "Äa", "b"]),
    ],
)
def test_rows_in_order(shown: Shown, images: list[str]) -> None:
    found = compared(*ROWS)
    rows = shown_rows(found, shown, shown_names(found, hidden=False))
    assert [row.image for row, _ in rows] == images


def test_figures_of_a_row() -> None:
    found = compared(*ROWS)
    figures = shown_rows(found, Shown(), shown_names(found, hidden=False))[2][1]
    assert (figures["pxap"], figures["pxap_3d"]) == (0.9, 0.1)
    assert math.isnan(figures["dice_soft"])


def test_names_while_identity_is_hidden() -> None:
    facts = ImageName("", Laterality.R, "CC", Modality.DBT)
    uid = "1.2.826.7"
    source = MapSource(uid, frozenset({uid}), {}, facts=facts)
    found = compared(Row("Ada", 1, M, Measures(), None), Row(uid, 1, M, Measures(), None), sources={uid: source})
    assert shown_names(found, hidden=False) == {uid: "R-CC DBT 1.2.826.7", "Ada": "Ada"}
    assert shown_names(found, hidden=True) == {uid: "R-CC DBT Image 1", "Ada": "Image 2"}


def test_the_image_of_a_row() -> None:
    first, second = make_exam("1"), make_exam("2")
    image = second.images[3]
    by_uid = MapSource("x", frozenset({image.sop_uid}), {})
    assert image_of([first, second], by_uid) == (second, image)
    by_file = MapSource("x", frozenset({image.files[0].name.removesuffix(".png").lower()}), {})
    assert image_of([first, second], by_file) == (second, image)
    assert image_of([first, second, second], by_file) is None, "two of that name"
    assert image_of([first], by_uid) is None
