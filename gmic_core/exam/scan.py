"""From folders, files, archives and media to exams, plus a list of what is no image and why.

Headers only. Every input file is in exactly one image's files or in exactly one rejection.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from gmic_core.errors import CancelledError, ExamError
from gmic_core.exam.bcs_dbt import USED, apply_table, read_table
from gmic_core.exam.candidate import Candidate
from gmic_core.exam.dicom import read_dicom
from gmic_core.exam.duplicates import settle_duplicates
from gmic_core.exam.exams import group_exams
from gmic_core.exam.inputs import Collector, InputFile
from gmic_core.exam.model import Rejection, ScanResult
from gmic_core.exam.raster import raster_suffix, read_raster
from gmic_core.exam.series import join_series

Progress = Callable[[int, int], None]
"""Called with the number of files looked at and the number of all files."""

_PROGRESS_STEP = 16
_SNIFF = 16
_KNOWN = {
    (".json", ".txt", ".csv", ".xml", ".md", ".html", ".pdf", ".log"): "a document, not an image",
    (".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"): (
        "a picture of a kind that is not read; mammograms come as DICOM, 16-bit PNG or NIfTI"
    ),
    (".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz"): "an archive of a kind that is not read; unpack it first",
}
# What parsing a hostile header may raise besides ExamError; anything else is a bug and must show
_DAMAGE = (struct.error, ValueError, IndexError, KeyError, OverflowError, MemoryError)


def scan(
    paths: Iterable[Path | str], *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None
) -> ScanResult:
    """Read the headers of all files under ``paths`` and sort the images into exams.

    Parameters
    ----------
    paths : files, folders (with all that is in them), zip archives, DICOMDIR files.
    progress : called now and then while files are looked at.
    cancelled : asked between files; True ends the scan.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so.
    StoreError
        If an archive is to be unpacked and the user's data folder cannot be written.
    """
    inputs = Collector(cancelled).add(Path(path) for path in paths)
    rejected = list(inputs.rejected)
    candidates: list[Candidate] = []
    total = len(inputs.files)
    for number, file in enumerate(inputs.files):
        if number % _PROGRESS_STEP == 0:
            if cancelled is not None and cancelled():
                raise CancelledError("Reading was cancelled.")
            if progress is not None:
                progress(number, total)
        found = read_file(file)
        if isinstance(found, Candidate):
            candidates.append(found)
        else:
            rejected.append(found)
    if progress is not None:
        progress(total, total)
    candidates, used = _with_tables(candidates, inputs.files)
    rejected = [one for one in rejected if one.path not in used] + [Rejection(path, USED) for path in used]
    candidates, duplicates = settle_duplicates(candidates)
    exams = group_exams(join_series(candidates))
    return _each_file_once(ScanResult(exams, tuple(rejected + duplicates)))


def _with_tables(candidates: list[Candidate], files: list[InputFile]) -> tuple[list[Candidate], list[Path]]:
    """Complete side and view from tables among the files; return the candidates and the tables."""
    used: list[Path] = []
    for file in files:
        if file.path.suffix.lower() != ".csv":
            continue
        table = read_table(file.path)
        if table is not None:
            candidates = apply_table(candidates, table)
            used.append(file.path)
    return candidates, used


def read_file(file: InputFile) -> Candidate | Rejection:
    """Return the image that a file holds, or why it holds none."""
    try:
        with file.path.open("rb") as opened:
            start = opened.read(_SNIFF)
        suffix = raster_suffix(file.path, start)
        candidate = read_dicom(file.path) if suffix is None else read_raster(file.path, suffix, file.known_as)
    except ExamError as error:
        return Rejection(file.shown, _said(file, error))
    except OSError as error:
        return Rejection(file.shown, f"cannot be read ({error.strerror or error})")
    except _DAMAGE as error:
        return Rejection(file.shown, f"the header is damaged ({type(error).__name__}: {error})")
    return candidate if file.known_as is None else _renamed(candidate, file.known_as)


def _said(file: InputFile, error: ExamError) -> str:
    """Return the reason, in better words where the file's kind is known by its name."""
    reason = str(error)
    if not reason.startswith("not a DICOM file"):
        return reason
    name = file.shown.name.lower()
    return next((words for suffixes, words in _KNOWN.items() if name.endswith(suffixes)), reason)


def _renamed(candidate: Candidate, known_as: Path) -> Candidate:
    """Return the candidate of an unpacked copy under the name that the user knows."""
    owner = candidate.owner
    if candidate.image.source.kind == "dicom":
        owner = replace(owner, place=str(known_as.parent))
    return replace(candidate, image=replace(candidate.image, inputs=(known_as,)), owner=owner)


def _each_file_once(result: ScanResult) -> ScanResult:
    """Drop the rejections of files that are part of an image, such as the raw file beside a MetaImage header."""
    used = {path for exam in result.exams for image in exam.images for path in image.files}
    rejected: dict[Path, Rejection] = {}
    for rejection in result.rejected:
        if rejection.path not in used:
            rejected.setdefault(rejection.path, rejection)
    return ScanResult(result.exams, tuple(sorted(rejected.values(), key=lambda one: str(one.path))))
