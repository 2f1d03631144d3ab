"""An image again, otherwise: with a place occluded, on a moved grid, without some of its patches. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from gmic_core.errors import InferenceError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.engine import Run, run_image
from gmic_core.inference.network import LoadedNetwork
from gmic_core.inference.occlusion import OccludedReader, Occlusion
from gmic_core.inference.reader import Frame, Reader
from gmic_core.inference.slices import project
from gmic_core.inference.stability import Shift, ShiftedReader
from gmic_core.inference.whatif import PatchFeatures, Reduced, Scores
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.registry import ModelSpec
from gmic_core.preprocessing import PixelLevels, WindowPlan, plan_window
from gmic_core.types import ImageResult


def run_occluded(
    image: MammoImage, loaded: LoadedNetwork, reader: Reader, occlusion: Occlusion, run: Run | None = None
) -> ImageResult:
    """Run a network on an image with a place filled, in the window that it has without.

    Raises
    ------
    InferenceError, ExamError, CancelledError
        As :func:`~gmic_core.inference.engine.run_image` does.
    """
    run = run or Run()
    plan = _plan_of(image, loaded.network.spec, reader, run)

    def same_window(_projection: Frame, _levels: PixelLevels, _image: MammoImage, _spec: ModelSpec) -> WindowPlan:
        return plan

    # the side was checked on the whole image; a place at the chest wall must not make it doubtful
    run = replace(run, orientation_confirmed=True)
    return run_image(image, loaded, OccludedReader(reader, occlusion), run, planner=same_window)


def _plan_of(image: MammoImage, spec: ModelSpec, reader: Reader, run: Run) -> WindowPlan:
    """Return how the image is cut when nothing is hidden."""

    def step(stage: str, done: int, total: int) -> None:
        run.step(image, stage, done, total)

    levels, projection = project(image, reader, step)
    return plan_window(projection, levels, image, spec)


def run_shifted(
    image: MammoImage, loaded: LoadedNetwork, reader: Reader, shift: Shift, run: Run | None = None
) -> ImageResult:
    """Run a network on an image whose grid is moved; the maps' geometry says where they lie.

    Raises
    ------
    InferenceError, ExamError, CancelledError
        As :func:`~gmic_core.inference.engine.run_image` does.
    """

    def planner(projection: Frame, levels: PixelLevels, what: MammoImage, spec: ModelSpec) -> WindowPlan:
        plan = plan_window(projection, levels, what, spec)
        window = replace(plan.window, row0=plan.window.row0 + shift.rows, col0=plan.window.col0 + shift.columns)
        return replace(plan, window=window, coverage=None)  # counted for the window before it was moved

    return run_image(image, loaded, ShiftedReader(reader, shift.slices), run, planner=planner)


def without_patches(network: GmicNetwork, kept: PatchFeatures, keep: Sequence[bool]) -> Reduced:
    """Return the scores of one set of weights over some of its patches.

    Parameters
    ----------
    keep : for each patch whether it remains.

    Raises
    ------
    InferenceError
        If ``keep`` does not say so for every patch.
    """
    chosen = np.asarray(keep, np.bool_)
    if chosen.shape != (len(kept.features),):
        raise InferenceError(f"There are {len(kept.features)} patches, but {len(chosen)} were ticked or unticked.")
    attention = np.zeros(len(chosen))
    if not chosen.any():
        return Reduced(kept.y_global, (float("nan"), float("nan")), tuple(attention.tolist()))
    device = next(network.parameters()).device
    with torch.inference_mode():
        local = network.attend(torch.from_numpy(kept.features[chosen]).to(device))
        y_global = torch.tensor([kept.y_global], device=device)
        vector = torch.from_numpy(kept.vector[None]).to(device)
        y = network.combine(y_global, local.y_local, vector, local.z)
    attention[chosen] = local.attention[0].cpu().numpy()
    return Reduced(_pair(y), _pair(local.y_local), tuple(attention.tolist()))


def _pair(scores: torch.Tensor) -> Scores:
    benign, malignant = scores[0].tolist()
    return float(benign), float(malignant)
