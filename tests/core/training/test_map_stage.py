"""The stage that teaches the maps: what its targets are, what it draws, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gmic_core.errors import TrainingError
from gmic_core.models.weights import load_model
from gmic_core.training.data.maps import BENIGN, MALIGNANT, UNSURE, MapOptions, MapSource
from gmic_core.training.data.store import SHADOW, Crop, Seen, StoredFinding, start_store, write_breast
from gmic_core.training.map_stage import cell_targets, map_loss, patch_label
from gmic_core.training.run import build_network, train
from gmic_core.training.samples import TrainingData
from tests.helpers.training_data import small_experiment

SIZE = 512


def codes_of(**places: tuple[slice, slice]) -> torch.Tensor:
    codes = torch.zeros((1, SIZE // 4, SIZE // 4), dtype=torch.uint8)
    for name, place in places.items():
        codes[0][place] = {"benign": BENIGN, "malignant": MALIGNANT, "unsure": UNSURE}[name]
    return codes


def test_a_cell_is_positive_where_a_finding_covers_enough_of_it() -> None:
    codes = codes_of(malignant=(slice(16, 32), slice(16, 24)), benign=(slice(64, 80), slice(96, 112)))
    targets = cell_targets(codes, (8, 8))  # a cell is 16 x 16 label cells
    assert torch.nonzero(targets.positive[0, 1]).tolist() == [[1, 1]]
    assert torch.nonzero(targets.positive[0, 0]).tolist() == [[4, 6]]
    assert targets.counts.all()


def test_a_small_finding_is_positive_in_the_cell_that_holds_most_of_it() -> None:
    targets = cell_targets(codes_of(malignant=(slice(14, 20), slice(20, 24))), (8, 8))
    assert torch.nonzero(targets.positive[0, 1]).tolist() == [[1, 1]]
    assert torch.nonzero(targets.counts[0, 1] == 0).tolist() == [[0, 1]]


def test_out_of_plane_blur_does_not_count() -> None:
    targets = cell_targets(codes_of(unsure=(slice(0, 16), slice(0, 16))), (8, 8))
    assert not targets.positive.any()
    assert torch.nonzero(targets.counts[0, 0] == 0).tolist() == [[0, 0]]


def test_the_loss_is_low_for_the_right_map_and_high_for_the_wrong_one() -> None:
    targets = cell_targets(codes_of(malignant=(slice(16, 32), slice(16, 32))), (8, 8))
    right = torch.full((1, 2, 8, 8), -6.0)
    right[0, 1, 1, 1] = 6.0
    assert float(map_loss(right, targets)) < 0.03
    assert float(map_loss(-right, targets)) > 20.0
    swapped = right.flip(1)
    assert float(map_loss(swapped, targets)) > 6.0


def test_a_patch_has_the_label_of_what_it_shows() -> None:
    codes = codes_of(malignant=(slice(60, 64), slice(60, 64)))[0]
    assert patch_label(codes, 128, 128, (256, 256)).tolist() == [0.0, 1.0]
    assert patch_label(codes, 0, 0, (236, 256)).tolist() == [0.0, 0.0]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two breasts: one with a bright malignant square in one slice, one without."""
    findings = (StoredFinding(1, "malignant-mass", True), StoredFinding(2, "benign-cyst", False))
    start_store(tmp_path, {"kind": "slices"})
    for seed, numbers in ((1_000_000, (1, 2)), (1_000_001, ())):
        pixels, labels = np.full((SIZE, SIZE), 200, np.uint16), np.zeros((SIZE // 4, SIZE // 4), np.uint8)
        seen = []
        for number in numbers:
            place = slice(30 * number, 30 * number + 16)
            labels[place, place] = number
            pixels[120 * number : 120 * number + 64, 120 * number : 120 * number + 64] = 300 * number
            seen.append(Seen(number, 256, 30.0 * number + 7.5, 30.0 * number + 7.5))
        labels[100:, 100:] = SHADOW if numbers else 0
        crop = Crop("DBT", "L", "CC", 7, 0, 0, "finding", SIZE**2, 200.0 * SIZE**2, 201.0**2 * SIZE**2, tuple(seen), 0)
        write_breast(tmp_path, seed, "b", findings if numbers else (), [(crop, pixels, labels)])
    return tmp_path


def test_slices_come_with_their_codes(store: Path) -> None:
    source = MapSource(store, ("DBT",), MapOptions(batch_size=1, batches=2, augment=False))
    first, second = source.every(4)
    assert first.pixels.shape == (1, 1, SIZE, SIZE)
    assert first.names == ("breast-1000000 slice 7",)
    assert first.codes[0, 35, 35] == MALIGNANT
    assert first.codes[0, 65, 65] == BENIGN
    assert first.codes[0, 110, 110] == UNSURE
    assert first.pixels[0, 0, 0, 0] == pytest.approx(0.0, abs=1e-5)
    assert not second.codes.any()


def test_crops_hold_the_finding_that_they_were_drawn_for(store: Path) -> None:
    source = MapSource(store, ("DBT",), MapOptions(side=256, batch_size=4, batches=3, finding_share=1.0))
    for batch in source.epoch(np.random.default_rng(0)):
        assert batch.pixels.shape == (4, 1, 256, 256)
        assert all(((codes == MALIGNANT) | (codes == BENIGN)).any() for codes in batch.codes)


def test_the_same_generator_gives_the_same_slices(store: Path) -> None:
    source = MapSource(store, ("DBT",), MapOptions(side=256, batches=2))
    once = [batch.pixels for batch in source.epoch(np.random.default_rng(3))]
    again = [batch.pixels for batch in source.epoch(np.random.default_rng(3))]
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_a_store_without_the_modality_is_refused(store: Path) -> None:
    with pytest.raises(TrainingError, match="FFDM slices with findings and without"):
        MapSource(store, ("FFDM",), MapOptions())


def test_blur_counts_as_nothing_as_much_as_one_says() -> None:
    targets = cell_targets(codes_of(unsure=(slice(0, 16), slice(0, 16))), (8, 8))
    assert targets.blurred.sum() == 1
    assert targets.blurred[0, 0, 0, 0] == 1
    lit = torch.full((1, 2, 8, 8), -10.0)
    lit[0, 1, 0, 0] = 10.0  # malignant where only blur is
    assert float(map_loss(lit, targets)) < 0.001
    assert float(map_loss(lit, targets, 0.5)) == pytest.approx(5.0, abs=0.01)


@pytest.mark.parametrize(
    ("stage", "side", "moved"),
    [
        ({}, 256, "global"),
        ({"only_local": True, "bag": 2}, 64, "local"),
        ({"only_local": True, "local_cells": True}, 128, "local"),
    ],
)
def test_each_way_teaches_its_own_network(
    store: Path, tmp_path: Path, stage: dict[str, object], side: int, moved: str
) -> None:
    options = {"kind": "maps", "epochs": 2, "batch_size": 4, "learning_rate": 1e-3} | stage
    experiment = small_experiment(stages=[options])
    source = MapSource(store, ("DBT",), MapOptions(side=side, batch_size=4, batches=4, finding_share=0.6))
    before = build_network(experiment).state_dict()
    result = train(
        experiment, TrainingData(maps=source, validation_maps=source), tmp_path / "run", False, lambda _: None
    )
    after = load_model("gmic3d", str(result.weights))[0].state_dict()
    changed = {key for key in before if not torch.equal(before[key].half(), after[key].half())}
    assert any(key.startswith("ds_net") for key in changed) is (moved == "global")
    assert any(key.startswith("dn_resnet") for key in changed) is (moved == "local")
    assert any(key.startswith("classifier_linear") for key in changed) is (moved == "local")


def test_cells_are_for_the_local_network_alone() -> None:
    with pytest.raises(TrainingError, match="set only_local = true as well"):
        small_experiment(stages=[{"kind": "maps", "local_cells": True}])
