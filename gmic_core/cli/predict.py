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
    from gmic_core.inference.export import Outputs

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
    from gmic_core.inference.export import prepare_folder

    prepare_folder(args.out)  # a folder that cannot be written must not cost an hour of computing
    found = scan(args.paths)
    images = [image for exam in found.exams for image in exam.images]
    given = [split_reference(text) for text in args.weights]
    work, refused = assign_models(images, args.model, given)
    simulated = all(image.simulated for image, _ in work)
    weights, missing = choose_weights(sorted({model for _, model in work}), given, with_shipped=simulated)
    refused += [(image, missing[model]) for image, model in work if model in missing]
    return _predict(args, found, [(image, model) for image, model in work if model in weights], refused, weights)


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


def _predict(
    args: argparse.Namespace,
    found: ScanResult,
    work: list[tuple[MammoImage, str]],
    skipped: list[tuple[MammoImage, str]],
    weights: dict[str, list[str]],
) -> int:
    from gmic_core.inference.document import Refused, image_indices
    from gmic_core.inference.export import Outputs

    images = [image for exam in found.exams for image in exam.images]
    indices = image_indices(images)
    outputs = Outputs(
        args.out,
        order={image.sop_uid: position for position, image in enumerate(images)},
        refused=[Refused(image, indices[image.sop_uid], reason) for image, reason in skipped],
        rejected=[(str(rejection.path), rejection.reason) for rejection in found.rejected],
    )
    try:
        _run_all(args, work, weights, found, outputs)
    finally:  # also when interrupted: what was computed is kept
        outputs.write()
    _report(outputs)
    return 0 if outputs.predictions else 1


def _run_all(
    args: argparse.Namespace,
    work: list[tuple[MammoImage, str]],
    weights: dict[str, list[str]],
    found: ScanResult,
    outputs: Outputs,
) -> None:
    """Run model by model, so that only one system is in memory."""
    if not work:
        return
    from gmic_core.exam.frames import FrameReader
    from gmic_core.inference.document import Prediction, Refused, image_indices
    from gmic_core.inference.engine import run_image
    from gmic_core.inference.ensemble import ensemble_mean
    from gmic_core.inference.network import load_network
    from gmic_core.progress_bar import ProgressBar

    indices = image_indices([image for exam in found.exams for image in exam.images])
    studies = {image.sop_uid: exam.study_uid for exam in found.exams for image in exam.images}
    total = sum(3 * image.frames * len(weights[model]) for image, model in work)
    with FrameReader(start=True) as reader, ProgressBar(total=total, unit="step", file=sys.stderr, leave=False) as bar:
        for model, refs in weights.items():
            images = [image for image, name in work if name == model]
            try:
                networks = [load_network(model, ref, args.device) for ref in refs]
            except GmicError as error:
                outputs.refused += [Refused(image, indices[image.sop_uid], str(error)) for image in images]
                continue
            for image in images:
                index = indices[image.sop_uid]
                bar.set_description(f"{image.label} {image.modality}")
                try:
                    members = tuple(run_image(image, network, reader, _shown_on(bar)) for network in networks)
                except GmicError as error:
                    outputs.refused.append(Refused(image, index, str(error)))
                    continue
                kept = members if len(members) > 1 else ()
                outputs.add(Prediction(image, index, studies[image.sop_uid], ensemble_mean(members), kept))


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


def _report(outputs: Outputs) -> None:
    from gmic_core.inference.document import (
        NOTICE,
        SIMULATED,
        SIMULATED_ONLY,
        UNTRAINED,
        says_nothing_about_patients,
        unseen_lines,
    )

    predictions = outputs.predictions
    if any(prediction.result.provenance.untrained for prediction in predictions):
        print(UNTRAINED)
    if any(prediction.image.simulated for prediction in predictions):
        print(SIMULATED)
    if any(says_nothing_about_patients(prediction) for prediction in predictions):
        print(SIMULATED_ONLY)
    if predictions:
        print(f"{'image':<40} {'side-view':<9} {'kind':<5} {'benign':>7} {'malignant':>10}")
    for prediction in predictions:
        image, (benign, malignant) = prediction.image, prediction.result.y
        print(f"{prediction.index:<40} {image.label:<9} {image.modality:<5} {benign:>7.4f} {malignant:>10.4f}")
    for line in unseen_lines(predictions):
        print(line)
    for entry in outputs.refused:
        print(f"not predicted: {entry.index} ({entry.image.label} {entry.image.modality}): {entry.reason}")
    for path, reason in outputs.rejected:
        print(f"rejected: {path}: {reason}")
    if not predictions:
        print("gmic-core predict: nothing was predicted; the reasons are listed above.", file=sys.stderr)
    print(f"{len(predictions)} images predicted, files in {outputs.folder}. {NOTICE}")
