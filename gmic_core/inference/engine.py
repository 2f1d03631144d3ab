"""One image through one or several networks: slice by slice inside a memory budget, with progress and cancel.

How the slices are read is in :mod:`gmic_core.inference.slices`, what each network makes of them in
:mod:`gmic_core.inference.track`, how its layers are run in :mod:`gmic_core.inference.execution`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from gmic_core.errors import CancelledError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import check_acceptance
from gmic_core.inference.events import Event, ImageFinished, Progress, SliceSaliency
from gmic_core.inference.execution.upload import Uploader
from gmic_core.inference.network import LoadedNetwork
from gmic_core.inference.reader import Frame, Reader
from gmic_core.inference.slices import Slices
from gmic_core.inference.track import Track
from gmic_core.models.registry import ModelSpec
from gmic_core.preprocessing import PixelLevels, WindowPlan, plan_window
from gmic_core.types import ImageResult

DEFAULT_BUDGET = 512 << 20
"""Bytes for pixels and activations; the interpreter, torch and the weights come on top (about 0.5 GiB)."""
LARGEST_BATCH = 16
"""Slices at once: larger batches gain nothing on any device, and a run stops only between batches."""
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


@dataclass(frozen=True)
class Job:
    """One network on one window of an image.

    Attributes
    ----------
    planner : lays the window; test-time augmentation moves it.
    """

    loaded: LoadedNetwork
    planner: Planner = plan_window


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
    (result,) = run_jobs(image, [Job(loaded, planner)], reader, run)
    run.on_event(ImageFinished(result))
    return result


def run_members(
    image: MammoImage, networks: Sequence[LoadedNetwork], reader: Reader, run: Run | None = None
) -> tuple[ImageResult, ...]:
    """Run the members of an ensemble on one image, which is read, decoded and cut once for all of them.

    The maps of the first member are told as they come. Raises what :func:`run_image` does.
    """
    return run_jobs(image, [Job(loaded) for loaded in networks], reader, run or Run())


def run_jobs(image: MammoImage, jobs: Sequence[Job], reader: Reader, run: Run) -> tuple[ImageResult, ...]:
    """Run several networks, or several windows, on one image that is read once for all; one result for each job.

    Where a device runs out of memory, the batch of slices is halved, and at last the CPU computes: there is always a
    result, and its notes say what happened. Raises what :func:`run_image` does.
    """
    limit, notes = LARGEST_BATCH, ""
    while True:
        try:
            return _run_jobs(image, jobs, reader, run, limit, notes)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            used = min(limit, max(job.loaded.executor.largest_batch for job in jobs))
            if used > 1:
                limit = used // 2
                notes = f"The memory of the device was short: {limit} slices were computed at once instead of {used}."
            elif _elsewhere(jobs):
                jobs = [Job(job.loaded.on_cpu(), job.planner) for job in jobs]
                notes = "The memory of the device was not enough for a single slice: the CPU computed instead."
            else:
                raise


def _elsewhere(jobs: Sequence[Job]) -> bool:
    """Whether anything is computed on another device than the CPU."""
    return any(job.loaded.device.type != "cpu" for job in jobs)


def _run_jobs(
    image: MammoImage, jobs: Sequence[Job], reader: Reader, run: Run, limit: int, note: str
) -> tuple[ImageResult, ...]:
    started = time.monotonic()
    step = partial(run.step, image)
    for job in jobs:
        check_acceptance(image, job.loaded.network.spec)
    slices = Slices(image, reader, run.budget // 2)
    if not run.orientation_confirmed:
        slices.check_side()
    levels, projection = slices.project(step)
    plans = _plans(image, jobs, levels, projection)
    del projection
    distinct = [plan for n, plan in enumerate(plans) if plan not in plans[:n]]
    slices.measure(distinct, step)
    tracks = [
        Track(job.loaded, plan, distinct.index(plan), image.frames) for job, plan in zip(jobs, plans, strict=True)
    ]
    run.on_event(tracks[0].started(image))
    with torch.inference_mode():
        _scan(image, tracks, slices, run, limit)
        for track in tracks:
            track.choose()
        _look(image, tracks, slices, run)
        seconds = (time.monotonic() - started) / len(tracks)
        return tuple(track.result(image, seconds, note) for track in tracks)


def _plans(image: MammoImage, jobs: Sequence[Job], levels: PixelLevels, projection: Frame) -> list[WindowPlan]:
    """Return the window of each job; jobs with the same planner and the same input share one."""
    plans: list[WindowPlan] = []
    for n, job in enumerate(jobs):
        spec = job.loaded.network.spec
        same = (m for m in range(n) if jobs[m].planner == job.planner and jobs[m].loaded.network.spec == spec)
        earlier = next(same, None)
        plans.append(job.planner(projection, levels, image, spec) if earlier is None else plans[earlier])
    return plans


# -- the networks ------------------------------------------------------------------------------------------------


def batch_size(shape: tuple[int, int], budget: int, largest: int = 1) -> int:
    """Return how many slices of (rows, columns) go through the global network at once, at most ``largest``."""
    rows, columns = shape
    first_map = 16 * (rows // 2) * (columns // 2) * 4  # channels x half x half x float32
    each = int(first_map * LIVE_ACTIVATIONS) + rows * columns * 4
    return int(min(max(budget // 2 // each, 1), largest))


def batches_outward(frames: int, size: int) -> Iterator[range]:
    """Yield consecutive slices in batches, the middle batch first: that is where the reader looks."""
    starts = sorted(range(0, frames, size), key=lambda start: abs(start + size / 2 - frames / 2))
    for start in starts:
        yield range(start, min(start + size, frames))


def _scan(image: MammoImage, tracks: Sequence[Track], slices: Slices, run: Run, limit: int) -> None:
    """Run the global networks over all slices, telling each map of the first one as it comes.

    A CUDA device computes while the next batch is read: what a batch gave is asked for one batch later.
    """
    largest = min(limit, *(track.loaded.executor.largest_batch for track in tracks))
    size = min(batch_size((track.plan.window.rows, track.plan.window.columns), run.budget, largest) for track in tracks)
    batches = list(batches_outward(image.frames, size))
    windows = slices.windows(k for batch in batches for k in batch)
    upload = Uploader(tracks[0].loaded.device, slices.moments)
    told, waiting = tracks[0], deque[range]()
    behind = 0 if told.loaded.device.type == "cpu" else 1
    done = 0
    for batch in batches:
        for window, x in enumerate(upload.standardised([next(windows)[1] for _ in batch])):
            for track in (track for track in tracks if track.window == window):
                track.scan(batch, x)
        waiting.append(batch)
        if len(waiting) > behind:
            _tell(image, told, waiting.popleft(), run)
        done += len(batch)
        run.step(image, "global network", done, image.frames)
    for batch in waiting:
        _tell(image, told, batch, run)


def _tell(image: MammoImage, track: Track, batch: range, run: Run) -> None:
    maps = track.saliency[batch.start : batch.stop].cpu().numpy().astype(np.float16)
    for k, values in zip(batch, maps, strict=True):
        run.on_event(SliceSaliency(image.sop_uid, k, values))


def _look(image: MammoImage, tracks: Sequence[Track], slices: Slices, run: Run) -> None:
    """Cut the patches that all tracks chose, each slice read once, and run the local networks."""
    wanted = sorted({k for track in tracks for k in track.patch_slices})
    done, total = 0, sum(len(track.patch_slices) for track in tracks)
    for k, cuts in slices.windows(wanted):
        for track in tracks:
            if k in track.patch_slices:
                done += track.cut(k, torch.from_numpy(slices.moments[track.window].apply(cuts[track.window])))
        run.step(image, "patches", done, total)
    for track in tracks:
        track.look()
