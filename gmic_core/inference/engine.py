"""One image through one network: in slice batches inside a memory budget, with progress, cancel and partial maps.

How the slices are read is in :mod:`gmic_core.inference.slices`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
import torch
from torch import Tensor

from gmic_core import __version__
from gmic_core.errors import CancelledError, InferenceError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import acceptance_notes, check_acceptance
from gmic_core.inference.events import Event, ImageFinished, ImageStarted, Progress, SliceSaliency
from gmic_core.inference.network import LoadedNetwork
from gmic_core.inference.reader import Frame, Reader
from gmic_core.inference.slices import Slices, check_side, project
from gmic_core.models.gmic_blocks import RoiSelection, crop_patch
from gmic_core.models.gmic_network import LocalPass
from gmic_core.models.registry import ModelSpec
from gmic_core.models.resnet22 import cells_of
from gmic_core.preprocessing import PREPROCESSING_VERSION, PixelLevels, WindowPlan, plan_window
from gmic_core.types import SIMULATED_ONLY, ImageResult, Provenance, Roi

DEFAULT_BUDGET = 800 << 20
"""Bytes for pixels and activations; the interpreter, torch and the weights come on top (about 0.5 GiB)."""
LARGEST_BATCH = {"cpu": 2, "cuda": 16}
"""Slices at once: larger batches gain nothing on a CPU, and a run stops only between batches."""
LIVE_ACTIVATIONS = 3.5
"""Copies of the first feature map that are alive at once at the network's peak (measured)."""

Planner = Callable[[Frame, PixelLevels, MammoImage, ModelSpec], WindowPlan]
"""Lays the network's window on an image; :func:`~gmic_core.preprocessing.plan_window` unless it is to be moved."""


def ignore(_event: Event) -> None:
    """Take an event and do nothing, for callers that want the result only."""


def never() -> bool:
    """Tell that nobody cancelled."""
    return False


@dataclass(frozen=True)
class Run:
    """Who is told, who may stop it, and how much memory it may take.

    Attributes
    ----------
    on_event : called in the running thread.
    cancelled : asked between slices and batches.
    budget : bytes, see :data:`DEFAULT_BUDGET`.
    orientation_confirmed : the reader has seen that the pixels' chest wall is not where the header says, and
        confirmed the header.
    """

    on_event: Callable[[Event], None] = ignore
    cancelled: Callable[[], bool] = never
    budget: int = DEFAULT_BUDGET
    orientation_confirmed: bool = False

    def step(self, image: MammoImage, stage: str, done: int, total: int) -> None:
        """Tell how far it is.

        Raises
        ------
        CancelledError
            If the user stopped it.
        """
        if self.cancelled():
            raise CancelledError("Stopped on request; nothing of this image was kept.")
        self.on_event(Progress(image.sop_uid, stage, done, total))


def run_image(
    image: MammoImage,
    loaded: LoadedNetwork,
    reader: Reader,
    run: Run | None = None,
    *,
    planner: Planner = plan_window,
) -> ImageResult:
    """Run a network on one image.

    Parameters
    ----------
    planner : lays the window; test-time augmentation moves it.

    Raises
    ------
    InferenceError
        If the network cannot take the image; the message gives the reason.
    ExamError
        If a frame cannot be read.
    CancelledError
        If it was stopped.
    """
    run = run or Run()
    started = time.monotonic()
    network = loaded.network
    spec = network.spec
    check_acceptance(image, spec)
    step = partial(run.step, image)
    if not run.orientation_confirmed:
        check_side(image, reader)
    levels, projection = project(image, reader, step)
    plan = planner(projection, levels, image, spec)
    del projection
    shape = (plan.window.rows, plan.window.columns)
    cells = cells_of(*shape)
    slices = Slices(image, reader, plan, run.budget // 2, step)
    to_stored = plan.window.saliency_to_stored(cells).matrix
    weights = loaded.weights
    run.on_event(
        ImageStarted(
            image.sop_uid,
            loaded.model,
            image.frames,
            cells,
            to_stored,
            weights.name,
            weights.sha256,
            weights.untrained,
            _simulated_only(loaded),
        )
    )
    with torch.inference_mode():
        saliency, vector = _global(image, loaded, slices, cells, run)
        y_global = network.global_score(saliency)
        chosen = network.select(saliency, shape)
        local = _local(loaded, slices, chosen, image, run)
        y = y_global if local is None else network.combine(y_global, local.y_local, vector, local.z)
    maps = saliency.cpu().numpy()
    accepted = acceptance_notes(image, spec, simulated_only=_simulated_only(loaded))
    notes = (*accepted, *plan.notes, *chosen.notes)
    result = ImageResult(
        sop_uid=image.sop_uid,
        modality=image.modality,
        laterality=image.laterality,
        view=image.view,
        y=_pair(y),
        y_global=_pair(y_global),
        y_local=(float("nan"), float("nan")) if local is None else _pair(local.y_local),
        rois=_rois(chosen, local, plan, spec.patch_size),
        saliency=maps.astype(np.float16),
        saliency_to_stored=to_stored,
        window_to_stored=plan.window.stored_to_network().inverse().matrix,
        window_shape=shape,
        profile=maps.max(axis=(2, 3)).astype(np.float32),
        outside_fraction=plan.outside_fraction,
        provenance=_provenance(loaded, time.monotonic() - started),
        notes=notes,
        features=None if local is None else local.features.cpu().numpy(),
        vectors=vector.cpu().numpy(),
        coverage=plan.coverage,
    )
    run.on_event(ImageFinished(result))
    return result


# -- the network -------------------------------------------------------------------------------------------------


def batch_size(shape: tuple[int, int], budget: int, device: str = "cpu") -> int:
    """Return how many slices of (rows, columns) go through the global network at once on a type of device."""
    rows, columns = shape
    first_map = 16 * (rows // 2) * (columns // 2) * 4  # channels x half x half x float32
    each = int(first_map * LIVE_ACTIVATIONS) + rows * columns * 4
    return int(min(max(budget // 2 // each, 1), LARGEST_BATCH.get(device, 1)))


def batches_outward(frames: int, size: int) -> Iterator[range]:
    """Yield consecutive slices in batches, the middle batch first: that is where the reader looks."""
    starts = sorted(range(0, frames, size), key=lambda start: abs(start + size / 2 - frames / 2))
    for start in starts:
        yield range(start, min(start + size, frames))


def _global(
    image: MammoImage, loaded: LoadedNetwork, slices: Slices, cells: tuple[int, int], run: Run
) -> tuple[Tensor, Tensor]:
    """Return the saliency (slices, 2, h, w) and the largest features (1, 256), telling each map as it comes."""
    network, device = loaded.network, loaded.device
    window = slices.plan.window
    saliency = torch.empty((image.frames, 2, *cells), device=device)
    vector: Tensor | None = None
    done = 0
    size = batch_size((window.rows, window.columns), run.budget, device.type)
    batches = list(batches_outward(image.frames, size))
    windows = slices.standardised(k for batch in batches for k in batch)
    for batch in batches:
        x = torch.from_numpy(np.stack([next(windows)[1] for _ in batch]))[:, None]
        part = network.global_pass(x.to(device))
        saliency[batch.start : batch.stop] = part.saliency
        highest = part.vector.amax(dim=0, keepdim=True)
        vector = highest if vector is None else torch.maximum(vector, highest)
        for k, values in zip(batch, part.saliency.cpu().numpy().astype(np.float16), strict=True):
            run.on_event(SliceSaliency(image.sop_uid, k, values))
        done += len(batch)
        run.step(image, "global network", done, image.frames)
    if vector is None:
        raise InferenceError("The image has no frames; read the file again or check that it is complete.")
    return saliency, vector


def _local(
    loaded: LoadedNetwork, slices: Slices, chosen: RoiSelection, image: MammoImage, run: Run
) -> LocalPass | None:
    """Cut the chosen patches at full resolution and run the local network; None where nothing was chosen."""
    count = len(chosen)
    if count == 0:
        return None
    size = loaded.network.spec.patch_size
    patches: list[Tensor | None] = [None] * count
    order = chosen.slices.tolist()
    done = 0
    for k, pixels in slices.standardised(sorted(set(order))):  # each once, however many patches it holds
        plane = torch.from_numpy(pixels)
        for i in (i for i, on in enumerate(order) if on == k):
            row, column = (int(v) for v in chosen.corners[i])
            patches[i] = crop_patch(plane, (row, column), size).clone()
            done += 1
        run.step(image, "patches", done, count)
    return loaded.network.local(torch.stack([p for p in patches if p is not None]).to(loaded.device))


# -- the result --------------------------------------------------------------------------------------------------


def _pair(y: Tensor) -> tuple[float, float]:
    benign, malignant = y[0].tolist()
    return float(benign), float(malignant)


def _rois(chosen: RoiSelection, local: LocalPass | None, plan: WindowPlan, size: Sequence[int]) -> tuple[Roi, ...]:
    """Return the patches with their boxes in stored pixels: the part of each that the network's window covers."""
    if local is None:
        return ()
    to_stored = plan.window.stored_to_network().inverse()
    rois = []
    for i, (row, column) in enumerate(chosen.corners.tolist()):
        last = min(row + size[0], plan.window.rows), min(column + size[1], plan.window.columns)
        inside = (max(row, 0), max(column, 0), *last)
        box = [round(value) for value in to_stored.apply_box(inside)]
        benign, malignant = local.patch_scores[i].tolist()
        attention = float(local.attention[0, i])
        rois.append(Roi(int(chosen.slices[i]), box[0], box[1], box[2], box[3], attention, (benign, malignant)))
    return tuple(rois)


def _simulated_only(loaded: LoadedNetwork) -> bool:
    return SIMULATED_ONLY in loaded.weights.training_data


def _provenance(loaded: LoadedNetwork, seconds: float) -> Provenance:
    weights = loaded.weights
    return Provenance(
        model=loaded.model,
        weights=weights.name,
        weights_sha256=weights.sha256,
        untrained=weights.untrained,
        training_data=weights.training_data,
        preprocessing_version=PREPROCESSING_VERSION,
        precision="float32",
        device=loaded.device_label,
        seconds=seconds,
        software=f"gmic-viewer {__version__}, torch {torch.__version__}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
