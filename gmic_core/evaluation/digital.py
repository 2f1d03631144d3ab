"""Unseen digital breasts: each is simulated, scored and forgotten; only its scores and figures are kept.

A third of the seeds are breasts with a malignant finding, a third with benign findings only, a third normal, so that
120 seeds in a row give forty of each. Everything about a breast follows from its seed and the options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from gmic_core.errors import CancelledError, EvaluationError, GmicError, InferenceError
from gmic_core.evaluation.networks import NetworkPredictor
from gmic_core.evaluation.records import Evaluated, Records
from gmic_core.evaluation.run import evaluate_one
from gmic_core.evaluation.sources import LeftOut, Subject
from gmic_core.evaluation.truth import ImageTruth, lesions_of
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.inference.engine import Run
from gmic_core.inference.reader import Frame
from gmic_core.phantom.spec import (
    CALCIFIED_KINDS,
    FINDING_KINDS,
    PHANTOM_VERSION,
    SMALL_FACTOR,
    Size,
    stream,
)
from gmic_core.training.data.cropping import LabelledImage, Slices
from gmic_core.training.data.digital import BreastOptions, BreastPlan, Simulator, simulate
from gmic_core.training.data.seeds import TEST, split_of
from gmic_core.training.data.store import StoredFinding
from gmic_core.types import STANDARD_VIEWS, Finding, Laterality, Modality

GROUPS = ("malignant", "benign", "normal")
"""Group of a seed: its remainder by three."""


@dataclass(frozen=True)
class DigitalOptions:
    """Which images of the breasts are scored.

    Attributes
    ----------
    views : ``one`` view of each breast, drawn from its seed, or ``both``.
    thickness_mm : compressed thickness is drawn between these, around 56 +- 11 mm.
    slices : short volumes of so many slices (:mod:`gmic_core.evaluation.simulated_slices`); 0: whole ones.
    """

    size: Size = "full"
    modalities: tuple[str, ...] = ("DBT",)
    views: Literal["one", "both"] = "one"
    thickness_mm: tuple[int, int] = (30, 85)
    slices: int = 0

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if not self.modalities or not {*self.modalities} <= {"DBT", "FFDM", "S2D"}:
            raise EvaluationError(f"Modalities are DBT, FFDM and S2D, not {', '.join(self.modalities) or 'none'}.")
        if self.slices and {*self.modalities} != {"DBT"}:
            raise EvaluationError("Only tomosynthesis has slices: short volumes (--slices) go with --modalities DBT.")
        low, high = self.thickness_mm
        if not 20 <= low <= high <= 100:
            raise EvaluationError(f"Breasts are 20 to 100 mm thick, not {low} to {high}; choose a range within.")

    @property
    def factor(self) -> int:
        """Side of a pixel in pixels of a full-size exam."""
        return SMALL_FACTOR if self.size == "small" else 1


def parse_seeds(text: str) -> range:
    """Return the seeds that ``FIRST:COUNT`` or ``SEED`` stands for.

    Raises
    ------
    EvaluationError
        If it is neither, or a breast is one that networks were trained or validated on.
    """
    first, _, count = text.partition(":")
    try:
        seeds = range(int(first), int(first) + int(count or 1))
    except ValueError as error:
        raise EvaluationError(f"'{text}' names no seeds; write FIRST:COUNT, such as {TEST.start}:120.") from error
    if not len(seeds) or seeds.start < 0:
        raise EvaluationError(f"'{text}' names no seeds; write FIRST:COUNT, such as {TEST.start}:120.")
    seen = sorted({split_of(seeds.start), split_of(seeds[-1])} & {"training", "validation"})
    if seen:
        raise EvaluationError(
            f"Seeds {text} belong to {seen[0]}: networks have seen these breasts. Use test seeds, "
            f"{TEST.start} to {TEST.stop - 1}."
        )
    return seeds


def plan_unseen(seed: int, options: DigitalOptions) -> BreastPlan:
    """Return what the breast of a seed is."""
    rng = stream(seed, "unseen breast")
    side, view = int(rng.integers(2)), STANDARD_VIEWS[int(rng.integers(2))]
    low, high = options.thickness_mm
    thickness = int(np.clip(round(float(rng.normal(56.0, 11.0))), low, high))
    usable = [kind for kind in FINDING_KINDS if options.size == "full" or kind not in CALCIFIED_KINDS]
    malignant = [kind for kind in usable if kind.startswith("malignant")]
    benign = [kind for kind in usable if kind.startswith("benign")]
    group = GROUPS[seed % len(GROUPS)]
    kinds: list[str] = []
    if group == "malignant":
        kinds = [str(rng.choice(malignant)), *(str(kind) for kind in rng.choice(benign, int(rng.random() < 0.3)))]
    elif group == "benign":
        kinds = [str(kind) for kind in rng.choice(benign, 1 + int(rng.random() < 0.3))]
    views = STANDARD_VIEWS if options.views == "both" else (view,)
    return BreastPlan(seed, side, views, tuple(kinds), thickness)


def sample_image(modality: Modality) -> MammoImage:
    """Return the header of a simulated image without pixels: enough to ask which network takes it."""
    return MammoImage(
        sop_uid=f"simulated-{modality}",
        modality=modality,
        laterality=Laterality.R,
        view="CC",
        frames=1,
        rows=1,
        columns=1,
        source=PixelSource("dicom", ()),
        pixel=PixelFormat(),
        simulated=True,
    )


class ArrayReader:
    """Gives the slices of an image that lies in memory."""

    def __init__(self, frames: Slices, count: int) -> None:
        # slices that are made one by one would be made again for every pass of the engine
        self._frames = frames if isinstance(frames, np.ndarray) else np.stack([frames[k] for k in range(count)])

    def read(self, image: MammoImage, slice_index: int) -> Frame:
        """Return (rows, columns)."""
        return np.asarray(self._frames[slice_index])

    def submit(self, image: MammoImage, slice_index: int) -> Future[Frame]:
        """Return (rows, columns), at once."""
        future: Future[Frame] = Future()
        future.set_result(self.read(image, slice_index))
        return future


def evaluate_breasts(
    seeds: Iterable[int],
    options: DigitalOptions,
    predictor: NetworkPredictor,
    models: dict[Modality, str],
    records: Records,
    done: Callable[[int, bool], object],
    run: Run | None = None,
    simulator: Simulator | None = None,
) -> tuple[list[Evaluated], list[LeftOut]]:
    """Return the evaluated images of all breasts, and the breasts that could not be, with the reason.

    Images that are kept from before are not made again.

    Parameters
    ----------
    models : network for each modality.
    done : called after each breast; the flag tells whether it was kept from before.

    Raises
    ------
    CancelledError
        If it was stopped; finished images are kept.
    """
    make = simulator or _simulator(options)
    evaluated: list[Evaluated] = []
    left_out: list[LeftOut] = []
    for seed in seeds:
        names = [f"{seed}-{view}-{m}" for view in plan_unseen(seed, options).views for m in options.modalities]
        keys = {name: _key(name, options, predictor, models) for name in names}
        kept = {name: records.get(name, keys[name]) for name in names}
        was_there = None not in kept.values()
        try:
            for name, found in () if was_there else _make(seed, options, predictor, models, run, make):
                records.put(name, keys[name], found)
                kept[name] = found
        except CancelledError:
            raise
        except GmicError as error:
            left_out.append(LeftOut(f"breast-{seed}", str(error)))
        done(seed, was_there)
        evaluated += [found for found in kept.values() if found is not None]
    return evaluated, left_out


def _simulator(options: DigitalOptions) -> Simulator:
    if not options.slices:
        return simulate
    from gmic_core.evaluation.simulated_slices import simulate_slices

    return partial(simulate_slices, count=options.slices)


def _make(
    seed: int,
    options: DigitalOptions,
    predictor: NetworkPredictor,
    models: dict[Modality, str],
    run: Run | None,
    simulator: Simulator,
) -> Iterable[tuple[str, Evaluated]]:
    """Simulate one breast and yield (name, evaluated image) one by one."""
    plan = plan_unseen(seed, options)
    seen = replace(run or Run(), orientation_confirmed=True)  # simulated images face as their headers say
    made = simulator(plan, BreastOptions(modalities=options.modalities, size=options.size))
    for labelled in made.images:
        name = f"{seed}-{labelled.image.view}-{labelled.image.modality}"
        image = replace(labelled.image, sop_uid=f"simulated-{name}", simulated=True)
        model = models.get(image.modality)
        if model is None:
            raise InferenceError(f"No network was chosen for {image.modality} images.")
        predicted = predictor.predict(image, model, seen, ArrayReader(labelled.frames, image.frames))
        truth = truth_of(labelled, made.findings)
        labels = _labels(made.findings) if not options.slices else _seen(truth)
        subject = Subject(image, f"breast-{seed}", labels, None, simulated=True)
        yield name, evaluate_one(subject, predicted, truth)


def truth_of(labelled: LabelledImage, findings: Iterable[StoredFinding]) -> ImageTruth:
    """Return the findings of a simulated image."""
    image = labelled.image
    classes = {one.number: Finding.MALIGNANT if one.malignant else Finding.BENIGN for one in findings}
    slices = (labelled.labels[k] for k in range(image.frames))
    return lesions_of(slices, (image.frames, image.rows, image.columns), classes)


def _labels(findings: Iterable[StoredFinding]) -> tuple[bool, bool]:
    present = {one.malignant for one in findings}
    return False in present, True in present


def _seen(truth: ImageTruth) -> tuple[bool, bool]:
    """Return the labels of a short volume: what is not in its slices is not asked of the network."""
    present = {lesion.finding for lesion in truth.lesions}
    return Finding.BENIGN in present, Finding.MALIGNANT in present


def _key(
    name: str, options: DigitalOptions, predictor: NetworkPredictor, models: dict[Modality, str]
) -> dict[str, Any]:
    modality = Modality(name.rsplit("-", 1)[1])
    breast = {
        "size": options.size,
        "thickness_mm": list(options.thickness_mm),
        "slices": options.slices,
        "phantom_version": PHANTOM_VERSION,
    }
    return {"name": name, "breast": breast, **predictor.key(models[modality])}


def description(seeds: range, options: DigitalOptions) -> dict[str, Any]:
    """Return what the breasts were, for the report."""
    return {
        "kind": "digital breasts, simulated",
        "phantom_version": PHANTOM_VERSION,
        "seeds": [seeds.start, len(seeds)],
        "split": split_of(seeds.start),
        **asdict(options),
    }
