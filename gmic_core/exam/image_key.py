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
    """Return the exact stamps of the files that an image is read from; "" when one of them is gone.

    Of an image in an archive these are the unpacked copies: the archive's own names are no files.
    """
    stamps = [exact_stamp(path) for path in image.source.paths]
    return "" if GONE in stamps else ";".join(stamps)


def exact_stamp(path: Path) -> str:
    """Return :func:`file_stamp` with the time of the last change of any kind, which no program can set back.

    Equal ones mean equal pixels even where somebody edited a file and restored its times. They differ for copies, and
    after a change of permissions: then :func:`content` decides.
    """
    try:
        return f"{file_stamp(path)}:{path.stat().st_ctime_ns}"
    except OSError:
        return GONE


def slice_stamp(image: MammoImage, slice_index: int) -> str:
    """Return the exact stamp of what one slice is read from."""
    source = image.source
    paths = source.paths[slice_index : slice_index + 1] if source.kind == "dicom-series" else source.paths
    return ";".join(map(exact_stamp, paths))


def sizes(of_stamp: str) -> list[str]:
    """Return the sizes in a stamp."""
    return [entry.partition(":")[0] for entry in of_stamp.split(";")]


def content(image: MammoImage) -> str:
    """Return a digest of the files' bytes, for copies whose times differ; "" when they are too large or gone."""
    digest = hashlib.blake2b(digest_size=32)
    try:
        if sum(path.stat().st_size for path in image.source.paths) > MAX_HASHED:
            return ""
        for path in image.source.paths:
            _add(digest, path)
    except OSError:
        return ""
    return digest.hexdigest()


def _add(digest: hashlib.blake2b, path: Path) -> None:
    digest.update(f"{path.stat().st_size};".encode())
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):  # hashing lets the interpreter go: the window is not held up
            digest.update(chunk)
