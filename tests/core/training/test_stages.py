"""What the stages learn, refuse and hand on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gmic_core.errors import TrainingError
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.random_weights import CLASS_MAP_KEY
from gmic_core.models.registry import create_model
from gmic_core.models.weight_metadata import read_metadata
from gmic_core.models.weights import load_model
from gmic_core.training import run as runs
from gmic_core.training.distributed import Workers
from gmic_core.training.experiment import Experiment
from gmic_core.training.image_stage import ImageStage
from gmic_core.training.initialisation import set_class_map, transfer
from gmic_core.training.memory import MixedPrecision
from gmic_core.training.patch_stage import pool_map
from gmic_core.training.pretraining import BiradsNetwork
from gmic_core.training.run import build_network, train
from gmic_core.training.samples import Sample, TrainingData
from gmic_core.training.search import draw_trial, search, trial_experiment
from gmic_core.training.start import starting_state
from gmic_core.training.task import Surroundings
from tests.helpers.training_data import SpotImages, SpotPatches, small_experiment, spot_data


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def quiet(_: str) -> None:
    """Tell nobody."""


def images(**changes: Any) -> dict[str, Any]:
    return {"kind": "images", "epochs": 1, "batch_size": 4, "learning_rate": 1e-4, "omega": 0.01} | changes


class Spoiled(SpotImages):
    """Images whose sample is changed before it is handed out."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        self._changes = changes

    def load(self, i: int, rng: np.random.Generator | None) -> Sample:
        return dataclasses.replace(super().load(i, rng), **self._changes)


@pytest.fixture(scope="module")
def patch_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A run of patches, then images."""
    out = tmp_path_factory.mktemp("runs") / "chain"
    patches = {
        "kind": "patches",
        "epochs": 4,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "omega": 0.01,
        "local_patches": 4,
    }
    experiment = small_experiment(title="spots, for tests", stages=[patches, images(omega=0.0, learning_rate=1e-5)])
    data = dataclasses.replace(spot_data(), patches=SpotPatches(6), validation_patches=SpotPatches(2, 16))
    told: list[str] = []
    train(experiment, data, out, False, told.append)
    return out, told


def test_patches_teach_both_networks_quickly(patch_run: tuple[Path, list[str]]) -> None:
    rows = (patch_run[0] / "1-patches" / "epochs.csv").read_text(encoding="utf-8").splitlines()
    names, last = rows[0].split(","), rows[-1].split(",")
    numbers = dict(zip(names, map(float, last), strict=True))
    assert numbers["auc_malignant_local"] >= 0.9
    assert numbers["auc_mean"] >= 0.7  # of both networks and classes; it began at chance
    first = dict(zip(names, map(float, rows[1].split(",")), strict=True))
    assert numbers["loss"] < 0.6 * first["loss"]


def test_the_next_stage_begins_with_what_the_first_has_learned(patch_run: tuple[Path, list[str]]) -> None:
    out, told = patch_run
    assert [sentence.split(":")[0] for sentence in told if sentence.startswith("stage ") and "/" in sentence] == [
        "stage 1/2", "stage 2/2",
    ]  # fmt: skip
    first, second = (starting_state(str(out / name), "gmic3d") for name in ("1-patches", "2-images"))
    moved = (first[CLASS_MAP_KEY] - second[CLASS_MAP_KEY]).abs().max()
    assert 0 < float(moved) < 1e-3
    assert starting_state(str(out), "gmic3d").keys() == second.keys()


def test_the_weights_load_by_the_usual_code(patch_run: tuple[Path, list[str]]) -> None:
    path = patch_run[0] / "weights.safetensors"
    network, loaded = load_model("gmic3d", str(path))
    assert (network.hyper.num_patches, network.hyper.top_t) == (2, 0.3)
    assert loaded.training_data.startswith("simulated")
    metadata = read_metadata(path)
    assert (metadata.model, metadata.statement) == ("gmic3d", "spots, for tests")
    state = starting_state(str(patch_run[0]), "gmic3d")
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value.float(), state[key].float(), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("key", "what"), [(CLASS_MAP_KEY, "saliency"), ("classifier_linear.weight", "loss")])
def test_a_number_that_is_not_finite_names_step_and_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, what: str
) -> None:
    def broken(experiment: Experiment) -> GmicNetwork:
        network = build_network(experiment)
        with torch.no_grad():
            network.get_parameter(key).fill_(float("nan"))
        return network

    monkeypatch.setattr(runs, "build_network", broken)
    omega = 0.0 if key == CLASS_MAP_KEY else 0.01
    message = rf"The {what} is not a finite number in epoch 1, step 1 \(images: spots-\d.*lower the learning rate"
    with pytest.raises(TrainingError, match=message):
        train(small_experiment(stages=[images(omega=omega)]), spot_data(), tmp_path / "run", False, quiet)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": torch.full((1, 128, 128), float("nan"))}, r"Image spots-\d contains NaN"),
        ({"pixels": torch.zeros((128, 128))}, r"Image spots-\d comes as torch.float32 of shape \(128, 128\)"),
        ({"labels": (0.0, 2.0)}, r"Image spots-\d has labels \(0.0, 2.0\); they must be 0 or 1"),
    ],
)
def test_a_bad_image_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    data = dataclasses.replace(spot_data(), train=Spoiled(**changes))
    with pytest.raises(TrainingError, match=message):
        train(small_experiment(), data, tmp_path / "run", False, quiet)


def test_missing_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="stage images needs labelled training and validation images"):
        train(small_experiment(), TrainingData(), tmp_path / "a", False, quiet)
    benign_only = dataclasses.replace(spot_data(), validation=_without_malignant())
    with pytest.raises(TrainingError, match="validation split holds no malignant images"):
        train(small_experiment(), benign_only, tmp_path / "b", False, quiet)
    unknown = dataclasses.replace(spot_data(), train=Spoiled(birads=None))
    with pytest.raises(TrainingError, match=r"Image spots-. has no BI-RADS class"):
        train(small_experiment(stages=[{"kind": "birads", "epochs": 1}]), unknown, tmp_path / "c", False, quiet)


def _without_malignant() -> SpotImages:
    class Benign(SpotImages):
        def labels(self, i: int) -> tuple[int, int]:
            return (super().labels(i)[0], 0)

    return Benign()


def test_empty_maps_stop_the_run(tmp_path: Path) -> None:
    experiment = small_experiment(stages=[images(omega=0.0)])
    network = build_network(experiment)
    with torch.no_grad():
        network.get_parameter(CLASS_MAP_KEY).fill_(-1.0)
    torch.save(network.state_dict(), tmp_path / "dead.pt")
    with pytest.raises(TrainingError, match=r"saliency maps of all training images are empty.*omega"):
        train(
            dataclasses.replace(experiment, start=str(tmp_path / "dead.pt")),
            spot_data(),
            tmp_path / "run",
            False,
            quiet,
        )


def stage_of(experiment: Any, model_state: dict[str, torch.Tensor] | None = None, slices: int = 5) -> ImageStage:
    device = torch.device("cpu")
    around = Surroundings(experiment, experiment.stages[0], 0, device, Workers(), MixedPrecision(device, False))
    network = build_network(experiment)
    set_class_map(network, 0.01)
    return ImageStage(around, network, SpotImages(8, slices), SpotImages(8, slices, 1))


def gradients(**changes: Any) -> tuple[float, torch.Tensor]:
    """Loss and the gradient of the first convolution for the first batch."""
    stage = stage_of(small_experiment(**changes))
    stage.begin_epoch(0)
    batch = next(stage.batches(0, 0))
    total = 0.0
    for loss, _ in stage.losses(batch, 0, 0):
        loss.backward()
        total += float(loss.detach())
    gradient = stage.network.get_parameter("ds_net.first_conv.weight").grad
    assert gradient is not None
    return total, gradient


def test_recomputing_and_slice_batches_change_no_gradient() -> None:
    frozen = {"stages": [images(beta=1e-4, freeze_norm=True)]}
    plain = gradients(slice_batch=16, **frozen)
    for changes in (
        {"slice_batch": 2, "checkpointing": True},
        {"stages": [images(beta=1e-4, freeze_norm=True, micro_batch=1)]},
    ):
        loss, gradient = gradients(**(frozen | changes))
        assert loss == pytest.approx(plain[0], rel=1e-5)
        torch.testing.assert_close(gradient, plain[1], rtol=1e-3, atol=1e-4 * float(plain[1].abs().max()))


def test_the_curriculum_teaches_one_network_at_a_time() -> None:
    stage = stage_of(small_experiment(stages=[images(epochs=3, global_epochs=1, local_epochs=1)]), slices=1)
    for epoch, learns in enumerate(((True, False), (False, True), (True, True))):
        stage.begin_epoch(epoch)
        stage.network.zero_grad(set_to_none=True)
        for loss, _ in stage.losses(next(stage.batches(epoch, 0)), epoch, 0):
            loss.backward()
        seen = [
            stage.network.get_parameter(name).grad is not None for name in (CLASS_MAP_KEY, "classifier_linear.weight")
        ]
        assert tuple(seen) == learns
    assert [stage.counts(epoch) for epoch in range(3)] == [False, False, True]


def test_separate_learning_rates() -> None:
    stage = stage_of(small_experiment(stages=[images(learning_rate=1e-4, learning_rate_local=1e-5)]))
    groups = stage.groups()
    assert [group["lr"] for group in groups] == [1e-4, 1e-5]
    count = sum(parameter.numel() for group in groups for parameter in group["params"])
    assert count == 14_108_784  # every parameter of 3D-GMIC, once


def test_resnet22_of_any_modality_is_taken_over() -> None:
    ffdm, dbt = create_model("gmic2d_park"), create_model("gmic3d")
    pretrained = BiradsNetwork(ffdm.ds_net, slices=False).state_dict()
    done = transfer(dbt, pretrained)
    assert all(torch.equal(dbt.state_dict()[key], value) for key, value in pretrained.items() if key in done.taken)
    assert "mil_attn_V.weight" in done.left
    assert "not in it: classifier_linear, dn_resnet" in done.sentence()
    del pretrained["ds_net.first_conv.weight"]
    with pytest.raises(TrainingError, match="no complete global network: 1 tensors are missing"):
        transfer(dbt, pretrained)


def test_the_slice_attention_weighs_slices() -> None:
    network = BiradsNetwork(create_model("gmic3d").ds_net, slices=True).eval()
    with torch.inference_mode():
        whole, parts = (
            network(torch.randn(5, 96, 96, generator=torch.Generator().manual_seed(0)), n, False) for n in (5, 2)
        )
    assert whole.shape == (1, 3)
    torch.testing.assert_close(whole, parts, atol=1e-5, rtol=1e-4)


def test_pooling_of_a_patch() -> None:
    maps = torch.arange(32, dtype=torch.float32).reshape(1, 2, 4, 4)
    assert pool_map(maps, "max").tolist() == [[15.0, 31.0]]
    assert pool_map(maps, "top").tolist() == [[13.5, 29.5]]  # means of 12..15 and 28..31


SEARCH = {"trials": 2, "keep": 1, "top_t": [0.1097, 2.7425], "num_patches": [2, 3], "log10_beta": [-6.54, -4.54]}


def test_trials_depend_on_seed_and_number_and_stay_in_range() -> None:
    wanted = small_experiment(search=SEARCH).search
    assert wanted is not None
    trials = [draw_trial(wanted, 7, number) for number in range(40)]
    assert draw_trial(wanted, 7, 23) == trials[23]
    assert draw_trial(wanted, 8, 23) != trials[23]
    assert all(10**-5.5 <= trial.learning_rate <= 10**-4.5 for trial in trials)
    assert all(1e-3 <= trial.omega <= 1e-2 and 0.1097 <= trial.top_t <= 2.7425 for trial in trials)
    assert {trial.num_patches for trial in trials} == {2, 3}
    tried = trial_experiment(small_experiment(search=SEARCH), trials[3])
    assert (tried.stages[0].learning_rate, tried.network.top_t) == (trials[3].learning_rate, trials[3].top_t)


def test_a_search_keeps_the_best_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    told: list[str] = []
    experiment = small_experiment(search=SEARCH, stages=[images()])
    best = search(experiment, spot_data(), tmp_path, False, told.append)
    assert len(best) == 1
    assert best[0].is_file()
    told.clear()
    assert search(experiment, spot_data(), tmp_path, True, told.append) == best
    assert not [sentence for sentence in told if sentence.startswith("epoch")]
