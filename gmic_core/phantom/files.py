"""Write one simulated view: its images as DICOM objects or arrays, and the truth beside each of them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import nibabel
import numpy as np
import numpy.typing as npt

from gmic_core.phantom import frame, truth
from gmic_core.phantom.dicom import Syntax, write_dbt_dicom, write_mg_dicom
from gmic_core.phantom.headers import KINDS, SIMULATED, Kind
from gmic_core.phantom.simulate import ViewImages
from gmic_core.phantom.spec import ViewName
from gmic_core.types import Laterality

Format = Literal["dicom", "arrays"]
Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Writing:
    """How an exam is written.

    Attributes
    ----------
    syntax : how DICOM objects hold their pixels.
    fmt : ``dicom``: DICOM objects and NIfTI label maps; ``arrays``: NumPy files, pixels as they are stored.
    study : what tells the exam from others of the same seed; part of every UID.
    """

    syntax: Syntax = "jpegls"
    fmt: Format = "dicom"
    study: str = ""


def image_name(side: Laterality, view: ViewName, kind: Kind, fmt: Format) -> str:
    """Return the file name of an image, e.g. ``R-CC_DBT.dcm``."""
    return f"{side}-{view}_{kind}.{'dcm' if fmt == 'dicom' else 'npy'}"


def write_view(folder: Path, images: ViewImages, writing: Writing) -> dict[str, Any]:
    """Write the files of one view; each appears when it is complete.

    Returns
    -------
    What truth.json says of the view.
    """
    spec, view, fmt = images.spec, images.view, writing.fmt
    names: dict[str, str] = {kind: image_name(spec.laterality, view, kind, fmt) for kind in KINDS}
    truths = {kind: f"{Path(names[kind]).stem}_truth.{'nii.gz' if fmt == 'dicom' else 'npz'}" for kind in KINDS}
    description = f"{spec.laterality}_labels.txt"  # numbers mean the same in all images of a breast
    for kind in KINDS:
        _write_image(folder / names[kind], kind, images, writing)
        _write_truth(folder / truths[kind], kind, images, writing)
    with appearing(folder / description) as out:
        out.write(truth.label_descriptions(images.placed).encode())

    def to_patient(z: float, y: float, x: float) -> tuple[float, float, float]:
        left, posterior, superior = (float(value) for value in frame.to_lps(spec, view, z, y, x))
        return left, posterior, superior

    document = truth.truth_document(spec, view, images.placed, names, to_patient)
    for kind in KINDS:
        document["images"][kind] |= {"truth": truths[kind], "labels": description}
    return document


def _write_image(path: Path, kind: Kind, images: ViewImages, writing: Writing) -> None:
    spec, view = images.spec, images.view
    pixels = {"DBT": images.dbt, "S2D": images.s2d, "FFDM": images.ffdm}[kind]
    if writing.fmt == "arrays":
        with appearing(path) as out:
            np.save(out, pixels)
    elif kind == "DBT":
        write_dbt_dicom(path, pixels, spec, view, writing.syntax, writing.study)
    else:
        write_mg_dicom(path, pixels, spec, view, kind, writing.syntax, writing.study)


def _write_truth(path: Path, kind: Kind, images: ViewImages, writing: Writing) -> None:
    spec, plate = images.spec, images.spec.plate
    make = {"DBT": truth.dbt_labels, "S2D": truth.synthetic_labels, "FFDM": truth.ffdm_labels}[kind]
    labels = truth.to_stored(make(spec, images.placed), spec.laterality)
    if writing.fmt == "arrays":
        with appearing(path) as out:
            np.savez_compressed(out, labels=labels)
    elif kind == "DBT":
        write_labels(path, labels, frame.volume_affine(spec, images.view))
    else:
        write_labels(path, labels, frame.plane_affine(plate.dbt_mm if kind == "S2D" else plate.ffdm_mm))


def write_labels(path: Path, labels: Labels, affine: frame.Affine) -> None:
    """Write a label map (slices, rows, columns) or (rows, columns), as stored, as NIfTI; same labels, same bytes.

    Parameters
    ----------
    affine : (4, 4) from (column, row, slice, 1) to RAS mm.
    """
    volume = labels if labels.ndim == 3 else labels[None]
    header = nibabel.Nifti1Header()
    header.set_data_shape(volume.shape[::-1])
    header.set_data_dtype(np.uint8)
    header.set_xyzt_units("mm")
    header.set_sform(affine, code="scanner")
    header.set_qform(affine, code="scanner")  # ITK prefers it
    header["descrip"] = SIMULATED[:79].encode()
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    with appearing(path) as out, gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
        packed.write(header.binaryblock + bytes(4))
        for plane in volume:  # columns run fastest in either format
            packed.write(np.ascontiguousarray(plane).tobytes())


@contextmanager
def appearing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears under its name only when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as out:
            yield out
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
