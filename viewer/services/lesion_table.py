"""All lesions of an exam as a CSV table: where, how large, and what was noted; nothing that names a patient."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gmic_core.exam.model import MammoImage
from gmic_core.inference.document import NOTICE, SIMULATED
from viewer.model.annotation.lesion_list import LesionRow
from viewer.model.annotation.place import voxel_mm

COLUMNS = (
    "image", "lesion", "label", "name", "note", "first_slice", "last_slice", "largest_slice", "centre_slice",
    "centre_row", "centre_column", "voxels", "volume_mm3", "area_mm2", "diameter_mm", "notice",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class ListedLesion:
    """One lesion with what is told of it in words."""

    image: MammoImage
    row: LesionRow
    name: str
    note: str


def lesion_table(lesions: list[ListedLesion], clean: Callable[[str], str]) -> bytes:
    """Return the table as UTF-8.

    Parameters
    ----------
    clean : takes out of a text what may tell whose exam it is.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(one, clean) for one in lesions)
    return text.getvalue().encode()


def _cells(one: ListedLesion, clean: Callable[[str], str]) -> Iterator[str]:
    row, image = one.row, one.image
    slice_mm, row_mm, column_mm = voxel_mm(image)
    volume = image.frames > 1
    known = image.spacing_mm is not None
    yield f"{image.label} {image.modality}"
    yield str(row.id)
    yield str(row.label)
    yield _plain(clean(one.name))
    yield _plain(clean(one.note))
    yield from (str(row.slices[0]), str(row.slices[1] - 1), str(row.best_slice))
    yield from (f"{value:.1f}" for value in row.centre)
    yield str(row.voxels)
    yield f"{row.voxels * slice_mm * row_mm * column_mm:.2f}" if volume and known and image.slice_spacing_mm else ""
    yield f"{row.voxels * row_mm * column_mm:.2f}" if known and not volume else ""
    yield f"{row.diameter_mm:.2f}" if known else ""
    yield f"{NOTICE} {SIMULATED}" if image.simulated else NOTICE


def _plain(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
