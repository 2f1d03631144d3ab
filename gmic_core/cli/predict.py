"""``gmic-core predict``: all images of all exams through the networks; scores, patches and saliency as files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmic_core.errors import GmicError, ModelError, WeightsError
from gmic_core.exam.model import MammoImage, ScanResult
from gmic_core.inference.choice import default_model, refusal
from gmic_core.models.registry import available_models, get_spec
from gmic_core.models.store import WeightsStore

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers
    from gmic_core.inference.export import Prediction, Refused

DEFAULT_OUT = Path("gmic-results")


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
    return parser


def run(args: argparse.Namespace) -> int:
    """Predict; return 0 when at least one image was predicted."""
    from gmic_core.exam.scan import scan

    found = scan(args.paths)
    images = [image for exam in found.exams for image in exam.images]
    work, refused = assign_models(images, args.model)
    weights = choose_weights(sorted({model for _, model in work}), args.weights)
    return _predict(args, found, work, refused, weights)


def assign_models(
    images: list[MammoImage], wanted: str | None
) -> tuple[list[tuple[MammoImage, str]], list[tuple[MammoImage, str]]]:
    """Return (image, model) for those that a network takes, (image, reason) for the others."""
    work, refused = [], []
    for image in images:
        try:
            model = wanted or default_model(image)
        except GmicError as error:
            refused.append((image, str(error)))
            continue
        reason = refusal(image, get_spec(model))
        if reason is None:
            work.append((image, model))
        else:
            refused.append((image, reason))
    return work, refused


def choose_weights(models: list[str], given: list[str]) -> dict[str, list[str]]:
    """Return the weight references of each model in use.

    ``MODEL=REF`` is for that model. A bare ``random:SEED`` is for all, a stored name for the model that it was imported
    for, a file for the model in use (when that is only one).

    Raises
    ------
    WeightsError, ModelError
        If a reference cannot be placed, or a model is left without weights.
    """
    store = WeightsStore()
    chosen: dict[str, list[str]] = {model: [] for model in models}
    for text in given:
        name, separator, ref = text.partition("=")
        if separator and name in available_models():
            chosen.setdefault(name, []).append(ref)
            continue
        if text.startswith("random:"):
            targets = models
        elif Path(text).name == text and store.find(text) is not None:
            targets = [store.record(str(store.find(text))).model]
        elif len(models) == 1:
            targets = models
        else:
            raise ModelError(
                f"It is not clear which network the weights '{text}' are for; write --weights MODEL={text} "
                f"with one of {', '.join(models) or ', '.join(available_models())}."
            )
        for target in targets:
            chosen.setdefault(target, []).append(text)
    for model in models:
        chosen[model] = chosen[model] or [_only_stored(store, model)]
    return {model: refs for model, refs in chosen.items() if model in models}


def _only_stored(store: WeightsStore, model: str) -> str:
    names = [name for name in store.names() if store.record(name).model == model]
    if len(names) == 1:
        return names[0]
    if names:
        raise WeightsError(
            f"Several weights are stored for {model} ({', '.join(names)}); choose with --weights {model}=NAME."
        )
    raise WeightsError(
        f"There are no weights for {model}. Bring some (gmic-core models import FILE), name a file "
        f"(--weights {model}=FILE), or try the program with random ones (--weights random:0; marked UNTRAINED)."
    )


def _predict(
    args: argparse.Namespace,
    found: ScanResult,
    work: list[tuple[MammoImage, str]],
    skipped: list[tuple[MammoImage, str]],
    weights: dict[str, list[str]],
) -> int:
    from gmic_core.inference.export import Refused, image_indices, write_csv, write_json

    indices = image_indices([image for exam in found.exams for image in exam.images])
    refused = [Refused(image, indices[image.sop_uid], reason) for image, reason in skipped]
    predictions: list[Prediction] = []
    saliency: dict[str, dict[str, str]] = {}
    rejected = [(str(rejection.path), rejection.reason) for rejection in found.rejected]
    try:
        _run_all(args, work, weights, indices, predictions, refused, saliency)
    finally:  # also when interrupted: what was computed is kept
        write_csv(args.out, predictions)
        write_json(args.out, predictions, refused, rejected, saliency)
    _report(args.out, predictions, refused, rejected)
    return 0 if predictions else 1


def _run_all(
    args: argparse.Namespace,
    work: list[tuple[MammoImage, str]],
    weights: dict[str, list[str]],
    indices: dict[str, str],
    predictions: list[Prediction],
    refused: list[Refused],
    saliency: dict[str, dict[str, str]],
) -> None:
    """Run model by model, so that only one system is in memory; results are appended as they come."""
    if not work:
        return
    from tqdm import tqdm

    from gmic_core.exam.frames import FrameReader
    from gmic_core.inference.engine import run_image
    from gmic_core.inference.ensemble import ensemble_mean
    from gmic_core.inference.export import Prediction, Refused, write_saliency
    from gmic_core.inference.network import load_network

    total = sum(3 * image.frames * len(weights[model]) for image, model in work)
    with FrameReader(start=True) as reader, tqdm(total=total, unit="step", file=sys.stderr, leave=False) as bar:
        for model, refs in weights.items():
            networks = [load_network(model, ref, args.device) for ref in refs]
            for image in [image for image, name in work if name == model]:
                index = indices[image.sop_uid]
                bar.set_description(f"{image.label} {image.modality}")
                try:
                    members = tuple(run_image(image, network, reader, _shown_on(bar)) for network in networks)
                except GmicError as error:
                    refused.append(Refused(image, index, str(error)))
                    continue
                result = ensemble_mean(members)
                prediction = Prediction(image, index, result, members if len(members) > 1 else ())
                saliency[image.sop_uid] = write_saliency(args.out, prediction)
                predictions.append(prediction)


def _shown_on(bar: Any) -> Any:
    """Return a run whose steps move the progress bar: three passes over the slices, patches not counted."""
    from gmic_core.inference.engine import Run
    from gmic_core.inference.events import Event, Progress

    last: dict[str, int] = {}

    def show(event: Event) -> None:
        if isinstance(event, Progress) and event.stage != "patches":
            bar.update(event.done - last.get(event.stage, 0))
            last[event.stage] = event.done

    on_event: Callable[[Event], None] = show
    return Run(on_event=on_event)


def _report(out: Path, predictions: list[Prediction], refused: list[Refused], rejected: list[tuple[str, str]]) -> None:
    from gmic_core.inference.export import NOTICE, UNTRAINED

    if any(prediction.result.provenance.untrained for prediction in predictions):
        print(UNTRAINED)
    if predictions:
        print(f"{'image':<40} {'side-view':<9} {'kind':<5} {'benign':>7} {'malignant':>10}")
    for prediction in predictions:
        image, (benign, malignant) = prediction.image, prediction.result.y
        print(f"{prediction.index:<40} {image.label:<9} {image.modality:<5} {benign:>7.4f} {malignant:>10.4f}")
    for entry in refused:
        print(f"not predicted: {entry.index} ({entry.image.label} {entry.image.modality}): {entry.reason}")
    for path, reason in rejected:
        print(f"rejected: {path}: {reason}")
    if not predictions:
        print("Nothing was predicted.", file=sys.stderr)
    print(f"{len(predictions)} images predicted, files in {out}. {NOTICE}")
