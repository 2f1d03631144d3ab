"""Simulated exams as arrays, and opening folders of images for an experiment."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from gmic_core.errors import DecodeError, TrainingError
from gmic_core.training.data.opening import open_training_data
from gmic_core.training.data.phantom_arrays import ArrayReader, has_phantom_arrays, read_phantom_arrays
from gmic_core.training.data.template import labels_template
from gmic_core.training.experiment import parse_experiment
from gmic_core.types import Modality
from tests.helpers.raster_files import write_png

ROWS, COLUMNS, SLICES = 614, 472, 4


def write_exam(folder: Path, seed: int, classes: list[str]) -> None:
    """Write an exam of one breast as ``gmic-core phantom --format arrays`` lays it out."""
    exam = folder / f"seed-{seed}"
    exam.mkdir(parents=True)
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    plane = np.where(np.hypot((rows - 300) / 250, columns / 330) < 1, 300 + rows % 7, 0).astype(np.uint16)
    views = []
    for view in ("CC", "MLO"):
        np.save(exam / f"L-{view}_DBT.npy", np.repeat(plane[None], SLICES, axis=0))
        findings = [{"label": n, "class": name} for n, name in enumerate(classes, start=1)]
        image = {"file": f"L-{view}_DBT.npy", "findings": findings}
        views.append({"laterality": "L", "view": view, "images": {"DBT": image}})
    document = {"seed": seed, "options": {"format": "arrays"}, "views": views}
    (exam / "truth.json").write_text(json.dumps(document))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, classes in ((10, ["malignant"]), (11, []), (17, ["benign", "malignant"]), (2_000_001, ["benign"])):
        write_exam(tmp_path, seed, classes)
    return tmp_path


def test_labels_and_splits_come_from_truth_and_seed(folder: Path) -> None:
    assert has_phantom_arrays(folder)
    images = read_phantom_arrays(folder, Modality.DBT)
    assert len(images) == 8
    found = {one.label.patient: (one.label.labels, one.label.split, one.label.birads) for one in images}
    assert found == {
        "10": ((0, 1), "training", 0),
        "11": ((0, 0), "training", 1),
        "17": ((1, 1), "validation", 0),
        "2000001": ((1, 0), "validation", 2),
    }
    assert images[0].image.spacing_mm == pytest.approx((0.3794, 0.3794), abs=1e-4)


def test_an_experiment_takes_them(folder: Path) -> None:
    table = {
        "name": "small", "model": "gmic3d", "modality": "DBT", "stages": [{"kind": "images"}],
        "data": {"source": "phantom", "rows": 528, "columns": 332, "spacing_mm": 0.38, "depth": 2},
    }  # fmt: skip
    with open_training_data(parse_experiment(table, "small.toml"), folder) as data:
        assert data.train is not None
        assert data.validation is not None
        assert (len(data.train), len(data.validation)) == (4, 4)
        assert data.train.load(0, None).pixels.shape == (2, 528, 332)
    assert data.description["seeds"] == {"training": [10, 11], "validation": [17, 2_000_001]}


def test_damage_is_named(folder: Path) -> None:
    image = read_phantom_arrays(folder, Modality.DBT)[0].image
    path = folder / "seed-10" / "L-CC_DBT.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])
    with pytest.raises(DecodeError, match=r"L-CC_DBT.npy cannot be read"):
        ArrayReader().read(image, 0)
    path.write_bytes(whole)
    (folder / "seed-11" / "truth.json").write_text('{"options": {"format": "arrays"}, "seed": 11, "views": [{}]}')
    with pytest.raises(TrainingError, match=r"seed-11/truth.json cannot be understood"):
        read_phantom_arrays(folder, Modality.DBT)


def test_a_modality_that_was_not_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no simulated S2D arrays"):
        read_phantom_arrays(tmp_path, Modality.S2D)


def test_folds_deal_patients_evenly(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:200, :150]
    breast = np.where(np.hypot((rows - 100) / 90, columns / 120) < 1, 500 + rows % 9, 0).astype(np.uint16)
    lines = ["patient,study,side,benign,malignant,split"]
    for number in range(6):
        write_png(tmp_path / f"p{number}_L-CC.png", breast + np.uint16(number) * (breast > 0))
        lines.append(f"p{number},,L,0,{number % 2},{'training' if number else 'validation'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    held_out: list[str] = []
    begun = time.time()
    for fold in range(3):
        table = {
            "name": "folds", "model": "gmic2d_park", "modality": "FFDM", "stages": [{"kind": "images"}],
            "data": {"rows": 128, "columns": 96, "folds": 3, "fold": fold},
        }  # fmt: skip
        with open_training_data(parse_experiment(table, "folds.toml"), tmp_path) as data:
            assert data.train is not None
            assert data.validation is not None
            assert (len(data.train), len(data.validation)) == (4, 2)
            assert sorted(data.validation.labels(i) for i in range(2)) == [(0, 0), (0, 1)]
            held_out += [data.validation.load(i, None).image_id.split(" line ")[1] for i in range(2)]
    assert sorted(held_out) == ["2", "3", "4", "5", "6", "7"]
    # the readers' decoder processes end with the data
    assert [child for child in psutil.Process().children() if child.create_time() > begun] == []


def test_a_template_has_one_line_per_breast(tmp_path: Path) -> None:
    plain = np.full((60, 40), 7, np.uint16)
    for number, name in enumerate(("a/x_L-CC.png", "a/x_L-MLO.png", "b/y_R-CC.png")):
        write_png(tmp_path / name, plain + np.uint16(number))
    assert labels_template(tmp_path).splitlines() == [
        "patient,study,side,benign,malignant,split,birads",
        "x,a,L,,,,",
        "y,b,R,,,,",
    ]
    with pytest.raises(TrainingError, match="no breast image"):
        labels_template(tmp_path / "none")
