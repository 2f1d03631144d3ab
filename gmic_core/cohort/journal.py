"""The journal of a cohort run: one line of JSON per image, on the disk before the next one is begun.

The process may be killed at any moment: lines are only ever added, a line counts when it ends with a line break, and
what it speaks of was written before it. One process at a time writes a journal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from gmic_core.cohort.identity import Identity
from gmic_core.errors import StoreError

JOURNAL = "journal.jsonl"
FORMAT = {"journal": "gmic-viewer cohort 1"}
"""First line; the number rises when lines change their meaning."""
MAX_LINE = 64 << 20
"""Bytes; the entry of a volume takes 10 KB, that of an ensemble of five 50 KB."""
_CHUNK = 1 << 20
_DAMAGE = (ValueError, TypeError, RecursionError)
LOCKED_BYTE = 1 << 40
"""Where Windows locks the file: behind its end, because a locked byte cannot be read."""


@dataclass(frozen=True)
class Line:
    """What is known of one image.

    Attributes
    ----------
    entry : of ``results.json``; None when there is no result.
    sizes : bytes of the saliency file of each class.
    reason : why there is no result.
    passing : see :class:`~gmic_core.cohort.plan.Outcome`.
    """

    sop_uid: str
    identity: Identity
    entry: dict[str, Any] | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    passing: bool = False

    def text(self) -> bytes:
        """Return it as it stands in the file, with the line break."""
        plain: dict[str, Any] = {"sop_uid": self.sop_uid, "identity": self.identity.plain()}
        if self.entry is None:
            plain |= {"reason": self.reason, "passing": self.passing}
        else:
            plain |= {"sizes": self.sizes, "entry": self.entry}
        return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def parse(cls, text: bytes) -> Line:
        """Return the line that :meth:`text` wrote.

        Raises
        ------
        ValueError, TypeError, RecursionError
            If it is damaged.
        """
        plain = json.loads(text)
        if not isinstance(plain, dict) or not isinstance(plain.get("sop_uid"), str):
            raise ValueError("not a line of a journal")  # noqa: TRY004  # damaged, not misused
        identity = Identity.parse(plain.get("identity"))
        entry, sizes = plain.get("entry"), plain.get("sizes")
        if isinstance(entry, dict) and isinstance(sizes, dict):
            return cls(plain["sop_uid"], identity, entry, {str(name): int(size) for name, size in sizes.items()})
        if not isinstance(plain.get("reason"), str):
            raise ValueError("neither a result nor a reason")  # noqa: TRY004
        return cls(plain["sop_uid"], identity, reason=plain["reason"], passing=bool(plain.get("passing")))


@dataclass(frozen=True)
class Place:
    """Where a line stands in the file, in bytes."""

    offset: int
    length: int


class Journal:
    """The journal in a folder, opened for reading and adding. Use it in a ``with`` statement.

    Parameters
    ----------
    folder : it exists already.
    fresh : forget what an earlier run left.

    Attributes
    ----------
    damaged : lines that could not be read when :meth:`lines` went through them; their images are computed again.

    Raises
    ------
    StoreError
        If another process writes it, it is no journal of this version, or the disk does not let us.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.path = folder / JOURNAL
        self.damaged = 0
        try:
            self._out = self.path.open("ab", buffering=0)
            self._in = self.path.open("rb")
        except OSError as error:
            raise _unwritable(self.path, error) from error
        try:
            _lock(self._out, folder)
            if fresh:
                self._out.truncate(0)
            self._prepare()
        except OSError as error:
            self.close()
            raise _unwritable(self.path, error) from error
        except StoreError:
            self.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others write it."""
        self._in.close()
        self._out.close()  # which gives the lock back

    def lines(self) -> Iterator[tuple[Place, Line]]:
        """Yield what is known, oldest first; of several lines of one image the last one holds."""
        offset = 0
        while True:
            self._in.seek(offset)  # whoever took the last line may have read another one
            text = self._in.readline(MAX_LINE)
            if not text:
                return
            place = Place(offset, len(text))
            offset += len(text)
            if place.offset == 0:  # says what the file is
                continue
            try:
                line = Line.parse(text)
            except _DAMAGE:
                self.damaged += 1
                continue
            yield place, line

    def read(self, place: Place) -> Line:
        """Return the line at a place.

        Raises
        ------
        StoreError
            If it is not there any more.
        """
        try:
            self._in.seek(place.offset)
            return Line.parse(self._in.read(place.length))
        except (OSError, *_DAMAGE) as error:
            raise StoreError(
                f"{self.path} was changed while it was in use; run the same command again: what is damaged is "
                "computed anew."
            ) from error

    def add(self, line: Line) -> Place:
        """Add a line; when this returns, the disk has it.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        text = line.text()
        try:
            offset = self._out.seek(0, os.SEEK_END)
            self._write(text)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        return Place(offset, len(text))

    # -- the file ------------------------------------------------------------------------------------------------
    def _write(self, text: bytes) -> None:
        rest = memoryview(text)
        while rest:
            rest = rest[self._out.write(rest) or 0 :]
        os.fsync(self._out.fileno())

    def _prepare(self) -> None:
        """Write the first line of a new journal, check that of an old one, cut off a torn last line."""
        first = self._in.readline(MAX_LINE)
        expected = json.dumps(FORMAT).encode() + b"\n"
        if expected.startswith(first) and first != expected:  # a new file, or killed within the first line
            self._out.truncate(0)
            self._write(expected)
            _sync_folder(self.path.parent)
        elif first != expected:
            raise StoreError(
                f"{self.path} is no journal of this version of the program; choose another folder (--out), or compute "
                "everything again (--fresh)."
            )
        self._cut_torn_end()

    def _cut_torn_end(self) -> None:
        """Drop what stands behind the last line break: the image of that line is computed again."""
        end = start = self._in.seek(0, os.SEEK_END)
        tail = b""
        while start > 0 and b"\n" not in tail:
            size = min(start, _CHUNK)
            start = self._in.seek(start - size)
            tail = self._in.read(size)
        whole = start + tail.rfind(b"\n") + 1
        if whole < end:
            self.damaged += 1
            self._out.truncate(whole)
            os.fsync(self._out.fileno())


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be written ({error.strerror or error}); choose another folder with --out.")


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file survive a power failure; Windows does so by itself."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(file: IO[bytes], folder: Path) -> None:
    """Make sure that no other process writes it; the system unlocks it when this process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise StoreError(
            f"Another gmic-core predict writes to {folder}; wait until it is done, or choose another folder (--out)."
        ) from error
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be locked ({error.strerror}); choose a folder on another disk with --out."
        ) from error
