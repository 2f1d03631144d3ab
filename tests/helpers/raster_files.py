"""Builders of breast images that are no DICOM files: PNG, NIfTI, NRRD, MetaImage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import nibabel
import numpy as np
import numpy.typing as npt
import SimpleITK

Pixels = npt.NDArray[Any]

PUBLISHED_AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_png(path: Path, pixels: Pixels) -> Path:
    """Write (rows, columns[, 3]) as PNG of the array's depth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def write_nifti(path: Path, volume: Pixels, affine: npt.NDArray[np.float64] = PUBLISHED_AFFINE) -> Path:
    """Write (slices, rows, columns) or (rows, columns) in the published convention: stored (W, H, D)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(volume.T), affine), path)
    return path


def write_sitk(path: Path, volume: Pixels, spacing: tuple[float, ...] = (), *, compress: bool = False) -> Path:
    """Write (slices, rows, columns) as NRRD or MetaImage; ``spacing`` is (column, row, slice)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(volume)
    if spacing:
        image.SetSpacing(spacing)
    SimpleITK.WriteImage(image, str(path), useCompression=compress)
    return path
