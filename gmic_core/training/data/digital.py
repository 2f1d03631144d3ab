"""Stores of crops of digital breasts, made beforehand: one breast per seed, by as many processes as wanted.

Every breast is simulated in a process that does nothing else and is stored whole or not at all, so that making a store
may be stopped at any time and goes on where it stood. The pixels depend on seed and options only.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from gmic_core.errors import CancelledError, TrainingError
from gmic_core.models.registry import ModelSpec
from gmic_core.models.specs import GMIC2D_PARK, GMIC3D
from gmic_core.phantom.spec import CALCIFIED_KINDS, FINDING_KINDS, PHANTOM_VERSION, SMALL_FACTOR, Size, stream
from gmic_core.training.data.cropping import CropOptions, Cropper, Cut, LabelledImage
from gmic_core.training.data.seeds import only_split
from gmic_core.training.data.slabs import SlabCutter, SlabOptions
from gmic_core.training.data.store import StoredFinding, breast_folder, start_store, write_breast
from gmic_core.training.data.windows import scaled_spec, spec_at
from gmic_core.types import CLASSES, Modality

Progress = Callable[[int, int], object]
"""Called with the number of finished breasts and of all."""

_BREASTS_PER_PROCESS = 16  # memory that a simulation leaves behind goes with its process


@dataclass(frozen=True)
class BreastOptions:
    """What the breasts of a store are like.

    Attributes
    ----------
    modalities : images that are cut from.
    both_views : CC and MLO of every breast; else one of them, by chance: more breasts in the same time.
    normal_share : share of breasts without findings.
    findings : fewest and most findings of the others. Many per breast, because simulating is what takes time.
    kinds : kinds of findings; each is as likely as any other.
    class_shares : (benign, malignant) share of breasts with findings of the class, drawn apart; then
        ``normal_share`` has no part, and ``findings`` counts those of one class. For image labels, which say
        nothing where most breasts have both.
    thickness_mm : compressed thickness lies between these: thick breasts would cost memory and time.
    """

    modalities: tuple[str, ...] = ("DBT", "FFDM", "S2D")
    both_views: bool = False
    normal_share: float = 0.2
    findings: tuple[int, int] = (3, 6)
    kinds: tuple[str, ...] = FINDING_KINDS
    class_shares: tuple[float, float] | None = None
    thickness_mm: tuple[int, int] = (30, 65)
    size: Size = "full"

    def __post_init__(self) -> None:
        """Check names and ranges."""
        unknown = sorted({*self.kinds} - {*FINDING_KINDS}) + sorted({*self.modalities} - {"DBT", "FFDM", "S2D"})
        if unknown:
            raise TrainingError(f"Digital breasts have no {', '.join(unknown)}; correct the options.")
        if not 1 <= self.findings[0] <= self.findings[1] <= 9:
            raise TrainingError(f"A breast can hold 1 to 9 findings, not {self.findings}; correct the options.")


@dataclass(frozen=True)
class BreastPlan:
    """What one breast of a store is; drawn from its seed."""

    seed: int
    side: int
    views: tuple[str, ...]
    kinds: tuple[str, ...]
    thickness_mm: int


def plan_breast(seed: int, options: BreastOptions) -> BreastPlan:
    """Return what the breast of a seed is: the same whatever else is made."""
    rng = stream(seed, "training breast")
    side = int(rng.integers(2))
    view = ("CC", "MLO")[int(rng.integers(2))]
    thickness = int(rng.integers(options.thickness_mm[0], options.thickness_mm[1] + 1))
    kinds = _draw_kinds(options, rng)
    return BreastPlan(seed, side, ("CC", "MLO") if options.both_views else (view,), kinds, thickness)


def _draw_kinds(options: BreastOptions, rng: np.random.Generator) -> tuple[str, ...]:
    usable = [kind for kind in options.kinds if options.size == "full" or kind not in CALCIFIED_KINDS]
    low, high = options.findings
    if options.class_shares is None:
        normal = bool(rng.random() < options.normal_share)
        count = 0 if normal else int(rng.integers(low, high + 1))
        return tuple(str(kind) for kind in rng.choice(usable, count))
    drawn: list[str] = []
    for name, share in zip(CLASSES, options.class_shares, strict=True):
        of_class = [kind for kind in usable if kind.startswith(name)]
        if rng.random() < share and of_class:
            drawn += [str(kind) for kind in rng.choice(of_class, int(rng.integers(low, high + 1)))]
    return tuple(drawn)


@dataclass(frozen=True)
class SimulatedBreast:
    """One simulated breast: its findings, and its images one by one."""

    density: str
    findings: tuple[StoredFinding, ...]
    images: Iterable[LabelledImage]


Simulator = Callable[[BreastPlan, BreastOptions], SimulatedBreast]
"""Simulates the breast of a plan; must be a function of a module, because it runs in another process."""
Cutter = Callable[[LabelledImage, ModelSpec, np.random.Generator], list[Cut]]


@dataclass(frozen=True)
class StoreOptions:
    """What a store is made with; either ``crops`` (patches) or ``slabs`` (volumes and whole images) is used.

    Attributes
    ----------
    window : rows, columns and pixel spacing in mm of the network's input; 0: the network's own, for small breasts a
        quarter of it.
    """

    breasts: BreastOptions = field(default_factory=BreastOptions)
    crops: CropOptions = field(default_factory=CropOptions)
    slabs: SlabOptions | None = None
    window: tuple[int, int, float] = (0, 0, 0.0)

    def manifest(self, seeds: Iterable[int]) -> dict[str, object]:
        """Return what is recorded in the store."""
        seeds = sorted(set(seeds))
        cut = asdict(self.crops) if self.slabs is None else asdict(self.slabs)
        kind = "patches" if self.slabs is None else "volumes"
        return {
            "kind": kind,
            "split": only_split(seeds),
            "phantom_version": PHANTOM_VERSION,
            "breasts": asdict(self.breasts),
            "cut": cut,
            "window": self.window,
            "seeds": seeds,
        }

    def spec_for(self, modality: str) -> ModelSpec:
        """Return the network whose window the crops are cut from."""
        spec = scaled_spec(GMIC3D if modality == "DBT" else GMIC2D_PARK, self._factor)
        return spec_at(spec, Modality(modality), *self.window)

    @property
    def _factor(self) -> int:
        return SMALL_FACTOR if self.breasts.size == "small" else 1

    def cut(self, labelled: LabelledImage, seed: int) -> list[Cut]:
        """Return the crops of one image."""
        image = labelled.image
        spec = self.spec_for(str(image.modality))
        rng = stream(seed, "crops", str(image.modality), str(image.view))
        if self.slabs is None:
            return Cropper(labelled, spec, self.crops, rng).crops()
        return SlabCutter(labelled, spec, self.slabs, rng).crops()


def make_patch_store(
    out: Path,
    seeds: Iterable[int],
    options: StoreOptions | None = None,
    *,
    workers: int = 1,
    simulator: Simulator | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Simulate the breasts of ``seeds`` and store crops of them; what is there already is not made again.

    Parameters
    ----------
    seeds : all of one split (:mod:`gmic_core.training.data.seeds`).
    workers : processes; each needs up to 2.5 GiB for a full-size breast.
    simulator : stands in for the simulation in tests.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so; finished breasts stay.
    TrainingError
        If the seeds belong to several splits, the folder holds another store, or a process died.
    """
    options = options or StoreOptions()
    wanted = sorted(set(seeds))
    start_store(out, options.manifest(wanted))
    missing = [seed for seed in wanted if not breast_folder(out, seed).is_dir()]
    report = progress or _silent
    report(len(wanted) - len(missing), len(wanted))
    making = _make_all(out, missing, options, workers, simulator or simulate, cancelled or _never)
    for done, _ in enumerate(making, start=1):
        report(len(wanted) - len(missing) + done, len(wanted))


def make_volume_store(
    out: Path,
    seeds: Iterable[int],
    options: StoreOptions | None = None,
    *,
    workers: int = 1,
    simulator: Simulator | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Do what :func:`make_patch_store` does, with short volumes and whole images for training on image labels."""
    options = options or StoreOptions(slabs=SlabOptions())
    if options.slabs is None:
        raise TrainingError("Volumes need options that say which volumes: give SlabOptions.")
    make_patch_store(out, seeds, options, workers=workers, simulator=simulator, progress=progress, cancelled=cancelled)


def _make_all(
    out: Path,
    seeds: list[int],
    options: StoreOptions,
    workers: int,
    simulator: Simulator,
    cancelled: Callable[[], bool],
) -> Iterator[int]:
    """Make the breasts and yield their seeds as they are finished."""
    if workers <= 1:
        for seed in seeds:
            _check_cancelled(cancelled)
            yield make_breast(out, seed, options, simulator)
        return
    # not max_tasks_per_child: Python 3.11's pool hangs when its processes come to their last task together
    together = workers * _BREASTS_PER_PROCESS
    for start in range(0, len(seeds), together):
        yield from _make_some(out, seeds[start : start + together], options, workers, simulator, cancelled)


def _make_some(
    out: Path,
    seeds: list[int],
    options: StoreOptions,
    workers: int,
    simulator: Simulator,
    cancelled: Callable[[], bool],
) -> Iterator[int]:
    """Make some breasts in processes that end with them."""
    # spawn: a fork would copy the threads and locks of torch and OpenCV
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet_worker)
    try:
        waiting: set[Future[int]] = {pool.submit(make_breast, out, seed, options, simulator) for seed in seeds}
        while waiting:
            _check_cancelled(cancelled)
            finished, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    except BrokenProcessPool as error:
        raise TrainingError(
            "A process that simulates breasts was ended from outside, most likely for want of memory; "
            "run it again with fewer workers: finished breasts are kept."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def make_breast(out: Path, seed: int, options: StoreOptions, simulator: Simulator) -> int:
    """Simulate and store one breast; return its seed."""
    plan = plan_breast(seed, options.breasts)
    breast = simulator(plan, options.breasts)
    cuts = [cut for labelled in breast.images for cut in options.cut(labelled, seed)]
    if not cuts:
        raise TrainingError(f"The digital breast of seed {seed} gave no crops; check modalities and crop options.")
    write_breast(out, seed, breast.density, breast.findings, cuts)
    return seed


def simulate(plan: BreastPlan, options: BreastOptions) -> SimulatedBreast:
    """Simulate the breast of a plan. Imported late: tests and readers of stores need no simulation."""
    from gmic_core.training.data.simulated import simulate_breast

    return simulate_breast(plan, options)


def _quiet_worker() -> None:
    """Keep a worker to one core: the workers are the parallelism."""
    import cv2

    cv2.setNumThreads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


def _check_cancelled(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise CancelledError("Making digital breasts was cancelled; finished ones are kept.")


def _silent(_done: int, _total: int) -> None:
    """Report to nobody."""


def _never() -> bool:
    return False
