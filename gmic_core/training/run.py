"""A whole run: stages one after the other, each in a folder of its own, and the weights at the end.

RUN/experiment.json     what was asked for, and the digest that a resumed run must have
RUN/log.txt             what was said
RUN/1-patches/          last.pt, best.pt, steps.csv, epochs.csv, curves.png
RUN/2-images/           the same
RUN/weights.safetensors final weights: the best epoch of the last stage
RUN/results.json        the validation's numbers of each stage
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gmic_core.errors import TrainingError
from gmic_core.inference.network import choose_device
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.registry import create_model
from gmic_core.training.checkpoint import BEST, Progress, load_best
from gmic_core.training.distributed import Workers, joined, local_device, same_start
from gmic_core.training.experiment import Experiment, Stage
from gmic_core.training.export import export_weights
from gmic_core.training.image_stage import ImageStage
from gmic_core.training.initialisation import set_class_map, transfer
from gmic_core.training.loop import Loop, StopRequest
from gmic_core.training.map_stage import MapStage
from gmic_core.training.memory import MixedPrecision
from gmic_core.training.patch_stage import PatchStage
from gmic_core.training.pretraining import BiradsStage
from gmic_core.training.progress import Log
from gmic_core.training.samples import TrainingData
from gmic_core.training.start import starting_state
from gmic_core.training.task import Surroundings, Task

EXPERIMENT, LOG, RESULTS, WEIGHTS = "experiment.json", "log.txt", "results.json", "weights.safetensors"


@dataclass(frozen=True)
class RunResult:
    """What came out.

    Attributes
    ----------
    best : best validation AUC (malignant, images) of the last stage.
    weights : file of the final weights.
    """

    best: float
    weights: Path


def train(experiment: Experiment, data: TrainingData, out: Path, resume: bool, log: Log) -> RunResult:
    """Run all stages of an experiment.

    Raises
    ------
    TrainingError
        If the folder holds another run, data are missing, or a stage fails; the message names what.
    CancelledError
        If the run was asked to stop; a checkpoint has been written.
    """
    device = local_device(choose_device(experiment.device))
    digest = run_digest(experiment, data)
    with joined(device) as workers, StopRequest().listening() as stop:
        say = Told(out, log, workers)
        if workers.leads:
            prepare_folder(out, experiment, data, digest, resume)
        network = build_network(experiment)
        if experiment.start:
            state = starting_state(experiment.start, experiment.model)
            say(f"started from {experiment.start}: {transfer(network, state).sentence()}")
        results: dict[str, dict[str, float]] = {}
        progress = Progress()
        for number, stage in enumerate(experiment.stages):
            folder = out / stage_folder(number, stage)
            say(f"stage {number + 1}/{len(experiment.stages)}: {stage.kind}, up to {stage.epochs} epochs on {device}")
            around = Surroundings(
                experiment, stage, number, device, workers, MixedPrecision(device, experiment.precision == "mixed")
            )
            progress = _run_stage(around, network, data, folder, f"{digest}-{number}", resume, say, stop)
            network.load_state_dict(load_best(folder))
            network.requires_grad_(True)
            results[folder.name] = progress.epochs[progress.best_epoch]
            say(f"stage {stage.kind} done: best epoch {progress.best_epoch + 1}, {progress.best:.4f}")
        if workers.leads:
            numbers = {k: v for k, v in results[folder.name].items() if k.startswith("auc")}
            write_json(out / RESULTS, results)
            export_weights(out / WEIGHTS, experiment, network.state_dict(), data.description, numbers)
    return RunResult(progress.best, out / WEIGHTS)


def _run_stage(
    around: Surroundings,
    network: GmicNetwork,
    data: TrainingData,
    folder: Path,
    digest: str,
    resume: bool,
    say: Log,
    stop: StopRequest,
) -> Progress:
    stage = around.stage
    if stage.omega > 0.0:
        set_class_map(network, stage.omega)
    if around.workers.together:
        same_start(network)
    task = make_task(around, network, data)
    progress = Loop(task, folder, digest, say, stop).run(resume)
    if around.workers.together:  # the others read what the first has written
        torch.distributed.barrier()
    if not (folder / BEST).exists():
        raise TrainingError(f"{folder} has no {BEST}: the stage ended without one epoch that counts; start it anew.")
    return progress


def make_task(around: Surroundings, network: GmicNetwork, data: TrainingData) -> Task[Any]:
    """Return the stage with its data.

    Raises
    ------
    TrainingError
        If the data that it needs are not there.
    """
    kind = around.stage.kind
    if kind == "patches":
        if data.patches is None or data.validation_patches is None:
            raise TrainingError("The stage patches needs lesions whose place is known; these data have none.")
        if around.workers.together:
            raise TrainingError("The stage patches runs in one process; start it without torchrun.")
        return PatchStage(around, network, data.patches, data.validation_patches)
    if kind == "maps":
        if data.maps is None or data.validation_maps is None:
            raise TrainingError("The stage maps needs findings whose place is known; these data have none.")
        if around.workers.together:
            raise TrainingError("The stage maps runs in one process; start it without torchrun.")
        return MapStage(around, network, data.maps, data.validation_maps)
    if data.train is None or data.validation is None:
        raise TrainingError(f"The stage {kind} needs labelled training and validation images; these data have none.")
    if kind == "birads":
        return BiradsStage(around, network, data.train, data.validation)
    return ImageStage(around, network, data.train, data.validation)


def build_network(experiment: Experiment) -> GmicNetwork:
    """Return the network with initial weights that depend on the experiment's seed only."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(experiment.seed)
        network = create_model(experiment.model, **experiment.network.hyper())
    network.spec = experiment.spec
    return network


def stage_folder(number: int, stage: Stage) -> str:
    """Return the name of a stage's folder."""
    return f"{number + 1}-{stage.kind}"


def run_digest(experiment: Experiment, data: TrainingData) -> str:
    """Return what identifies a run: the experiment and what the data say of themselves."""
    described = json.dumps(dict(data.description), sort_keys=True, default=str)
    return f"{experiment.digest()}-{hashlib.sha256(described.encode()).hexdigest()[:8]}"


def prepare_folder(out: Path, experiment: Experiment, data: TrainingData, digest: str, resume: bool) -> None:
    """Make the run's folder, or check that it is this run's.

    Raises
    ------
    TrainingError
        If there is a run already and it is not to be resumed, or it is another one.
    """
    path = out / EXPERIMENT
    if path.exists():
        if not resume:
            raise TrainingError(
                f"{out} holds a run already; go on with it (--resume), or choose another folder (--out)."
            )
        if read_json(path).get("digest") != digest:
            raise TrainingError(
                f"{out} holds a run of another experiment or of other data; resume it with those, "
                "or choose another folder (--out)."
            )
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{out} cannot be made ({error.strerror or error}); choose another folder.") from error
    write_json(path, {"digest": digest, "experiment": experiment.as_dict(), "data": dict(data.description)})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror or error}); make room there.") from error


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's object.

    Raises
    ------
    TrainingError
        If it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); restore it, or choose another folder.") from error
    if not isinstance(content, dict):
        raise TrainingError(f"{path} is no record of a run; choose another folder.")
    return content


class Told:
    """Sentences go to the user and to ``log.txt``; from the first process only."""

    def __init__(self, out: Path, log: Log, workers: Workers) -> None:
        self._out, self._log, self._workers = out, log, workers

    def __call__(self, sentence: str) -> None:
        """Tell one sentence."""
        if not self._workers.leads:
            return
        self._log(sentence)
        if self._out.is_dir():
            with (self._out / LOG).open("a", encoding="utf-8") as file:
                file.write(sentence + "\n")
