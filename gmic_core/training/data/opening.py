"""The data of an experiment: opened where they are, made first where they are digital breasts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from gmic_core.errors import TrainingError
from gmic_core.exam.frames import FrameReader
from gmic_core.inference.reader import Reader
from gmic_core.models.registry import ModelSpec
from gmic_core.paths import user_data_dir
from gmic_core.phantom.spec import PHANTOM_VERSION
from gmic_core.progress_bar import ProgressBar
from gmic_core.training.data.digital_data import digital_data
from gmic_core.training.data.exam_folder import LabelledFile, check_images, read_exam_folder
from gmic_core.training.data.exams import ExamSamples, WindowNoise
from gmic_core.training.data.mini_mias import FOLDS, INFO, MiniMiasSamples, read_info, split_films
from gmic_core.training.data.phantom_arrays import ArrayReader, has_phantom_arrays, read_phantom_arrays
from gmic_core.training.data.windows import spec_at
from gmic_core.training.experiment import Experiment
from gmic_core.training.samples import SampleSource, TrainingData

FOLD_SEED = 0


@contextmanager
def open_training_data(experiment: Experiment, folder: Path | None) -> Iterator[TrainingData]:
    """Give the data that the stages of an experiment need, until the context ends.

    Parameters
    ----------
    folder : with the exams, or for the stores of digital breasts; these have a default place in the user's data.

    Raises
    ------
    TrainingError
        If data are missing, damaged, or do not fit the experiment; the message names what.
    """
    with ExitStack() as readers:
        yield _opened(experiment, folder, readers)


def _opened(experiment: Experiment, folder: Path | None, readers: ExitStack) -> TrainingData:
    if experiment.data.source == "phantom":
        if folder is not None and has_phantom_arrays(folder):
            return _arrays(experiment, folder)
        return digital_data(experiment, folder or user_data_dir() / "digital-breasts" / experiment.name)
    if folder is None:
        raise TrainingError(f"{experiment.name} is trained on images of yours: say where they are with --data DIR.")
    return _exams(experiment, folder, readers) if experiment.data.source == "exams" else _mini_mias(experiment, folder)


@contextmanager
def open_test_data(experiment: Experiment, folder: Path) -> Iterator[tuple[SampleSource, tuple[int, ...]]]:
    """Give the test split of an experiment's images, and a number for the patient of each, until the context ends.

    Raises
    ------
    TrainingError
        If there is no such split, or an image of it cannot be read.
    """
    with ExitStack() as readers:
        yield _opened_test(experiment, folder, readers)


def _opened_test(experiment: Experiment, folder: Path, readers: ExitStack) -> tuple[SampleSource, tuple[int, ...]]:
    data, spec, noise = experiment.data, input_spec(experiment), _noise(experiment)
    if data.source == "mini-mias":
        films = split_films(read_info(folder / INFO), data.fold, data.folds or FOLDS)["test"]
        return MiniMiasSamples(folder, films, spec, experiment.modality, noise), tuple(film.woman for film in films)
    reader: Reader
    if data.source == "phantom":
        images: Sequence[LabelledFile] = read_phantom_arrays(folder, experiment.modality)
        reader = ArrayReader()
    else:
        images = read_exam_folder(folder, experiment.modality, data.labels).images
        reader = readers.enter_context(FrameReader())
    images = [one for one in images if one.label.split == "test"]
    if not images:
        raise TrainingError(
            f"{folder} has no {experiment.modality} image of the test split; add some, or score others."
        )
    check_images(images, reader)
    numbers = {patient: number for number, patient in enumerate(sorted({one.label.patient for one in images}))}
    return ExamSamples(images, spec, reader, noise), tuple(numbers[one.label.patient] for one in images)


def input_spec(experiment: Experiment) -> ModelSpec:
    """Return the network's spec with the window and pixel size that the experiment states."""
    data = experiment.data
    return spec_at(experiment.spec, experiment.modality, data.rows, data.columns, data.spacing_mm)


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


def _exams(experiment: Experiment, folder: Path, readers: ExitStack) -> TrainingData:
    data = experiment.data
    found = read_exam_folder(folder, experiment.modality, data.labels)
    train, validation = found.split("training"), found.split("validation")
    if data.folds:
        train, validation = deal_folds((*train, *validation), data.folds, data.fold)
    reader = readers.enter_context(FrameReader())
    with ProgressBar(total=len(train) + len(validation), unit="image", desc="checking images") as bar:
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
    splits = split_films(read_info(folder / INFO), data.fold, data.folds or FOLDS)
    spec, noise = input_spec(experiment), _noise(experiment)
    train, validation = (
        MiniMiasSamples(folder, splits[name], spec, experiment.modality, noise) for name in ("training", "validation")
    )
    with ProgressBar(total=len(train) + len(validation), unit="film", desc="checking films") as bar:
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
            "folds": data.folds or FOLDS,
            "training": len(train),
            "validation": len(validation),
            "test": len(splits["test"]),
        },
    )


def _noise(experiment: Experiment) -> WindowNoise:
    data = experiment.data
    return WindowNoise(data.augment_position, data.augment_size, data.depth)
