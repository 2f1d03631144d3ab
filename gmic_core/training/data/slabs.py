"""Short volumes and whole images of one labelled image, with the labels of what is in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import TrainingError
from gmic_core.models.registry import ModelSpec
from gmic_core.training.data.cropping import BaseCutter, Cut, LabelledImage, coarse, seen_in
from gmic_core.training.data.store import CELL, Crop, Where
from gmic_core.training.data.windows import take_labels


@dataclass(frozen=True)
class SlabOptions:
    """Which parts of an image are kept.

    Attributes
    ----------
    slices, rows, columns : size of a part; 0 takes all slices, the whole window. 2D images have one slice.
    per_finding : parts around each finding.
    background : parts around a random point of the breast; they may hold findings too, and are labelled so.
    """

    slices: int = 24
    rows: int = 1024
    columns: int = 768
    per_finding: int = 1
    background: int = 2

    def __post_init__(self) -> None:
        """Check the sizes."""
        if self.rows % CELL or self.columns % CELL or min(self.slices, self.rows, self.columns) < 0:
            raise TrainingError(
                f"Rows and columns of a volume must be multiples of {CELL}, not {self.rows}x{self.columns}; "
                "0 takes the whole window."
            )

    @property
    def whole(self) -> bool:
        """Whether every image gives one part: all of it."""
        return not (self.slices or self.rows or self.columns)


class SlabCutter(BaseCutter):
    """Cuts parts of one image; the same generator gives the same parts."""

    def __init__(
        self, labelled: LabelledImage, spec: ModelSpec, options: SlabOptions, rng: np.random.Generator
    ) -> None:
        super().__init__(labelled, spec, rng)
        frames, (height, width) = labelled.image.frames, self._breast.shape
        self._options = options
        self._size = (
            min(options.slices or frames, frames),
            min(options.rows or height, height) // CELL * CELL,
            min(options.columns or width, width) // CELL * CELL,
        )

    def crops(self) -> list[Cut]:
        """Return all parts of the image."""
        size = self._size
        if size == (self._labelled.image.frames, *(edge // CELL * CELL for edge in self._breast.shape)):
            return [self._slab((0, 0, 0), "tissue")]
        corners: list[tuple[tuple[int, int, int], Where]] = []
        for number, (first, last) in sorted(self._labelled.reach.items()):
            where = np.argwhere(self._flat == number)
            if len(where):
                middle = ((first + last) // 2, *where.mean(axis=0))
                corners += [(self._corner(middle), "finding") for _ in range(self._options.per_finding)]
        inside = np.argwhere(self._breast)
        for _ in range(self._options.background if len(inside) else 0):
            row, column = inside[int(self._rng.integers(len(inside)))]
            k = int(self._rng.integers(self._labelled.image.frames))
            corners.append((self._corner((k, row, column)), "tissue"))
        return [self._slab(corner, where_from) for corner, where_from in corners]

    def _corner(self, middle: tuple[float, float, float]) -> tuple[int, int, int]:
        """Return the first slice, row and column of a part around a point, which lies anywhere in its middle half."""
        limits = (self._labelled.image.frames, *self._breast.shape)
        corner = []
        for point, size, limit in zip(middle, self._size, limits, strict=True):
            start = point - size / 2 + self._rng.uniform(-size / 4, size / 4)
            corner.append(int(np.clip(round(start), 0, limit - size)))
        return corner[0], corner[1], corner[2]

    def _slab(self, corner: tuple[int, int, int], where: Where) -> Cut:
        k, top, left = corner
        depth, rows, columns = self._size
        box = slice(top, top + rows), slice(left, left + columns)
        pixels = np.stack([self._stored(number, box) for number in range(k, k + depth)])  # (slices, rows, columns)
        flat: npt.NDArray[np.uint8] = np.zeros((rows, columns), np.uint8)
        for number in range(k, k + depth):
            if any(low <= number <= high for low, high in self._labelled.reach.values()):
                np.maximum(flat, take_labels(self._plan, self._labelled.labels[number])[box], out=flat)
        cells = coarse(flat)
        crop = Crop(**self._about(k, top, left, where), seen=seen_in(cells), shadow=0)
        return crop, pixels, cells
