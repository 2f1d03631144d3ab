"""The known answer is recorded when weights are imported, and stands between a wrong network and a score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gmic_core.cli import main
from gmic_core.errors import InferenceError, WeightsError
from gmic_core.inference.network import load_network
from gmic_core.models.store import WeightsStore
from gmic_core.models.weights import import_weights
from tests.core.cohort.builders import write_cohort, write_small_weights


@pytest.fixture
def record(tmp_path: Path, gmic_home: Path) -> Path:
    """Import weights; return the file with their record."""
    import_weights(write_small_weights(tmp_path / "mine.safetensors"), "mine")
    (found,) = WeightsStore().folder.glob("mine*.json")
    return found


def rewrite(record: Path, **changes: object) -> None:
    record.write_text(json.dumps(json.loads(record.read_text()) | changes))


def test_imported_weights_have_their_answer(record: Path) -> None:
    assert len(json.loads(record.read_text())["known_answer"]) == 36
    loaded = load_network("gmic2d", "mine", "cpu")
    assert len(loaded.weights.known_answer) == 36
    assert loaded.weights.state == {}  # the network has them


def test_weights_of_earlier_versions_have_none_and_load(record: Path) -> None:
    content = json.loads(record.read_text())
    del content["known_answer"]
    record.write_text(json.dumps(content))
    assert load_network("gmic2d", "mine", "cpu").weights.known_answer == ()


def test_another_answer_means_no_score(record: Path, tmp_path: Path, capsys) -> None:
    known = json.loads(record.read_text())["known_answer"]
    rewrite(record, known_answer=[known[0] + 0.01, *known[1:]])
    with pytest.raises(InferenceError, match=r"known-answer test of mine failed on cpu in exact mode \(off by 0\.01"):
        load_network("gmic2d", "mine", "cpu")
    write_cohort(tmp_path / "images", 1)
    assert main(["predict", str(tmp_path / "images"), "--weights", "mine", "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "not predicted: 1.2.3.1" in said
    assert "so no score is shown. Import the weights again" in said
    assert not list((tmp_path / "out").glob("saliency/*"))


@pytest.mark.parametrize("damage", ["many", {"a": 1}, ["x"], [1.0, None]])
def test_a_damaged_answer_is_a_damaged_record(record: Path, damage: object) -> None:
    rewrite(record, known_answer=damage)
    with pytest.raises(WeightsError, match="is damaged; remove it and import the weights again"):
        load_network("gmic2d", "mine", "cpu")
