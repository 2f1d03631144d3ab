"""Scoring finished runs on images that they never saw."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from gmic_core.errors import TrainingError
from gmic_core.training.experiment import Experiment, parse_experiment
from gmic_core.training.export import export_weights
from gmic_core.training.held_out import Score, interval, main, run_experiment, score_run, summary
from gmic_core.training.run import EXPERIMENT, WEIGHTS, build_network, write_json

INFO = """mdb001 G CIRC M 60 512 30
mdb002 D NORM
mdb003 F CIRC B 60 512 30
mdb004 D NORM
mdb005 D CIRC M 60 512 30
mdb006 D NORM
"""


def experiment(fold: int) -> Experiment:
    table = {
        "name": "films", "model": "gmic2d", "modality": "MG", "slice_batch": 1, "seed": fold,
        "network": {"top_t": 0.05, "num_patches": 2, "patch_size": 32}, "stages": [{"kind": "images"}],
        "data": {"source": "mini-mias", "rows": 128, "columns": 96, "spacing_mm": 1.6, "folds": 3, "fold": fold},
    }  # fmt: skip
    return parse_experiment(table, "films.toml")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """Return a folder of six films and three runs with networks as they were drawn."""
    data = tmp_path_factory.mktemp("films")
    (data / "Info.txt").write_text(INFO)
    (data / "png").mkdir()
    rows, columns = np.mgrid[:1024, :1024]
    for number in range(1, 7):
        image = np.where(np.hypot((rows - 520) / 450, columns / 420) < 1, 100 + (rows * number) % 60, 0)
        image = image[:, ::-1] if number % 2 else image
        cv2.imwrite(str(data / "png" / f"mdb{number:03d}.png"), image.astype(np.uint8))
    runs = []
    for fold in range(3):
        run = tmp_path_factory.mktemp(f"run{fold}")
        one = experiment(fold)
        write_json(run / EXPERIMENT, {"experiment": one.as_dict()})
        export_weights(run / WEIGHTS, one, build_network(one).state_dict(), {}, {})
        runs.append(run)
    return data, runs


def test_the_experiment_of_a_run_is_read_back(places: tuple[Path, list[Path]]) -> None:
    assert run_experiment(places[1][2]) == experiment(2)


def test_every_film_is_scored_once_by_the_run_that_never_saw_it(
    places: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    data, runs = places
    out = tmp_path / "scores.csv"
    assert main(["--data", str(data), "--out", str(out), *map(str, runs)]) == 0
    with out.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert sorted(line["image"] for line in lines) == [f"mdb00{number}" for number in range(1, 7)]
    assert {line["image"]: line["malignant_label"] for line in lines}["mdb005"] == "1"
    assert all(0.0 <= float(line["malignant"]) <= 1.0 for line in lines)
    again = score_run(runs[0], data)
    assert [f"{one.scores[1]:.6f}" for one in again] == [
        line["malignant"] for line in lines if line["run"] == runs[0].name
    ]


def test_a_run_that_has_not_finished_is_named(
    places: tuple[Path, list[Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(tmp_path / EXPERIMENT, {"experiment": experiment(0).as_dict()})
    assert main(["--data", str(places[0]), "--out", str(tmp_path / "s.csv"), str(tmp_path)]) == 1
    assert "has no weights.safetensors: let the run finish" in capsys.readouterr().err


def scores(count: int, gap: float) -> list[Score]:
    rng = np.random.default_rng(0)
    return [Score("run", f"i{n}", n // 2, (0, n % 2), (0.1, float(rng.normal() + gap * (n % 2)))) for n in range(count)]


def test_intervals_hold_the_area_and_shrink_with_more_images() -> None:
    few, many = (interval(scores(count, 1.0), 1) for count in (40, 400))
    for whole, low, high in (few, many):
        assert low < whole < high
    assert many[2] - many[1] < few[2] - few[1]
    assert many[0] == pytest.approx(0.76, abs=0.06)  # of two normals one deviation apart


def test_a_class_without_positives_has_no_area() -> None:
    with pytest.raises(TrainingError, match="no AUC of benign test images: 0 positive and 20 negative"):
        summary(scores(20, 1.0))
