"""``gmic-core evaluate``: labelled or simulated images against what the networks say of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.sources import LeftOut, Subject
from gmic_core.exam.model import MammoImage
from gmic_core.types import Modality

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers
    from gmic_core.evaluation.document import Evaluation
    from gmic_core.evaluation.metrics import Metric
    from gmic_core.evaluation.networks import NetworkPredictor
    from gmic_core.evaluation.records import Evaluated

DEFAULT_OUT = Path("gmic-evaluation")
RECORDS = "records"
"""Folder of the finished images under ``--out``; without it nothing is resumed."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add ``evaluate``."""
    from gmic_core.cli import COMMANDS
    from gmic_core.models.registry import available_models

    parser = subparsers.add_parser(
        "evaluate", help=COMMANDS["evaluate"], description=COMMANDS["evaluate"].capitalize() + "."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", type=Path, metavar="DIR", help="simulated exams, or exams with labels.csv")
    what.add_argument(
        "--digital-breasts", metavar="FIRST:COUNT", help="breasts simulated on the fly, one per seed, and not kept"
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}")
    parser.add_argument("--predictions", type=Path, metavar="DIR", help="results of `gmic-core predict` to evaluate")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="default: labels.csv in the data folder")
    parser.add_argument("--segmentations", type=Path, metavar="DIR", help="default: beside the images")
    parser.add_argument(
        "--split", help="rows of the labels file that count; default: test where there is one, else all"
    )
    parser.add_argument(
        "--model", choices=available_models(), metavar="NAME",
        help="network for all images that it takes; default as in `gmic-core predict`",
    )  # fmt: skip
    parser.add_argument(
        "--weights", action="append", default=[], metavar="[MODEL=]REF",
        help="stored name, file, or random:SEED; several for one network make an ensemble",
    )  # fmt: skip
    parser.add_argument(
        "--tta", type=_count, default=0, metavar="N", help="mean over N windows moved by chance (papers: 10)"
    )
    parser.add_argument("--bootstrap", type=_count, default=1000, metavar="N", help="draws; default: 1000")
    parser.add_argument(
        "--compare", type=Path, metavar="CSV", help="images.csv of an earlier evaluation: fail where scores differ"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and of --tta; default: 0")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    digital = parser.add_argument_group("with --digital-breasts")
    digital.add_argument("--size", choices=("full", "small"), default="full", help="default: full")
    digital.add_argument("--modalities", default="DBT", metavar="LIST", help="of DBT,FFDM,S2D; default: DBT")
    digital.add_argument("--views", choices=("one", "both"), default="one", help="default: one, drawn from the seed")
    digital.add_argument(
        "--slices", type=_count, default=0, metavar="N", help="short volumes of N slices; default: whole"
    )
    digital.add_argument("--thickness", default="30-85", metavar="MIN-MAX", help="mm; default: 30-85")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > 100_000:
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 0 to 100000")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Evaluate; return 0 when something could be evaluated."""
    from gmic_core.evaluation.document import write
    from gmic_core.inference.export import prepare_folder

    _check(args)
    prepare_folder(args.out)
    evaluation = _of_breasts(args) if args.digital_breasts else _of_exams(args)
    metrics = write(args.out, evaluation)
    _say(args.out, evaluation, metrics)
    return 0 if args.compare is None or _compared(args.compare, evaluation) else 1


def _compared(path: Path, evaluation: Evaluation) -> bool:
    from gmic_core.evaluation.compare import compare

    found = compare(path, evaluation.images)
    for line in found.differences:
        print(f"differs: {line}", file=sys.stderr)
    print(f"{found.equal} of {found.compared} images as in {path.name}; {found.missing} are not in it.")
    return not found.differences and found.compared > 0


def _check(args: argparse.Namespace) -> None:
    """Refuse options that contradict each other: one that is silently ignored would give wrong numbers."""
    if args.digital_breasts:
        given = [n for n in ("predictions", "labels", "segmentations", "split") if getattr(args, n) is not None]
        if given:
            raise EvaluationError(f"--{given[0]} has no meaning with --digital-breasts; leave it out.")
    if args.predictions is not None and (args.weights or args.model or args.tta):
        raise EvaluationError(
            "--predictions evaluates what was predicted before; leave out --weights, --model and --tta, or run the "
            "networks again without --predictions."
        )


# -- exams ---------------------------------------------------------------------------------------------------------


def _of_exams(args: argparse.Namespace) -> Evaluation:
    from gmic_core.evaluation.document import Evaluation
    from gmic_core.evaluation.label_files import is_segmentation
    from gmic_core.evaluation.sources import collect, image_files, is_simulated, labels_used
    from gmic_core.exam.scan import scan

    files = [path for path in image_files(args.data, [args.out, args.predictions]) if not is_segmentation(path)]
    exams = scan(files).exams
    subjects, left_out = collect(exams, args.data, args.labels, args.segmentations, args.split)
    evaluated, failed = _from_folder(args, subjects) if args.predictions else _from_networks(args, subjects)
    if not evaluated:
        reasons = "; ".join(dict.fromkeys(one.reason for one in failed))
        raise EvaluationError(f"None of {len(subjects)} labelled images could be evaluated: {reasons}")
    source, counted = labels_used(args.data, args.labels, args.split)
    data = {
        "kind": "exams",
        "exams": len({subject.case for subject in subjects}),
        "labels": source,
        "split": counted,
    }
    return Evaluation(
        images=tuple(evaluated),
        left_out=(*left_out, *failed),
        data=data,
        simulated=any(map(is_simulated, subjects)),
        augmentations=args.tta,
        draws=_draws(args),
    )


def _from_folder(args: argparse.Namespace, subjects: Sequence[Subject]) -> tuple[list[Evaluated], list[LeftOut]]:
    from gmic_core.evaluation.predictions import PredictionFolder
    from gmic_core.evaluation.records import Records
    from gmic_core.evaluation.run import evaluate_subjects, folder_key
    from gmic_core.progress_bar import ProgressBar

    folder = PredictionFolder(args.predictions)
    with ProgressBar(total=len(subjects), unit="image", file=sys.stderr, leave=False) as bar:
        return evaluate_subjects(
            subjects,
            lambda image: folder.find(image.sop_uid),
            folder_key(folder),
            Records(args.out / RECORDS),
            lambda _subject, _kept: bar.update(),
        )


def _from_networks(args: argparse.Namespace, subjects: Sequence[Subject]) -> tuple[list[Evaluated], list[LeftOut]]:
    from gmic_core.cli.predict import assign_models, choose_weights, split_reference
    from gmic_core.evaluation.networks import NetworkPredictor, load_networks
    from gmic_core.evaluation.records import Records
    from gmic_core.evaluation.run import evaluate_subjects
    from gmic_core.exam.frames import FrameReader
    from gmic_core.progress_bar import ProgressBar

    given = [split_reference(text) for text in args.weights]
    work, refused = assign_models([subject.image for subject in subjects], args.model, given)
    simulated = all(image.simulated for image, _ in work)
    weights, missing = choose_weights(sorted({model for _, model in work}), given, with_shipped=simulated)
    refused += [(image, missing[model]) for image, model in work if model in missing]
    models = {image.sop_uid: model for image, model in work if model in weights}
    networks = load_networks(weights, args.device)
    todo = [subject for subject in subjects if subject.image.sop_uid in models]
    left_out = [LeftOut(image.sop_uid, reason) for image, reason in refused]
    steps = 3 * max(args.tta, 1)
    total = sum(steps * s.image.frames * len(weights[models[s.image.sop_uid]]) for s in todo)
    with FrameReader(start=True) as reader, ProgressBar(total=total, unit="step", file=sys.stderr, leave=False) as bar:
        predictor = NetworkPredictor(networks, reader, args.tta, args.seed)

        def predict(image: MammoImage) -> Any:
            bar.set_description(f"{image.label} {image.modality}")
            return predictor.predict(image, models[image.sop_uid], _shown_on(bar))

        def done(subject: Subject, kept: bool) -> None:
            if kept:
                bar.update(steps * subject.image.frames * len(weights[models[subject.image.sop_uid]]))

        evaluated, failed = evaluate_subjects(
            todo, predict, lambda image: predictor.key(models[image.sop_uid]), Records(args.out / RECORDS), done
        )
    return evaluated, left_out + failed


def _shown_on(bar: Any) -> Any:
    """Return a run whose steps move the progress bar; stages start again with every window and member."""
    from gmic_core.inference.engine import Run
    from gmic_core.inference.events import Event, Progress

    def show(event: Event) -> None:
        if isinstance(event, Progress) and event.stage != "patches":
            before = last.get(event.stage, 0)
            bar.update(event.done - before if event.done > before else event.done)
            last[event.stage] = event.done if event.done < event.total else 0

    last: dict[str, int] = {}
    on_event: Callable[[Event], None] = show
    return Run(on_event=on_event)


def _stage_on(bar: Any) -> Any:
    """Return a run whose stage is named beside the progress bar: a breast takes minutes."""
    from gmic_core.inference.engine import Run
    from gmic_core.inference.events import Event, Progress

    def show(event: Event) -> None:
        if isinstance(event, Progress):
            bar.set_postfix_str(f"{event.stage} {event.done}/{event.total}")

    on_event: Callable[[Event], None] = show
    return Run(on_event=on_event)


# -- digital breasts -----------------------------------------------------------------------------------------------


def _of_breasts(args: argparse.Namespace) -> Evaluation:
    from gmic_core.evaluation.digital import DigitalOptions, description, evaluate_breasts, parse_seeds
    from gmic_core.evaluation.document import Evaluation
    from gmic_core.evaluation.records import Records
    from gmic_core.progress_bar import ProgressBar

    seeds = parse_seeds(args.digital_breasts)
    modalities = tuple(dict.fromkeys(word.strip().upper() for word in args.modalities.split(",") if word.strip()))
    options = DigitalOptions(args.size, modalities, args.views, _thickness(args.thickness), args.slices)
    predictor, models = _breast_networks(args, modalities, options.factor)
    with ProgressBar(total=len(seeds), unit="breast", file=sys.stderr, leave=False) as bar:
        evaluated, left_out = evaluate_breasts(
            seeds, options, predictor, models, Records(args.out / RECORDS), lambda *_: bar.update(), _stage_on(bar)
        )
    if not evaluated:
        raise EvaluationError("; ".join(dict.fromkeys(one.reason for one in left_out)))
    return Evaluation(
        images=tuple(evaluated),
        left_out=tuple(left_out),
        data=description(seeds, options),
        simulated=True,
        augmentations=args.tta,
        draws=_draws(args),
    )


def _breast_networks(
    args: argparse.Namespace, modalities: tuple[str, ...], factor: int
) -> tuple[NetworkPredictor, dict[Modality, str]]:
    from gmic_core.cli.predict import assign_models, choose_weights, split_reference
    from gmic_core.evaluation.digital import sample_image
    from gmic_core.evaluation.networks import NetworkPredictor, load_networks
    from gmic_core.exam.frames import FrameReader

    given = [split_reference(text) for text in args.weights]
    work, refused = assign_models([sample_image(Modality(m)) for m in modalities], args.model, given)
    models = {image.modality: model for image, model in work}
    weights, missing = choose_weights(sorted(set(models.values())), given, with_shipped=True)
    if missing or refused:
        raise EvaluationError(" ".join(dict.fromkeys([*(reason for _, reason in refused), *missing.values()])))
    networks = load_networks({model: weights[model] for model in models.values()}, args.device, factor)
    return NetworkPredictor(networks, FrameReader(start=False), args.tta, args.seed), models


def _thickness(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    try:
        return int(low), int(high or low)
    except ValueError as error:
        raise EvaluationError(f"--thickness is MIN-MAX in mm, such as 30-85, not '{text}'.") from error


def _draws(args: argparse.Namespace) -> Any:
    from gmic_core.evaluation.metrics import Bootstrap

    if args.seed < 0:
        raise EvaluationError(f"--seed must be 0 or more, not {args.seed}.")
    return Bootstrap(args.seed, args.bootstrap)


# -- what is said --------------------------------------------------------------------------------------------------


def _say(out: Path, evaluation: Evaluation, metrics: Sequence[Metric]) -> None:
    from gmic_core.evaluation.report import shown

    for text in evaluation.warnings[1:]:
        print(text)
    wanted = ("auc", "specificity_at_90", "matthews_at_90", "soft_dice", "pxap", "indicated_70", "top3_hit")
    print(f"{'':<10} {'modality':<20} {'class':<10} {'figure':<18} {'value (95 % interval)':<24} cases")
    for m in metrics:
        if m.module == "full" and m.name in wanted and m.positives:
            value = "not defined" if m.interval is None else shown(m.interval)
            print(f"{m.level:<10} {m.row:<20} {m.finding:<10} {m.name:<18} {value:<24} {m.positives}+{m.negatives}")
    for reason in dict.fromkeys(m.reason for m in metrics if m.level == "breast" and m.positives and m.reason):
        print(f"not defined: {reason}")
    for one in evaluation.left_out:
        print(f"not evaluated: {one.image}: {one.reason}")
    print(f"{len(evaluation.images)} images evaluated, report in {out / 'report.html'}. {evaluation.warnings[0]}")
