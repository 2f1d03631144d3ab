"""What a cohort run has to do: tasks that travel to workers, what workers send back. Imports no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gmic_core.exam.image_key import file_stamp
from gmic_core.exam.model import MammoImage, ScanResult
from gmic_core.inference.document import image_indices
from gmic_core.inference.execution.modes import ModeChoice

OUTPUT_NAMES = ("predictions.csv", "results.json", "journal.jsonl", "UNTRAINED.txt", "SIMULATED.txt")
"""What a run writes into its folder, beside the maps in ``saliency``."""
AHEAD_BYTES = 128 << 20
"""Of decoded frames that a worker holds of one image; it holds the current one's and the next one's."""


@dataclass(frozen=True)
class RunOptions:
    """Everything about a run that reaches a worker, the same for all images.

    Attributes
    ----------
    device : ``auto``, ``cpu`` or ``cuda``.
    mode : as it was asked for; what came of it is in each result.
    augmentations : windows of test-time augmentation; 0: the plain window alone.
    verify : run each image again with the plain modules on the CPU and note what differs.
    threads : of torch in one worker.
    ahead_bytes : frames of the next image that are decoded ahead may take so much.
    """

    device: str = "auto"
    mode: ModeChoice = "auto"
    augmentations: int = 0
    verify: bool = False
    threads: int = 1
    ahead_bytes: int = AHEAD_BYTES

    @property
    def numbers(self) -> str:
        """What a result depends on beside image, network and weights; results of other ``numbers`` are not kept."""
        parts = [f"{self.mode} mode"]
        parts += [f"{self.augmentations} augmentations"] * (self.augmentations > 0) + ["verified"] * self.verify
        return ", ".join(parts)


@dataclass(frozen=True)
class Task:
    """One image for one network and its weights.

    Attributes
    ----------
    position : of the image in the tables, 0-based; what the task is called by.
    index : ``image_index`` in the tables.
    refs : weights; several make an ensemble.
    stamp : of the image's files when they were scanned.
    """

    position: int
    image: MammoImage
    index: str
    study_uid: str
    model: str
    refs: tuple[str, ...]
    stamp: str


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes
    ----------
    entry : of ``results.json``, without NaN; None when there is no result.
    maps : saliency of each class as the content of a file.
    reason : why there is no result.
    passing : whether the reason may be gone next time (the worker died, memory was short): it is tried again then.
    """

    position: int
    entry: dict[str, Any] | None = None
    maps: Mapping[str, bytes] = field(default_factory=dict)
    reason: str = ""
    passing: bool = False


@dataclass(frozen=True)
class Plan:
    """A cohort: all its images in the order of the tables, and what is to be done with them.

    Attributes
    ----------
    images, indices, studies : each image, its ``image_index`` and the study that it belongs to.
    tasks : in the order of work: network by network, so that a worker holds one system at a time.
    refused : position -> reason of images that no network takes.
    rejected : (path, reason) of input files that are no images.
    """

    images: tuple[MammoImage, ...]
    indices: tuple[str, ...]
    studies: tuple[str, ...]
    tasks: tuple[Task, ...]
    refused: Mapping[int, str]
    rejected: tuple[tuple[str, str], ...]


def make_plan(
    found: ScanResult,
    work: Sequence[tuple[MammoImage, str]],
    refused: Sequence[tuple[MammoImage, str]],
    weights: Mapping[str, Sequence[str]],
) -> Plan:
    """Return the plan for what a scan found.

    Parameters
    ----------
    work : (image, network); images whose network has no ``weights`` are not among them.
    refused : (image, reason).
    weights : references of each network.
    """
    images = [image for exam in found.exams for image in exam.images]
    studies = [exam.study_uid for exam in found.exams for _ in exam.images]
    names = image_indices(images)
    place = {image.sop_uid: position for position, image in enumerate(images)}
    tasks = [
        Task(place[uid], image, names[uid], studies[place[uid]], model, tuple(weights[model]), files_stamp(image))
        for uid, image, model in ((image.sop_uid, image, model) for image, model in work)
    ]
    order = {model: number for number, model in enumerate(weights)}
    return Plan(
        images=tuple(images),
        indices=tuple(names[image.sop_uid] for image in images),
        studies=tuple(studies),
        tasks=tuple(sorted(tasks, key=lambda task: (order[task.model], task.position))),
        refused={place[image.sop_uid]: reason for image, reason in refused},
        rejected=tuple((str(rejection.path), rejection.reason) for rejection in found.rejected),
    )


def without_outputs(found: ScanResult, out: Path) -> ScanResult:
    """Return what a scan found but for what earlier runs wrote, should the results lie among the images."""
    folder = out.resolve()

    def ours(path: Path) -> bool:
        full = path.resolve()
        return full.parent == folder / "saliency" or (full.parent == folder and full.name in OUTPUT_NAMES)

    exams = [
        replace(exam, images=tuple(image for image in exam.images if not any(map(ours, image.files))))
        for exam in found.exams
    ]
    rejected = tuple(rejection for rejection in found.rejected if not ours(rejection.path))
    return ScanResult(tuple(exam for exam in exams if exam.images), rejected)


def files_stamp(image: MammoImage) -> str:
    """Return a digest of the sizes and times of an image's files; equal ones mean equal pixels, on any machine."""
    stamps = ";".join(file_stamp(path) for path in image.source.paths)
    return hashlib.blake2b(stamps.encode(), digest_size=16).hexdigest()
