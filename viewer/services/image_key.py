"""Which pixels a kept result belongs to: a UID alone is not enough, files are edited, copied and unpacked again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gmic_core.exam.model import MammoImage

MAX_HASHED = 2 << 30
"""Images of more bytes are known by the times of their files only; reading them again would take too long."""
GONE = "gone"
_CHUNK = 1 << 20


def description(image: MammoImage) -> str:
    """Return what a network's answer depends on beside the pixels: side, view, orientation, geometry, pixel format."""
    source = image.source
    parts = (
        image.sop_uid, image.modality, image.laterality, image.view, image.patient_orientation, image.spacing_mm,
        image.frames, image.rows, image.columns, image.pixel, source.kind, source.frame_order, source.member,
    )  # fmt: skip
    return repr(parts)


def file_stamp(path: Path) -> str:
    """Return size and time of a file; equal stamps mean equal pixels. "gone" when it cannot be looked at."""
    try:
        stat = path.stat()
    except OSError:
        return GONE
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def stamp(image: MammoImage) -> str:
    """Return the stamps of an image's files; "" when one of them is gone."""
    stamps = [file_stamp(path) for path in image.files]
    return "" if GONE in stamps else ";".join(stamps)


def sizes(of_stamp: str) -> list[str]:
    """Return the sizes in a stamp."""
    return [entry.partition(":")[0] for entry in of_stamp.split(";")]


def content(image: MammoImage) -> str:
    """Return a digest of the files' bytes, for copies whose times differ; "" when they are too large or gone."""
    digest = hashlib.blake2b(digest_size=32)
    try:
        if sum(path.stat().st_size for path in image.files) > MAX_HASHED:
            return ""
        for path in image.files:
            _add(digest, path)
    except OSError:
        return ""
    return digest.hexdigest()


def _add(digest: hashlib.blake2b, path: Path) -> None:
    digest.update(f"{path.stat().st_size};".encode())
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):  # hashing lets the interpreter go: the window is not held up
            digest.update(chunk)
