"""Which files there are: folders, archives and indices taken apart into single files, each named exactly once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gmic_core.errors import CancelledError, ExamError
from gmic_core.exam.archive import unpack
from gmic_core.exam.dicomdir import is_dicomdir, referenced_files
from gmic_core.exam.model import Rejection


@dataclass(frozen=True)
class InputFile:
    """A file to look at.

    Attributes
    ----------
    known_as : as the user knows it, where ``path`` is an unpacked copy; else None.
    """

    path: Path
    known_as: Path | None = None

    @property
    def shown(self) -> Path:
        """The path to show."""
        return self.known_as or self.path


@dataclass
class Inputs:
    """All files found."""

    files: list[InputFile] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


class Collector:
    """Collects files; each is taken once, however often it is named.

    Parameters
    ----------
    cancelled : asked from time to time; True ends the collection with CancelledError.
    """

    def __init__(self, cancelled: Callable[[], bool] | None = None) -> None:
        self._cancelled = cancelled
        self._seen: set[str] = set()
        self.inputs = Inputs()

    def add(self, paths: Iterable[Path]) -> Inputs:
        """Add files, folders, archives and DICOMDIRs; return all inputs so far."""
        for given in paths:
            path = Path(os.path.abspath(given))  # not resolve(): the user knows a link by its own name
            if path.is_dir():
                for file in self._walk(path):
                    self._file(file, explicit=False)
            else:
                self._file(path, explicit=True)
        return self.inputs

    def _walk(self, top: Path) -> Iterator[Path]:
        """Yield the files under a folder in a fixed order; linked folders are not entered: they may be endless."""
        folders = [str(top)]
        while folders:
            if self._cancelled is not None and self._cancelled():
                raise CancelledError("Reading was cancelled.")
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self._reject(Path(folder), f"the folder cannot be opened ({error.strerror})")
                continue
            inner = [entry.path for entry in found if entry.is_dir(follow_symlinks=False)]
            folders += reversed(inner)
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    continue
                if entry.is_symlink() and entry.is_dir():
                    self._reject(Path(entry.path), "a link to another folder; open that folder itself")
                    continue
                yield Path(entry.path)

    def _file(self, path: Path, *, explicit: bool) -> None:
        if str(path) in self._seen:
            return
        self._seen.add(str(path))
        reason = _unreadable(path)
        if reason is not None:
            self._reject(path, reason)
        elif path.suffix.lower() == ".zip":
            self._archive(path)
        elif is_dicomdir(path):
            self._index(path, explicit=explicit)
        else:
            self.inputs.files.append(InputFile(path))

    def _archive(self, path: Path) -> None:
        try:
            unpacked = unpack(path, self._cancelled)
        except ExamError as error:
            self._reject(path, str(error))
            return
        self.inputs.files += [InputFile(copy, known_as) for copy, known_as in unpacked.files]
        self.inputs.rejected += unpacked.rejected

    def _index(self, path: Path, *, explicit: bool) -> None:
        """Take a DICOMDIR: given by itself it stands for the files that it names; in a folder they are found anyway."""
        try:
            files, missing = referenced_files(path)
        except (ExamError, OSError) as error:
            self._reject(path, str(error))
            return
        self._reject(path, f"the index of a DICOM medium, not an image; it names {len(files)} files")
        if explicit:
            for rejection in missing:
                self._reject(rejection.path, rejection.reason)
            for file in files:
                self._file(file, explicit=False)

    def _reject(self, path: Path, reason: str) -> None:
        self.inputs.rejected.append(Rejection(path, reason))


def _unreadable(path: Path) -> str | None:
    """Return why a file cannot be an image, as far as its kind and size tell; a pipe must not even be opened."""
    try:
        info = path.stat()
    except OSError as error:
        return (
            "no such file or folder" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        )
    if not stat.S_ISREG(info.st_mode):
        return "not a regular file"
    return "an empty file" if info.st_size == 0 else None
