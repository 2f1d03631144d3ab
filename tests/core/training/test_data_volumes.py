"""Stores of volumes and images, and opening the data of an experiment."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from gmic_core.errors import TrainingError
from gmic_core.training.data import digital
from gmic_core.training.data.digital import BreastOptions, StoreOptions, make_volume_store, plan_breast
from gmic_core.training.data.opening import input_spec, open_training_data
from gmic_core.training.data.seeds import SEED_RANGES, only_split, split_of
from gmic_core.training.data.slabs import SlabOptions
from gmic_core.training.data.store import open_store
from gmic_core.training.data.volumes import VolumeOptions, VolumeSamples
from gmic_core.training.experiment import Experiment, parse_experiment
from tests.helpers.tiny_breasts import tiny_breast

CLASSES = BreastOptions(
    modalities=("DBT", "S2D"), kinds=("malignant-mass", "benign-mass"), size="small", findings=(1, 2),
    class_shares=(0.5, 0.5),
)  # fmt: skip
SEEDS = range(1_000_000, 1_000_006)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    make_volume_store(folder, SEEDS, StoreOptions(CLASSES, slabs=SlabOptions(0, 0, 0)), simulator=tiny_breast)
    return folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    options = StoreOptions(CLASSES, slabs=SlabOptions(4, 120, 100, per_finding=1, background=2))
    make_volume_store(folder, SEEDS, options, simulator=tiny_breast)
    return folder


def test_whole_images_have_the_labels_of_their_breast(whole: Path) -> None:
    source = VolumeSamples(whole, "DBT")
    assert len(source) == 6
    for i in range(6):
        kinds = plan_breast(source.seed(i), CLASSES).kinds
        assert source.labels(i) == (int("benign-mass" in kinds), int("malignant-mass" in kinds))
    assert len({source.labels(i) for i in range(6)}) > 1


def test_whole_volumes_are_standardised_over_all_slices(whole: Path) -> None:
    sample = VolumeSamples(whole, "DBT").load(0, None)
    assert sample.pixels.shape == (9, 528, 332)
    assert sample.pixels.dtype == torch.float32
    assert abs(float(sample.pixels.mean())) < 0.02  # the window is one row and two columns larger


def test_birads_stand_in_for_what_a_reader_would_say(whole: Path) -> None:
    source = VolumeSamples(whole, "S2D")
    expected = {(0, 0): 1, (1, 0): 2, (0, 1): 0, (1, 1): 0}
    for i in range(len(source)):
        assert source.load(i, None).birads == expected[source.labels(i)]


def test_parts_show_what_their_labels_say(parts: Path) -> None:
    source = VolumeSamples(parts, "DBT")
    seen = set()
    for i in range(len(source)):
        sample = source.load(i, None)
        assert sample.pixels.shape == (4, 120, 100)
        benign, malignant = source.labels(i)
        assert sample.labels == (float(benign), float(malignant))
        if not (benign or malignant):
            assert float(sample.pixels.max()) < 2.0  # discs are bright
        seen.add((benign, malignant))
    assert {(0, 0), (0, 1), (1, 0)} <= seen


def test_parts_carry_the_sums_of_their_whole_image(parts: Path) -> None:
    breast = open_store(parts)[0]
    assert {crop.count for crop in breast.crops if crop.modality == "DBT"} == {9 * 529 * 334}
    assert {crop.count for crop in breast.crops if crop.modality == "S2D"} == {529 * 334}


def test_augmented_volumes_follow_their_generator_and_keep_their_findings(parts: Path) -> None:
    source = VolumeSamples(parts, "DBT", VolumeOptions(slices=3, position=30, size=10))
    i = next(i for i in range(len(source)) if source.labels(i) != (0, 0))
    one, same, other = (source.load(i, np.random.default_rng(seed)).pixels for seed in (1, 1, 2))
    assert one.shape == (3, 120, 100)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    plain = VolumeSamples(parts, "DBT", VolumeOptions(slices=3))
    assert torch.equal(plain.load(i, None).pixels, VolumeSamples(parts, "DBT").load(i, None).pixels[0:3])


def test_a_modality_that_is_not_stored_is_named(whole: Path) -> None:
    with pytest.raises(TrainingError, match="holds no FFDM images"):
        VolumeSamples(whole, "FFDM")


def test_sizes_that_do_not_fit_cells_are_refused() -> None:
    with pytest.raises(TrainingError, match="multiples of 4, not 101x100"):
        SlabOptions(4, 101, 100)


def test_ranges_of_seeds_never_meet() -> None:
    ranges = list(SEED_RANGES.values())
    assert all(a.stop <= b.start for a, b in pairwise(ranges))
    assert [split_of(seed) for seed in (7, 1_000_000, 2_999_999, 3_000_000)] == [
        "demo", "training", "validation", "test",
    ]  # fmt: skip
    with pytest.raises(TrainingError, match="No seeds"):
        only_split([])


TABLE = {
    "name": "tiny",
    "model": "gmic3d",
    "modality": "DBT",
    "stages": [{"kind": "patches", "batch_size": 4}, {"kind": "images"}],
    "data": {
        "source": "phantom",
        "rows": 528,
        "columns": 332,
        "spacing_mm": 240 / 614,
        "phantom": {"train_seeds": [1_000_000, 3], "validation_seeds": [2_000_000, 2], "workers": 1},
        "patches": {
            "side": 96, "crop": 160, "per_epoch": 8, "validation": 4,
            "train_seeds": [1_000_000, 3], "validation_seeds": [2_000_000, 3],
        },
    },
}  # fmt: skip


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(digital, "simulate", tiny_breast)
    return parse_experiment(TABLE, "tiny.toml")


def test_breasts_of_an_experiment_are_made_once(experiment: Experiment, tmp_path: Path) -> None:
    with open_training_data(experiment, tmp_path) as data:
        assert data.patches is not None
        assert data.train is not None
        assert data.validation is not None
        pixels, labels = next(iter(data.patches.epoch(np.random.default_rng(0))))
        assert pixels.shape == (4, 1, 96, 96)
        assert labels.shape == (4, 2)
        assert len(data.train) == 3
        assert data.train.load(0, None).pixels.shape == (9, 528, 332)
    assert data.description["simulated"] is True
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    with open_training_data(experiment, tmp_path) as again:
        assert again.description == data.description
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == before


def test_seeds_of_another_split_are_refused(experiment: Experiment, tmp_path: Path) -> None:
    phantom = replace(experiment.data.phantom, train_seeds=(2_000_000, 3))
    wrong = replace(experiment, stages=experiment.stages[1:], data=replace(experiment.data, phantom=phantom))
    with pytest.raises(TrainingError, match=r"seeds 2000000..2000002 for training belong to validation"):
        open_training_data(wrong, tmp_path).__enter__()


def test_the_window_is_the_experiments(experiment: Experiment) -> None:
    entry = input_spec(experiment).input_for(experiment.modality)
    assert (entry.rows, entry.columns) == (528, 332)
    assert entry.spacing_mm == pytest.approx(0.3909, abs=1e-4)


def test_images_of_people_must_be_somewhere(experiment: Experiment) -> None:
    exams = replace(experiment, data=replace(experiment.data, source="exams"))
    with pytest.raises(TrainingError, match="say where they are with --data DIR"):
        open_training_data(exams, None).__enter__()
