"""Random patches of a store of crops, in balanced batches: what the networks are pretrained on.

The papers pretrain on BI-RADS labels of two hundred thousand exams. A digital breast has no such label, but it knows
its findings; so the global network learns patches first, as the DMV and the end-to-end papers do for theirs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch

from gmic_core.errors import TrainingError
from gmic_core.training.data.store import CELL, SHADOW, Crop, Seen, StoredBreast, open_store
from gmic_core.types import CLASSES

Category = Literal["malignant", "benign", "both", "background"]
Batch = tuple[torch.Tensor, torch.Tensor]
"""Patches float32 (n, 1, side, side), standardised, and labels float32 (n, 2), (benign, malignant)."""

CENTRAL = 0.7
"""Side of the central part of a patch, as a share of the patch's side."""
COVERED_FINDING = 0.5
"""A finding counts when this share of what the crop shows of it lies in the central part of the patch, or ..."""
COVERED_CENTRE = 0.2
"""... when it fills this share of the central part: large findings."""
LEFT_OUT_FINDING = 0.1
"""A patch that shows more of a finding than this, but not enough for its label, is drawn again."""
LEFT_OUT_SHADOW = 0.02
"""The same for out-of-plane blur, as a share of the patch."""

_PLACES = 10
_CROPS = 100


@dataclass(frozen=True)
class PatchOptions:
    """How patches are drawn.

    Attributes
    ----------
    side : pixels of a patch.
    batch_size, batches : patches per batch, batches per epoch.
    shares : how often each category is drawn: malignant, benign, both, background. What a store has no example of
        ("both" in most) goes to the others.
    hard_share : share of the background taken from the breast's edge: skin, nipple, pectoral border.
    scale : patches are magnified by a factor between these.
    gain, offset : largest change of contrast (relative) and brightness (standard deviations).
    augment : False gives patches without flips, turns, scale and intensity changes, for validation.
    """

    side: int = 256
    batch_size: int = 32
    batches: int = 100
    shares: tuple[float, float, float, float] = (0.35, 0.30, 0.05, 0.30)
    hard_share: float = 0.4
    scale: tuple[float, float] = (0.9, 1.1)
    gain: float = 0.1
    offset: float = 0.1
    augment: bool = True


@dataclass(frozen=True)
class _Target:
    """What a patch is to be drawn around: findings of one crop, or none."""

    breast: StoredBreast
    number: int
    findings: tuple[Seen, ...] = ()

    @property
    def crop(self) -> Crop:
        return self.breast.crops[self.number]


class PatchStore:
    """Draws patches of some modalities from a store: a :class:`~gmic_core.training.samples.PatchSource`.

    Parameters
    ----------
    folder : the store.
    modalities : those wanted, e.g. ``("DBT",)``; () takes all.
    seeds : breasts wanted; None takes all.

    Raises
    ------
    TrainingError
        If the store is damaged, patches do not fit into its crops, or it has no example of a class.
    """

    def __init__(
        self,
        folder: Path,
        modalities: tuple[str, ...] = (),
        options: PatchOptions | None = None,
        seeds: Collection[int] | None = None,
    ) -> None:
        self.folder = folder
        self.options = options or PatchOptions()
        self._targets: dict[Category, dict[str, list[_Target]]] = {
            "malignant": {},
            "benign": {},
            "both": {},
            "background": {},
        }
        self.breasts = open_store(folder, seeds)
        for breast in self.breasts:
            for number, crop in enumerate(breast.crops):
                if not modalities or crop.modality in modalities:
                    self._add(_Target(breast, number))
        self._check(modalities)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self.options.batches

    @property
    def counts(self) -> dict[str, int]:
        """Number of crops that each category can be drawn from."""
        return {name: sum(map(len, groups.values())) for name, groups in self._targets.items()}

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch; the same generator gives the same patches."""
        for _ in range(self.options.batches):
            yield self.batch(rng)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Return one batch of patches and labels."""
        patches, labels = zip(
            *(self.patch(self._category(rng), rng) for _ in range(self.options.batch_size)), strict=True
        )
        return torch.from_numpy(np.stack(patches)[:, None]), torch.from_numpy(np.stack(labels))

    def patch(
        self, category: Category, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return one patch (side, side) and its label (2,)."""
        for _ in range(_CROPS):
            target = self._target(category, rng)
            place = self._place(target, category, rng)
            if place is not None:
                row, column, side, label = place
                pixels = target.breast.pixels(target.number)[row : row + side, column : column + side]
                return self._finish(target.crop.moments.apply(pixels), rng), label
        raise TrainingError(
            f"No {category} patch of {self.options.side} pixels could be cut from {self.folder}; "
            "make more breasts, or larger crops."
        )

    def _add(self, target: _Target) -> None:
        """Enter a crop under every category that it can serve."""
        seen = target.crop.seen
        for finding in seen:
            stored = target.breast.finding(finding.number)
            category: Category = "malignant" if stored.malignant else "benign"
            self._enter(category, stored.kind, _Target(target.breast, target.number, (finding,)))
        self._targets_of_both(target)
        self._enter("background", "edge" if target.crop.where == "edge" else "tissue", target)

    def _targets_of_both(self, target: _Target) -> None:
        close = self.options.side / CELL * CENTRAL * 0.8
        groups: tuple[list[Seen], list[Seen]] = ([], [])
        for one in target.crop.seen:
            groups[target.breast.finding(one.number).malignant].append(one)
        for benign in groups[0]:
            for malignant in groups[1]:
                if math.hypot(benign.row - malignant.row, benign.column - malignant.column) < close:
                    self._enter("both", "both", _Target(target.breast, target.number, (benign, malignant)))

    def _enter(self, category: Category, kind: str, target: _Target) -> None:
        self._targets[category].setdefault(kind, []).append(target)

    def _check(self, modalities: tuple[str, ...]) -> None:
        which = f" of {', '.join(modalities)}" if modalities else ""
        for category in (*CLASSES, "background"):
            if not self._targets[category]:  # type: ignore[index]  # CLASSES are categories
                raise TrainingError(
                    f"{self.folder} holds no {category} crop{which}: the class is empty; make more breasts first."
                )
        side = min(self.breasts[0].pixels(0).shape)
        if math.ceil(self.options.side / self.options.scale[0]) > side:
            raise TrainingError(
                f"Patches of {self.options.side} pixels do not fit into crops of {side}; choose at most "
                f"{int(side * self.options.scale[0])}."
            )

    def _category(self, rng: np.random.Generator) -> Category:
        names = tuple(self._targets)
        shares = np.array(
            [share if self._targets[name] else 0.0 for name, share in zip(names, self.options.shares, strict=True)]
        )
        return names[int(rng.choice(len(names), p=shares / shares.sum()))]

    def _target(self, category: Category, rng: np.random.Generator) -> _Target:
        """Return a crop to cut from: findings of every kind equally often, edges in their share."""
        groups = self._targets[category]
        kinds = sorted(groups)
        if category == "background" and len(kinds) == 2:
            kind = "edge" if rng.random() < self.options.hard_share else "tissue"
        else:
            kind = kinds[int(rng.integers(len(kinds)))]
        targets = groups[kind]
        return targets[int(rng.integers(len(targets)))]

    def _place(
        self, target: _Target, category: Category, rng: np.random.Generator
    ) -> tuple[int, int, int, npt.NDArray[np.float32]] | None:
        """Return first row, first column, side and label of a patch in a crop; None where none shows the category."""
        labels = np.asarray(target.breast.labels(target.number))
        size = len(labels) * CELL
        wanted = np.array([category in ("benign", "both"), category in ("malignant", "both")], np.float32)
        for _ in range(_PLACES):
            side = self._source_side(rng)
            row, column = self._corner(target, labels, size, side, rng)
            label = self._label(target, labels, row, column, side)
            if label is not None and (label >= wanted).all() and (category != "background" or not label.any()):
                return row, column, side, label
        return None

    def _source_side(self, rng: np.random.Generator) -> int:
        low, high = self.options.scale
        return round(self.options.side / rng.uniform(low, high)) if self.options.augment else self.options.side

    def _corner(
        self, target: _Target, labels: npt.NDArray[np.uint8], size: int, side: int, rng: np.random.Generator
    ) -> tuple[int, int]:
        """Return the corner of a patch around a finding, or anywhere in the crop."""
        if not target.findings:
            row, column = rng.integers(0, size - side + 1, 2)
            return int(row), int(column)
        if len(target.findings) == 1:
            cells = np.argwhere(labels == target.findings[0].number)
            anchor = cells[int(rng.integers(len(cells)))].astype(float)
            middle = np.array([target.findings[0].row, target.findings[0].column])
            anchor = anchor if rng.random() < 0.5 else middle
        else:
            anchor = np.mean([(one.row, one.column) for one in target.findings], axis=0)
        reach = 0.5 * CENTRAL * side
        corner = (anchor + 0.5) * CELL - side / 2 + rng.uniform(-reach, reach, 2)
        row, column = np.clip(np.round(corner), 0, size - side).astype(int)
        return int(row), int(column)

    @staticmethod
    def _label(
        target: _Target, labels: npt.NDArray[np.uint8], row: int, column: int, side: int
    ) -> npt.NDArray[np.float32] | None:
        """Return (benign, malignant) of a patch; None where it shows something that its label would not say."""
        inner = side * (1 - CENTRAL) / 2
        whole = labels[_cells(row, side), _cells(column, side)]
        centre = labels[_cells(row + inner, side * CENTRAL), _cells(column + inner, side * CENTRAL)]
        label = np.zeros(len(CLASSES), np.float32)
        left_out = np.count_nonzero(whole == SHADOW) > LEFT_OUT_SHADOW * whole.size
        for seen in target.crop.seen:
            central = np.count_nonzero(centre == seen.number)
            if central >= COVERED_FINDING * seen.cells or central >= COVERED_CENTRE * centre.size:
                label[int(target.breast.finding(seen.number).malignant)] = 1.0
            elif np.count_nonzero(whole == seen.number) > LEFT_OUT_FINDING * seen.cells:
                return None
        return None if left_out and not label.any() else label

    def _finish(self, patch: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Return the patch at its side, turned, mirrored and changed in contrast by chance."""
        side = self.options.side
        if patch.shape != (side, side):
            patch = np.asarray(cv2.resize(patch, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
        if not self.options.augment:
            return patch
        patch = np.rot90(patch, int(rng.integers(4)))
        if rng.random() < 0.5:
            patch = patch[:, ::-1]
        gain = 1.0 + rng.uniform(-self.options.gain, self.options.gain)
        offset = rng.uniform(-self.options.offset, self.options.offset)
        return np.ascontiguousarray(patch * np.float32(gain) + np.float32(offset))


def _cells(start: float, length: float) -> slice:
    """Return the label cells whose middle lies in ``length`` pixels from ``start``."""
    return slice(round(start / CELL), max(round((start + length) / CELL), round(start / CELL) + 1))
