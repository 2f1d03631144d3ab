"""What changed in a listed folder since the last scan, and reading just that.

A scan lists all files with size and time; reading headers is what takes long. Read again are files that are new or
changed, and the exams that they may belong to: those with files in the same folders, and those of the same study.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gmic_core.errors import CancelledError, ExamError
from gmic_core.exam.model import Exam, ScanResult
from viewer.services.exam_record import exam_key

_TABLES = ".csv"
"""Tables may say side and view of any volume below them: when one changes, everything is read again."""
PASSES = 5
"""Studies that lie in several folders are completed in so many passes at most."""

Read = Callable[[list[Path]], ScanResult]
"""Reads headers and sorts them into exams; :meth:`gmic_core.exam.scan_process.ScanProcess.scan` does."""


@dataclass(frozen=True)
class KnownFolder:
    """What the last scan saw.

    Attributes
    ----------
    stamps : size and time of each file, by path.
    exams : the files of each exam, by key.
    rejected : path -> file on the disk that it lies in (itself, or an archive).
    """

    stamps: Mapping[str, str] = field(default_factory=dict)
    exams: Mapping[str, set[str]] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FolderScan:
    """What has to be changed in the list.

    Attributes
    ----------
    exams : exams that were read, with their files on the disk.
    rejected : path -> (file on the disk, reason) of what was read and is no image.
    stamps : of all files that were read.
    removed : files that are not there any more.
    gone : keys of exams all of whose files are gone.
    regrouped : keys of exams that are not found any more though some of their files are there.
    """

    exams: tuple[tuple[Exam, tuple[str, ...]], ...] = ()
    rejected: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    stamps: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    regrouped: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.stamps or self.removed or self.gone or self.regrouped)


def list_files(folder: Path, cancelled: Callable[[], bool]) -> dict[str, str]:
    """Return size and time of all files under a folder; links to folders are not followed, as in a scan.

    Raises
    ------
    ExamError
        If the folder is not there or cannot be opened.
    CancelledError
        If ``cancelled`` said so.
    """
    found: dict[str, str] = {}
    waiting = [str(folder)]
    while waiting:
        if cancelled():
            raise CancelledError("Reading the worklist's folders was cancelled.")
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif not (entry.is_symlink() and entry.is_dir()):
                        found[entry.path] = _stamp(entry)
        except OSError as error:
            if here == str(folder):
                raise ExamError(_why_not(error)) from error
            # a folder inside that cannot be opened: its exams count as gone until it can
    return found


def _why_not(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "The folder is not there; connect its drive, or remove it from the worklist."
    return f"The folder cannot be opened ({error.strerror}); its exams stay listed."


def _stamp(entry: os.DirEntry[str]) -> str:
    try:
        info = entry.stat()
    except OSError:
        return "unreadable"
    return f"{info.st_size}:{info.st_mtime_ns}"


def scan_folder(known: KnownFolder, now: Mapping[str, str], read: Read) -> FolderScan:
    """Read what changed.

    Parameters
    ----------
    now : as of :func:`list_files`.
    read : called with files, not at all when nothing changed.
    """
    changed = {path for path, stamp in now.items() if known.stamps.get(path) != stamp}
    removed = known.stamps.keys() - now.keys()
    if not changed and not removed:
        return FolderScan()
    hit = _exams_near(known, changed | removed)
    for _ in range(PASSES):
        wanted = _files_to_read(known, now, changed, removed, hit)
        found = read([Path(path) for path in sorted(wanted)]) if wanted else ScanResult()
        more = {exam_key(exam) for exam in found.exams} & known.exams.keys() - hit
        if not more:
            break
        hit |= more
    return _outcome(known, now, found, wanted, removed, hit)


def _exams_near(known: KnownFolder, paths: Iterable[str]) -> set[str]:
    """Return the exams that files with these paths may belong to: those with a file in the same folders."""
    paths = set(paths)
    if any(path.lower().endswith(_TABLES) for path in paths):
        return set(known.exams)
    folders = {os.path.dirname(path) for path in paths}
    return {
        key for key, files in known.exams.items() if any(f in paths or os.path.dirname(f) in folders for f in files)
    }


def _files_to_read(
    known: KnownFolder, now: Mapping[str, str], changed: set[str], removed: Iterable[str], hit: set[str]
) -> set[str]:
    wanted = set(changed)
    for key in hit:
        wanted |= known.exams[key]
    rejected = set(known.rejected.values())
    folders = {os.path.dirname(path) for path in wanted}
    # what was rejected as a copy counts again when the other one is gone; tables count always
    again = rejected if removed else {path for path in rejected if os.path.dirname(path) in folders}
    wanted |= again | {path for path in rejected if path.lower().endswith(_TABLES)}
    return wanted & now.keys()


def _outcome(
    known: KnownFolder,
    now: Mapping[str, str],
    found: ScanResult,
    wanted: set[str],
    removed: Iterable[str],
    hit: set[str],
) -> FolderScan:
    exams = tuple((exam, _on_disk(exam, now)) for exam in found.exams)
    lost = hit - {exam_key(exam) for exam in found.exams}
    gone = {key for key in lost if not known.exams[key] & now.keys()}
    rejected = {
        str(rejection.path): (_holder(str(rejection.path), now), rejection.reason) for rejection in found.rejected
    }
    return FolderScan(
        exams=exams,
        rejected=rejected,
        stamps={path: now[path] for path in sorted(wanted)},
        removed=tuple(sorted(removed)),
        gone=tuple(sorted(gone)),
        regrouped=tuple(sorted(lost - gone)),
    )


def _on_disk(exam: Exam, now: Mapping[str, str]) -> tuple[str, ...]:
    files = (_holder(str(path), now) for image in exam.images for path in image.files)
    return tuple(dict.fromkeys(files))


def _holder(path: str, now: Mapping[str, str]) -> str:
    """Return the file on the disk that a path lies in: itself, or the archive that it is a member of."""
    here = path
    while here not in now:
        outer = os.path.dirname(here)
        if outer == here:
            return path
        here = outer
    return here
