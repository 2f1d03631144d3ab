"""Simulated exams as ``gmic-core phantom --format arrays`` writes them, as training images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import DecodeError, TrainingError
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.phantom.spec import PLATES
from gmic_core.training.data.exam_folder import LabelledFile
from gmic_core.training.data.labels import BreastLabel, birads_of
from gmic_core.training.data.seeds import SEED_RANGES, split_of
from gmic_core.types import Laterality, Modality

TRUTH = "truth.json"
ARRAYS = "arrays"
BITS = {Modality.DBT: 10, Modality.S2D: 10, Modality.FFDM: 12}
PARTS = ("training",) * 7 + ("validation",) * 2 + ("test",)
"""Split of an exam whose seed lies in no range, by the last digit of its seed."""


class ArrayReader:
    """Reads slices of stored arrays; a :class:`gmic_core.inference.slices.Reader`."""

    def read(self, image: MammoImage, slice_index: int) -> npt.NDArray[Any]:
        """Return (rows, columns).

        Raises
        ------
        DecodeError
            If the file is missing, cut short or no array of the image's size.
        """
        path = image.source.paths[0]
        try:
            stored: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DecodeError(f"The file {path.name} cannot be read ({error}); make the exam again.") from error
        stored = stored if stored.ndim == 3 else stored[None]
        if stored.shape != (image.frames, image.rows, image.columns):
            raise DecodeError(f"The file {path.name} has another size than before; make the exam again.")
        frame: npt.NDArray[Any] = stored[slice_index]
        return frame

    def submit(self, image: MammoImage, slice_index: int) -> Future[npt.NDArray[Any]]:
        """Return (rows, columns) in a future that is done."""
        future: Future[npt.NDArray[Any]] = Future()
        try:
            future.set_result(self.read(image, slice_index))
        except DecodeError as error:
            future.set_exception(error)
        return future


def has_phantom_arrays(folder: Path) -> bool:
    """Whether a folder holds simulated exams as arrays."""
    return any(_is_arrays(path) for path in folder.glob(f"*/{TRUTH}"))


def read_phantom_arrays(folder: Path, modality: Modality) -> tuple[LabelledFile, ...]:
    """Return the images of one modality of all simulated exams in a folder, with labels from their truth.

    Seeds in the ranges of :mod:`gmic_core.training.data.seeds` say the split; others go by their last digit.

    Raises
    ------
    TrainingError
        If an exam is damaged, or none has the modality.
    """
    images: list[LabelledFile] = []
    for path in sorted(folder.glob(f"*/{TRUTH}")):
        if _is_arrays(path):
            images += _exam_images(path, folder, modality, len(images))
    if not images:
        raise TrainingError(
            f"{folder} holds no simulated {modality} arrays; make some: gmic-core phantom --format arrays."
        )
    return tuple(images)


def _is_arrays(path: Path) -> bool:
    return bool(_read(path).get("options", {}).get("format") == ARRAYS)


def _exam_images(path: Path, folder: Path, modality: Modality, count: int) -> Iterator[LabelledFile]:
    document = _read(path)
    try:
        seed = int(document["seed"])
        found = {view["laterality"]: (0, 0) for view in document["views"]}
        for view in document["views"]:
            classes = {one["class"] for one in view["images"][str(modality)]["findings"]}
            benign, malignant = found[view["laterality"]]
            found[view["laterality"]] = (int(benign or "benign" in classes), int(malignant or "malignant" in classes))
        for number, view in enumerate(document["views"], start=1):
            side = Laterality(view["laterality"])
            label = BreastLabel(
                str(seed), "", side, *found[side], split=_split(seed), birads=birads_of(*found[side]), line=number
            )
            image = _header(path.parent / view["images"][str(modality)]["file"], modality, side, str(view["view"]))
            name = f"digital breast {seed} {side}-{view['view']} {modality}"
            yield LabelledFile(image, label, name, image.source.paths[0].relative_to(folder).as_posix())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainingError(
            f"{path.parent.name}/{TRUTH} cannot be understood ({error!r}); make the exam again."
        ) from error


def _split(seed: int) -> str:
    split = split_of(seed)
    return split if split in SEED_RANGES else PARTS[seed % 10]


def _header(path: Path, modality: Modality, side: Laterality, view: str) -> MammoImage:
    """Return what a header of a stored array would say; the size of the array says its pixels."""
    try:
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    except (OSError, ValueError, EOFError) as error:
        raise TrainingError(f"{path.parent.name}/{path.name} cannot be read ({error}); make the exam again.") from error
    frames, rows, columns = shape if len(shape) == 3 else (1, *shape)
    for plate in PLATES.values():
        size, pixel = (plate.ffdm, plate.ffdm_mm) if modality is Modality.FFDM else (plate.dbt, plate.dbt_mm)
        if size == (rows, columns):
            break
    else:
        raise TrainingError(f"{path.parent.name}/{path.name} has {rows}x{columns} pixels, as no simulated image has.")
    return MammoImage(
        sop_uid="",
        modality=modality,
        laterality=side,
        view=view,
        frames=frames,
        rows=rows,
        columns=columns,
        source=PixelSource("dicom", (path,)),
        pixel=PixelFormat(16, BITS[modality]),
        spacing_mm=(pixel, pixel),
        spacing_meaning="detector",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path.parent.name}/{TRUTH} is damaged ({error}); make the exam again.") from error
    return document if isinstance(document, dict) else {}
