"""Weights that were trained at another pixel size are run at it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gmic_core.errors import WeightsError
from gmic_core.inference.network import load_network
from gmic_core.models.random_weights import random_state
from gmic_core.models.registry import create_model, get_spec
from gmic_core.models.store import WeightsStore
from gmic_core.models.trained_input import TrainedInput, spec_at
from gmic_core.models.weight_metadata import read_metadata
from gmic_core.models.weights import import_weights, load_model
from gmic_core.training.experiment import load_experiment
from gmic_core.training.export import export_weights
from gmic_core.types import Modality

SMALL = TrainedInput(Modality.MG, 512, 320, 0.4, 0.02, (64, 64))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    experiment = load_experiment("mini_mias_gmic2d")
    path = tmp_path / "films.safetensors"
    state = random_state(create_model("gmic2d", **experiment.network.hyper()), 0)
    export_weights(path, experiment, state, {"training_data": "films"}, {})
    return path


def test_an_experiment_states_its_input_where_it_is_not_the_usual_one() -> None:
    assert load_experiment("mini_mias_gmic2d").trained_input == SMALL
    assert load_experiment("digital_breast_3d").trained_input is None
    small = load_experiment("small_gmic3d").trained_input
    assert small is not None
    assert (small.rows, small.columns, small.spacing_mm, small.patch_size) == (528, 332, 0.38, (64, 64))


def test_a_network_runs_at_the_size_its_weights_state(weights: Path) -> None:
    loaded = load_network("gmic2d", str(weights), "cpu")
    entry = loaded.network.spec.input_for(Modality.MG)
    assert (entry.rows, entry.columns, entry.spacing_mm) == (512, 320, 0.4)
    assert loaded.network.spec.patch_size == (64, 64)
    assert entry.takes_spacing(0.405)
    assert not entry.takes_spacing(0.2)


def test_the_shelf_keeps_the_size(weights: Path, tmp_path: Path) -> None:
    shelf = WeightsStore(tmp_path / "shelf")
    import_weights(weights, "films", store=shelf)
    network, _ = load_model("gmic2d", "films", shelf)
    assert network.spec.input_for(Modality.MG).rows == 512


def test_other_modalities_keep_theirs() -> None:
    changed = TrainedInput(Modality.FFDM, 512, 320, 0.4, 0.02, (64, 64)).applied(get_spec("gmic2d_park"))
    assert changed.input_for(Modality.S2D) == get_spec("gmic2d_park").input_for(Modality.S2D)
    assert changed.input_for(Modality.FFDM).rows == 512


def test_text_and_back() -> None:
    assert TrainedInput.parse(SMALL.as_text(), "a file") == SMALL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 9}, "sides outside 16 to 8192"),
        ({"columns": 1 << 40}, "sides outside 16 to 8192"),
        ({"spacing_mm": 0.0}, "pixels of 0.0 mm"),
        ({"spacing_mm": float("nan")}, "pixels of nan mm"),
        ({"modality": "CT"}, "cannot be read"),
    ],
)
def test_nonsense_is_refused(change: dict[str, object], message: str) -> None:
    import json

    text = json.dumps(json.loads(SMALL.as_text()) | change)
    with pytest.raises(WeightsError, match=message):
        TrainedInput.parse(text, "films.safetensors")


def test_usual_weights_say_nothing(tmp_path: Path) -> None:
    experiment = load_experiment("digital_breast_3d")
    path = tmp_path / "usual.safetensors"
    export_weights(path, experiment, random_state(create_model("gmic3d"), 0), {}, {})
    assert read_metadata(path).trained_input is None
    assert load_model("gmic3d", str(path))[0].spec == get_spec("gmic3d")


def test_an_experiment_of_small_breasts_without_a_size_of_its_own_has_a_quarter() -> None:
    small = load_experiment("small_gmic3d")
    plain = dataclasses.replace(small, data=dataclasses.replace(small.data, rows=0, columns=0, spacing_mm=0.0))
    usual = get_spec("gmic3d").input_for(Modality.DBT)
    found = plain.trained_input
    assert found is not None
    assert (found.rows, found.spacing_mm) == (usual.rows // 4, 4 * usual.spacing_mm)
    assert spec_at(get_spec("gmic3d"), Modality.DBT, found.rows, 0, 0.0).input_for(Modality.DBT).rows == found.rows
