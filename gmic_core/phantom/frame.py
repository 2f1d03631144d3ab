"""Where the stored pixels of a simulated breast stand in the patient: one place for DICOM headers and NIfTI truth.

Each view has a frame of reference of its own, in LPS mm. Its origin is the point of the breast support in the middle of
the chest wall's edge: z = 0, x = 0 and half the field of view down, in the view frame of :mod:`spec`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.spec import DBT_SLICE_MM, BreastSpec, ViewName
from gmic_core.types import Laterality

Vector = npt.NDArray[np.float64]
Affine = npt.NDArray[np.float64]

OBLIQUE_DEG = 45.0
"""Angle of the machine's arm in MLO views."""

PATIENT_ORIENTATION: dict[tuple[Laterality, ViewName], tuple[str, str]] = {
    (Laterality.R, "CC"): ("P", "L"),
    (Laterality.R, "MLO"): ("P", "FL"),
    (Laterality.L, "CC"): ("A", "R"),
    (Laterality.L, "MLO"): ("A", "FR"),
}
"""Direction of increasing column and row as stored, per side and view; also how the images hang."""

VIEWS: tuple[ViewName, ...] = ("CC", "MLO")


def tube_angle(laterality: Laterality, view: ViewName) -> float:
    """Return the angle of the arm in degrees (DICOM Positioner Primary Angle)."""
    if view == "CC":
        return 0.0
    return OBLIQUE_DEG if laterality is Laterality.R else -OBLIQUE_DEG


def slice_directions(laterality: Laterality, view: ViewName) -> tuple[Vector, Vector, Vector]:
    """Return unit vectors (LPS) of increasing column, increasing row and increasing slice (detector to tube)."""
    angle = 0.0 if view == "CC" else np.deg2rad(90.0 - OBLIQUE_DEG)
    side = 1.0 if laterality is Laterality.R else -1.0  # for a right breast, medial is towards +x
    columns = np.array([0.0, side, 0.0])
    rows = np.array([side * np.cos(angle), 0.0, -np.sin(angle)])
    return columns, rows, -np.cross(columns, rows)


def to_lps(spec: BreastSpec, view: ViewName, z: float, y: float, x: float) -> Vector:
    """Return patient coordinates (LPS, mm) of a point of the view frame."""
    columns, rows, up = slice_directions(spec.laterality, view)
    anterior = columns if spec.laterality is Laterality.L else -columns  # right breasts are stored mirrored
    point: Vector = x * anterior + (y - 0.5 * spec.plate.height_mm) * rows + z * up
    return point


def first_pixel(spec: BreastSpec, view: ViewName, slice_number: float = 0.0) -> Vector:
    """Return the middle of the first stored pixel of a slice in LPS mm (DICOM Image Position, Patient)."""
    pixel = spec.plate.dbt_mm
    x = (0.5 if spec.laterality is Laterality.L else spec.plate.dbt[1] - 0.5) * pixel
    return to_lps(spec, view, spec.slice_height(slice_number), 0.5 * pixel, x)


def volume_affine(spec: BreastSpec, view: ViewName) -> Affine:
    """Return the (4, 4) matrix from (column, row, slice, 1) of the stored volume to RAS mm, as NIfTI wants it."""
    columns, rows, up = slice_directions(spec.laterality, view)
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = columns * spec.plate.dbt_mm, rows * spec.plate.dbt_mm
    lps[:3, 2], lps[:3, 3] = up * DBT_SLICE_MM, first_pixel(spec, view)
    ras: Affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps
    return ras


def plane_affine(pixel_mm: float) -> Affine:
    """Return the (4, 4) matrix of a mammogram, which has no place in the patient: pixels from the corner, RAS mm.

    Readers of DICOM put such an image at (0, 0, 0) with its columns along +x and its rows along +y in LPS.
    """
    return np.diag([-pixel_mm, -pixel_mm, 1.0, 1.0])
