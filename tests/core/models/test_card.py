"""Model cards: what a network was made for, whatever weights it runs with."""

from __future__ import annotations

from pathlib import Path

import pytest

from gmic_core.errors import ModelError
from gmic_core.models.card import model_card
from gmic_core.models.shipped import ShippedWeights


def test_random_weights_are_called_noise() -> None:
    card = model_card("gmic3d", "random:0")
    assert card.startswith("# 3D-GMIC\n\n**Research use only. Not for diagnosis.**")
    assert "UNTRAINED: scores and maps are noise" in card
    assert "`gmic3d`, 14,108,784 parameters" in card
    assert "| Made for | DBT |" in card
    assert "DBT: 2116x1339 pixels of 0.0948 mm" in card
    assert "NYU Breast Cancer Screening Dataset and NYU Combo v1 (Hologic Selenia Dimensions)" in card
    assert "A volume with a single slice" in card
    assert "no calibrated probabilities" in card


def test_two_dimensional_networks_say_what_they_take_as_well() -> None:
    card = model_card("gmic2d", "random:1")
    assert "| Takes as well | MG. Not made for this kind of image" in card
    assert "single slice" not in card


def test_shipped_weights_bring_their_own_card() -> None:
    for name in ShippedWeights().names():
        record = ShippedWeights().record(name)
        card = model_card(record.model, name)
        assert f"## Weights {name}" in card
        assert "simulated breasts only" in card
        assert "\n# " not in card  # below the network's own heading


def test_a_file_that_was_not_imported_is_known_by_its_name_only(tmp_path: Path) -> None:
    card = model_card("gmic2d", str(tmp_path / "DOE_JANE" / "w.safetensors"))
    assert "## Weights w.safetensors" in card
    assert "nothing is known about how it was trained" in card
    assert "DOE_JANE" not in card


def test_text_of_imported_weights_cannot_break_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gmic_core.models.store import WeightsStore
    from gmic_core.models.weights_record import WeightsRecord

    record = WeightsRecord(
        "mine", "gmic2d", "a" * 64, 1, "a|b<img>.p", "b" * 64, "AGPL-3.0", "[data](http://x)", "2026-01-01", {"t": 1}
    )
    monkeypatch.setattr(WeightsStore, "find", lambda _self, _name: "mine")
    monkeypatch.setattr(WeightsStore, "record", lambda _self, _name: record)
    monkeypatch.setattr(ShippedWeights, "find", lambda _self, _name: None)
    card = model_card("gmic2d", "mine")
    assert "| From the file | a\\|b&lt;img>.p |" in card
    assert "| Trained on | \\[data](http://x) |" in card
    assert "| SHA-256 | `" + "a" * 64 + "` |" in card


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(ModelError, match="no network 'nothing'"):
        model_card("nothing", "random:0")
