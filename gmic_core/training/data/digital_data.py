"""Digital breasts of an experiment: stores that are made where they are missing, and sources that draw from them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from gmic_core.errors import TrainingError
from gmic_core.phantom.spec import PHANTOM_VERSION
from gmic_core.progress_bar import ProgressBar
from gmic_core.training.data.cropping import CropOptions
from gmic_core.training.data.digital import BreastOptions, StoreOptions, make_patch_store
from gmic_core.training.data.maps import MapOptions, MapSource
from gmic_core.training.data.patches import PatchOptions, PatchStore
from gmic_core.training.data.seeds import only_split
from gmic_core.training.data.slabs import SlabOptions
from gmic_core.training.data.slice_store import SliceStoreOptions, simulate_slices
from gmic_core.training.data.slice_volumes import SliceVolumes
from gmic_core.training.data.store import breast_folder
from gmic_core.training.data.volumes import VolumeOptions, VolumeSamples
from gmic_core.training.experiment import Experiment
from gmic_core.training.samples import TrainingData

_POLL_S = 2.0


def digital_data(experiment: Experiment, folder: Path) -> TrainingData:
    """Return what the stages of an experiment need of digital breasts; make in ``folder`` what is missing.

    Raises
    ------
    TrainingError
        If seeds belong to another split, a store was made otherwise, or a class is empty.
    """
    kinds = {stage.kind for stage in experiment.stages}
    parts: dict[str, Any] = {}
    described: dict[str, object] = {}
    if "patches" in kinds:
        data = experiment.data.patches
        for split, name, seeds in (
            ("training", "patches", data.train_seeds),
            ("validation", "validation_patches", data.validation_seeds),
        ):
            store = folder / split / _named("patches", experiment)
            wanted = _seeds(split, seeds)
            _make(store, wanted, patch_store_options(experiment), experiment.data.phantom.workers)
            parts[name] = PatchStore(store, (str(experiment.modality),), _patch_options(experiment, split), wanted)
            described[name] = {"seeds": list(seeds), "crops": parts[name].counts}
    maps = experiment.data.maps
    if "maps" in kinds or maps.volume_slices:
        for split, name, seeds in (
            ("training", "maps", maps.train_seeds),
            ("validation", "validation_maps", maps.validation_seeds),
        ):
            store = folder / split / _named("slices", experiment)
            wanted = _seeds(split, seeds)
            _make(store, wanted, _slice_options(experiment), experiment.data.phantom.workers)
            described[name] = {"seeds": list(seeds)}
            if "maps" in kinds:
                parts[name] = MapSource(store, _together(experiment), _map_options(experiment, split), wanted)
            if maps.volume_slices:
                images = "train" if split == "training" else "validation"
                parts[images] = SliceVolumes(store, _together(experiment), maps.volume_slices, wanted)
    if kinds & {"images", "birads"} and not maps.volume_slices:
        phantom = experiment.data.phantom
        for split, name, seeds in (
            ("training", "train", phantom.train_seeds),
            ("validation", "validation", phantom.validation_seeds),
        ):
            store = folder / split / f"images-{experiment.modality}"
            wanted = _seeds(split, seeds)
            _make(store, wanted, volume_store_options(experiment), phantom.workers)
            parts[name] = VolumeSamples(store, str(experiment.modality), _volume_options(experiment), wanted)
            described[name] = {"seeds": list(seeds), "images": len(parts[name])}
    text = f"digital breasts of this project (phantom version {PHANTOM_VERSION}, {experiment.data.phantom.size})"
    return TrainingData(
        **parts,
        description={"training_data": text, "simulated": True, "modality": str(experiment.modality), **described},
    )


def _together(experiment: Experiment) -> tuple[str, ...]:
    """Return the modalities that the stages ``maps`` and ``images`` learn from."""
    return tuple(str(one) for one in experiment.data.maps.modalities or (experiment.modality,))


def _shared(experiment: Experiment) -> bool:
    """Whether one store serves the networks of all modalities: it does where each has its own usual window.

    Simulating a breast takes a minute and cutting crops a second, so crops of all its images are kept.
    """
    data = experiment.data
    return not (data.rows or data.columns or data.spacing_mm)


def _named(kind: str, experiment: Experiment) -> str:
    return kind if _shared(experiment) else f"{kind}-{experiment.modality}"


def patch_store_options(experiment: Experiment) -> StoreOptions:
    """Return how the patch stores of an experiment are made."""
    data = experiment.data
    patches = data.patches
    modalities = ("DBT", "FFDM", "S2D") if _shared(experiment) else (str(experiment.modality),)
    return StoreOptions(
        BreastOptions(modalities=modalities, size=data.phantom.size),
        CropOptions(side=patches.crop, per_finding=patches.per_finding, background=patches.background),
        window=(data.rows, data.columns, data.spacing_mm),
    )


def volume_store_options(experiment: Experiment) -> StoreOptions:
    """Return how the stores of volumes and images of an experiment are made."""
    data, phantom = experiment.data, experiment.data.phantom
    return StoreOptions(
        BreastOptions(
            modalities=(str(experiment.modality),),
            both_views=phantom.views == "both",
            findings=(1, phantom.most_findings),
            class_shares=(phantom.benign_share, phantom.malignant_share),
            size=phantom.size,
        ),
        slabs=SlabOptions(phantom.slices, phantom.rows, phantom.columns, phantom.per_finding, phantom.background),
        window=(data.rows, data.columns, data.spacing_mm),
    )


def _patch_options(experiment: Experiment, split: str) -> PatchOptions:
    """Return how patches are drawn: varied in training, as they are in validation."""
    data = experiment.data.patches
    batch = next(stage.batch_size for stage in experiment.stages if stage.kind == "patches")
    training = split == "training"
    count = data.per_epoch if training else data.validation
    return PatchOptions(
        side=data.side,
        batch_size=min(batch, count),
        batches=max(count // batch, 1),
        shares=data.shares,
        hard_share=data.hard_share,
        augment=training,
    )


def _slice_options(experiment: Experiment) -> StoreOptions:
    """Return how a store of slices is made: of all modalities together, simulating is what takes time."""
    data = experiment.data
    modalities = ("DBT", "FFDM", "S2D") if _shared(experiment) else _together(experiment)
    return SliceStoreOptions(
        BreastOptions(modalities=modalities, size=data.phantom.size),
        window=(data.rows, data.columns, data.spacing_mm),
    )


def _map_options(experiment: Experiment, split: str) -> MapOptions:
    data = experiment.data.maps
    stage = next(stage for stage in experiment.stages if stage.kind == "maps")
    batch = stage.batch_size
    if split == "training":
        return MapOptions(data.side, batch, max(data.per_epoch // batch, 1), data.finding_share)
    if stage.only_local:
        return MapOptions(data.side, batch, max(data.validation // batch, 1), data.finding_share, augment=False)
    return MapOptions(batch_size=1, batches=data.validation, augment=False)


def _volume_options(experiment: Experiment) -> VolumeOptions:
    data = experiment.data
    return VolumeOptions(data.depth, data.augment_position, data.augment_size)


def _seeds(split: str, first_and_count: tuple[int, int]) -> range:
    first, count = first_and_count
    seeds = range(first, first + count)
    found = only_split(seeds)
    if found != split:
        raise TrainingError(f"The seeds {first}..{seeds.stop - 1} for {split} belong to {found}; choose others.")
    return seeds


def _make(store: Path, seeds: range, options: StoreOptions, workers: int) -> None:
    """Make what is missing of a store; of several processes of one run the first makes it, the others wait."""
    if int(os.environ.get("RANK", "0")) != 0:
        while not all(breast_folder(store, seed).is_dir() for seed in seeds):
            time.sleep(_POLL_S)
        return
    missing = sum(not breast_folder(store, seed).is_dir() for seed in seeds)
    with ProgressBar(
        total=len(seeds), unit="breast", desc=f"digital breasts, {store.parent.name}", disable=not missing
    ) as bar:
        simulator = simulate_slices if isinstance(options, SliceStoreOptions) else None
        make_patch_store(
            store,
            seeds,
            options,
            workers=workers,
            simulator=simulator,
            progress=lambda done, _: bar.update(done - bar.n),
        )
