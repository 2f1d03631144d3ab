"""One decoded image in memory, and what hands its frames to the product's engine."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from gmic_core.inference.reader import Frame
from gmic_core.inference.slices import project
from gmic_core.models.registry import ModelSpec
from gmic_core.preprocessing import plan_window


@dataclass(frozen=True)
class Decoded:
    """An image and the stored values of its frames, uint16 (slices, rows, columns): a Reader that decodes nothing."""

    image: MammoImage
    frames: npt.NDArray[np.uint16]

    def read(self, image: MammoImage, slice_index: int) -> Frame:
        """Return (rows, columns)."""
        del image
        return self.frames[slice_index]

    def submit(self, image: MammoImage, slice_index: int) -> Future[Frame]:
        """Return (rows, columns), at once."""
        future: Future[Frame] = Future()
        future.set_result(self.read(image, slice_index))
        return future

    def first(self, count: int) -> Decoded:
        """Return the first slices only."""
        return Decoded(replace(self.image, frames=count), self.frames[:count])

    def windows(self, spec: ModelSpec) -> npt.NDArray[np.uint16]:
        """Return the network's window of every slice as stored values, (slices, rows, columns), facing right."""
        levels, projection = project(self.image, self, lambda *_: None)
        plan = plan_window(projection, levels, self.image, spec)
        return np.stack([plan.take(frame) for frame in self.frames])


def image_in(path: Path) -> MammoImage:
    """Return the only image of a file."""
    return scan([path]).exams[0].images[0]


def decode(path: Path) -> Decoded:
    """Read and decode all frames of a file."""
    image = image_in(path)
    with FrameReader() as reader:
        waiting = [reader.submit(image, index) for index in range(image.frames)]
        return Decoded(image, np.stack([each.result() for each in waiting]))
