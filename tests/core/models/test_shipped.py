"""Weights that come with the program: by name everywhere, exact, honest about what they were trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from gmic_core.cli import main
from gmic_core.errors import WeightsError
from gmic_core.models import load_model
from gmic_core.models.shipped import SIMULATED_NOTE, ShippedWeights
from gmic_core.models.store import WeightsStore
from gmic_core.models.weight_metadata import WeightMetadata, read_metadata, simulated_only
from gmic_core.models.weights import import_weights, resolve_weights
from tests.helpers.shipped_weights import (
    NAME_2D,
    NAME_3D,
    STATEMENT,
    TRAINING_DATA,
    float32_of,
    ship,
    write_shipped,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network of each kind."""
    folder = tmp_path_factory.mktemp("shipped")
    write_shipped(folder, NAME_3D, "gmic3d", top_t=1.25, num_patches=9, zeta=7)
    write_shipped(folder, NAME_2D, "gmic2d_park", top_t=0.03, num_patches=4)
    return folder


@pytest.fixture
def shipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    ship(monkeypatch, folder)
    return folder


def test_half_precision_is_loaded_exactly_with_the_hyperparameters_of_the_file(shipped: Path) -> None:
    network, weights = load_model("gmic3d", NAME_3D)
    assert (network.hyper.top_t, network.hyper.num_patches, network.hyper.zeta) == (1.25, 9, 7)  # type: ignore[attr-defined]
    expected = float32_of(shipped / f"{NAME_3D}.safetensors")
    for key, value in network.state_dict().items():
        assert value.dtype in (torch.float32, torch.int64)
        assert torch.equal(value, expected[key])
    assert (weights.name, weights.untrained, weights.training_data) == (NAME_3D, False, TRAINING_DATA)


def test_the_name_may_be_written_in_capitals_but_not_for_another_network(shipped: Path) -> None:
    assert resolve_weights("gmic2d_park", NAME_2D.upper()).hyper["num_patches"] == 4
    with pytest.raises(WeightsError, match="for gmic2d_park, not for gmic2d"):
        resolve_weights("gmic2d", NAME_2D)


def test_an_unknown_name_is_answered_with_the_shipped_ones(shipped: Path) -> None:
    with pytest.raises(WeightsError, match=f"stored: {NAME_2D}, {NAME_3D}"):
        resolve_weights("gmic3d", "digital-breast-9")


def test_what_the_user_stored_hides_nothing_and_takes_no_shipped_name(shipped: Path) -> None:
    store = WeightsStore()
    assert store.names() == []
    assert store.find(NAME_3D) == NAME_3D
    assert store.tensors_path(NAME_3D) == shipped / f"{NAME_3D}.safetensors"
    with pytest.raises(WeightsError, match="stored already"):
        import_weights(shipped / f"{NAME_3D}.safetensors", name=NAME_3D)
    record = import_weights(shipped / f"{NAME_3D}.safetensors", name="mine")
    assert (record.model, record.training_data, record.licence) == ("gmic3d", TRAINING_DATA, "Apache-2.0")
    assert record.hyper["zeta"] == 7
    assert read_metadata(store.tensors_path("mine")).hyper == record.hyper


def test_a_file_by_its_path_says_the_same_of_itself(shipped: Path) -> None:
    weights = resolve_weights("gmic2d_park", str(shipped / f"{NAME_2D}.safetensors"))
    assert (weights.training_data, weights.hyper["top_t"]) == (TRAINING_DATA, 0.03)
    with pytest.raises(WeightsError, match="says that it is for gmic2d_park, not for gmic3d"):
        resolve_weights("gmic3d", str(shipped / f"{NAME_2D}.safetensors"))


def test_the_command_line_lists_them_with_their_statement(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0  # what to list is said by itself
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Shipped weights")
    assert [line.split()[0] for line in lines[start + 1 : start + 3]] == [NAME_2D, NAME_3D]
    assert all(STATEMENT in line for line in lines[start + 1 : start + 3])
    assert main(["models", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["shipped"]
    assert [(entry["name"], entry["statement"]) for entry in listed] == [(NAME_2D, STATEMENT), (NAME_3D, STATEMENT)]
    assert main(["models", "show", NAME_3D]) == 0
    assert f"statement: {STATEMENT}" in capsys.readouterr().out


def test_the_card_beside_a_file_speaks_for_it(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, str(tmp_path / "x.safetensors"), metadata={"model": "gmic3d"})
    shelf = ShippedWeights(tmp_path)
    assert shelf.statement("x") == SIMULATED_NOTE
    (tmp_path / "x.md").write_text("# Card\n\nFinds what it was shown.\n\nMore.\n")
    assert shelf.statement("x") == "Finds what it was shown."
    assert shelf.record("x").training_data == "simulated breasts only"


def test_a_file_that_names_no_network_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"x\.safetensors name no network"):
        ShippedWeights(tmp_path).record("x")


def test_what_a_file_says_comes_back(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    said = WeightMetadata("gmic3d", {"top_t": 2.5, "norm": "batch"}, "simulated breasts only: x", "MIT", "One.", "now")
    save_file({"a": torch.zeros(1)}, str(tmp_path / "x.safetensors"), metadata=said.as_text())
    assert read_metadata(tmp_path / "x.safetensors") == said
    save_file({"a": torch.zeros(1)}, str(tmp_path / "y.safetensors"), metadata={"hyper": "[1"})
    with pytest.raises(WeightsError, match=r"y\.safetensors states hyperparameters that cannot be read"):
        read_metadata(tmp_path / "y.safetensors")
    (tmp_path / "z.p").write_bytes(b"\x80\x02no header at all")
    assert read_metadata(tmp_path / "z.p") == WeightMetadata()


def test_data_without_patients_says_so_first() -> None:
    assert simulated_only("") == "simulated breasts only"
    assert simulated_only("seeds 1 to 9") == "simulated breasts only: seeds 1 to 9"
    assert simulated_only(TRAINING_DATA) == TRAINING_DATA
