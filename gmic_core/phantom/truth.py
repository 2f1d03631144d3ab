"""What is true of simulated images: label maps, their description for ITK-SNAP, and truth.json.

Label maps lie in the view frame (the breast faces right) until :func:`to_stored` turns them as the images are stored.
Background is 0; a finding has its number in both views and in all images of a breast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.findings import PlacedFinding
from gmic_core.phantom.geometry import project
from gmic_core.phantom.spec import DBT_SLICE_MM, PHANTOM_VERSION, BreastSpec
from gmic_core.types import Laterality

Labels = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]
ToPatient = Callable[[float, float, float], tuple[float, float, float]]
"""From (z, y, x) in mm of the view frame to patient coordinates (LPS), mm."""

COLOURS: tuple[tuple[int, int, int], ...] = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255),
)  # fmt: skip
"""ITK-SNAP's own first six."""

_SNAP_HEADER = """\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    MSH:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
"""


def dbt_labels(spec: BreastSpec, placed: Sequence[PlacedFinding]) -> Labels:
    """Return the label map (slices, rows, columns) of a tomosynthesis volume, view frame."""
    labels = np.zeros((spec.slices, *spec.plate.dbt), np.uint8)
    for one in placed:
        low_z, low_y, low_x = (axis[0] for axis in one.extent)
        high_z, high_y, high_x = (axis[1] for axis in one.extent)
        start = spec.slice_height(0)
        k = _between(spec.slices, start, DBT_SLICE_MM, low_z, high_z)
        r = _between(spec.plate.dbt[0], 0.5 * spec.plate.dbt_mm, spec.plate.dbt_mm, low_y, high_y)
        c = _between(spec.plate.dbt[1], 0.5 * spec.plate.dbt_mm, spec.plate.dbt_mm, low_x, high_x)
        mm = (start + k * DBT_SLICE_MM, (r + 0.5) * spec.plate.dbt_mm, (c + 0.5) * spec.plate.dbt_mm)
        part = one.mask[np.ix_(*(_nearest(one, axis, at) for axis, at in enumerate(mm)))]
        where = np.ix_(k, r, c)
        labels[where] = np.where(part, np.uint8(one.finding.number), labels[where])
    return labels


def synthetic_labels(spec: BreastSpec, placed: Sequence[PlacedFinding]) -> Labels:
    """Return the label map (rows, columns) of a synthetic 2D image: what the volume's slices show, view frame."""
    labels: Labels = dbt_labels(spec, placed).max(axis=0)
    return labels


def ffdm_labels(spec: BreastSpec, placed: Sequence[PlacedFinding]) -> Labels:
    """Return the label map (rows, columns) of a mammogram: the shadow of every finding, view frame."""
    plate = spec.plate
    labels = np.zeros(plate.ffdm, np.uint8)
    for one in placed:
        for layer, z in zip(one.mask, one.grid.axis(0), strict=True):
            if not layer.any():
                continue
            # a plane parallel to the detector is cast larger, not otherwise distorted: two points tell how
            corner, scale = _cast(spec, float(z))
            (low_y, high_y), (low_x, high_x) = one.extent[1:]
            r = _between(
                plate.ffdm[0], 0.5 * plate.ffdm_mm, plate.ffdm_mm, *(corner[0] + scale * e for e in (low_y, high_y))
            )
            c = _between(
                plate.ffdm[1], 0.5 * plate.ffdm_mm, plate.ffdm_mm, *(corner[1] + scale * e for e in (low_x, high_x))
            )
            y = ((r + 0.5) * plate.ffdm_mm - corner[0]) / scale
            x = ((c + 0.5) * plate.ffdm_mm - corner[1]) / scale
            part, where = layer[np.ix_(_nearest(one, 1, y), _nearest(one, 2, x))], np.ix_(r, c)
            labels[where] = np.where(part, np.uint8(one.finding.number), labels[where])
    return labels


def _cast(spec: BreastSpec, z: float) -> tuple[npt.NDArray[np.float64], float]:
    """Return where (y, x) = 0 of the plane at height z falls in a mammogram, mm, and how much it is enlarged."""
    corner, aside = project([(z, 0.0, 0.0), (z, 100.0, 0.0)], 0.0, spec.plate)
    return corner, float(aside[0] - corner[0]) / 100.0


def _between(count: int, first: float, step: float, low: float, high: float) -> Indices:
    """Return the pixels whose centres lie between two places in mm."""
    start = max(int(np.ceil((low - first) / step)), 0)
    stop = min(int(np.floor((high - first) / step)) + 1, count)
    return np.arange(start, max(stop, start))


def _nearest(one: PlacedFinding, axis: int, places: npt.NDArray[np.floating]) -> Indices:
    """Return the mask's voxels nearest to places in mm along one axis."""
    index: Indices = np.rint((places - one.grid.origin[axis]) / one.grid.spacing[axis]).astype(np.intp)
    return index.clip(0, one.grid.shape[axis] - 1)


def to_stored(array: npt.NDArray[Any], laterality: Laterality) -> npt.NDArray[Any]:
    """Turn (..., rows, columns) of the view frame as the image is stored: right breasts face left."""
    return np.ascontiguousarray(array[..., ::-1]) if laterality == Laterality.R else array


def label_descriptions(placed: Sequence[PlacedFinding]) -> str:
    """Return the label description file that ITK-SNAP reads beside a label map."""
    rows = [_snap_row(0, (0, 0, 0), False, "Clear Label")]
    for one in sorted(placed, key=lambda p: p.finding.number):
        number = one.finding.number
        rows.append(_snap_row(number, COLOURS[(number - 1) % len(COLOURS)], True, f"{number} {one.finding.kind}"))
    return _SNAP_HEADER + "".join(rows)


def _snap_row(number: int, colour: tuple[int, int, int], seen: bool, name: str) -> str:
    red, green, blue = colour
    return f'{number:5d} {red:5d} {green:4d} {blue:4d} {float(seen):9.0f} {seen:2d} {seen:2d}    "{name}"\n'


def truth_document(
    spec: BreastSpec,
    view: str,
    placed: Sequence[PlacedFinding],
    images: dict[str, str],
    to_patient: ToPatient | None = None,
) -> dict[str, Any]:
    """Return what truth.json says of one view.

    Parameters
    ----------
    images : file names of the view's ``DBT``, ``S2D`` and ``FFDM``, whichever there are.
    to_patient : gives patient coordinates, where the images have them.
    """
    return {
        "simulated": True,
        "phantom_version": PHANTOM_VERSION,
        "seed": spec.seed,
        "laterality": str(spec.laterality),
        "view": view,
        "density": spec.density,
        "thickness_mm": spec.thickness_mm,
        "images": {
            name: {"file": file, "findings": [_described(spec, one, name, to_patient) for one in placed]}
            for name, file in images.items()
        },
    }


def _described(spec: BreastSpec, one: PlacedFinding, image: str, to_patient: ToPatient | None) -> dict[str, Any]:
    """Return what truth.json says of one finding in one image."""
    finding = one.finding
    z, y, x = one.centre
    described: dict[str, Any] = {
        "label": finding.number,
        "class": "malignant" if finding.malignant else "benign",
        "kind": finding.kind,
        "diameter_mm": round(finding.diameter_mm, 2),
        "volume_mm3": round(one.volume_mm3, 1),
        "centre_mm": [round(value, 2) for value in one.centre],
        "extent_mm": [[round(low, 2), round(high, 2)] for low, high in one.extent],
    }
    if to_patient is not None:
        described["centre_lps_mm"] = [round(value, 2) for value in to_patient(z, y, x)]
    row, column = centre_pixel(spec, one, image)
    described["centre_pixel"] = {"row": round(row, 1), "column": round(column, 1)}
    if image == "DBT":
        first, last = slice_range(spec, one)
        described["centre_pixel"]["slice"] = round((z - spec.slice_height(0)) / DBT_SLICE_MM, 1)
        described["slice_range"] = [first, last]
    return described


def centre_pixel(spec: BreastSpec, one: PlacedFinding, image: str) -> tuple[float, float]:
    """Return (row, column) of a finding's centre in a stored image, 0-based; whole numbers are pixel centres."""
    _, y, x = one.centre
    columns, step = spec.plate.dbt[1], spec.plate.dbt_mm
    if image == "FFDM":
        y, x = (float(value) for value in project([one.centre], 0.0, spec.plate)[0])
        columns, step = spec.plate.ffdm[1], spec.plate.ffdm_mm
    row, column = y / step - 0.5, x / step - 0.5
    return row, (columns - 1 - column) if spec.laterality == Laterality.R else column


def slice_range(spec: BreastSpec, one: PlacedFinding) -> tuple[int, int]:
    """Return the first and the last slice that a finding's label fills, 0-based."""
    k = _between(spec.slices, spec.slice_height(0), DBT_SLICE_MM, *one.extent[0])
    return (int(k[0]), int(k[-1])) if len(k) else (-1, -1)
