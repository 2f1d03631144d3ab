"""Experiments: what is read, and what is refused by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gmic_core.errors import TrainingError
from gmic_core.training.experiment import available_experiments, load_experiment, parse_experiment
from tests.helpers.training_data import experiment_file, small_experiment

GOOD = """
name = "mine"
model = "gmic3d"
modality = "DBT"
seed = 5
[network]
top_t = 1.5
num_patches = 8
[data]
source = "phantom"
rows = 512
[[stages]]
kind = "patches"
learning_rate = 1e-3
[[stages]]
kind = "images"
batch_size = 4
"""


def test_a_file_becomes_an_experiment(tmp_path: Path) -> None:
    experiment = load_experiment(str(experiment_file(tmp_path, GOOD)))
    assert (experiment.name, experiment.seed, experiment.model) == ("mine", 5, "gmic3d")
    assert [stage.kind for stage in experiment.stages] == ["patches", "images"]
    assert (experiment.stages[1].epochs, experiment.stages[1].patience) == (40, 15)
    assert experiment.network.hyper() == {"top_t": 1.5, "num_patches": 8}
    assert experiment.spec.input_for(experiment.modality).rows == 512
    assert experiment.spec.input_for(experiment.modality).columns == 1339


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 5", "sed = 5", r"trial\.toml, field sed: there is no such field; there are .*seed"),
        ("seed = 5", "seed = 5.5", r"trial\.toml, field seed: it must be a whole number, not '5\.5'"),
        ("seed = 5", "seed = true", r"field seed: it must be a whole number"),
        ("seed = 5", "seed = -1", r"field seed: -1 is out of range"),
        ('name = "mine"', "", r"field name: it is missing"),
        ('name = "mine"', 'name = ""', r"field name: it is empty"),
        ('"DBT"', '"CT"', r"field modality: it must be one of .*DBT"),
        ('"DBT"', '"FFDM"', r"gmic3d does not take FFDM"),
        ('"gmic3d"', '"gmic4d"', r"There is no network 'gmic4d'"),
        ("top_t = 1.5", 'top_t = "much"', r"field network\.top_t: it must be a number, not 'much'"),
        ("top_t = 1.5", "top_t = -0.5", r"field network\.top_t: -0\.5 is out of range"),
        ("rows = 512", "rows = [512]", r"field data\.rows: it must be a whole number"),
        (
            'kind = "images"',
            'kind = "pictures"',
            r"field stages\[1\]\.kind: it must be one of birads, patches, maps, images",
        ),
        ("batch_size = 4", "batch_size = 0", r"field stages\[1\]\.batch_size: 0 is out of range; .* at least 1"),
        ("batch_size = 4", "batch_size = 4\nmicro_batch = 8", r"field stages\[1\]: micro_batch 8 is larger"),
        ("batch_size = 4", "batch_size = 4\nglobal_epochs = 40", r"leave no epoch in which both"),
        ("learning_rate = 1e-3", "learning_rate = nan", r"field stages\[0\]\.learning_rate"),
        ("[network]", "[network", r"trial\.toml is not TOML"),
        ("[network]", "[search]\nlog10_beta = [-3.0, -5.0]\n[network]", r"field search: log10_beta runs from"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = experiment_file(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(TrainingError, match=message):
        load_experiment(str(path))


def test_an_unknown_name_lists_those_that_there_are() -> None:
    with pytest.raises(TrainingError, match=r"neither an experiment of this project \(.*gmic3d_dbt"):
        load_experiment("nonesuch")


@pytest.mark.parametrize("name", available_experiments())
def test_every_shipped_experiment_is_whole(name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.name == name
    assert experiment.title


@pytest.mark.parametrize(
    ("name", "low", "high", "patches", "betas"),
    [
        ("gmic3d_dbt", 0.1097, 2.7425, (8, 12, 16), (-6.54, -4.54)),
        ("gmic2d_park_ffdm", 0.01, 0.25, (4, 6, 8), (-5.5, -3.5)),
        ("gmic2d_park_s2d", 0.01, 0.25, (4, 6, 8), (-5.5, -3.5)),
    ],
)
def test_the_papers_ranges(
    name: str, low: float, high: float, patches: tuple[int, ...], betas: tuple[float, float]
) -> None:
    experiment = load_experiment(name)
    search, stage = experiment.search, experiment.stages[-1]
    assert search is not None
    assert (search.trials, search.keep) == (40, 5)
    assert search.log10_learning_rate == (-5.5, -4.5)
    assert search.log10_omega == (-3.0, -2.0)
    assert search.top_t == (low, high)
    assert search.num_patches == patches
    assert search.log10_beta == betas
    assert (stage.epochs, stage.patience, stage.batch_size) == (40, 15, 4)
    assert (experiment.data.augment_position, experiment.data.augment_size) == (100, 100)


def test_the_digest_follows_what_matters() -> None:
    plain = small_experiment()
    assert dataclasses.replace(plain, device="cuda", workers=7).digest() == plain.digest()
    assert dataclasses.replace(plain, seed=1).digest() != plain.digest()


def test_plain_values_round_trip() -> None:
    plain = small_experiment()
    table = plain.as_dict()
    table = {key: value for key, value in table.items() if value is not None}
    table["network"] = {key: value for key, value in table["network"].items() if value is not None}
    assert parse_experiment(table, "again") == plain
