"""The data of an experiment: opened where they are, made first where they are digital breasts."""

from __future__ import annotations

import atexit
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gmic_core.errors import TrainingError
from gmic_core.exam.frames import FrameReader
from gmic_core.models.registry import ModelSpec
from gmic_core.paths import user_data_dir
from gmic_core.phantom.spec import PHANTOM_VERSION
from gmic_core.training.data.cropping import CropOptions
from gmic_core.training.data.digital import BreastOptions, StoreOptions, make_patch_store
from gmic_core.training.data.exam_folder import LabelledFile, check_images, read_exam_folder
from gmic_core.training.data.exams import ExamSamples, WindowNoise
from gmic_core.training.data.maps import MapOptions, MapSource
from gmic_core.training.data.mini_mias import INFO, MiniMiasSamples, read_info, split_films
from gmic_core.training.data.patches import PatchOptions, PatchStore
from gmic_core.training.data.phantom_arrays import ArrayReader, has_phantom_arrays, read_phantom_arrays
from gmic_core.training.data.seeds import only_split
from gmic_core.training.data.slabs import SlabOptions
from gmic_core.training.data.slice_store import SliceStoreOptions, simulate_slices
from gmic_core.training.data.slice_volumes import SliceVolumes
from gmic_core.training.data.store import breast_folder
from gmic_core.training.data.volumes import VolumeOptions, VolumeSamples
from gmic_core.training.data.windows import spec_at
from gmic_core.training.experiment import Experiment
from gmic_core.training.samples import TrainingData

FOLD_SEED = 0
_POLL_S = 2.0


def open_training_data(experiment: Experiment, folder: Path | None) -> TrainingData:
    """Return the data that the stages of an experiment need.

    Parameters
    ----------
    folder : with the exams, or for the stores of digital breasts; these have a default place in the user's data.

    Raises
    ------
    TrainingError
        If data are missing, damaged, or do not fit the experiment; the message names what.
    """
    if experiment.data.source == "phantom":
        if folder is not None and has_phantom_arrays(folder):
            return _arrays(experiment, folder)
        return _digital(experiment, folder or user_data_dir() / "digital-breasts" / experiment.name)
    if folder is None:
        raise TrainingError(f"{experiment.name} is trained on images of yours: say where they are with --data DIR.")
    return _exams(experiment, folder) if experiment.data.source == "exams" else _mini_mias(experiment, folder)


def input_spec(experiment: Experiment) -> ModelSpec:
    """Return the network's spec with the window and pixel size that the experiment states."""
    data = experiment.data
    return spec_at(experiment.spec, experiment.modality, data.rows, data.columns, data.spacing_mm)


# -- digital breasts ----------------------------------------------------------------------------------------------


def _digital(experiment: Experiment, folder: Path) -> TrainingData:
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
            _make(store, _seeds(split, seeds), patch_store_options(experiment), experiment.data.phantom.workers)
            parts[name] = PatchStore(store, (str(experiment.modality),), _patch_options(experiment, split))
            described[name] = {"seeds": list(seeds), "crops": parts[name].counts}
    maps = experiment.data.maps
    if "maps" in kinds or maps.volume_slices:
        for split, name, seeds in (
            ("training", "maps", maps.train_seeds),
            ("validation", "validation_maps", maps.validation_seeds),
        ):
            store = folder / split / _named("slices", experiment)
            _make(store, _seeds(split, seeds), _slice_options(experiment), experiment.data.phantom.workers)
            described[name] = {"seeds": list(seeds)}
            if "maps" in kinds:
                parts[name] = MapSource(store, str(experiment.modality), _map_options(experiment, split))
            if maps.volume_slices:
                images = "train" if split == "training" else "validation"
                parts[images] = SliceVolumes(store, str(experiment.modality), maps.volume_slices)
    if kinds & {"images", "birads"} and not maps.volume_slices:
        phantom = experiment.data.phantom
        for split, name, seeds in (
            ("training", "train", phantom.train_seeds),
            ("validation", "validation", phantom.validation_seeds),
        ):
            store = folder / split / f"images-{experiment.modality}"
            _make(store, _seeds(split, seeds), volume_store_options(experiment), phantom.workers)
            parts[name] = VolumeSamples(store, str(experiment.modality), _volume_options(experiment))
            described[name] = {"seeds": list(seeds), "images": len(parts[name])}
    text = f"digital breasts of this project (phantom version {PHANTOM_VERSION}, {experiment.data.phantom.size})"
    return TrainingData(
        **parts,
        description={"training_data": text, "simulated": True, "modality": str(experiment.modality), **described},
    )


def _shared(experiment: Experiment) -> bool:
    """Whether one store serves the networks of all modalities: it does where each has its own usual window.

    Simulating a breast takes a minute and cutting crops a second, so crops of all its images are kept.
    """
    data = experiment.data
    return not (data.rows or data.columns or data.spacing_mm)


def _named(kind: str, experiment: Experiment) -> str:
    return kind if _shared(experiment) else f"{kind}-{experiment.modality}"


def _arrays(experiment: Experiment, folder: Path) -> TrainingData:
    """Return the exams that ``gmic-core phantom --format arrays`` has written; they have no patches."""
    images = read_phantom_arrays(folder, experiment.modality)
    reader, spec, noise = ArrayReader(), input_spec(experiment), _noise(experiment)
    check_images(images, reader)
    splits = {name: [one for one in images if one.label.split == name] for name in ("training", "validation")}
    seeds = {name: sorted({int(one.label.patient) for one in chosen}) for name, chosen in splits.items()}
    return TrainingData(
        train=ExamSamples(splits["training"], spec, reader, noise),
        validation=ExamSamples(splits["validation"], spec, reader, noise),
        description={
            "training_data": f"digital breasts of this project (phantom version {PHANTOM_VERSION})",
            "simulated": True,
            "modality": str(experiment.modality),
            "seeds": seeds,
        },
    )


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
    """Return how a store of slices is made: volumes and full-field images together, simulating is what takes time."""
    data = experiment.data
    modalities = ("DBT", "FFDM") if _shared(experiment) else (str(experiment.modality),)
    return SliceStoreOptions(
        BreastOptions(modalities=modalities, size=data.phantom.size),
        window=(data.rows, data.columns, data.spacing_mm),
    )


def _map_options(experiment: Experiment, split: str) -> MapOptions:
    data = experiment.data.maps
    batch = next(stage.batch_size for stage in experiment.stages if stage.kind == "maps")
    if split == "training":
        return MapOptions(data.side, batch, max(data.per_epoch // batch, 1), data.finding_share)
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
    with tqdm(
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


# -- images of people ---------------------------------------------------------------------------------------------


def _exams(experiment: Experiment, folder: Path) -> TrainingData:
    data = experiment.data
    found = read_exam_folder(folder, experiment.modality, data.labels)
    train, validation = found.split("training"), found.split("validation")
    if data.folds:
        train, validation = deal_folds((*train, *validation), data.folds, data.fold)
    reader = FrameReader()
    atexit.register(reader.close)
    with tqdm(total=len(train) + len(validation), unit="image", desc="checking images") as bar:
        check_images((*train, *validation), reader, lambda done, _: bar.update(done - bar.n))
    spec, noise = input_spec(experiment), _noise(experiment)
    patients = {one.label.patient for one in (*train, *validation)}
    return TrainingData(
        train=ExamSamples(train, spec, reader, noise),
        validation=ExamSamples(validation, spec, reader, noise),
        description={
            "training_data": f"{len(train)} {experiment.modality} images ({len(patients)} patients with validation)",
            "modality": str(experiment.modality),
            "training": len(train),
            "validation": len(validation),
            "left_out": found.left_out,
            "labels": hashlib.sha256((folder / data.labels).read_bytes()).hexdigest()[:16],
        },
    )


def deal_folds(
    images: Sequence[LabelledFile], folds: int, fold: int
) -> tuple[tuple[LabelledFile, ...], tuple[LabelledFile, ...]]:
    """Return the images to train and to validate on: patients shuffled with a fixed seed, classes dealt out evenly."""
    worst: dict[str, int] = {}
    for one in images:
        benign, malignant = one.label.labels
        worst[one.label.patient] = max(worst.get(one.label.patient, 0), 2 * malignant + benign)
    shuffled = np.random.default_rng(FOLD_SEED).permutation(sorted(worst))
    ordered = sorted((str(patient) for patient in shuffled), key=lambda patient: -worst[patient])
    held_out = set(ordered[fold::folds])
    train = tuple(one for one in images if one.label.patient not in held_out)
    return train, tuple(one for one in images if one.label.patient in held_out)


def _mini_mias(experiment: Experiment, folder: Path) -> TrainingData:
    data = experiment.data
    splits = split_films(read_info(folder / INFO), data.fold, data.folds or 5)
    spec, noise = input_spec(experiment), _noise(experiment)
    train, validation = (
        MiniMiasSamples(folder, splits[name], spec, experiment.modality, noise) for name in ("training", "validation")
    )
    with tqdm(total=len(train) + len(validation), unit="film", desc="checking films") as bar:
        for source in (train, validation):
            for i in range(len(source)):
                source.prepared(i)
                bar.update()
    return TrainingData(
        train=train,
        validation=validation,
        description={
            "training_data": f"mini-MIAS (Suckling et al. 1994), {len(train)} films, fold {data.fold}",
            "modality": str(experiment.modality),
            "fold": data.fold,
            "folds": data.folds or 5,
            "training": len(train),
            "validation": len(validation),
            "test": len(splits["test"]),
        },
    )


def _noise(experiment: Experiment) -> WindowNoise:
    data = experiment.data
    return WindowNoise(data.augment_position, data.augment_size, data.depth)
