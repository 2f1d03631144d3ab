"""Zip archives, unpacked into the user's cache under names that say nothing about a patient.

Nothing in an archive is trusted: names never become paths, sizes are bounded before and while unpacking, links,
encrypted members and archives inside archives are refused with a reason.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from gmic_core.errors import CancelledError, ExamError
from gmic_core.exam.model import Rejection
from gmic_core.exam.raster import raster_suffix
from gmic_core.paths import ensure_dir, user_data_dir

MAX_MEMBERS = 200_000
MAX_TOTAL = 32 << 30
"""Bytes that one archive may unpack to."""
MAX_RATIO = 300
"""Unpacked to packed size beyond which a large member is a bomb; uncompressed mammograms reach 50."""
RATIO_FREE = 64 << 20
"""Members up to this size may have any ratio: an empty frame packs 1000 to 1."""
KEEP_DAYS = 3
"""Unpacked copies that were not used for so long are removed; they are images of patients."""
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")

_CHUNK = 1 << 20
_SNIFF = 132


def cache_dir() -> Path:
    """Return the folder of unpacked copies; it need not exist yet."""
    return user_data_dir() / "cache" / "unpacked"


class Unpacked:
    """What came out of an archive.

    Attributes
    ----------
    files : (unpacked copy, path as the user knows it) of each member that may be an image.
    rejected : the other members, and why.
    """

    def __init__(self) -> None:
        self.files: list[tuple[Path, Path]] = []
        self.rejected: list[Rejection] = []


def unpack(path: Path, cancelled: Callable[[], bool] | None = None) -> Unpacked:
    """Unpack what may be an image; members that are unpacked already are not unpacked again.

    Raises
    ------
    ExamError
        If the archive as a whole is refused; the message is the reason.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if not members:
                raise ExamError("an empty archive")
            folder = _folder(path, members)
            out = Unpacked()
            for number, member in enumerate(members):
                if cancelled is not None and cancelled():
                    raise CancelledError("Reading was cancelled.")
                _take(archive, member, path, folder, number, out)
            return out
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ExamError(f"a damaged archive ({error}); copy it again") from error


def _folder(path: Path, members: list[zipfile.ZipInfo]) -> Path:
    """Return the cache folder of this archive after checking that its content can fit."""
    total = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS or total > MAX_TOTAL:
        raise ExamError(f"the archive holds {len(members):,} files of {total >> 20:,} MiB in all; unpack it by hand")
    info = path.stat()
    identity = f"{path.absolute()}\x1f{info.st_size}\x1f{info.st_mtime_ns}"
    root = ensure_dir(cache_dir())
    folder = root / hashlib.blake2b(identity.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    remove_old(root, spare=folder)
    ensure_dir(folder)
    os.utime(folder)
    free = shutil.disk_usage(folder).free
    if total > free - (1 << 30):
        raise ExamError(f"the archive needs {total >> 20:,} MiB, but only {free >> 20:,} MiB are free; make room first")
    return folder


def remove_old(root: Path, *, spare: Path | None = None) -> None:
    """Remove unpacked copies that were not used for :data:`KEEP_DAYS` days."""
    oldest = time.time() - KEEP_DAYS * 86_400
    for folder in root.iterdir():
        if folder != spare and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)  # another window may be removing it at this moment


def _take(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, folder: Path, number: int, out: Unpacked
) -> None:
    known_as = path / _shown(member.filename)
    try:
        suffix = _refuse(archive, member)
        copy = folder / f"{number:06d}{suffix}"
        if not copy.is_file() or copy.stat().st_size != member.file_size:
            _unpack_one(archive, member, copy)
        out.files.append((copy, known_as))
    except ExamError as error:
        out.rejected.append(Rejection(known_as, str(error)))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        out.rejected.append(Rejection(known_as, f"cannot be unpacked ({error})"))


def _shown(name: str) -> Path:
    """Return a member's name as a relative path to show; it is never opened."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    return Path(*parts) if parts else Path("(unnamed)")


def _refuse(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Raise the reason why a member is not unpacked, or return the suffix of its copy."""
    parts = member.filename.replace("\\", "/").split("/")
    if ".." in parts or member.filename.startswith(("/", "\\")) or ":" in parts[0]:
        raise ExamError("an unsafe name inside the archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise ExamError("a link inside the archive")
    if member.flag_bits & 1:
        raise ExamError("encrypted; unpack the archive with its password first")
    if member.file_size == 0:
        raise ExamError("an empty file")
    if member.file_size > RATIO_FREE and member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise ExamError(f"would grow {member.file_size // max(member.compress_size, 1):,} times when unpacked; refused")
    name = member.filename.lower()
    if name.endswith(ARCHIVES) and not name.endswith(".nii.gz"):
        raise ExamError("an archive inside an archive; unpack it first")
    with archive.open(member) as file:
        start = file.read(_SNIFF)
    suffix = raster_suffix(Path(member.filename), start)
    if suffix is not None:
        return suffix
    if start[:4] == b"PK\x03\x04":
        raise ExamError("an archive inside an archive; unpack it first")
    return ".dcm"


def _unpack_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, copy: Path) -> None:
    """Unpack one member; a copy appears under its name only when it is complete and its checksum is right."""
    partial = copy.with_suffix(f".{os.getpid()}.part")
    try:
        written = 0
        with archive.open(member) as source, partial.open("wb") as target:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > member.file_size:
                    raise ExamError("larger than the archive says; refused")
                target.write(chunk)
        partial.replace(copy)
    finally:
        partial.unlink(missing_ok=True)
