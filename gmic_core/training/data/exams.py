"""Images of a folder of exams as training samples, prepared exactly as for inference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gmic_core.errors import GmicError, TrainingError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.reader import Reader
from gmic_core.inference.slices import check_side, frames_ahead, project
from gmic_core.models.registry import ModelSpec
from gmic_core.preprocessing import Moments, WindowPlan, plan_window
from gmic_core.preprocessing.augment import WINDOW_NOISE, augmented, take_window
from gmic_core.training.data.exam_folder import LabelledFile
from gmic_core.training.samples import Sample


@dataclass(frozen=True)
class WindowNoise:
    """How the window of a training image is varied, in pixels (papers: 100 each).

    Attributes
    ----------
    depth : most slices of a volume, a random run of them in training, the middle ones otherwise; 0: all.
    """

    position: int = WINDOW_NOISE
    size: int = WINDOW_NOISE
    depth: int = 0


class ExamSamples:
    """A :class:`~gmic_core.training.samples.SampleSource` over labelled files. Thread-safe.

    Where the breast lies is found once per image, on its first use, and kept.
    """

    def __init__(
        self, images: Sequence[LabelledFile], spec: ModelSpec, reader: Reader, noise: WindowNoise | None = None
    ) -> None:
        self._images, self._spec, self._reader = tuple(images), spec, reader
        self._noise = noise or WindowNoise()
        self._plans: dict[int, WindowPlan] = {}
        self._moments: dict[int, Moments] = {}

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def labels(self, i: int) -> tuple[int, int]:
        """Return (benign, malignant)."""
        return self._images[i].label.labels

    def load(self, i: int, rng: np.random.Generator | None) -> Sample:
        """Return image ``i``, in a random window where there is a generator.

        Raises
        ------
        TrainingError
            Naming the file that cannot be read or prepared.
        """
        one = self._images[i]
        try:
            plan = self._plan(i)
            noise = self._noise
            window = None if rng is None else augmented(plan, one.image.view, rng, noise.position, noise.size)
            chosen = self._slices(one.image, rng)
            cuts = self._cut(one.image, chosen, lambda frame: take_window(plan, frame, window))
            moments = self._sums(i, plan) if len(chosen) < one.image.frames else _sums_of(cuts)
        except GmicError as error:
            raise TrainingError(f"{one.file} ({one.image_id}) cannot be used: {error}") from error
        pixels = np.stack([moments.apply(cut) for cut in cuts])  # (slices, rows, columns)
        benign, malignant = one.label.labels
        return Sample(one.image_id, torch.from_numpy(pixels), (float(benign), float(malignant)), one.label.birads)

    def _plan(self, i: int) -> WindowPlan:
        """Return where the window of an image lies; found on first use (twice at worst, with the same result)."""
        if i not in self._plans:
            image = self._images[i].image
            check_side(image, self._reader.read(image, image.frames // 2))
            levels, highest = project(image, self._reader, _silent)
            self._plans[i] = plan_window(highest, levels, image, self._spec)
        return self._plans[i]

    def _slices(self, image: MammoImage, rng: np.random.Generator | None) -> range:
        frames, depth = image.frames, self._noise.depth
        if depth == 0 or depth >= frames:
            return range(frames)
        start = (frames - depth) // 2 if rng is None else int(rng.integers(frames - depth + 1))
        return range(start, start + depth)

    def _cut(
        self, image: MammoImage, slices: range, take: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        return [take(frame) for _, frame in frames_ahead(image, self._reader, slices)]

    def _sums(self, i: int, plan: WindowPlan) -> Moments:
        """Return the sums over all slices: a part of a volume is standardised like the whole."""
        if i not in self._moments:
            image = self._images[i].image
            frames = frames_ahead(image, self._reader, range(image.frames))
            self._moments[i] = _sums_of(plan.take(frame) for _, frame in frames)
        return self._moments[i]


def _sums_of(cuts: Iterable[npt.NDArray[Any]]) -> Moments:
    moments = Moments()
    for cut in cuts:
        moments = moments.plus(cut)
    return moments


def turned(patches: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return patches (n, channels, side, side), each turned by 0, 90, 180 or 270 degrees (GMIC paper, 3.1; 2D)."""
    turns = rng.integers(4, size=len(patches))
    return torch.stack([torch.rot90(patch, int(turn), (1, 2)) for patch, turn in zip(patches, turns, strict=True)])


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Report to nobody."""
