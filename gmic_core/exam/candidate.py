"""An image on its way into an exam: what one file holds, and whose it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from gmic_core.exam.model import MammoImage
from gmic_core.exam.slices import SliceKey

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Owner:
    """Patient and study of an image; two images belong to one exam when their owners' keys are equal.

    Attributes
    ----------
    place : folder and name prefix, which stand in for a missing study UID.
    copy : 0; 1, 2, ... for images whose UID another image of other pixels already has: never hung with it.
    """

    patient_id: str = ""
    patient_name: str = ""
    birth_date: str = ""
    study_uid: str = ""
    date: str = ""
    place: str = ""
    copy: int = 0

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What identifies the exam."""
        stands_in = "" if self.study_uid else self.place
        return self.patient_id, self.study_uid, stands_in, self.copy


@dataclass(frozen=True)
class Candidate:
    """One image and its owner.

    Attributes
    ----------
    slice_key, cosines : place in the patient, when the file is one slice of a volume stored file by file.
    exam_warnings : what is to be said about the whole exam.
    """

    image: MammoImage
    owner: Owner
    slice_key: SliceKey | None = None
    cosines: tuple[float, ...] | None = None
    exam_warnings: tuple[str, ...] = field(default=())

    @property
    def path(self) -> Path:
        """The input file, as the user knows it."""
        return self.image.files[0]

    def warned(self, *messages: str) -> Candidate:
        """Return the candidate with warnings added to its image."""
        return replace(self, image=replace(self.image, warnings=(*self.image.warnings, *messages)))


def valid_uid(text: str) -> bool:
    """Whether ``text`` is a DICOM UID (PS3.5 9.1); anything else must not become part of a file name."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def uid_of(*parts: object) -> str:
    """Return the ``2.25.`` UID (PS3.5 B.2) that belongs to ``parts``: equal parts, equal UID."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "replace"), digest_size=16).digest()
    return f"2.25.{int.from_bytes(digest, 'big')}"


def content_digest(path: Path, start: int = 0, length: int | None = None) -> str:
    """Return the hash of a file's content from byte ``start`` on."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        for chunk in chunks(file, start, length):
            digest.update(chunk)
    return digest.hexdigest()


def chunks(file: BinaryIO, start: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Yield a file's bytes from ``start`` on, in pieces, to its end or ``length`` bytes far."""
    file.seek(start)
    left = length
    while left is None or left > 0:
        chunk = file.read(_CHUNK if left is None else min(_CHUNK, left))
        if not chunk:
            return
        left = None if left is None else left - len(chunk)
        yield chunk
