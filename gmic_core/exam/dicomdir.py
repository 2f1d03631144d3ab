"""The index of a DICOM medium: which files it names."""

from __future__ import annotations

from pathlib import Path

from gmic_core.errors import ExamError
from gmic_core.exam.codes import DICOMDIR
from gmic_core.exam.header import read_header
from gmic_core.exam.model import Rejection


def is_dicomdir(path: Path) -> bool:
    """Whether a file is named like the index of a medium."""
    return path.name.upper() == "DICOMDIR"


def referenced_files(path: Path) -> tuple[list[Path], list[Rejection]]:
    """Return the files that a DICOMDIR names, and those that are missing or outside its folder.

    Raises
    ------
    ExamError
        If the file is no DICOMDIR.
    """
    header = read_header(path)
    elements = header.elements
    if elements.text("MediaStorageSOPClassUID") != DICOMDIR and not elements.has("DirectoryRecordSequence"):
        raise ExamError("named DICOMDIR, but no index of a DICOM medium")
    found: dict[Path, None] = {}
    rejected: list[Rejection] = []
    listings: dict[Path, dict[str, Path]] = {}
    for record in elements.items("DirectoryRecordSequence"):
        parts = record.texts("ReferencedFileID")
        if not parts:
            continue
        if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts):
            rejected.append(Rejection(path / "/".join(parts), "the DICOMDIR names a file outside its folder"))
            continue
        file = _resolve(path.parent, parts, listings)
        if file is None:
            rejected.append(Rejection(path.parent.joinpath(*parts), "named by the DICOMDIR, but missing"))
        else:
            found[file] = None
    return list(found), rejected


def _resolve(folder: Path, parts: tuple[str, ...], listings: dict[Path, dict[str, Path]]) -> Path | None:
    """Return the file that the parts name; media are often mounted with names in lower case."""
    at = folder
    for part in parts:
        if at not in listings:
            listings[at] = {child.name.upper(): child for child in at.iterdir()} if at.is_dir() else {}
        exact = at / part
        known = exact if exact.exists() else listings[at].get(part.upper())
        if known is None:
            return None
        at = known
    return at if at.is_file() else None
