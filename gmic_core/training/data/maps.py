"""Slices with the place of every finding, for the stage ``maps``: drawn from a store of slices."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from gmic_core.errors import TrainingError
from gmic_core.training.data.store import CELL, SHADOW, StoredBreast, open_store

NOTHING, BENIGN, MALIGNANT, UNSURE = 0, 1, 2, 255
"""Codes of label cells: UNSURE is out-of-plane blur."""


@dataclass(frozen=True)
class MapBatch:
    """Slices of one size.

    Attributes
    ----------
    pixels : float32 (n, 1, rows, columns), standardised.
    codes : uint8 (n, rows / 4, columns / 4), one of the codes above.
    names : of the slices, for messages.
    """

    pixels: torch.Tensor
    codes: torch.Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class MapOptions:
    """How slices are drawn.

    Attributes
    ----------
    side : rows and columns of a crop; 0: the whole window.
    batch_size, batches : slices per batch, batches per epoch.
    finding_share : share of slices (crops) that hold a finding.
    gain, offset : largest change of contrast (relative) and brightness (standard deviations).
    augment : mirrored top to bottom by chance (crops also left to right), contrast and brightness changed.
    """

    side: int = 0
    batch_size: int = 2
    batches: int = 100
    finding_share: float = 0.75
    gain: float = 0.12
    offset: float = 0.12
    augment: bool = True


_Place = tuple[StoredBreast, int]
"""A breast, and the number of one of its crops."""


class MapSource:
    """Draws slices (2D images) of some modalities from a store of slices.

    Parameters
    ----------
    seeds : breasts wanted; None takes all.

    Raises
    ------
    TrainingError
        If the store is damaged, or holds no slice with or without a finding.
    """

    def __init__(
        self, store: Path, modalities: tuple[str, ...], options: MapOptions, seeds: Collection[int] | None = None
    ) -> None:
        self.options = options
        self._groups: dict[str, dict[str, list[_Place]]] = {name: {} for name in modalities}
        self._plain: dict[str, list[_Place]] = {name: [] for name in modalities}
        for breast in open_store(store, seeds):
            for number, crop in enumerate(breast.crops):
                if crop.modality not in modalities:
                    continue
                groups = self._groups[crop.modality]
                for kind in sorted({breast.finding(seen.number).kind for seen in crop.seen}):
                    groups.setdefault(kind, []).append((breast, number))
                if not crop.seen:
                    self._plain[crop.modality].append((breast, number))
        missing = [name for name in modalities if not self._groups[name] or not self._plain[name]]
        if missing:
            raise TrainingError(
                f"{store} needs {' and '.join(missing)} slices with findings and without; "
                "make more breasts for it first."
            )

    def epoch(self, rng: np.random.Generator) -> Iterator[MapBatch]:
        """Yield the batches of one epoch; the same generator gives the same batches."""
        names = list(self._groups)
        for _ in range(self.options.batches):
            # the images of a batch have one modality, because each has a window of its own size
            name = names[int(rng.integers(len(names)))] if len(names) > 1 else names[0]
            drawn = [self._draw(name, rng) for _ in range(self.options.batch_size)]
            yield _joined([self._slice(*one, rng) for one in drawn])

    def every(self, most: int) -> Iterator[MapBatch]:
        """Yield single slices, whole and unchanged, evenly taken from all: for validation."""
        kinds = [group for groups in self._groups.values() for group in groups.values()]
        everything = list({(b.seed, n): (b, n) for group in kinds for b, n in group}.values())
        plain = [place for places in self._plain.values() for place in places]
        chosen = _evenly(everything, most // 2) + _evenly(plain, most - most // 2)
        for breast, number in chosen:
            pixels, codes = _read(breast, number)
            yield _joined([(pixels, codes, _name(breast, number))])

    def _draw(self, modality: str, rng: np.random.Generator) -> tuple[StoredBreast, int, str | None]:
        """Return a slice, and the kind of finding it was drawn for: every kind equally often."""
        if rng.random() < self.options.finding_share:
            groups = self._groups[modality]
            kind = sorted(groups)[int(rng.integers(len(groups)))]
            breast, number = groups[kind][int(rng.integers(len(groups[kind])))]
            return breast, number, kind
        plain = self._plain[modality]
        breast, number = plain[int(rng.integers(len(plain)))]
        return breast, number, None

    def _slice(
        self, breast: StoredBreast, number: int, kind: str | None, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], str]:
        pixels, codes = _read(breast, number, self._box(breast, number, kind, rng))
        if self.options.augment:
            if rng.random() < 0.5:
                pixels, codes = pixels[::-1], codes[::-1]
            if self.options.side and rng.random() < 0.5:
                pixels, codes = pixels[:, ::-1], codes[:, ::-1]
            gain = np.float32(1.0 + rng.uniform(-self.options.gain, self.options.gain))
            pixels = pixels * gain + np.float32(rng.uniform(-self.options.offset, self.options.offset))
        return pixels, codes, _name(breast, number)

    def _box(
        self, breast: StoredBreast, number: int, kind: str | None, rng: np.random.Generator
    ) -> tuple[slice, slice] | None:
        """Return label cells of a crop that holds a finding of a kind, or any part of the breast."""
        if not self.options.side:
            return None
        labels = breast.labels(number)
        size = np.array([min(self.options.side // CELL, edge) for edge in labels.shape])
        seen = [one for one in breast.crops[number].seen if breast.finding(one.number).kind == kind]
        if seen:
            one = seen[int(rng.integers(len(seen)))]
            middle = np.array([one.row, one.column]) + rng.uniform(-0.35, 0.35, 2) * size
        else:
            # three quarters of the window are enough: the breast lies on its left
            middle = rng.random(2) * np.array(labels.shape) * (1.0, 0.75)
        row, column = np.clip(np.round(middle - size / 2), 0, np.array(labels.shape) - size).astype(int)
        return slice(row, row + size[0]), slice(column, column + size[1])


def _read(
    breast: StoredBreast, number: int, box: tuple[slice, slice] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    rows, columns = box or (slice(None), slice(None))
    labels = np.asarray(breast.labels(number)[rows, columns])
    stored = breast.pixels(number)
    if box is not None:
        stored = stored[rows.start * CELL : rows.stop * CELL, columns.start * CELL : columns.stop * CELL]
    codes = np.zeros(labels.shape, np.uint8)
    for label in np.unique(labels):
        if label == SHADOW:
            codes[labels == label] = UNSURE
        elif label:
            codes[labels == label] = MALIGNANT if breast.finding(int(label)).malignant else BENIGN
    return breast.crops[number].moments.apply(np.asarray(stored)), codes


def _joined(drawn: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], str]]) -> MapBatch:
    pixels, codes, names = zip(*drawn, strict=True)
    return MapBatch(torch.from_numpy(np.stack(pixels)[:, None]), torch.from_numpy(np.stack(codes)), tuple(names))


def _evenly(items: list[tuple[StoredBreast, int]], most: int) -> list[tuple[StoredBreast, int]]:
    if len(items) <= most:
        return items
    return [items[int(place)] for place in np.linspace(0, len(items) - 1, most)]


def _name(breast: StoredBreast, number: int) -> str:
    return f"{breast.folder.name} slice {breast.crops[number].slice_index}"
