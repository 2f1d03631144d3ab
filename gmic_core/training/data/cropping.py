"""Crops of one labelled image: around its findings and of its background, as a network would see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gmic_core.errors import TrainingError
from gmic_core.exam.model import MammoImage
from gmic_core.models.registry import ModelSpec
from gmic_core.preprocessing import Moments, PixelLevels, Projection, WindowPlan, plan_window
from gmic_core.training.data.store import CELL, SHADOW, Crop, Seen, Where
from gmic_core.training.data.windows import take_labels

Cut = tuple[Crop, npt.NDArray[np.uint16], npt.NDArray[np.uint8]]

NEAR_SLICES = 1
"""A finding's label reaches this many slices beyond its truth: there it is still in focus."""
MIN_CELLS = 3
"""Label cells below which a finding is only touched by a crop."""


class Slices(Protocol):
    """The slices of one image, an array (slices, rows, columns) or what makes them one by one."""

    def __getitem__(self, slice_index: int, /) -> npt.NDArray[Any]:
        """Return (rows, columns)."""


@dataclass(frozen=True)
class LabelledImage:
    """One image with its truth; frames and labels turned as stored.

    Attributes
    ----------
    frames : stored values.
    labels : uint8 finding numbers, 0 where there is none.
    reach : by finding number, the first and last slice of its truth.
    """

    image: MammoImage
    frames: Slices
    labels: Slices
    reach: dict[int, tuple[int, int]]


@dataclass(frozen=True)
class CropOptions:
    """What is cut from one image.

    Attributes
    ----------
    side : pixels of a crop, a multiple of 4.
    per_finding : crops of each finding in a volume, of different slices.
    per_finding_2d : the same in a 2D image, where they differ only in what else they show.
    background : crops of edges and other tissue.
    depth : slices on either side of a finding's middle that crops may come from.
    """

    side: int = 512
    per_finding: int = 6
    per_finding_2d: int = 2
    background: int = 10
    depth: int = 4

    def __post_init__(self) -> None:
        """Check the side."""
        if self.side % CELL or self.side <= 0:
            raise TrainingError(f"The side of a crop must be a multiple of {CELL}, not {self.side}.")


def plan_frames(labelled: LabelledImage, spec: ModelSpec) -> tuple[WindowPlan, npt.NDArray[Any]]:
    """Return the window that inference would use, and the maximum projection inside it."""
    projection = Projection(PixelLevels.of(labelled.image.pixel))
    for number in range(labelled.image.frames):
        projection.add(labelled.frames[number])
    levels, highest = projection.finish()
    plan = plan_window(highest, levels, labelled.image, spec)
    neutral = WindowPlan(plan.window, PixelLevels(), plan.scale, plan.crop_box, plan.outside_fraction)
    return plan, neutral.take(highest)  # the levels were applied already


def window_moments(labelled: LabelledImage, plan: WindowPlan) -> Moments:
    """Return the sums over the windows of all slices: what inference standardises with."""
    moments = Moments()
    for number in range(labelled.image.frames):
        moments = moments.plus(plan.take(labelled.frames[number]))
    return moments


class BaseCutter:
    """What cutting patches and cutting volumes have in common: the window, its sums, the breast and its findings."""

    def __init__(self, labelled: LabelledImage, spec: ModelSpec, rng: np.random.Generator) -> None:
        self._labelled, self._rng = labelled, rng
        self._plan, highest = plan_frames(labelled, spec)
        self._moments = window_moments(labelled, self._plan)
        self._breast = highest > spec.mask_threshold
        self._flat = self._flat_labels()

    def _stored(self, k: int, box: tuple[slice, slice]) -> npt.NDArray[np.uint16]:
        """Return grey levels of a part of a slice's window; resampled ones are rounded."""
        pixels = self._plan.take(self._labelled.frames[k])[box]
        rounded: npt.NDArray[np.uint16] = np.clip(np.round(pixels), 0, np.iinfo(np.uint16).max).astype(np.uint16)
        return rounded

    def _about(self, k: int, row: int, column: int, where: Where) -> dict[str, Any]:
        """Return what a crop of this image says about itself, but for its findings."""
        image, moments = self._labelled.image, self._moments
        return {
            "modality": str(image.modality),
            "laterality": str(image.laterality),
            "view": str(image.view),
            "slice_index": k,
            "row": row,
            "column": column,
            "where": where,
            "count": moments.count,
            "total": moments.total,
            "squares": moments.squares,
        }

    def _flat_labels(self) -> npt.NDArray[np.uint8]:
        """Return where any slice has a finding, in the window: its number, (rows, columns)."""
        flat = np.zeros(self._breast.shape, np.uint8)
        first = min((low for low, _ in self._labelled.reach.values()), default=0)
        last = max((high for _, high in self._labelled.reach.values()), default=-1)
        for number in range(first, last + 1):
            np.maximum(flat, take_labels(self._plan, self._labelled.labels[number]), out=flat)
        return flat


class Cropper(BaseCutter):
    """Cuts crops of one image; the same generator gives the same crops."""

    def __init__(
        self, labelled: LabelledImage, spec: ModelSpec, options: CropOptions, rng: np.random.Generator
    ) -> None:
        super().__init__(labelled, spec, rng)
        self._options = options
        if options.side > min(self._breast.shape):
            raise TrainingError(
                f"Crops of {options.side} pixels do not fit into the network's window of {self._breast.shape[0]}x"
                f"{self._breast.shape[1]}; choose smaller ones."
            )

    def crops(self) -> list[Cut]:
        """Return all crops of the image."""
        wanted = [place for number in sorted(self._labelled.reach) for place in self._finding_places(number)]
        wanted += self._background_places()
        return [self._cut(*place) for place in wanted]

    def _finding_places(self, number: int) -> list[tuple[int, int, int, Where]]:
        """Return (slice, row and column of the crop's middle, why) of the crops of one finding."""
        first, last = self._labelled.reach[number]
        middle = (first + last) // 2
        depth = self._options.depth
        slices = np.arange(
            max(first - NEAR_SLICES, middle - depth, 0),
            min(last + NEAR_SLICES, middle + depth, self._labelled.image.frames - 1) + 1,
        )
        where = np.argwhere(self._flat == number)
        if not len(where) or not len(slices):
            return []  # outside the window: a network never sees it
        centre = where.mean(axis=0)
        count = self._options.per_finding if self._labelled.image.frames > 1 else self._options.per_finding_2d
        chosen = self._rng.permutation(slices)[:count]
        chosen = np.resize(chosen, count)  # fewer slices than crops: several crops of one slice, elsewhere
        offsets = self._rng.uniform(-self._options.side / 4, self._options.side / 4, (count, 2))
        return [
            (int(k), round(centre[0] + dy), round(centre[1] + dx), "finding")
            for k, (dy, dx) in zip(chosen, offsets, strict=True)
        ]

    def _background_places(self) -> list[tuple[int, int, int, Where]]:
        """Return places of background: half along the breast's edge, half anywhere in it, in any slice."""
        inside = np.argwhere(self._breast)
        if not len(inside):
            return []
        places: list[tuple[int, int, int, Where]] = []
        for number in range(self._options.background):
            k = int(self._rng.integers(self._labelled.image.frames))
            if number % 2:
                row, column = inside[int(self._rng.integers(len(inside)))]
                places.append((k, int(row), int(column), "tissue"))
            else:
                places.append((k, *self._edge_place(inside), "edge"))
        return places

    def _edge_place(self, inside: npt.NDArray[np.intp]) -> tuple[int, int]:
        """Return a point on the skin line, at the nipple, or on the chest wall's upper part (pectoral border)."""
        choice = self._rng.random()
        rows = np.flatnonzero(self._breast.any(axis=1))
        if choice < 0.25:
            row, column = inside[int(np.argmax(inside[:, 1]))]  # furthest from the chest wall: the nipple
            return int(row), int(column)
        row = int(rows[int(self._rng.integers(len(rows)))])
        columns = np.flatnonzero(self._breast[row])
        if choice < 0.75:
            return row, int(columns[-1])
        upper = int(rows[int(self._rng.integers(max(len(rows) // 2, 1)))])
        reach = np.flatnonzero(self._breast[upper])
        return upper, int(reach[int(self._rng.integers(max(len(reach) // 2, 1)))])

    def _cut(self, k: int, row: int, column: int, where: Where) -> Cut:
        side = self._options.side
        height, width = self._breast.shape
        top, left = min(max(row - side // 2, 0), height - side), min(max(column - side // 2, 0), width - side)
        box = slice(top, top + side), slice(left, left + side)
        cells = self._cells(k, box)
        shadow = int(np.count_nonzero(cells == SHADOW))
        crop = Crop(**self._about(k, top, left, where), seen=seen_in(cells), shadow=shadow)
        return crop, self._stored(k, box), cells

    def _cells(self, k: int, box: tuple[slice, slice]) -> npt.NDArray[np.uint8]:
        """Return the label map of a crop: findings near the slice by number, others' blur as shadow."""
        last = self._labelled.image.frames - 1
        near = np.zeros((self._options.side, self._options.side), np.uint8)
        for slice_index in range(max(k - NEAR_SLICES, 0), min(k + NEAR_SLICES, last) + 1):
            if any(low <= slice_index <= high for low, high in self._labelled.reach.values()):
                np.maximum(near, take_labels(self._plan, self._labelled.labels[slice_index])[box], out=near)
        labels = coarse(near)
        labels[(labels == 0) & (coarse(self._flat[box]) > 0)] = SHADOW
        for seen in seen_in(labels):
            if seen.cells < MIN_CELLS:
                labels[labels == seen.number] = SHADOW
        return labels


def coarse(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return labels in cells of 4 x 4 pixels: the largest number in each, so that nothing fine is lost."""
    rows, columns = labels.shape
    coarse: npt.NDArray[np.uint8] = labels.reshape(rows // CELL, CELL, columns // CELL, CELL).max(axis=(1, 3))
    return coarse


def seen_in(labels: npt.NDArray[np.uint8]) -> tuple[Seen, ...]:
    """Return the findings of a label map, where and how large."""
    found = []
    for number in np.unique(labels):
        if number in (0, SHADOW):
            continue
        rows, columns = np.nonzero(labels == number)
        found.append(Seen(int(number), len(rows), float(rows.mean()), float(columns.mean())))
    return tuple(found)
