"""Random search (3D-GMIC paper V-D.6): forty trials with drawn hyperparameters, the five best make the ensemble."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmic_core.errors import TrainingError
from gmic_core.training.batches import generator
from gmic_core.training.experiment import Experiment, Search, Stage
from gmic_core.training.progress import Log
from gmic_core.training.run import RESULTS, WEIGHTS, read_json, train, write_json
from gmic_core.training.samples import TrainingData

ENSEMBLE, TRIAL = "ensemble.json", "trial.json"
_TRIALS = 77
"""Word of the seed that keeps these draws apart from those of the training itself."""


@dataclass(frozen=True)
class Trial:
    """What one trial drew."""

    number: int
    learning_rate: float
    omega: float
    beta: float
    top_t: float
    num_patches: int


def draw_trial(search: Search, seed: int, number: int) -> Trial:
    """Return trial ``number``, from 0: it depends on the seed and the number only, so that trials can run anywhere."""
    rng = generator(seed, number, 0, _TRIALS)

    def uniform(span: tuple[float, float]) -> float:
        return float(rng.uniform(*span))

    return Trial(
        number,
        learning_rate=10.0 ** uniform(search.log10_learning_rate),
        omega=10.0 ** uniform(search.log10_omega),
        beta=10.0 ** uniform(search.log10_beta),
        top_t=uniform(search.top_t),
        num_patches=int(rng.choice(search.num_patches)),
    )


def trial_experiment(experiment: Experiment, trial: Trial) -> Experiment:
    """Return the experiment with a trial's hyperparameters in the network and in the stages of kind ``images``."""
    stages = tuple(_searched(stage, trial) if stage.kind == "images" else stage for stage in experiment.stages)
    network = dataclasses.replace(experiment.network, top_t=trial.top_t, num_patches=trial.num_patches)
    name = f"{experiment.name}-{trial.number:02d}"
    return dataclasses.replace(experiment, name=name, stages=stages, network=network, search=None)


def _searched(stage: Stage, trial: Trial) -> Stage:
    """Return a stage with the trial's values; a class map that starts at random has no omega to draw (GMIC)."""
    omega = trial.omega if stage.omega > 0.0 else 0.0
    return dataclasses.replace(stage, learning_rate=trial.learning_rate, omega=omega, beta=trial.beta)


def search(experiment: Experiment, data: TrainingData, out: Path, resume: bool, log: Log) -> list[Path]:
    """Run all trials that are not done yet; return the weights of the best, best first.

    A stopped search goes on with ``resume``: finished trials are not repeated, the unfinished one is resumed.

    Raises
    ------
    TrainingError
        If the experiment has no ``[search]`` table or no stage of kind ``images``.
    """
    wanted = experiment.search
    if wanted is None or not any(stage.kind == "images" for stage in experiment.stages):
        raise TrainingError(f"{experiment.name} cannot be searched: it needs a [search] table and a stage of images.")
    rows: list[dict[str, Any]] = []
    for number in range(wanted.trials):
        trial = draw_trial(wanted, experiment.seed, number)
        folder = out / f"trial-{number:02d}"
        log(f"trial {number + 1} of {wanted.trials}: {dataclasses.asdict(trial)}")
        if not (resume and (folder / RESULTS).exists()):
            train(trial_experiment(experiment, trial), data, folder, resume, log)
        rows.append(dataclasses.asdict(trial) | {"folder": folder.name, "auc_malignant": _score(folder)})
    best = sorted(rows, key=lambda row: -row["auc_malignant"])[: wanted.keep]
    write_json(out / ENSEMBLE, {"experiment": experiment.name, "kept": best, "trials": rows})
    log("kept: " + ", ".join("{folder} ({auc_malignant:.3f})".format(**row) for row in best))
    return [out / row["folder"] / WEIGHTS for row in best]


def _score(folder: Path) -> float:
    """Return the validation AUC (malignant, images) of a finished trial."""
    stages = read_json(folder / RESULTS)
    return float(stages[sorted(stages)[-1]]["auc_malignant"])
