"""``gmic-core train``: train a network on labelled exams or digital breasts."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from gmic_core.errors import CancelledError, TrainingError

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers
    from gmic_core.training.experiment import Experiment

DEVICES = ("auto", "cpu", "cuda")
STOPPED = 130


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add ``train``."""
    from gmic_core.cli import COMMANDS
    from gmic_core.training.experiment import available_experiments

    parser = subparsers.add_parser(
        "train", help=COMMANDS["train"], description=COMMANDS["train"].capitalize() + ". See docs/training.md."
    )
    parser.add_argument(
        "experiment", metavar="EXPERIMENT",
        help="a TOML file, or one of: " + ", ".join(available_experiments()),
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the labelled exams or stored crops")
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder for checkpoints and weights")
    parser.add_argument("--resume", action="store_true", help="go on with the run in RUN")
    parser.add_argument("--device", choices=DEVICES, help="default: the experiment's")
    parser.add_argument("--seed", type=int, metavar="N", help="default: the experiment's")
    parser.add_argument("--fold", type=int, metavar="N", help="fold that validates; default: the experiment's")
    parser.add_argument("--start", metavar="WEIGHTS", help="begin with a run's folder, a weight file or stored weights")
    parser.add_argument("--search", action="store_true", help="random search: all trials of the experiment's [search]")
    return parser


def run(args: argparse.Namespace) -> int:
    """Train; return 0 when the run has finished, 130 when it was stopped and can be resumed."""
    from gmic_core.training.experiment import load_experiment

    experiment = with_options(load_experiment(args.experiment), args)
    try:
        _train(experiment, args)
    except CancelledError as stopped:
        print(f"gmic-core train: {stopped}", flush=True)
        return STOPPED
    return 0


def with_options(experiment: Experiment, args: argparse.Namespace) -> Experiment:
    """Return the experiment with what the command line says put in.

    Raises
    ------
    TrainingError
        If a number is out of range.
    """
    changed: dict[str, object] = {}
    if args.device is not None:
        changed["device"] = args.device
    if args.seed is not None:
        if not 0 <= args.seed < 2**32:
            raise TrainingError(f"--seed must be 0 .. {2**32 - 1}, not {args.seed}.")
        changed["seed"] = args.seed
    if args.start is not None:
        changed["start"] = args.start
    if args.fold is not None:
        if not 0 <= args.fold < experiment.data.folds:
            raise TrainingError(f"--fold {args.fold}: {experiment.name} has {experiment.data.folds} folds, from 0.")
        changed["data"] = dataclasses.replace(experiment.data, fold=args.fold)
    return dataclasses.replace(experiment, **changed)  # type: ignore[arg-type]  # names and types are checked above


def _train(experiment: Experiment, args: argparse.Namespace) -> None:
    from gmic_core.training.data.opening import open_training_data
    from gmic_core.training.run import train
    from gmic_core.training.search import search

    with open_training_data(experiment, args.data) as data:
        if args.search:
            search(experiment, data, args.out, args.resume, tell)
            return
        result = train(experiment, data, args.out, args.resume, tell)
    tell(f"weights: {result.weights} (validation {result.best:.4f})")


def tell(sentence: str) -> None:
    """Print one sentence at once, also into a file or a pipe."""
    print(sentence, flush=True)
