"""Label maps as files that ITK-SNAP opens: voxel- and geometry-identical, there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import SegmentationError
from gmic_core.segmentation.geometry import VolumeGeometry
from gmic_core.segmentation.read_process import READERS, suffix_of

WRITTEN = (".nii.gz", ".nii", ".nrrd", ".mha", ".gipl.gz", ".gipl", ".png")
"""Endings that can be written: single files only."""
_ORTHOGONAL = 1e-3


def write_labels(path: Path, labels: npt.NDArray[np.integer[Any]], geometry: VolumeGeometry) -> None:
    """Write a label map.

    Parameters
    ----------
    labels : (slices, rows, columns) of whole numbers 0..65535; stored in 8 bits where they fit, else in 16.
    geometry : where it lies; PNG keeps none of it, GIPL no orientation.

    Raises
    ------
    SegmentationError
        If the format cannot hold it, or the file cannot be written; the message names another format.
    """
    import SimpleITK as sitk  # a quarter of a second, which a window must not wait for before it shows

    suffix = suffix_of(path)
    if suffix not in WRITTEN:
        raise SegmentationError(f"{path.name} cannot be written: choose one of the endings {', '.join(WRITTEN)}.")
    if labels.shape != geometry.shape:
        raise SegmentationError(f"{path.name} cannot be written: {labels.shape} labels do not fill {geometry.shape}.")
    _check_format(path, suffix, geometry)
    largest = int(labels.max(initial=0))
    if largest > np.iinfo(np.uint16).max or int(labels.min(initial=0)) < 0:
        raise SegmentationError(f"{path.name} cannot be written: labels go from 0 to 65,535.")
    stored = np.ascontiguousarray(labels, np.uint8 if largest <= 255 else np.uint16)
    image = sitk.GetImageFromArray(stored[0] if suffix == ".png" else stored)
    if suffix != ".png":
        _place(image, geometry, path)
    _write(sitk, image, path, suffix)


def _check_format(path: Path, suffix: str, geometry: VolumeGeometry) -> None:
    if suffix == ".png" and geometry.shape[0] > 1:
        raise SegmentationError(f"{path.name} cannot be written: PNG holds one slice; choose .nii.gz for a volume.")
    if suffix in (".gipl", ".gipl.gz"):
        straight = geometry.solid()[:3, :3] @ np.eye(3)[::-1]  # columns, rows, slices along x, y, z
        if not np.allclose(straight, np.diag(np.diag(straight)), atol=1e-6) or (np.diag(straight) <= 0).any():
            raise SegmentationError(
                f"{path.name} cannot be written: GIPL keeps no orientation, and this image is turned in space; "
                "choose .nii.gz."
            )


def _place(image: Any, geometry: VolumeGeometry, path: Path) -> None:
    matrix = geometry.solid()
    axes = matrix[:3, [2, 1, 0]]  # along columns, rows, slices
    lengths = np.linalg.norm(axes, axis=0)
    direction = axes / lengths
    if np.abs(direction.T @ direction - np.eye(3)).max() > _ORTHOGONAL:
        raise SegmentationError(
            f"{path.name} cannot be written: the axes of this image are not at right angles; choose another image."
        )
    u, _, v = np.linalg.svd(direction)  # the nearest directions at right angles: formats check to the last digit
    image.SetOrigin([float(value) for value in matrix[:3, 3]])
    image.SetSpacing([float(value) for value in lengths])
    image.SetDirection([float(value) for value in (u @ v).ravel()])


def _write(sitk: Any, image: Any, path: Path, suffix: str) -> None:
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-", suffix=suffix)
        os.close(handle)
        part = Path(name)
        writer = sitk.ImageFileWriter()
        writer.SetImageIO(READERS[suffix])
        writer.SetFileName(name)
        writer.SetUseCompression(suffix in (".nrrd", ".mha", ".png"))
        writer.Execute(image)
        part.chmod(0o644)  # mkstemp makes files that only their owner reads
        part.replace(path)
    except (OSError, RuntimeError) as error:
        if part is not None:
            part.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else "the format does not take it"
        raise SegmentationError(
            f"{path.name} cannot be written ({reason}); choose another folder or ending."
        ) from error
