"""MetaImage and NRRD headers may name the file that holds their pixels: only a file beside the header is ever read.

The check is stricter than the formats: no lists, no patterns, no folders. What it does not understand is refused, so
that the reader behind it cannot be led to a file that this check did not see.
"""

from __future__ import annotations

import re
from pathlib import Path

from gmic_core.errors import SegmentationError

MAX_HEADER = 1 << 16
TEXT_HEADERS = (".mha", ".mhd", ".nrrd", ".nhdr")
_META_KEY = "elementdatafile"
_NRRD_KEY = "datafile"


def check_data_file(path: Path, suffix: str) -> None:
    """Refuse a header whose pixels are not in the file itself or in a plain file beside it.

    Raises
    ------
    SegmentationError
        Naming what is wrong.
    OSError
        If the file cannot be read.
    """
    if suffix not in TEXT_HEADERS:
        return
    with path.open("rb") as file:
        text = re.sub(r"\r\n?", "\n", file.read(MAX_HEADER).decode("latin_1"))
    name = _nrrd_data_file(text) if text.startswith("NRRD") else _meta_data_file(text)
    if name.upper() == "LOCAL":
        return
    if name.upper().split(" ")[0] == "LIST" or "%" in name:
        raise SegmentationError("its voxels are spread over several files; save it as one file")
    if Path(name).name != name or "\\" in name or name in ("", ".", ".."):
        raise SegmentationError("its voxels are said to be in another folder; keep both files together")
    if not (path.parent / name).is_file():
        raise SegmentationError("the file with its voxels is missing beside it; copy both")


def _meta_data_file(text: str) -> str:
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if not equals:
            break
        if key.strip().lower() == _META_KEY:
            return value.strip()
    raise SegmentationError("not a MetaImage file, in spite of its name")


def _nrrd_data_file(text: str) -> str:
    names = []
    for line in text.split("\n\n", 1)[0].split("\n")[1:]:
        key, colon, value = line.partition(":")
        if colon and key.replace(" ", "").lower() == _NRRD_KEY:
            names.append(value.lstrip("=").strip())
    if len(names) > 1:
        raise SegmentationError("names the file with its voxels twice; save it again")
    return names[0] if names else "LOCAL"
