"""The mini-MIAS data set: 322 digitised mammograms of 161 women, MLO only, with a circle around each finding.

J. Suckling et al., The Mammographic Image Analysis Society Digital Mammogram Database, Excerpta Medica International
Congress Series 1069 (1994) 375-378. Research only; nothing of it is part of this project. Films were digitised at
0.05 mm, reduced to 0.2 mm, and clipped or padded to 1024x1024 pixels of 8 bits. ``Info.txt`` counts y from the bottom.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from gmic_core.errors import GmicError, TrainingError
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.models.registry import ModelSpec
from gmic_core.preprocessing import Moments, PixelLevels, WindowPlan, plan_window
from gmic_core.preprocessing.augment import augmented, take_window
from gmic_core.training.data.exams import WindowNoise
from gmic_core.training.samples import Sample
from gmic_core.types import Laterality, Modality

SPACING_MM = 0.2
SIDE = 1024
FOLDS = 5
FOLD_SEED = 1994
IMAGES, INFO = 322, "Info.txt"

_LINE = re.compile(r"mdb(\d{3})\s+([FGD])\s+(CALC|CIRC|SPIC|MISC|ARCH|ASYM|NORM)\b(.*)")
_DIM = 20
"""Grey level below which film is background: scanned air is not quite black."""
_NECK = 12
"""Pixels of the opening that cuts label markers and strips of tape off the breast."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Circle:
    """A finding: circle in stored pixels, row 0 at the top."""

    row: int
    column: int
    radius: int
    malignant: bool
    kind: str


@dataclass(frozen=True)
class Film:
    """One image.

    Attributes
    ----------
    number : as in its name, 1..322.
    tissue : F fatty, G fatty-glandular, D dense-glandular.
    benign, malignant : whether it shows a finding of the class, with or without a circle.
    """

    number: int
    tissue: str
    benign: int
    malignant: int
    circles: tuple[Circle, ...]

    @property
    def woman(self) -> int:
        """Number of the woman, 0..160: images come in pairs."""
        return (self.number - 1) // 2

    @property
    def laterality(self) -> Laterality:
        """Side; ``Info.txt``, note 1: even numbers are left, odd ones right."""
        return Laterality.R if self.number % 2 else Laterality.L

    @property
    def name(self) -> str:
        """File name without its ending."""
        return f"mdb{self.number:03d}"


def read_info(path: Path) -> tuple[Film, ...]:
    """Read ``Info.txt``; several lines of one image are several findings.

    Raises
    ------
    TrainingError
        If the file is missing, or a line is not understood.
    """
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be read ({error.strerror}); --data must be the folder of mini-MIAS with {INFO} and png/."
        ) from error
    found: dict[int, list[tuple[int, re.Match[str]]]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        match = _LINE.match(line.strip())
        if match is not None:
            found[int(match[1])].append((number, match))
        elif line.startswith("mdb"):
            raise TrainingError(f"{path.name}, line {number}: not understood: {line.strip()[:60]!r}; restore the file.")
    if not found:
        raise TrainingError(f"{path.name} names no image; restore the file.")
    return tuple(_film(path.name, number, found[number]) for number in sorted(found))


def _film(file: str, number: int, lines: list[tuple[int, re.Match[str]]]) -> Film:
    classes: set[str] = set()
    circles: list[Circle] = []
    for line, match in lines:
        words = match[4].split()
        if match[3] == "NORM":
            continue
        if not words or words[0] not in ("B", "M"):
            raise TrainingError(f"{file}, line {line}: severity must be B or M; restore the file.")
        classes.add(words[0])
        if len(words) >= 4 and all(word.isdigit() for word in words[1:4]):
            x, y, radius = (int(word) for word in words[1:4])
            circles.append(Circle(SIDE - 1 - y, x, radius, words[0] == "M", match[3]))
    return Film(number, lines[0][1][2], int("B" in classes), int("M" in classes), tuple(circles))


def folds_of(films: Sequence[Film], folds: int = FOLDS) -> dict[int, int]:
    """Return the fold of each woman: shuffled with a fixed seed, classes dealt out evenly."""
    worst: dict[int, int] = defaultdict(int)
    for film in films:
        worst[film.woman] = max(worst[film.woman], 2 * film.malignant + film.benign)
    rng = np.random.default_rng(FOLD_SEED)
    women = [int(woman) for woman in rng.permutation(sorted(worst))]
    ordered = sorted(women, key=lambda woman: -worst[woman])  # stable: shuffled within a class
    return {woman: place % folds for place, woman in enumerate(ordered)}


def split_films(films: Sequence[Film], fold: int, folds: int = FOLDS) -> dict[str, tuple[Film, ...]]:
    """Return the images of a fold's three splits.

    ``fold`` is tested on and the next one validated on: weights are not chosen on what they are tested on.
    """
    of = folds_of(films, folds)
    names = {fold: "test", (fold + 1) % folds: "validation"}
    splits: dict[str, list[Film]] = {"training": [], "validation": [], "test": []}
    for film in films:
        splits[names.get(of[film.woman], "training")].append(film)
    return {name: tuple(chosen) for name, chosen in splits.items()}


def breast_only(pixels: Pixels) -> Pixels:
    """Return the image with everything black but the breast: no markers, no tape, no scanned background."""
    bright = np.asarray(pixels > _DIM, np.uint8)
    neck = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _NECK + 1, 2 * _NECK + 1))
    # the border counts as breast, or opening would round its corners at the chest wall
    opened = cv2.morphologyEx(
        cv2.copyMakeBorder(bright, _NECK, _NECK, _NECK, _NECK, cv2.BORDER_REPLICATE), cv2.MORPH_OPEN, neck
    )[_NECK:-_NECK, _NECK:-_NECK]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(opened), connectivity=4)
    if count < 2:
        raise TrainingError("it shows no breast")
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    mask = np.asarray(labels == largest, np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, contours, -1, 1, cv2.FILLED)  # holes: dark fat is breast too
    return np.asarray(np.where(mask > 0, np.maximum(pixels, 1), 0), np.uint8)


class MiniMiasSamples:
    """A :class:`~gmic_core.training.samples.SampleSource` over films; a film is read and cleaned once. Thread-safe."""

    def __init__(
        self, folder: Path, films: Sequence[Film], spec: ModelSpec, modality: Modality, noise: WindowNoise | None = None
    ) -> None:
        self._folder, self.films, self._spec, self._modality = folder, tuple(films), spec, modality
        self._noise = noise or WindowNoise()
        self._ready: dict[int, tuple[Pixels, WindowPlan]] = {}

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.films)

    def labels(self, i: int) -> tuple[int, int]:
        """Return (benign, malignant)."""
        return self.films[i].benign, self.films[i].malignant

    def load(self, i: int, rng: np.random.Generator | None) -> Sample:
        """Return film ``i``, in a random window where there is a generator.

        Raises
        ------
        TrainingError
            Naming the file that cannot be read or shows no breast.
        """
        film = self.films[i]
        pixels, plan = self.prepared(i)
        window = None if rng is None else augmented(plan, "MLO", rng, self._noise.position, self._noise.size)
        cut = take_window(plan, pixels, window)
        standard = Moments().plus(cut).apply(cut)[None]  # (1, rows, columns)
        return Sample(film.name, torch.from_numpy(standard), (float(film.benign), float(film.malignant)))

    def prepared(self, i: int) -> tuple[Pixels, WindowPlan]:
        """Return the cleaned pixels of film ``i`` as stored, and its window.

        Raises
        ------
        TrainingError
            Naming the file that cannot be read or shows no breast.
        """
        if i not in self._ready:
            film = self.films[i]
            path = self._folder / "png" / f"{film.name}.png"
            stored = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
            if stored is None:
                raise TrainingError(f"png/{path.name} is missing or damaged; restore it from the data set.")
            try:
                pixels = breast_only(np.asarray(stored, np.uint8))
                image = _header(film, pixels, self._modality)
                self._ready[i] = pixels, plan_window(pixels, PixelLevels.of(image.pixel), image, self._spec)
            except GmicError as error:
                raise TrainingError(f"png/{path.name} cannot be used: {error}") from error
        return self._ready[i]


def _header(film: Film, pixels: Pixels, modality: Modality) -> MammoImage:
    """Return what a header of this film would say: left breasts face right, right ones left, in all 322 films."""
    return MammoImage(
        sop_uid="",
        modality=modality,
        laterality=film.laterality,
        view="MLO",
        frames=1,
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        source=PixelSource("png", ()),
        pixel=PixelFormat(8, 8),
        spacing_mm=(SPACING_MM, SPACING_MM),
        spacing_meaning="calibrated",
    )
