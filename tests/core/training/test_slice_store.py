"""Stores of slices: what is kept of a breast, and the short volumes made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmic_core.errors import TrainingError
from gmic_core.training.data.digital import BreastOptions, make_patch_store, plan_breast
from gmic_core.training.data.slice_store import SliceStoreOptions, simulate_slices
from gmic_core.training.data.slice_volumes import SliceVolumes
from gmic_core.training.data.store import SHADOW, open_store

SEED = 1_000_003
ALL = BreastOptions(size="small", thickness_mm=(30, 30), findings=(2, 2), normal_share=0.0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slices")
    make_patch_store(folder, [SEED], SliceStoreOptions(ALL), simulator=simulate_slices)
    return folder


def test_one_breast_gives_slices_and_both_flat_images(store: Path) -> None:
    (breast,) = open_store(store)
    modalities = [crop.modality for crop in breast.crops]
    assert modalities.count("FFDM") == 1
    assert modalities.count("S2D") == 1
    assert modalities.count("DBT") >= 6
    heights = [crop.slice_index for crop in breast.crops if crop.modality == "DBT"]
    assert heights == sorted(set(heights))


def test_flat_images_show_the_findings_of_the_volume_where_it_has_them(store: Path) -> None:
    (breast,) = open_store(store)
    seen = {crop.modality: (crop, number) for number, crop in enumerate(breast.crops) if crop.modality != "DBT"}
    synthetic = np.asarray(breast.labels(seen["S2D"][1]))
    volume = [np.asarray(breast.labels(n)) for n, crop in enumerate(breast.crops) if crop.modality == "DBT"]
    shown = np.maximum.reduce([np.where(labels == SHADOW, 0, labels) for labels in volume])
    for number in np.unique(synthetic[(synthetic > 0) & (synthetic != SHADOW)]):
        flat, deep = np.argwhere(synthetic == number), np.argwhere(shown == number)
        assert np.abs(flat.mean(axis=0) - deep.mean(axis=0)).max() < 4.0  # label cells of 4 small pixels: 6 mm
    assert {one.number for one in seen["S2D"][0].seen} == {one.number for one in seen["FFDM"][0].seen}


def test_slices_are_the_same_with_and_without_the_synthetic_image() -> None:
    plan = plan_breast(SEED, ALL)
    with_all = {str(one.image.modality): one for one in simulate_slices(plan, ALL).images}
    short = BreastOptions(modalities=("DBT", "FFDM"), size="small", thickness_mm=(30, 30), findings=(2, 2))
    without = {str(one.image.modality): one for one in simulate_slices(plan, short).images}
    assert sorted(without) == ["DBT", "FFDM"]
    for name, image in without.items():
        assert np.array_equal(image.frames, with_all[name].frames)


def test_short_volumes_do_not_mix_images(store: Path) -> None:
    (breast,) = open_store(store)
    slices = sum(crop.modality == "DBT" for crop in breast.crops)
    assert len(SliceVolumes(store, ("FFDM", "S2D"), 3)) == 2
    assert len(SliceVolumes(store, ("DBT",), 3)) == -(-slices // 3)
    volumes = SliceVolumes(store, ("FFDM", "S2D"), 3)
    assert [volumes.load(i, None).pixels.shape[0] for i in range(2)] == [1, 1]


def test_a_store_without_a_modality_is_told(tmp_path: Path) -> None:
    only = BreastOptions(modalities=("FFDM",), size="small", thickness_mm=(30, 30))
    make_patch_store(tmp_path, [SEED], SliceStoreOptions(only), simulator=simulate_slices)
    with pytest.raises(TrainingError, match="holds no DBT or S2D images"):
        SliceVolumes(tmp_path, ("DBT", "S2D"), 3)


def test_an_experiment_learns_from_its_own_breasts_only(store: Path) -> None:
    assert [breast.seed for breast in open_store(store, range(SEED, SEED + 9))] == [SEED]
    with pytest.raises(TrainingError, match="holds no finished breast"):
        open_store(store, range(SEED + 1, SEED + 9))
