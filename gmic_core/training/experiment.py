"""Everything that defines a training run, in one frozen dataclass, read from TOML. Imports no torch.

An experiment is a network, its data, and stages that follow each other: each starts from what the one before learned.
Files of the project stand in ``resources/experiments``; ``docs/training.md`` lists the fields.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from gmic_core.errors import ModelError, TrainingError
from gmic_core.models.registry import ModelSpec, get_spec
from gmic_core.models.trained_input import TrainedInput, scaled_spec, spec_at
from gmic_core.phantom.spec import SMALL_FACTOR
from gmic_core.training.data_section import DataSection
from gmic_core.training.toml_tables import number, read_table, text
from gmic_core.types import Modality

StageKind = Literal["birads", "patches", "maps", "images"]
Precision = Literal["float32", "mixed"]
Pooling = Literal["max", "top"]

MAX_EPOCHS = 40
PATIENCE = 15
TRIALS = 40
KEPT_TRIALS = 5
"""3D-GMIC paper, section V-D.6."""


@dataclass(frozen=True)
class NetworkSection:
    """``[network]``: hyperparameters of the network; those left out (0) have the network's defaults.

    Attributes
    ----------
    top_t : fraction of one slice's cells.
    patch_size : pixels of a side of the local network's patches; other than the published 256 for trials only.
    """

    top_t: float = number(0.0, least=0.0)
    num_patches: int = number(0, least=0)
    zeta: int | None = None
    norm: Literal["group", "batch"] | None = None
    saliency: Literal["relu_tanh", "sigmoid"] | None = None
    patch_size: int = number(0, least=0, most=1024)

    def hyper(self) -> dict[str, object]:
        """Return what is set, for :func:`~gmic_core.models.registry.create_model`."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del values["patch_size"]
        left_out = {"top_t": 0.0, "num_patches": 0}
        return {name: value for name, value in values.items() if value is not None and value != left_out.get(name)}


@dataclass(frozen=True)
class Stage:
    """One ``[[stages]]``: what is learned and how.

    Attributes
    ----------
    kind : ``birads``: three-class pretraining of the global network; ``patches``: both networks on labelled patches;
        ``maps``: the global network on slices with the place of findings, the local one on their patches;
        ``images``: the whole network end to end on image labels.
    epochs, patience : at most so many; stops after so many without gain of the validation's malignant AUC.
    batch_size : images or patches of one update, over all processes.
    micro_batch : images whose activations are in memory at once; 0: all of a process's share of the batch.
    learning_rate, learning_rate_local : Adam's; the local network's own, 0: the same.
    schedule : ``cosine`` lowers the learning rates to a hundredth over the stage's epochs.
    omega : the class map is set to this positive constant before the stage; 0: it is kept.
    beta : weight of the L1 norm of the saliency.
    clip_norm : largest norm of an update's gradient; 0: no limit.
    balanced : equal numbers of images with and without findings in an epoch.
    rotate_patches : turn the chosen patches by 0, 90, 180 or 270 degrees while training (GMIC).
    global_epochs, local_epochs : curriculum: first so many epochs of the global network alone, then so many of the
        local one alone, then both.
    pooling : of a patch's class map: its maximum, or the mean of its top quarter.
    local_patches : patches of each batch that the local network sees too, 0: all. It costs ten times as much.
    bag : patches that are put together as if they were of one image, so that the attention learns as well.
    only_local : of the stage ``maps``: crops of the local network's patch size teach that network alone; the global
        one, which costs most of the time, is left as it is.
    blur_weight : of the stage ``maps``: how much cells count, as cells without a finding, where only the out-of-plane
        blur of a finding of other slices is; 0 leaves them out, and a map then says little about depth.
    local_cells : with ``only_local``, crops of any size: the local network's head judges every position of its feature
        map, many examples for each crop. Patches as a whole follow in another stage.
    freeze_norm : the local network's BatchNorm keeps its statistics: sensible where a batch holds few patches.
    """

    kind: StageKind
    epochs: int = number(MAX_EPOCHS, least=1, most=10_000)
    patience: int = number(PATIENCE, least=1)
    batch_size: int = number(4, least=1)
    micro_batch: int = number(0, least=0)
    learning_rate: float = number(1e-5, least=0.0, most=1.0)
    learning_rate_local: float = number(0.0, least=0.0, most=1.0)
    schedule: Literal["constant", "cosine"] = "constant"
    omega: float = number(0.0, least=0.0, most=1.0)
    beta: float = number(0.0, least=0.0, most=1.0)
    clip_norm: float = number(0.0, least=0.0)
    balanced: bool = True
    rotate_patches: bool = False
    global_epochs: int = number(0, least=0)
    local_epochs: int = number(0, least=0)
    pooling: Pooling = "max"
    local_patches: int = number(0, least=0)
    bag: int = number(4, least=1)
    only_local: bool = False
    local_cells: bool = False
    blur_weight: float = number(0.0, least=0.0, most=10.0)
    freeze_norm: bool = False

    def __post_init__(self) -> None:
        """Check fields that depend on each other."""
        if self.micro_batch > self.batch_size:
            raise TrainingError(f"micro_batch {self.micro_batch} is larger than batch_size {self.batch_size}.")
        if self.learning_rate == 0.0:
            raise TrainingError("learning_rate is 0: nothing would be learned.")
        if self.local_cells and not self.only_local:
            raise TrainingError("local_cells teaches the local network alone: set only_local = true as well.")
        if self.global_epochs + self.local_epochs >= self.epochs:
            raise TrainingError("global_epochs and local_epochs leave no epoch in which both networks learn.")


@dataclass(frozen=True)
class Search:
    """``[search]``: random search over the stage of kind ``images``; ranges are inclusive and uniform."""

    trials: int = number(TRIALS, least=1)
    keep: int = number(KEPT_TRIALS, least=1)
    log10_learning_rate: tuple[float, float] = (-5.5, -4.5)
    log10_omega: tuple[float, float] = (-3.0, -2.0)
    log10_beta: tuple[float, float] = (-5.5, -3.5)
    top_t: tuple[float, float] = (0.01, 0.25)
    num_patches: tuple[int, ...] = (4, 6, 8)

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("log10_learning_rate", "log10_omega", "log10_beta", "top_t"):
            low, high = getattr(self, name)
            if low > high:
                raise TrainingError(f"{name} runs from {low} down to {high}; write the smaller number first.")
        if not self.num_patches or min(self.num_patches) < 1:
            raise TrainingError("num_patches must name at least one number of patches, each at least 1.")
        if self.keep > self.trials:
            raise TrainingError(f"keep {self.keep} exceeds the number of trials, {self.trials}.")


@dataclass(frozen=True)
class Experiment:
    """A training run.

    Attributes
    ----------
    start : weights to begin with: a folder of an earlier run, a weight file or a stored name; empty: from scratch.
    precision : ``mixed``: float16 where it is safe, on CUDA only.
    slice_batch : slices that go through the global network at once.
    checkpointing : recompute the global network's activations in the backward pass instead of keeping them.
    checkpoint_minutes : a checkpoint is written at least so often, besides the end of every epoch.
    workers : threads that load images ahead.
    """

    modality: Modality
    stages: tuple[Stage, ...]
    name: str = text()
    model: str = text()
    title: str = ""
    start: str = ""
    seed: int = number(0, least=0, most=2**32 - 1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Precision = "float32"
    slice_batch: int = number(4, least=1)
    checkpointing: bool = False
    checkpoint_minutes: float = number(5.0, least=0.0)
    workers: int = number(2, least=1, most=64)
    network: NetworkSection = NetworkSection()
    data: DataSection = dataclasses.field(default_factory=DataSection)
    search: Search | None = None

    def __post_init__(self) -> None:
        """Check what the network decides."""
        if not self.stages:
            raise TrainingError("stages is empty; add at least one [[stages]] table.")
        try:
            spec = get_spec(self.model)
            spec.input_for(self.modality)
            spec.hyper(**self.network.hyper())
        except ModelError as error:
            raise TrainingError(f"model or network does not fit: {error}") from error

    @property
    def spec(self) -> ModelSpec:
        """The network's spec with this experiment's input and patch size."""
        spec = get_spec(self.model)
        rows, columns = self.data.rows, self.data.columns
        inputs = tuple(
            dataclasses.replace(entry, rows=rows or entry.rows, columns=columns or entry.columns)
            if entry.modality is self.modality
            else entry
            for entry in spec.inputs
        )
        size = self.network.patch_size
        patch = (size, size) if size else spec.patch_size
        return dataclasses.replace(spec, inputs=inputs, patch_size=patch)

    @property
    def trained_input(self) -> TrainedInput | None:
        """The window and pixel size of this experiment, where these are not the network's usual ones."""
        data = self.data
        small = data.source == "phantom" and data.phantom.size == "small"
        usual = get_spec(self.model)
        spec = scaled_spec(usual, SMALL_FACTOR if small else 1)
        spec = spec_at(spec, self.modality, data.rows, data.columns, data.spacing_mm)
        own = TrainedInput.of(dataclasses.replace(spec, patch_size=self.spec.patch_size), self.modality)
        return None if own == TrainedInput.of(usual, self.modality) else own

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain

    def digest(self) -> str:
        """Return a short hash of what decides the outcome: a run is resumed by its own experiment only."""
        values = self.as_dict()
        for machine in ("device", "workers", "checkpoint_minutes", "title"):
            del values[machine]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def parse_experiment(table: Mapping[str, Any], file: str) -> Experiment:
    """Return the experiment that a TOML document describes; ``file`` is its name in messages."""
    return read_table(Experiment, table, file)


def available_experiments() -> tuple[str, ...]:
    """Return the names of the experiments that the project ships."""
    folder = resources.files("resources") / "experiments"
    return tuple(sorted(entry.name[: -len(".toml")] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def load_experiment(ref: str) -> Experiment:
    """Return the experiment that ``ref`` stands for: a shipped name, or a TOML file.

    Raises
    ------
    TrainingError
        Naming file and field, or the names that there are.
    """
    known = available_experiments()
    if ref in known:
        entry = resources.files("resources") / "experiments" / f"{ref}.toml"
        return _parse_text(entry.read_text("utf-8"), entry.name)
    path = Path(ref).expanduser()
    if not path.is_file():
        raise TrainingError(f"'{ref}' is neither an experiment of this project ({', '.join(known)}) nor a TOML file.")
    try:
        return _parse_text(path.read_text("utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path.name} cannot be read as text ({error}).") from error


def _parse_text(content: str, file: str) -> Experiment:
    try:
        table = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{file} is not TOML ({error}); correct that line.") from error
    return parse_experiment(table, file)
