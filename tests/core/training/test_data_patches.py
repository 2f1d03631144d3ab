"""Stores of crops and the patches drawn from them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from gmic_core.errors import CancelledError, TrainingError
from gmic_core.training.data.cropping import CropOptions
from gmic_core.training.data.digital import BreastOptions, StoreOptions, make_patch_store, plan_breast
from gmic_core.training.data.patches import PatchOptions, PatchStore
from gmic_core.training.data.store import SHADOW, open_store
from tests.helpers.tiny_breasts import tiny_breast

KINDS = ("malignant-mass", "benign-mass")
BREASTS = BreastOptions(modalities=("DBT", "S2D"), kinds=KINDS, size="small", findings=(3, 4), normal_share=0.0)
OPTIONS = StoreOptions(BREASTS, CropOptions(side=160, per_finding=2, background=4))
SEEDS = range(1_000_000, 1_000_003)
PATCHES = PatchOptions(side=96, batch_size=8, batches=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    make_patch_store(folder, SEEDS, OPTIONS, simulator=tiny_breast)
    return folder


def test_store_says_what_it_holds(store: Path) -> None:
    manifest = json.loads((store / "manifest.json").read_text())
    assert manifest["split"] == "training"
    assert manifest["seeds"] == [1_000_000, 1_000_001, 1_000_002]
    assert manifest["phantom_version"] >= 1
    assert [breast.seed for breast in open_store(store)] == manifest["seeds"]


def test_crops_show_their_finding_where_the_label_says(store: Path) -> None:
    checked = 0
    for breast in open_store(store):
        for number, crop in enumerate(breast.crops):
            pixels, labels = breast.pixels(number), breast.labels(number)
            assert pixels.shape == (160, 160)
            assert labels.shape == (40, 40)
            focused = crop.modality == "S2D" or 3 <= crop.slice_index <= 5
            for seen in crop.seen:
                place = round(seen.row * 4 + 2), round(seen.column * 4 + 2)
                if focused and seen.cells > 30:
                    assert pixels[place] > 480
                    checked += 1
    assert checked > 10


def test_slices_far_from_a_finding_are_neither_finding_nor_background(store: Path) -> None:
    crops = [
        (breast, number)
        for breast in open_store(store)
        for number, crop in enumerate(breast.crops)
        if crop.modality == "DBT" and not 2 <= crop.slice_index <= 6 and crop.shadow
    ]
    assert crops
    for breast, number in crops:
        assert set(np.unique(breast.labels(number))) <= {0, SHADOW}


def test_crops_are_standardised_like_the_whole_window(store: Path) -> None:
    breast = open_store(store)[0]
    crop = next(crop for crop in breast.crops if crop.modality == "DBT")
    assert crop.count == 9 * 529 * 334  # all slices of the window of a small volume
    assert crop.moments.mean == pytest.approx(crop.total / crop.count)


def test_a_batch_is_what_the_training_core_takes(store: Path) -> None:
    batches = list(PatchStore(store, ("DBT",), PATCHES).epoch(np.random.default_rng(0)))
    assert len(batches) == 2
    for pixels, labels in batches:
        assert pixels.shape == (8, 1, 96, 96)
        assert pixels.dtype == torch.float32
        assert labels.shape == (8, 2)
        assert labels.dtype == torch.float32


def test_the_same_generator_draws_the_same_patches(store: Path) -> None:
    first, second = (PatchStore(store, (), PATCHES).batch(np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


@pytest.mark.parametrize(
    ("category", "benign", "malignant"), [("malignant", None, 1.0), ("benign", 1.0, None), ("background", 0.0, 0.0)]
)
def test_labels_say_what_the_middle_of_the_patch_shows(
    store: Path, category: str, benign: float | None, malignant: float | None
) -> None:
    source = PatchStore(store, ("S2D",), PATCHES)
    rng = np.random.default_rng(1)
    for _ in range(20):
        pixels, label = source.patch(category, rng)  # type: ignore[arg-type]
        assert benign is None or label[0] == benign
        assert malignant is None or label[1] == malignant
        if category == "background":
            assert pixels[8:-8, 8:-8].max() < 1.75  # the bright discs lie above
        else:
            assert pixels.max() > 1.75


def test_shares_rule_the_batches(store: Path) -> None:
    options = PatchOptions(side=96, batch_size=200, batches=1, shares=(0.5, 0.0, 0.0, 0.5), augment=False)
    _, labels = PatchStore(store, ("S2D",), options).batch(np.random.default_rng(0))
    assert 0.4 < labels[:, 1].mean() < 0.6


def test_making_goes_on_where_it_stopped_and_gives_the_same_bytes(store: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    calls = iter([False, False, True])
    with pytest.raises(CancelledError, match="finished ones are kept"):
        make_patch_store(again, SEEDS, OPTIONS, simulator=tiny_breast, cancelled=lambda: next(calls))
    assert sorted(path.name for path in again.glob("breast-*")) == ["breast-1000000", "breast-1000001"]
    told: list[tuple[int, int]] = []
    make_patch_store(again, SEEDS, OPTIONS, simulator=tiny_breast, progress=lambda *done: told.append(done))
    assert told == [(2, 3), (3, 3)]
    for path in sorted(store.rglob("*.npy")):
        assert path.read_bytes() == (again / path.relative_to(store)).read_bytes()


def test_a_breast_is_its_seed_whatever_else_is_made(store: Path, tmp_path: Path) -> None:
    make_patch_store(tmp_path / "one", [1_000_002], OPTIONS, simulator=tiny_breast)
    name = "breast-1000002/pixels-DBT.npy"
    assert (tmp_path / "one" / name).read_bytes() == (store / name).read_bytes()


def test_workers_make_the_same(store: Path, tmp_path: Path) -> None:
    make_patch_store(tmp_path / "two", list(SEEDS)[:2], OPTIONS, simulator=tiny_breast, workers=2)
    name = "breast-1000001/pixels-S2D.npy"
    assert (tmp_path / "two" / name).read_bytes() == (store / name).read_bytes()


def test_another_making_in_the_same_folder_is_refused(store: Path) -> None:
    other = StoreOptions(BREASTS, CropOptions(side=128))
    with pytest.raises(TrainingError, match="another cut; choose a new folder"):
        make_patch_store(store, SEEDS, other, simulator=tiny_breast)


def test_seeds_of_two_splits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="belong to training and validation"):
        make_patch_store(tmp_path, [1_000_000, 2_000_000], OPTIONS, simulator=tiny_breast)


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    benign = StoreOptions(
        BreastOptions(modalities=("S2D",), kinds=("benign-mass",), size="small", normal_share=0.0), OPTIONS.crops
    )
    make_patch_store(tmp_path, [1_000_000], benign, simulator=tiny_breast)
    with pytest.raises(TrainingError, match="no malignant crop: the class is empty"):
        PatchStore(tmp_path, (), PATCHES)


def test_patches_larger_than_crops_are_refused(store: Path) -> None:
    with pytest.raises(TrainingError, match="256 pixels do not fit into crops of 160"):
        PatchStore(store, ())


def test_a_damaged_breast_is_named(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    (copy / "breast-1000001" / "crops.json").write_text("{")
    with pytest.raises(TrainingError, match=r"breast-1000001/crops.json is damaged .* make it again"):
        PatchStore(copy, (), PATCHES)


def test_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"manifest.json is missing; make it first"):
        PatchStore(tmp_path, (), PATCHES)


def test_plans_follow_the_options() -> None:
    plans = [plan_breast(seed, BreastOptions()) for seed in range(1_000_000, 1_000_200)]
    normal = sum(not plan.kinds for plan in plans)
    assert 20 <= normal <= 60  # a fifth
    assert {len(plan.kinds) for plan in plans} == {0, 3, 4, 5, 6}
    assert {plan.views for plan in plans} == {("CC",), ("MLO",)}
    assert {kind for plan in plans for kind in plan.kinds} >= {"malignant-calcifications", "benign-vascular"}
    small = [plan_breast(seed, BreastOptions(size="small")) for seed in range(1_000_000, 1_000_050)]
    assert "malignant-calcifications" not in {kind for plan in small for kind in plan.kinds}
