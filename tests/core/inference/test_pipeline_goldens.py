"""From files to ``predictions.csv`` as the published pipelines do it, with their numbers."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from gmic_core.cli import main
from tests.helpers.goldens import GOLDEN, make_input, numpy_state


def weights_file(folder: Path, model: str) -> Path:
    path = folder / "sample_model_1.p"  # the name tells the published setting number 1
    torch.save({key: torch.from_numpy(value) for key, value in numpy_state(model).items()}, path)
    return path


def assert_predictions(folder: Path, golden: dict, names: list[str]) -> None:
    expected = {
        index: (golden["pred"]["benign_pred"][k], golden["pred"]["malignant_pred"][k])
        for k, index in enumerate(golden["pred"]["image_index"])
    }
    images = json.loads((folder / "results.json").read_text())["images"]
    assert sorted(entry["image_index"] for entry in images) == sorted(names)
    for entry in images:
        scores = entry["scores"]["benign"]["y"], entry["scores"]["malignant"]["y"]
        np.testing.assert_allclose(scores, expected[entry["image_index"]], rtol=0, atol=1e-5)
    published = {line.split(",")[0]: line.split(",") for line in golden["csv"].splitlines()}
    with (folder / "predictions.csv").open() as file:
        for row in csv.reader(file):
            if row[0] == "image_index":
                assert row == published["image_index"]
            else:
                assert row == [*published[row[0]][:3], "", ""]  # labels are not known here


@pytest.mark.slow
def test_a_volume(tmp_path):
    golden = json.loads((GOLDEN / "pipeline_gmic3d.json").read_text())
    names = ["0_R-MLO_0"]  # the left ones take the same path without the mirror; one keeps the test short
    stored = make_input("tomo(4,2457,1890,3)").astype(np.int16)[:, :, ::-1]
    nibabel.save(nibabel.Nifti1Image(stored.T, np.diag([-1.0, -1, 1, 1])), tmp_path / f"{names[0]}.nii.gz")
    weights = weights_file(tmp_path, "gmic3d")
    out = tmp_path / "out"
    files = [str(tmp_path / f"{name}.nii.gz") for name in names]
    assert main(["predict", *files, "--weights", str(weights), "--out", str(out), "--device", "cpu"]) == 0
    assert_predictions(out, golden, names)
    for entry in json.loads((out / "results.json").read_text())["images"]:
        view = entry["image_index"][2:-2]
        top, _, left, right = golden["exam"]["window_location"][view][0]
        row, column = golden["exam"]["best_center"][view][0]
        row0 = float(top + row - 2116 // 2)
        col0 = left + column - 1339 // 2 if view[0] == "L" else right - (column - 1339 // 2) - 1339
        assert entry["window"]["box"] == {"row0": row0, "col0": col0, "row1": row0 + 2116, "col1": col0 + 1339}


@pytest.mark.needs_shared
@pytest.mark.slow
def test_mammograms(tmp_path, shared):
    golden = json.loads((GOLDEN / "pipeline_gmic.json").read_text())
    weights = weights_file(tmp_path, "gmic")
    out = tmp_path / "out"
    names = golden["pred"]["image_index"]
    files = [str(shared / "data" / "gmic-sample" / f"{name}.png") for name in names]
    assert main(["predict", *files, "--weights", str(weights), "--out", str(out), "--device", "cpu"]) == 0
    assert_predictions(out, golden, names)
    assert not (out / "UNTRAINED.txt").exists()
