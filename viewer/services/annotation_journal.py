"""The journal of a segmentation: what was done since the last full save, an entry after each stroke.

An entry is its length, a checksum, a number that grows by one, its kind and its bytes; it is synced to the disk before
the next one is begun. A process that is killed leaves at most one unfinished entry at the end, which is not used.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from gmic_core.errors import SegmentationError
from gmic_core.segmentation.label_descriptions import LabelDescription
from viewer.model.annotation.edits import Edit, Shape, decoded
from viewer.services.annotation_about import About, about_from

log = logging.getLogger(__name__)

MAGIC = b"GMIC segmentation journal 1\n"
_SHAPE = struct.Struct("<3I")
_ENTRY = struct.Struct("<IIQB")
MAX_ENTRY = 1 << 30
Kind = Literal[0, 1, 2, 3]
EDIT: Kind = 0
NAMES: Kind = 1
CLOSED: Kind = 2
"""The program ended in order after this."""
ABOUT: Kind = 3


@dataclass(frozen=True)
class Entry:
    """One entry: an edit, descriptions of labels, what goes with them, or nothing at an orderly end."""

    number: int
    edit: Edit | None = None
    names: tuple[LabelDescription, ...] | None = None
    about: About | None = None


class JournalWriter:
    """Appends to a new journal; every method returns when the disk has it.

    Raises
    ------
    OSError
        From every method, if the disk does not take it.
    """

    def __init__(self, path: Path, shape: Shape) -> None:
        self._file: BinaryIO = path.open("xb")
        self._file.write(MAGIC + _SHAPE.pack(*shape))
        self._sync()

    def append(self, number: int, kind: Kind, payload: bytes) -> None:
        """Add an entry."""
        body = struct.pack("<QB", number, kind) + payload
        self._file.write(_ENTRY.pack(len(payload), zlib.crc32(body), number, kind) + payload)
        self._sync()

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of the file; what a full disk did not take is given up."""
        try:
            self._file.close()
        except OSError:
            log.warning("the end of a journal could not be written")


def read_journal(path: Path, shape: Shape) -> Iterator[Entry]:
    """Yield the entries of a journal, as far as they are whole.

    Raises
    ------
    SegmentationError
        If it is the journal of a map of another shape, or none.
    OSError
        If it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(len(MAGIC) + _SHAPE.size)
        if head != MAGIC + _SHAPE.pack(*shape):
            raise SegmentationError("The journal of a kept segmentation is of another image; it is not used.")
        while True:
            start = file.read(_ENTRY.size)
            if len(start) < _ENTRY.size:
                return
            length, check, number, kind = _ENTRY.unpack(start)
            if length > min(MAX_ENTRY, size):
                return
            payload = file.read(length)
            if len(payload) < length or zlib.crc32(struct.pack("<QB", number, kind) + payload) != check:
                return
            yield _entry(number, kind, payload, shape)


def _entry(number: int, kind: int, payload: bytes, shape: Shape) -> Entry:
    if kind == EDIT:
        return Entry(number, edit=decoded(payload, shape))
    if kind == ABOUT:
        return Entry(number, about=about_from(payload))
    return Entry(number, names=names_from(payload) if kind == NAMES else None)


def names_bytes(names: Iterable[LabelDescription]) -> bytes:
    """Return descriptions of labels as JSON."""
    rows = [[n.index, n.name, list(n.colour), n.opacity, n.visible, n.mesh_visible] for n in names]
    return json.dumps(rows).encode()


def names_from(data: bytes) -> tuple[LabelDescription, ...]:
    """Return descriptions of labels from :func:`names_bytes`.

    Raises
    ------
    SegmentationError
        If they are none.
    """
    try:
        return tuple(
            LabelDescription(
                int(index), str(name), (int(red), int(green), int(blue)), float(opacity), bool(seen), bool(mesh)
            )
            for index, name, (red, green, blue), opacity, seen, mesh in json.loads(data)
        )
    except (ValueError, TypeError) as error:
        raise SegmentationError("Names of labels in the journal are damaged; what follows is not used.") from error
