"""Test-time augmentation: one image through one network several times, each time in another window.

Both papers average ten random augmentations at test time (GMIC 3.2, 3D-GMIC Table VI); the noise of the window is that
of training: up to 100 pixels in position and size. Scores are averaged as they are. The maps lie on windows of their
own, so their mean is taken in stored pixels: keep all results, :func:`gmic_core.evaluation.cells.overlay` does it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import InferenceError
from gmic_core.exam.geometry import NetworkWindow
from gmic_core.exam.model import MammoImage
from gmic_core.inference.engine import Job, Planner, Run, run_jobs
from gmic_core.inference.ensemble import ensemble_mean, mean_pairs
from gmic_core.inference.network import LoadedNetwork
from gmic_core.inference.reader import Frame, Reader
from gmic_core.models.registry import ModelSpec
from gmic_core.preprocessing import PixelLevels, WindowPlan, plan_window
from gmic_core.preprocessing.augment import WINDOW_NOISE, augmented, take_window
from gmic_core.preprocessing.window import AugmentationWindow
from gmic_core.types import CLASSES, ImageResult

AUGMENTATIONS = 10
"""Of both papers."""


@dataclass(frozen=True)
class NoisyPlan(WindowPlan):
    """A plan whose window was moved and resized by chance; ``plain`` is the plan that it was drawn from."""

    plain: WindowPlan = field(kw_only=True)
    drawn: AugmentationWindow = field(kw_only=True)

    def take(self, frame: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the window of a frame of stored values, resized to the network's input."""
        return take_window(self.plain, frame, self.drawn)


def run_augmented(
    image: MammoImage,
    loaded: LoadedNetwork,
    reader: Reader,
    run: Run | None = None,
    *,
    count: int = AUGMENTATIONS,
    noise: int = WINDOW_NOISE,
    seed: int = 0,
) -> tuple[ImageResult, ...]:
    """Return the results of ``count`` windows moved and resized by chance; the same image gives the same windows.

    Raises
    ------
    InferenceError
        If ``count`` is below 1, or the network cannot take the image.
    """
    if count < 1:
        raise InferenceError(f"An image must be augmented at least once, not {count} times.")
    plain = PlainPlans()
    planners = [noisy_planner(image.sop_uid, seed, number, noise, plain) for number in range(count)]
    results = run_jobs(image, [Job(loaded, planner) for planner in planners], reader, run or Run())
    return tuple(
        replace(result, notes=(*result.notes, f"Augmentation {number} of {count}."))
        for number, result in enumerate(results, start=1)
    )


def run_averaged(
    image: MammoImage,
    networks: Sequence[LoadedNetwork],
    reader: Reader,
    run: Run | None = None,
    *,
    count: int = AUGMENTATIONS,
    noise: int = WINDOW_NOISE,
    seed: int = 0,
) -> tuple[ImageResult, tuple[ImageResult, ...]]:
    """Return the result of an ensemble whose scores are the means over ``count`` augmentations, and its members.

    The image is read, decoded and projected once for all networks and windows; what is kept of a window is its map.
    Maps, patches and what is told of members are those of the plain window, where the maps of all members lie on one
    grid; the scores of each augmentation (the mean over the members) are in ``augmentations``. The members returned are
    those of the plain window.

    Raises what :func:`run_augmented` does.
    """
    if count < 1:
        raise InferenceError(f"An image must be augmented at least once, not {count} times.")
    plain = PlainPlans()
    planners = [noisy_planner(image.sop_uid, seed, number, noise, plain) for number in range(count)]
    windows_of: list[Planner] = [plain, *planners]
    jobs = [Job(loaded, planner) for planner in windows_of for loaded in networks]
    results = run_jobs(image, jobs, reader, run or Run())
    size = len(networks)
    windows = [results[start : start + size] for start in range(size, len(results), size)]
    scores = [mean_pairs([result.y for result in window]) for window in windows]
    base = ensemble_mean(results[:size])
    seconds = sum(result.provenance.seconds for result in results)
    result = replace(
        base,
        y=mean_pairs(scores),
        y_global=mean_pairs([result.y_global for result in results[size:]]),
        y_local=mean_pairs([result.y_local for result in results[size:]]),
        augmentations=tuple(scores),
        notes=(*base.notes, _spread_note(scores)),
        provenance=replace(base.provenance, seconds=seconds),
    )
    return result, results[:size]


def _spread_note(scores: Sequence[tuple[float, float]]) -> str:
    """Say what the augmentations were and how far their scores lie apart."""
    deviation, low, high = np.std(scores, axis=0), np.min(scores, axis=0), np.max(scores, axis=0)
    each = ", ".join(
        f"{name} {low[c]:.3f} to {high[c]:.3f}, SD {deviation[c]:.3f}" for c, name in reversed(list(enumerate(CLASSES)))
    )
    return f"Scores are means of {len(scores)} augmentations ({each}); maps and patches are those of the plain window."


def mean_scores(results: Sequence[ImageResult]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the means (benign, malignant) of ``y`` and of ``y_global``."""
    y = np.mean([result.y for result in results], axis=0)
    y_global = np.mean([result.y_global for result in results], axis=0)
    return (float(y[0]), float(y[1])), (float(y_global[0]), float(y_global[1]))


class PlainPlans:
    """Lays the plain window of an image once, however many windows are drawn from it."""

    def __init__(self) -> None:
        self._known: list[tuple[MammoImage, ModelSpec, WindowPlan]] = []

    def __call__(self, projection: Frame, levels: PixelLevels, image: MammoImage, spec: ModelSpec) -> WindowPlan:
        """Return the plan of :func:`~gmic_core.preprocessing.plan_window`."""
        for known, of, plan in self._known:
            if known is image and of == spec:
                return plan
        plan = plan_window(projection, levels, image, spec)
        self._known.append((image, spec, plan))
        return plan


def noisy_planner(uid: str, seed: int, number: int, noise: int, plain: Planner = plan_window) -> Planner:
    """Return what lays the window of one augmentation of one image.

    Parameters
    ----------
    plain : lays the window that it is drawn from.
    """
    digest = hashlib.sha256(repr((uid, seed, number)).encode()).digest()
    rng = np.random.default_rng(list(np.frombuffer(digest, "<u4")))

    def planner(projection: Frame, levels: PixelLevels, image: MammoImage, spec: ModelSpec) -> WindowPlan:
        plan = plain(projection, levels, image, spec)
        return moved(plan, augmented(plan, image.view, rng, noise))

    return planner


def moved(plan: WindowPlan, drawn: AugmentationWindow) -> NoisyPlan:
    """Return the plan with another window.

    The box of the window lies in the crop; cutting and resizing it is one scaling of the facing image.
    """
    row0, col0, row1, col1 = drawn.box
    rows, columns = drawn.size
    down, across = rows / (row1 - row0), columns / (col1 - col0)
    old = plan.window
    window = NetworkWindow(
        old.orientation,
        old.stored_shape,
        (plan.crop_box[0] + row0) * down,
        (plan.crop_box[1] + col0) * across,
        rows,
        columns,
        old.row_scale * down,
        old.col_scale * across,
    )
    return NoisyPlan(
        window, plan.levels, plan.scale, plan.crop_box, plan.outside_fraction, plan.notes, plain=plan, drawn=drawn
    )
