"""``gmic-core predict``: all images of all exams through the networks; scores, patches and saliency as files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gmic_core.errors import CancelledError, GmicError, ModelError, WeightsError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import default_model, refusal
from gmic_core.inference.execution.modes import MODE_CHOICES
from gmic_core.models.registry import available_models, get_spec
from gmic_core.models.store import WeightsStore

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers
    from gmic_core.cohort.run import Report
    from gmic_core.cohort.stop import Stop

DEFAULT_OUT = Path("gmic-results")
MOST_WORKERS = 1024


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add ``predict``."""
    from gmic_core.cli import COMMANDS

    parser = subparsers.add_parser(
        "predict", help=COMMANDS["predict"], description=COMMANDS["predict"].capitalize() + "."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, folders, zip archives, DICOMDIR")
    parser.add_argument(
        "--model", choices=available_models(), metavar="NAME",
        help="network for all images that it takes (" + ", ".join(available_models())
        + "); default: gmic3d for DBT, gmic2d for FFDM, gmic2d_park for synthetic 2D",
    )  # fmt: skip
    parser.add_argument(
        "--weights", action="append", default=[], metavar="[MODEL=]REF",
        help="stored name, file, or random:SEED; several for one network make an ensemble",
    )  # fmt: skip
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}")
    parser.add_argument(
        "--mode", choices=MODE_CHOICES, default="auto",
        help="exact: float32; fast: half precision, within 0.01; default: auto, fast on a GPU that gains from it",
    )  # fmt: skip
    parser.add_argument(
        "--augmentations", type=_count, default=0, metavar="N",
        help="scores are means over N windows moved by chance (papers: 10); their spread is in results.json",
    )  # fmt: skip
    parser.add_argument(
        "--verify", action="store_true",
        help="run each image again with the plain modules on the CPU and note what differs",
    )  # fmt: skip
    _add_cohort_options(parser)
    return parser


def _add_cohort_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "many images",
        "A run that was stopped or killed goes on where it was when the same command is given again; what is in DIR is "
        "kept as far as images, weights and program are the same.",
    )
    group.add_argument(
        "--workers", type=_count, default=0, metavar="N",
        help="processes on this machine, 2 GiB each; default: one per four cores",
    )  # fmt: skip
    group.add_argument(
        "--threads", type=_count, default=0, metavar="N",
        help="threads of each; default: the cores divided among the workers",
    )  # fmt: skip
    group.add_argument(
        "--cluster", type=_cluster, metavar="WHERE",
        help="run on a Ray cluster: auto (the one of this machine), HOST:PORT, or local:N (N processes here)",
    )  # fmt: skip
    group.add_argument("--fresh", action="store_true", help="forget what is in DIR and compute everything again")
    group.add_argument("--retry", action="store_true", help="try images again that had no result")


def _count(text: str) -> int:
    if text.isdigit() and 0 < int(text) <= MOST_WORKERS:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 to {MOST_WORKERS}")


def _cluster(text: str) -> str:
    from gmic_core.cohort.cluster import parse_cluster

    try:
        return parse_cluster(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(args: argparse.Namespace) -> int:
    """Predict; return 0 when at least one image was predicted, 128 + the signal when one stopped the run."""
    from gmic_core.cohort.stop import Stop
    from gmic_core.inference.export import prepare_folder

    prepare_folder(args.out)  # a folder that cannot be written must not cost an hour of computing
    with Stop() as stop:
        try:
            return _run(args, stop)
        except CancelledError:  # while files were looked at
            return _stopped(stop, "nothing was computed yet")


def _run(args: argparse.Namespace, stop: Stop) -> int:
    from gmic_core.cohort.plan import make_plan, without_outputs
    from gmic_core.cohort.run import Settings, run_cohort
    from gmic_core.exam.scan import scan

    found = without_outputs(scan(args.paths, cancelled=lambda: stop.asked), args.out)
    images = [image for exam in found.exams for image in exam.images]
    given = [split_reference(text) for text in args.weights]
    work, refused = assign_models(images, args.model, given)
    simulated = all(image.simulated for image, _ in work)
    weights, missing = choose_weights(sorted({model for _, model in work}), given, with_shipped=simulated)
    refused += [(image, missing[model]) for image, model in work if model in missing]
    plan = make_plan(found, [(image, model) for image, model in work if model in weights], refused, weights)
    settings = Settings(
        args.device, args.workers, args.threads, args.cluster or "", args.fresh, args.retry, args.mode,
        args.augmentations, args.verify,
    )  # fmt: skip
    report = run_cohort(plan, args.out, settings, stop, _say)
    if stop.asked:
        known = len(report.ledger.known)
        return _stopped(stop, f"{known:,} of {len(plan.tasks):,} images have results in {args.out}")
    _report(report, args.out)
    return 0 if report.ledger.known else 1


def _say(text: str) -> None:
    print(f"gmic-core predict: {text}", file=sys.stderr)


def _stopped(stop: Stop, state: str) -> int:
    _say(f"stopped; {state}. The same command goes on from there.")
    return stop.exit_code


def split_reference(text: str) -> tuple[str | None, str]:
    """Return (model or None, reference) of ``[MODEL=]REF``; a file name may hold ``=`` too."""
    name, separator, ref = text.partition("=")
    return (name, ref) if separator and name in available_models() else (None, text)


def assign_models(
    images: list[MammoImage], wanted: str | None, given: list[tuple[str | None, str]]
) -> tuple[list[tuple[MammoImage, str]], list[tuple[MammoImage, str]]]:
    """Return (image, model) for those that a network takes, (image, reason) for the others."""
    work, refused = [], []
    store = WeightsStore()
    named = [(name or _model_of_name(store, ref), ref) for name, ref in given]
    for image in images:
        try:
            model = wanted or _usual_model(store, image, named)
        except GmicError as error:
            refused.append((image, str(error)))
            continue
        reason = refusal(image, get_spec(model))
        if reason is None:
            work.append((image, model))
        else:
            refused.append((image, reason))
    return work, refused


def _model_of_name(store: WeightsStore, ref: str) -> str | None:
    """Return the network that stored or shipped weights are for; None for files, random ones and unknown names."""
    name = store.find(ref) if Path(ref).name == ref else None
    return store.record(name).model if name is not None else None


def _usual_model(store: WeightsStore, image: MammoImage, given: list[tuple[str | None, str]]) -> str:
    """Return the default network, or another one that takes the image when weights were given for that one only."""
    shipped = {store.record(name).model for name in store.shipped.names()} if image.simulated and not given else set()
    usual = default_model(image, shipped)
    named = [name for name, _ in given if name is not None]
    if len(named) < len(given) or usual in named:
        return usual
    return next((name for name in named if refusal(image, get_spec(name)) is None), usual)


def choose_weights(
    models: list[str], given: list[tuple[str | None, str]], *, with_shipped: bool = False
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return the weight references of each model in use, and why others have none.

    ``MODEL=REF`` is for that model. A bare ``random:SEED`` is for all, a stored name for the model that it was imported
    for, a file for the model in use (when that is only one).

    Parameters
    ----------
    with_shipped : whether a model for which nothing is named or stored takes the weights that come with the program:
        on simulated images only, because they never saw a patient.

    Raises
    ------
    WeightsError, ModelError
        If a reference cannot be placed, or no model has weights.
    """
    store = WeightsStore()
    chosen: dict[str, list[str]] = {model: [] for model in models}
    for name, ref in given:
        for target in [name] if name is not None else _targets(store, models, ref):
            chosen.setdefault(target, []).append(ref)
    missing: dict[str, str] = {}
    for model in models:
        try:
            chosen[model] = chosen[model] or [_only_stored(store, model, with_shipped=with_shipped)]
        except WeightsError as error:
            missing[model] = str(error)
    if models and len(missing) == len(models):
        raise WeightsError(" ".join(missing.values()))
    return {model: chosen[model] for model in models if model not in missing}, missing


def _targets(store: WeightsStore, models: list[str], ref: str) -> list[str]:
    """Return the models that a reference without a model is for."""
    if ref.startswith("random:") or len(models) <= 1:
        return models
    if Path(ref).name == ref and (stored := store.find(ref)) is not None:
        return [store.record(stored).model]
    raise ModelError(
        f"It is not clear which network the weights '{ref}' are for; "
        f"write --weights MODEL={ref} with one of {', '.join(models)}."
    )


def _only_stored(store: WeightsStore, model: str, *, with_shipped: bool) -> str:
    shipped = [name for name in store.shipped.names() if store.record(name).model == model]
    names = [name for name in store.names() if store.record(name).model == model]
    if len(names) == 1:
        return names[0]
    if names:
        raise WeightsError(
            f"Several weights are stored for {model} ({', '.join(names)}); choose with --weights {model}=NAME."
        )
    if with_shipped and shipped:
        return shipped[-1]
    if shipped:
        raise WeightsError(
            f"There are no weights for {model} but the shipped ones, which were trained on simulated breasts only and "
            f"say nothing about patients: name them to see them at work (--weights {shipped[-1]}), or bring others "
            "(gmic-core models import FILE)."
        )
    raise WeightsError(
        f"There are no weights for {model}. Bring some (gmic-core models import FILE), name a file "
        f"(--weights {model}=FILE), or try the program with random ones (--weights random:0; marked UNTRAINED)."
    )


def _report(report: Report, folder: Path) -> None:
    from gmic_core.inference.document import NOTICE, SIMULATED, SIMULATED_ONLY, UNTRAINED

    ledger = report.ledger
    seen, rows = ledger.seen, list(ledger.rows())
    for text, applies in ((UNTRAINED, seen.untrained), (SIMULATED, seen.simulated), (SIMULATED_ONLY, seen.outside)):
        if applies:
            print(text)
    if rows:
        print(f"{'image':<40} {'side-view':<9} {'kind':<5} {'benign':>7} {'malignant':>10}")
    for image, row in rows:
        benign, malignant = row.y
        print(f"{row.index:<40} {image.label:<9} {image.modality:<5} {benign:>7.4f} {malignant:>10.4f}")
    for line in ledger.unseen():
        print(line)
    for entry in ledger.refusals():
        print(f"not predicted: {entry.index} ({entry.image.label} {entry.image.modality}): {entry.reason}")
    for path, reason in ledger.plan.rejected:
        print(f"rejected: {path}: {reason}")
    if not rows:
        print("gmic-core predict: nothing was predicted; the reasons are listed above.", file=sys.stderr)
    print(report.summary())
    print(f"{len(rows)} images predicted, files in {folder}. {NOTICE}")
