"""Recorded scores are reproduced, or the difference is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.compare import compare
from gmic_core.evaluation.document import image_row, table
from gmic_core.evaluation.records import Records
from tests.core.evaluation.builders import evaluated


def test_a_subset_is_compared_image_by_image(tmp_path: Path) -> None:
    path = tmp_path / "images.csv"
    images = [evaluated(number) for number in range(6)]
    path.write_bytes(table(map(image_row, images)))
    same = compare(path, images[:3])
    assert (same.compared, same.equal, same.missing, same.differences) == (3, 3, 0, ())
    other = replace(images[1], score=replace(images[1].score, y=(0.5, images[1].score.y[1])))
    found = compare(path, [images[0], other, evaluated(9)])
    assert (found.compared, found.equal, found.missing) == (2, 1, 1)
    (difference,) = found.differences
    assert difference.startswith("1.2.1.CC.DBT: benign_pred is 0.5, recorded 0.68")


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read"):
        compare(tmp_path / "none.csv", [evaluated(0)])
    (tmp_path / "x.csv").write_text("image,case\n1.2.0.CC.DBT,sim-000000\n")
    with pytest.raises(EvaluationError, match="has no column modality"):
        compare(tmp_path / "x.csv", [evaluated(0)])


def test_records_are_read_back_as_they_were(tmp_path: Path) -> None:
    records = Records(tmp_path)
    one = evaluated(3)
    records.put("name", {"weights": "a"}, one)
    assert repr(records.get("name", {"weights": "a"})) == repr(one)
    assert records.get("name", {"weights": "b"}) is None
    assert records.get("other", {"weights": "a"}) is None
    next(tmp_path.iterdir()).write_bytes(b"\xff\x00")
    assert records.get("name", {"weights": "a"}) is None
