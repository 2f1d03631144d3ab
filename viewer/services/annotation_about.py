"""What is kept of a segmentation beside its voxels and names: lesions with notes, and the file that it is from.

The path of that file is written down nowhere else, and in the user's own data folder only: saving the segmentation must
ask before it overwrites the file, after a restart too. It is never logged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmic_core.errors import SegmentationError
from gmic_core.segmentation.read_process import suffix_of
from viewer.model.annotation.lesion_ids import MAX_NOTE, KnownLesion, Remarks

Stamp = tuple[int, int]


@dataclass(frozen=True)
class About:
    """What goes with a segmentation.

    Attributes
    ----------
    known : lesions by number, those that are gone among them.
    remarks : notes on lesions.
    path : the file that it was read from or saved to last; None: none.
    stamp : size in bytes and time in ns of that file then.
    saved : whether that file holds the segmentation as it is.
    """

    known: tuple[KnownLesion, ...] = ()
    remarks: Remarks = ()
    path: Path | None = None
    stamp: Stamp | None = None
    saved: bool = False


NOTHING = About()


def about_bytes(about: About) -> bytes:
    """Return the record as JSON."""
    lesions = [[one.id, one.label, *one.slices, *one.box] for one in about.known]
    return json.dumps(
        {
            "lesions": lesions,
            "notes": list(about.remarks),
            "file": None if about.path is None else str(about.path),
            "stamp": about.stamp,
            "saved": about.saved,
        }
    ).encode()


def about_from(data: bytes) -> About:
    """Return a record from :func:`about_bytes`.

    Raises
    ------
    SegmentationError
        If it is none.
    """
    try:
        found = json.loads(data)
        known = tuple(_known([int(value) for value in row]) for row in found["lesions"])
        remarks = tuple(sorted((int(number), str(note)[:MAX_NOTE]) for number, note in found["notes"]))
        path = _path(found["file"])
        stamp = None if found["stamp"] is None else (int(found["stamp"][0]), int(found["stamp"][1]))
        return About(known, remarks, path, stamp, path is not None and bool(found["saved"]))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise SegmentationError("Notes on lesions in the journal are damaged; what follows is not used.") from error


def _known(row: list[int]) -> KnownLesion:
    number, label, first, last, row0, col0, row1, col1 = row
    if number < 1 or not (first < last and row0 < row1 and col0 < col1):
        raise ValueError("no lesion")
    return KnownLesion(number, label, (first, last), (row0, col0, row1, col1))


def _path(text: Any) -> Path | None:
    """Return the path of a label map; only what could have been one is believed."""
    if text is None:
        return None
    path = Path(str(text))
    return path if path.is_absolute() and "\0" not in str(text) and suffix_of(path) else None
