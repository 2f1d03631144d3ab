"""Everything that is written says of simulated images that they are; and of shipped weights what they never saw."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import nibabel
import pytest

from gmic_core.cli.predict import assign_models, choose_weights
from gmic_core.errors import WeightsError
from gmic_core.inference.choice import acceptance_notes, default_model, model_with_weights
from gmic_core.inference.document import SIMULATED_ONLY
from gmic_core.inference.export import Outputs
from gmic_core.models.registry import get_spec
from gmic_core.models.shipped import SIMULATED_NOTE
from gmic_core.types import Modality
from tests.core.inference.test_predict import header, prediction, result_of
from tests.helpers.shipped_weights import NAME_2D, NAME_3D, ship, write_header


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shipped"
    write_header(folder, NAME_3D, "gmic3d")
    write_header(folder, NAME_2D, "gmic2d_park")
    ship(monkeypatch, folder)
    return folder


def test_tables_maps_and_a_note_say_simulated(tmp_path: Path) -> None:
    ours, theirs = header("DBT", "1", simulated=True), header("FFDM", "2")
    outputs = Outputs(tmp_path, {"1": 0, "2": 1}, [], [])
    for image in (ours, theirs):
        outputs.add(prediction(image))
    outputs.write()
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["simulated"] is True
    assert results["simulated_notice"] == "SIMULATED: computed images, no patient."
    assert [entry["simulated"] for entry in results["images"]] == [True, False]
    with (tmp_path / "predictions.csv").open() as file:
        assert [row["note"] for row in csv.DictReader(file)] == ["SIMULATED", ""]
    assert (tmp_path / "SIMULATED.txt").read_text().startswith("SIMULATED: computed images, no patient.\nResearch")
    descriptions = [bytes(nibabel.load(tmp_path / f"saliency/{uid}_benign.nii.gz").header["descrip"]) for uid in "12"]
    assert [b"SIMULATED" in text for text in descriptions] == [True, False]


def test_without_simulated_images_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "SIMULATED.txt").write_text("of another run")
    outputs = Outputs(tmp_path, {"1": 0}, [], [])
    outputs.add(prediction(header("DBT")))
    outputs.write()
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["simulated"] is False
    assert not {"simulated_notice", "training_notice"} & results.keys()
    assert (tmp_path / "predictions.csv").read_text().splitlines()[0].endswith(",malignant_label")
    assert not (tmp_path / "SIMULATED.txt").exists()


def test_a_patient_read_with_weights_that_never_saw_one_is_pointed_out(tmp_path: Path) -> None:
    image = header("DBT", manufacturer="HOLOGIC, Inc.")
    spec = get_spec("gmic3d")
    assert acceptance_notes(dataclasses.replace(image, frames=9), spec, simulated_only=True) == (SIMULATED_NOTE,)
    ours = dataclasses.replace(image, simulated=True, manufacturer="GMIC Viewer", frames=9)
    assert acceptance_notes(ours, spec, simulated_only=True) == ()
    assert "A simulated image, no patient" in acceptance_notes(ours, spec)[0]
    result = result_of(image)
    source = dataclasses.replace(result.provenance, training_data="simulated breasts only: seeds 1 to 9")
    outputs = Outputs(tmp_path, {"1": 0}, [], [])
    outputs.add(prediction(image, provenance=source))
    outputs.write()
    assert json.loads((tmp_path / "results.json").read_text())["training_notice"] == SIMULATED_ONLY


def test_another_network_stands_in_where_the_usual_one_has_no_weights() -> None:
    assert model_with_weights(Modality.FFDM, {"gmic2d_park", "gmic3d"}) == "gmic2d_park"
    assert model_with_weights(Modality.FFDM, {"gmic2d", "gmic2d_park"}) == "gmic2d"
    assert model_with_weights(Modality.FFDM, ()) == "gmic2d"
    assert model_with_weights(Modality.DBT, {"gmic2d"}) == "gmic3d"
    assert model_with_weights(Modality.OTHER, {"gmic2d"}) is None
    assert default_model(header("MG"), {"gmic2d_park"}) == "gmic2d_park"


def test_shipped_weights_are_taken_by_their_network(shipped: Path) -> None:
    images = [header("FFDM", "1"), header("S2D", "2"), header("DBT", "3")]
    work, refused = assign_models(images, None, [(None, NAME_2D), (None, NAME_3D)])
    assert ([model for _, model in work], refused) == (["gmic2d_park", "gmic2d_park", "gmic3d"], [])
    chosen, missing = choose_weights(["gmic2d_park", "gmic3d"], [(None, NAME_2D), (None, NAME_3D)])
    assert (chosen, missing) == ({"gmic2d_park": [NAME_2D], "gmic3d": [NAME_3D]}, {})


def test_unnamed_they_run_on_simulated_images_only(shipped: Path) -> None:
    ours = [header("FFDM", "1", simulated=True), header("DBT", "2", simulated=True)]
    work, _ = assign_models(ours, None, [])
    assert [model for _, model in work] == ["gmic2d_park", "gmic3d"]
    chosen, _ = choose_weights(["gmic2d_park", "gmic3d"], [], with_shipped=True)
    assert chosen == {"gmic2d_park": [NAME_2D], "gmic3d": [NAME_3D]}
    work, _ = assign_models([header("FFDM"), header("DBT", "2")], None, [])
    assert [model for _, model in work] == ["gmic2d", "gmic3d"]
    with pytest.raises(WeightsError, match=f"say nothing about patients: name them.*--weights {NAME_3D}"):
        choose_weights(["gmic3d"], [])
