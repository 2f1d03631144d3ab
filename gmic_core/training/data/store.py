"""A store of crops on disk: one folder per breast, complete or absent.

    STORE/manifest.json               what the store was made with; another making must ask for the same
    STORE/breast-000017/crops.json    what the crops are (:class:`Crop`) and the breast's findings
    STORE/breast-000017/pixels-DBT.npy    uint16 (crops, rows, columns) or (crops, slices, rows, columns), facing right
    STORE/breast-000017/labels-DBT.npy    uint8 (crops, rows / 4, columns / 4), see :data:`SHADOW`

Crops are cut from the window that a network would see, at its pixel size, and carry the sums of that whole window, so
that a crop is standardised as the network would see it in its place.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gmic_core.errors import TrainingError
from gmic_core.preprocessing.normalise import Moments

CELL = 4
"""Side in pixels of one cell of a label map."""
SHADOW = 255
"""Label of cells that hold only the out-of-plane blur of a finding: neither the finding nor background."""
MANIFEST = "manifest.json"
FORMAT = 1

Where = Literal["finding", "edge", "tissue"]
"""What a crop was cut for: a finding, the breast's edge (skin, nipple, pectoral border), or anything else."""

_OPEN_ARRAYS = 128  # a mapped array holds a file descriptor; a thousand breasts must not use them up


@dataclass(frozen=True)
class StoredFinding:
    """One finding of a breast; ``number`` is its label in the label maps, from 1."""

    number: int
    kind: str
    malignant: bool


@dataclass(frozen=True)
class Seen:
    """A finding in one crop: how many label cells it has there and where their middle is (cells)."""

    number: int
    cells: int
    row: float
    column: float


@dataclass(frozen=True)
class Crop:
    """One crop of one image.

    Attributes
    ----------
    slice_index : 0 in 2D images.
    row, column : of the crop's first pixel in the network's window; negative where it reaches outside.
    count, total, squares : sums over the pixels of the whole window (volumes: of all slices).
    seen : the findings in it.
    shadow : cells of :data:`SHADOW`.
    """

    modality: str
    laterality: str
    view: str
    slice_index: int
    row: int
    column: int
    where: Where
    count: int
    total: float
    squares: float
    seen: tuple[Seen, ...]
    shadow: int

    @property
    def moments(self) -> Moments:
        """What the crop is standardised with."""
        return Moments(self.count, self.total, self.squares)


@dataclass(frozen=True)
class StoredBreast:
    """One breast of a store."""

    folder: Path
    seed: int
    density: str
    findings: tuple[StoredFinding, ...]
    crops: tuple[Crop, ...]

    def pixels(self, number: int) -> npt.NDArray[np.uint16]:
        """Return a crop, (rows, columns) or (slices, rows, columns), mapped from the file."""
        crop: npt.NDArray[np.uint16] = self._part("pixels", number)
        return crop

    def labels(self, number: int) -> npt.NDArray[np.uint8]:
        """Return a label map, (rows / 4, columns / 4), mapped from the file."""
        labels: npt.NDArray[np.uint8] = self._part("labels", number)
        return labels

    def _part(self, what: str, number: int) -> npt.NDArray[Any]:
        modality = self.crops[number].modality
        place = sum(crop.modality == modality for crop in self.crops[:number])
        part: npt.NDArray[Any] = _mapped(self.folder / f"{what}-{modality}.npy")[place]
        return part

    def finding(self, number: int) -> StoredFinding:
        """Return the finding with a label number."""
        return next(finding for finding in self.findings if finding.number == number)


@lru_cache(maxsize=_OPEN_ARRAYS)
def _mapped(path: Path) -> npt.NDArray[Any]:
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path.parent.name}/{path.name} is damaged ({error}); delete the folder {path.parent.name} "
            "and make it again."
        ) from error
    return array


def breast_folder(store: Path, number: int) -> Path:
    """Return the folder of a breast in a store."""
    return store / f"breast-{number:06d}"


def write_breast(
    store: Path,
    seed: int,
    density: str,
    findings: tuple[StoredFinding, ...],
    crops: list[tuple[Crop, npt.NDArray[np.uint16], npt.NDArray[np.uint8]]],
) -> Path:
    """Write one breast; its folder appears under its name only when it is complete."""
    folder = breast_folder(store, seed)
    partial = store / f".{folder.name}.{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)  # left by a process of the same number that was killed
    partial.mkdir(parents=True)
    try:
        for modality in sorted({crop.modality for crop, _, _ in crops}):
            cut = [(pixels, labels) for crop, pixels, labels in crops if crop.modality == modality]
            np.save(partial / f"pixels-{modality}.npy", np.stack([pixels for pixels, _ in cut]))
            np.save(partial / f"labels-{modality}.npy", np.stack([labels for _, labels in cut]))
        content = {
            "seed": seed,
            "density": density,
            "findings": [asdict(finding) for finding in findings],
            "crops": [asdict(crop) for crop, _, _ in crops],
        }
        (partial / "crops.json").write_text(json.dumps(content), encoding="utf-8")
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process has made the same breast meanwhile
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def start_store(store: Path, options: Mapping[str, object]) -> None:
    """Make the folder and record what it is made with; a store that was begun before must have been the same.

    Raises
    ------
    TrainingError
        If the folder holds a store made with other options.
    """
    store.mkdir(parents=True, exist_ok=True)
    wanted = json.loads(json.dumps({"format": FORMAT, **options}))
    path = store / MANIFEST
    if path.is_file():
        present = read_manifest(store)
        different = sorted(key for key in wanted if key != "seeds" and present.get(key) != wanted[key])
        if different:
            raise TrainingError(
                f"{store} holds digital breasts made with another {', '.join(different)}; choose a new folder."
            )
        seeds = present.get("seeds", [])
        wanted["seeds"] = seeds + [one for one in wanted.get("seeds", []) if one not in seeds]
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def read_manifest(store: Path) -> dict[str, Any]:
    """Return what a store was made with.

    Raises
    ------
    TrainingError
        If the folder is no store.
    """
    path = store / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TrainingError(f"{store} is no store of digital breasts: {MANIFEST} is missing; make it first.") from error
    except ValueError as error:
        raise TrainingError(f"{path} is damaged ({error}); make the store again.") from error
    if content.get("format") != FORMAT:
        raise TrainingError(f"{path} was written by another version of this program; make the store again.")
    return content


def open_store(store: Path, seeds: Collection[int] | None = None) -> tuple[StoredBreast, ...]:
    """Return the complete breasts of a store, in the order of their seeds.

    Parameters
    ----------
    seeds : only these: an experiment says which breasts it learns from, whatever else a store has; None: all.

    Raises
    ------
    TrainingError
        If there is none, or one is damaged.
    """
    read_manifest(store)
    folders = store.glob("breast-*") if seeds is None else (breast_folder(store, seed) for seed in seeds)
    breasts = tuple(_read_breast(folder) for folder in sorted(folders) if folder.is_dir())
    if not breasts:
        raise TrainingError(f"{store} holds no finished breast yet; let the making of it run on.")
    return breasts


def _read_breast(folder: Path) -> StoredBreast:
    path = folder / "crops.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        findings = tuple(StoredFinding(**finding) for finding in content["findings"])
        crops = tuple(_crop(crop) for crop in content["crops"])
        return StoredBreast(folder, int(content["seed"]), str(content["density"]), findings, crops)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path} is damaged ({error}); delete the folder {folder.name} and make it again."
        ) from error


def _crop(values: dict[str, Any]) -> Crop:
    seen = tuple(Seen(**one) for one in values["seen"])
    return Crop(**{**values, "seen": seen})
