"""Results as files: ``predictions.csv``, ``results.json`` and saliency as NIfTI; docs/results-schema.md describes them.

Nothing in them identifies the patient: images go by SOP Instance UID, or by file name where the file has no UID.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gmic_core.errors import StoreError
from gmic_core.exam.geometry import PlaneMap, nifti_affine, stored_to_patient
from gmic_core.inference.document import NOTICE, SIMULATED, UNTRAINED, Prediction, Refused, document
from gmic_core.types import CLASSES

if TYPE_CHECKING:
    from nibabel import Nifti1Image

PART_PREFIX = ".part-"
"""How the names of files begin that are being written."""
NOTE_COLUMN = "note"
CSV_COLUMNS = ("image_index", "benign_pred", "malignant_pred", "benign_label", "malignant_label")


def safe_name(sop_uid: str) -> str:
    """Return a file name made from a UID, which comes from a file and may be anything."""
    return re.sub(r"[^0-9A-Za-z.-]", "_", sop_uid).strip(".")[:96] or "image"


# -- files -------------------------------------------------------------------------------------------------------


def write_atomically(path: Path, data: bytes | Iterable[bytes], *, synced: bool = False) -> None:
    """Write a file so that it is there whole or not at all.

    Parameters
    ----------
    data : the content, or its parts in order.
    synced : wait until the disk has it, so that a power failure does not leave an empty file.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=PART_PREFIX)
        part = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        part.chmod(0o644)  # mkstemp makes files that only their owner reads
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); choose another folder with --out.") from error
    finally:  # also when somebody interrupts
        if part is not None:
            part.unlink(missing_ok=True)


@dataclass(frozen=True)
class Row:
    """One line of ``predictions.csv``.

    Attributes
    ----------
    index : ``image_index``.
    y : (benign, malignant).
    """

    index: str
    y: tuple[float, float]
    simulated: bool

    @classmethod
    def of(cls, prediction: Prediction) -> Row:
        """Return the line of a prediction."""
        return cls(prediction.index, prediction.result.y, prediction.image.simulated)


def write_csv(folder: Path, lines: Iterable[Row]) -> Path:
    """Write ``predictions.csv`` in the published format; labels are empty because they are not known.

    A sixth column ``note`` is there only where an image is simulated: tables get parted from their folder.
    """
    lines = list(lines)
    noted = any(line.simulated for line in lines)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow((*CSV_COLUMNS, NOTE_COLUMN) if noted else CSV_COLUMNS)
    for line in lines:
        row = (line.index, *(f"{value:.4f}" for value in line.y), "", "")
        note = "SIMULATED" if line.simulated else ""
        rows.writerow((*row, note) if noted else row)
    path = folder / "predictions.csv"
    write_atomically(path, text.getvalue().encode())
    return path


def write_saliency(folder: Path, prediction: Prediction) -> dict[str, str]:
    """Write one NIfTI per class; return class -> path under ``folder``."""
    files = saliency_files(prediction)
    for name, data in files.items():
        write_atomically(folder / saliency_name(prediction.image.sop_uid, name), data)
    return {name: saliency_name(prediction.image.sop_uid, name) for name in files}


def saliency_name(sop_uid: str, name: str) -> str:
    """Return where the map of one class is, relative to the folder of the results."""
    return f"saliency/{safe_name(sop_uid)}_{name}.nii.gz"


def saliency_files(prediction: Prediction) -> dict[str, bytes]:
    """Return one NIfTI file per class, axes (column, row, slice) of cells, float32.

    The affine lays the cells on the stored image: RAS mm as of :func:`gmic_core.exam.geometry.nifti_affine`.
    """
    import nibabel  # here, because it brings scipy and pydicom along, which a window must not wait for

    image, result = prediction.image, prediction.result
    to_lps = stored_to_patient(image.spacing_mm, image.slice_spacing_mm, image.plane)
    affine = nifti_affine(to_lps, PlaneMap(result.saliency_to_stored))
    files = {}
    for c, name in enumerate(CLASSES):
        cells = np.ascontiguousarray(result.saliency[:, c].astype(np.float32).transpose(2, 1, 0))
        volume = nibabel.Nifti1Image(cells, affine)
        volume.header.set_xyzt_units("mm")
        mark = "UNTRAINED noise" if result.provenance.untrained else "research use only"
        mark = f"SIMULATED, {mark}" if image.simulated else mark
        volume.header["descrip"] = f"{result.provenance.model} {name} saliency, {mark}".encode()[:79]
        files[name] = _gzipped(volume)
    return files


def _gzipped(volume: Nifti1Image) -> bytes:
    import gzip

    # mtime 0: the same result gives the same bytes
    return gzip.compress(volume.to_bytes(), 6, mtime=0)


def write_json(
    folder: Path,
    predictions: Sequence[Prediction],
    refused: Sequence[Refused],
    rejected: Sequence[tuple[str, str]],
    saliency: dict[str, dict[str, str]],
) -> Path:
    """Write ``results.json``; the parameters are those of :func:`gmic_core.inference.document.document`."""
    path = folder / "results.json"
    text = json.dumps(document(predictions, refused, rejected, saliency), indent=1, allow_nan=False)
    write_atomically(path, text.encode())
    return path


def write_marks(folder: Path, *, untrained: bool, simulated: bool) -> None:
    """Write, beside the tables, a mark for random weights and one for simulated images; remove those of before."""
    for name, text, applies in (("UNTRAINED.txt", UNTRAINED, untrained), ("SIMULATED.txt", SIMULATED, simulated)):
        if applies:
            write_atomically(folder / name, f"{text}\n{NOTICE}\n".encode())
        else:
            (folder / name).unlink(missing_ok=True)


def prepare_folder(folder: Path) -> None:
    """Make the folder for the results, and make sure that it can be written.

    Raises
    ------
    StoreError
        If it cannot.
    """
    probe = folder / ".gmic-probe"
    write_atomically(probe, b"")
    probe.unlink()


@dataclass
class Outputs:
    """What one run of ``gmic-core predict`` leaves in its folder.

    Attributes
    ----------
    order : position of each image in the tables, by SOP UID.
    refused : images that were not predicted, and why.
    rejected : (path, reason) of input files that are no images.
    predictions : as they were added; in table order after :meth:`write`.
    """

    folder: Path
    order: dict[str, int]
    refused: list[Refused]
    rejected: list[tuple[str, str]]
    predictions: list[Prediction] = field(default_factory=list)
    _saliency: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, prediction: Prediction) -> None:
        """Take a prediction and write its maps."""
        self._saliency[prediction.image.sop_uid] = write_saliency(self.folder, prediction)
        self.predictions.append(prediction)

    def write(self) -> None:
        """Write the tables, and beside them a mark for random weights and one for simulated images."""
        self.predictions.sort(key=lambda prediction: self.order[prediction.image.sop_uid])
        self.refused.sort(key=lambda entry: self.order[entry.image.sop_uid])
        write_csv(self.folder, map(Row.of, self.predictions))
        write_json(self.folder, self.predictions, self.refused, self.rejected, self._saliency)
        untrained = any(p.result.provenance.untrained for p in self.predictions)
        write_marks(self.folder, untrained=untrained, simulated=any(p.image.simulated for p in self.predictions))
