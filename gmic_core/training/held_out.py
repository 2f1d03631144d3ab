"""What finished runs say of images that they never saw: the test split, all folds together.

    python -m gmic_core.training.held_out --data DIR --out scores.csv RUN [RUN ...]

Each run is scored on the test split of its own experiment and fold; the image with its labels and scores become a line.
Intervals: patients are drawn with replacement, 1,000 times.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gmic_core.errors import GmicError, TrainingError
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.weight_files import read_weight_file
from gmic_core.models.weight_fit import checked_state
from gmic_core.training.data.opening import open_test_data
from gmic_core.training.experiment import Experiment, parse_experiment
from gmic_core.training.image_stage import checked
from gmic_core.training.ranking import auc
from gmic_core.training.run import EXPERIMENT, WEIGHTS, build_network, read_json
from gmic_core.training.samples import SampleSource
from gmic_core.types import CLASSES

DRAWS = 1000
SEED = 0
LEVEL = 0.95


@dataclass(frozen=True)
class Score:
    """One image: labels and scores in the order of :data:`~gmic_core.types.CLASSES`; ``patient`` is a number."""

    run: str
    image_id: str
    patient: int
    labels: tuple[int, int]
    scores: tuple[float, float]


def run_experiment(run: Path) -> Experiment:
    """Return the experiment of a run.

    Raises
    ------
    TrainingError
        If the folder holds no run.
    """
    path = run / EXPERIMENT
    return parse_experiment(_stated(read_json(path).get("experiment", {})), str(path))


def _stated(value: Any) -> Any:
    """Return a table without what was left at None, which TOML cannot say."""
    if isinstance(value, dict):
        return {key: _stated(one) for key, one in value.items() if one is not None}
    return [_stated(one) for one in value] if isinstance(value, list) else value


def trained_network(run: Path, experiment: Experiment) -> GmicNetwork:
    """Return the network of a finished run.

    Raises
    ------
    TrainingError
        If the run has not finished.
    """
    path = run / WEIGHTS
    if not path.is_file():
        raise TrainingError(f"{run} has no {WEIGHTS}: let the run finish, with --resume if it was stopped.")
    raw, _ = read_weight_file(path)
    network = build_network(experiment)
    state = {
        key: value.float() if value.is_floating_point() else value for key, value in checked_state(path, raw).items()
    }
    network.load_state_dict(state)
    return network.eval()


def score_run(run: Path, data: Path) -> list[Score]:
    """Return the scores of a run on the test split of its experiment."""
    experiment = run_experiment(run)
    with open_test_data(experiment, data) as (source, patients):
        return score(trained_network(run, experiment), source, patients, run.name, experiment.slice_batch)


def score(
    network: GmicNetwork, source: SampleSource, patients: Sequence[int], name: str, slice_batch: int
) -> list[Score]:
    """Return what a network says of every image of a source, without augmentation."""
    network.slice_batch = slice_batch
    scores = []
    with torch.inference_mode():
        for i in range(len(source)):
            sample = checked(source.load(i, None))
            benign, malignant = network.run_volume(sample.pixels[:, None]).y[0].tolist()
            scores.append(Score(name, sample.image_id, patients[i], source.labels(i), (benign, malignant)))
    return scores


def interval(scores: Sequence[Score], label: int) -> tuple[float, float, float]:
    """Return the AUC of a class over all images, and its 95 % interval by drawing patients.

    Draws without a positive or a negative image have no AUC and are drawn again.
    """
    groups: dict[tuple[str, int], list[Score]] = {}
    for one in scores:
        groups.setdefault((one.run, one.patient), []).append(one)
    everyone = list(groups.values())
    rng = np.random.default_rng(SEED)
    drawn: list[float] = []
    whole = _auc(scores, label)
    while len(drawn) < DRAWS:
        chosen = [one for place in rng.integers(len(everyone), size=len(everyone)) for one in everyone[place]]
        if len({one.labels[label] for one in chosen}) == 2:
            drawn.append(_auc(chosen, label))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return whole, float(low), float(high)


def _auc(scores: Sequence[Score], label: int) -> float:
    labels = [one.labels[label] for one in scores]
    return auc(labels, [one.scores[label] for one in scores], f"{CLASSES[label]} test images")


def summary(scores: Sequence[Score]) -> list[str]:
    """Return one sentence per class: all images together, and the mean over the runs."""
    runs = sorted({one.run for one in scores})
    lines = []
    for label, name in enumerate(CLASSES):
        whole, low, high = interval(scores, label)
        each = [_auc(own, label) for own in _with_both(scores, runs, label)]
        listed = ", ".join(f"{value:.3f}" for value in each)
        positive = sum(one.labels[label] for one in scores)
        lines.append(
            f"{name}: AUC {whole:.3f} ({low:.3f} to {high:.3f}), {positive} of {len(scores)} images; "
            + (f"by run {listed}, mean {np.mean(each):.3f}" if each else "no run has both kinds")
        )
    return lines


def _with_both(scores: Sequence[Score], runs: Sequence[str], label: int) -> list[list[Score]]:
    """Return the scores of each run that has positive and negative images."""
    own = [[one for one in scores if one.run == run] for run in runs]
    return [some for some in own if len({one.labels[label] for one in some}) == 2]


def write_scores(path: Path, scores: Sequence[Score]) -> None:
    """Write one line per image."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("run", "image", "patient", *(f"{name}_label" for name in CLASSES), *CLASSES))
        for one in scores:
            values = (f"{value:.6f}" for value in one.scores)
            writer.writerow((one.run, one.image_id, one.patient, *one.labels, *values))


def main(arguments: Sequence[str]) -> int:
    """Score the runs named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m gmic_core.training.held_out", description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="CSV")
    options = parser.parse_args(arguments)
    try:
        scores = [one for run in options.runs for one in score_run(run, options.data)]
        write_scores(options.out, scores)
        sys.stdout.write("\n".join(summary(scores)) + "\n")
    except GmicError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
