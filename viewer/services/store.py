"""Results kept between runs: SQLite for what is known of them, one file of arrays each.

A result belongs to an image (its UID, its side and geometry, the bytes of its files), a network, its weights and the
preprocessing version; change any of them and it is not shown again. Keys are digests: neither UIDs nor anything else
from a header is written down or becomes a path, and no names or ids of patients are kept.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gmic_core.errors import StoreError
from gmic_core.exam import image_key
from gmic_core.exam.model import MammoImage
from gmic_core.paths import ensure_dir, user_data_dir
from gmic_core.preprocessing.version import PREPROCESSING_VERSION
from gmic_core.types import ImageResult
from viewer.services.result_record import arrays_of, empty_arrays, from_record, to_record

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
DATABASE = "results.sqlite"
ARRAYS = "results"
MAX_BYTES = 1 << 30
"""Of arrays; a result takes 10 to 300 KB. Beyond it, those not looked at for longest go."""
ORPHAN_S = 3600.0
"""Arrays without an entry are removed after this time; before, another window may be about to enter them."""
BUSY_S = 5.0
"""How long to wait for another window that writes."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    content TEXT NOT NULL,
    used REAL NOT NULL,
    bytes INTEGER NOT NULL,
    result TEXT NOT NULL
);
"""
_BROKEN = (OSError, sqlite3.Error, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)
"""What reading a damaged entry may raise."""


class ResultStore:
    """The results of this user. Thread-safe: every call opens the database for itself.

    A database that is damaged is put aside; a folder that cannot be written keeps nothing. Neither stops the window:
    ``problem`` says what happened.

    Parameters
    ----------
    folder : default: the user's data folder.
    max_bytes : arrays are removed, least recently used first, beyond this.

    Attributes
    ----------
    problem : what to tell the reader about the state in which the store was found; "" when all was well.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder or user_data_dir()
        self._max_bytes = max_bytes
        self._usable = True
        self.problem = ""
        try:
            ensure_dir(self._folder / ARRAYS)
            self._open()
        except (StoreError, OSError, sqlite3.Error) as error:
            self._usable = False
            self.problem = (
                f"AI results are not kept: {error}. They are shown, but computed again next time; free the place, or "
                "set GMIC_HOME to a folder that you may write to."
            )

    def save(self, image: MammoImage, weights_key: str, result: ImageResult, stamp: str = "") -> None:
        """Keep a result; one for the same image, network and weights is replaced.

        Parameters
        ----------
        stamp : of the files that the network read (:func:`gmic_core.exam.image_key.stamp`); when they have changed
            since, the result belongs to no file any more and is not kept. "": those that are there now.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        if not self._usable:
            return
        key = result_key(image, result.provenance.model, weights_key)
        try:
            now, content = image_key.stamp(image), image_key.content(image)
            if now != (stamp or now) or now != image_key.stamp(image):  # before, or while it was hashed
                log.info("a result was not kept: the files of its image changed meanwhile")
                return
            size = self._write_arrays(key, result)
            row = (key, now, content, time.time(), size, to_record(result))
            with self._database() as database:
                database.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)", row)
            self._tidy()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The result could not be kept ({error}); it is shown, but will have to be computed again. "
                f"Free space in {self._folder}."
            ) from error

    def load(self, image: MammoImage, model: str, weights_key: str) -> ImageResult | None:
        """Return the kept result of an image, or None; a damaged one is dropped."""
        if not self._usable or not weights_key:
            return None
        key = result_key(image, model, weights_key)
        try:
            with self._database() as database:
                row = database.execute("SELECT stamp, content, result FROM results WHERE key = ?", (key,)).fetchone()
            if row is None or not self._same_pixels(key, image, row[0], row[1]):
                return None
            result = from_record(row[2], image.sop_uid, self._read_arrays(key))
            self._touch(key)
        except sqlite3.OperationalError as error:  # locked, or the disk is full: the entry itself is all right
            log.warning("a kept result could not be read (%s)", error)
            return None
        except _BROKEN as error:
            log.warning("a kept result is damaged and was dropped (%s)", type(error).__name__)
            self._drop(key)
            return None
        return result

    def record(self, image: MammoImage, model: str, weights_key: str) -> ImageResult | None:
        """Return what :meth:`load` would, but with empty arrays: scores and provenance of many images quickly."""
        if not self._usable or not weights_key:
            return None
        key = result_key(image, model, weights_key)
        try:
            with self._database() as database:
                row = database.execute("SELECT stamp, content, result FROM results WHERE key = ?", (key,)).fetchone()
            if row is None or not self._arrays_path(key).exists() or not self._same_pixels(key, image, row[0], row[1]):
                return None
            return from_record(row[2], image.sop_uid, empty_arrays())
        except _BROKEN as error:
            log.warning("a kept result could not be read (%s)", type(error).__name__)  # loading it drops it
            return None

    def load_exam(self, images: Iterable[MammoImage], wanted: Mapping[str, tuple[str, str]]) -> list[ImageResult]:
        """Return the kept results of several images.

        Parameters
        ----------
        wanted : SOP UID -> (network, weights key) that a result must have been made with.
        """
        pairs = [(image, wanted[image.sop_uid]) for image in images if image.sop_uid in wanted]
        found = (self.load(image, model, key) for image, (model, key) in pairs)
        return [result for result in found if result is not None]

    def extent(self) -> tuple[int, int]:
        """Return how many results are kept and the bytes that their arrays take; (0, 0) where that cannot be read."""
        if not self._usable:
            return 0, 0
        try:
            with self._database() as database:
                count, size = database.execute("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM results").fetchone()
        except sqlite3.Error as error:
            log.warning("the kept results cannot be counted: %s", error)
            return 0, 0
        return int(count), int(size)

    def clear(self) -> None:
        """Delete every kept result.

        Raises
        ------
        StoreError
            If the database cannot be written.
        """
        if not self._usable:
            return
        try:
            with self._database() as database:
                keys = [key for (key,) in database.execute("SELECT key FROM results")]
                database.execute("DELETE FROM results")
            for key in keys:
                self._arrays_path(key).unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The kept results could not be deleted ({error}). Close other windows of the program and try again."
            ) from error

    # -- the database --------------------------------------------------------------------------------------------
    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._folder / DATABASE, timeout=BUSY_S)
        try:
            with database:
                yield database
        finally:
            database.close()

    def _open(self) -> None:
        try:
            self._prepare()
        except sqlite3.OperationalError:
            raise  # locked or unwritable: the file itself may be sound
        except sqlite3.DatabaseError as error:
            self._put_aside(error)
            self._prepare()

    def _prepare(self) -> None:
        with self._database() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA_VERSION):
                raise sqlite3.DatabaseError(f"it was written by another version of this program, schema {version}")
            (health,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if health != "ok":
                raise sqlite3.DatabaseError("it is damaged")
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(_SCHEMA)
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        path = self._folder / DATABASE
        aside = path.with_suffix(".damaged")
        os.replace(path, aside)
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        self.problem = (
            f"The kept AI results could not be read ({error}). The file was put aside as {aside.name}; results will "
            "be computed again."
        )

    def _same_pixels(self, key: str, image: MammoImage, stamp: str, content: str) -> bool:
        """Whether the files are those of the result: same times, or copies of them with the same bytes."""
        now = image_key.stamp(image)
        if now and now == stamp:
            return True
        if not now or not content or image_key.sizes(now) != image_key.sizes(stamp):
            return False
        if image_key.content(image) != content:
            return False
        with self._database() as database:
            database.execute("UPDATE results SET stamp = ? WHERE key = ?", (now, key))
        return True

    def _touch(self, key: str) -> None:
        with self._database() as database:
            database.execute("UPDATE results SET used = ? WHERE key = ?", (time.time(), key))

    def _drop(self, key: str) -> None:
        try:
            self._arrays_path(key).unlink(missing_ok=True)
            with self._database() as database:
                database.execute("DELETE FROM results WHERE key = ?", (key,))
        except (OSError, sqlite3.Error) as error:
            log.warning("a damaged result could not be dropped (%s)", error)

    # -- the arrays ----------------------------------------------------------------------------------------------
    def _arrays_path(self, key: str) -> Path:
        return self._folder / ARRAYS / f"{key}.npz"

    def _write_arrays(self, key: str, result: ImageResult) -> int:
        path = self._arrays_path(key)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                np.savez_compressed(file, **arrays_of(result))
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        return path.stat().st_size

    def _read_arrays(self, key: str) -> dict[str, Any]:
        # an own file object: numpy leaves the file open when its content is damaged
        with self._arrays_path(key).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)

    def _tidy(self) -> None:
        """Remove the results not looked at for longest when there are too many, and files that belong to none."""
        with self._database() as database:
            rows = database.execute("SELECT key, bytes FROM results ORDER BY used DESC").fetchall()
        total = 0
        known: set[str] = set()
        for key, size in rows:
            total += size
            if total > self._max_bytes and known:  # the newest is kept whatever its size
                self._drop(key)
            else:
                known.add(f"{key}.npz")
        oldest = time.time() - ORPHAN_S
        for path in (self._folder / ARRAYS).iterdir():
            if path.name not in known and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def result_key(image: MammoImage, model: str, weights_key: str) -> str:
    """Return what a result is kept under: a digest, so that nothing from a file becomes a path."""
    parts = [image_key.description(image), model, weights_key, PREPROCESSING_VERSION]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
