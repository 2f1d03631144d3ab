"""Label maps as files: NIfTI as ITK-SNAP writes it, PNG masks, and what their labels mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError

from gmic_core.errors import EvaluationError
from gmic_core.types import CLASSES, Finding

NIFTI = (".nii.gz", ".nii")
DEFAULT_CLASSES: dict[int, Finding] = {1: Finding.BENIGN, 2: Finding.MALIGNANT}
"""Meaning of labels that nothing describes."""
_SEGMENTATION = re.compile(r".+_(truth|benign|malignant)(\.nii(\.gz)?|\.png)", re.IGNORECASE)
_SNAP_ROW = re.compile(r'^\s*(\d+)(?:\s+[\d.]+){6}\s+"(.*)"\s*$')


def is_segmentation(path: Path) -> bool:
    """Return whether a file is by its name a segmentation of an image and not an image."""
    return _SEGMENTATION.fullmatch(path.name) is not None


def label_slices(path: Path) -> Iterator[npt.NDArray[np.integer[Any]]]:
    """Yield the labels (rows, columns) of every slice of a NIfTI or PNG file, in slice order.

    NIfTI axes are (column, row, slice), as this project and ITK-SNAP write them; values are rounded, because ITK-SNAP
    may store them as scaled floating point numbers.

    Raises
    ------
    EvaluationError
        If the file cannot be read.
    """
    if path.name.lower().endswith(NIFTI):
        yield from _nifti_slices(path)
    else:
        yield _png(path)


def _nifti_slices(path: Path) -> Iterator[npt.NDArray[np.integer[Any]]]:
    try:
        # kept open: slices follow each other in the stream, so it is unpacked once and never as a whole in memory
        volume = nibabel.load(path, keep_file_open=True)
        shape = volume.shape
        if len(shape) not in (2, 3) and any(edge != 1 for edge in shape[3:]):
            raise EvaluationError(f"{path.name} has {len(shape)} axes; a label map has columns, rows and slices.")
        for k in range(shape[2] if len(shape) > 2 else 1):
            plane = np.asarray(volume.dataobj[(slice(None), slice(None), k, *(0,) * (len(shape) - 3))[: len(shape)]])
            yield np.rint(np.nan_to_num(plane)).astype(np.int32).T
    except (OSError, EOFError, ValueError, ImageFileError) as error:
        raise EvaluationError(f"{path.name} cannot be read as a label map ({error}); write it again.") from error


def _png(path: Path) -> npt.NDArray[np.integer[Any]]:
    import cv2

    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise EvaluationError(f"{path.name} cannot be read ({error.strerror}).") from error
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if image is None:
        raise EvaluationError(f"{path.name} cannot be read as a mask: it is no picture, or damaged.")
    flat = image if image.ndim == 2 else image[..., :3].max(axis=2)
    return np.asarray(flat, np.int32)


def described_classes(path: Path) -> dict[int, Finding]:
    """Return the classes of an ITK-SNAP label description file: labels whose name holds benign or malignant.

    Raises
    ------
    EvaluationError
        If the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise EvaluationError(f"{path.name} cannot be read ({error.strerror}).") from error
    return named_classes({int(m[1]): m[2] for m in map(_SNAP_ROW.match, text.splitlines()) if m})


def named_classes(names: Mapping[int, str]) -> dict[int, Finding]:
    """Return the class of every label whose name holds that of exactly one class."""
    found = {}
    for label, name in names.items():
        classes = [Finding(c) for c, word in enumerate(CLASSES) if word in name.lower()]
        if len(classes) == 1:
            found[label] = classes[0]
    return found
