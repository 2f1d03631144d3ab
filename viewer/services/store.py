"""Results kept between runs: SQLite for what is known of them, one file of arrays each.

A result belongs to an image (SOP Instance UID and the size and time of its files), a network, its weights and
the preprocessing version; change any of them and it is not shown again. No names or ids of patients are kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gmic_core.errors import StoreError
from gmic_core.exam.model import MammoImage
from gmic_core.paths import ensure_dir, user_data_dir
from gmic_core.preprocessing.version import PREPROCESSING_VERSION
from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
DATABASE = "results.sqlite"
ARRAYS = "results"
_ARRAY_FIELDS = ("saliency", "saliency_to_stored", "window_to_stored", "profile")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY,
    sop_uid TEXT NOT NULL,
    model TEXT NOT NULL,
    weights_key TEXT NOT NULL,
    preprocessing TEXT NOT NULL,
    created TEXT NOT NULL,
    result TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_image ON results (sop_uid);
"""


class ResultStore:
    """The results of this user. Thread-safe: every call opens the database for itself.

    Parameters
    ----------
    folder : default: the user's data folder.

    Attributes
    ----------
    problem : what to tell the reader about the state in which the store was found; "" when all was well.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or user_data_dir()
        self.problem = ""
        ensure_dir(self._folder / ARRAYS)
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._put_aside(error)
            self._prepare()

    def save(self, image: MammoImage, weights_key: str, result: ImageResult) -> None:
        """Keep a result; one for the same image, network and weights is replaced.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        key = result_key(image, result.provenance.model, weights_key)
        plain = {name: value for name, value in asdict(result).items() if name not in _ARRAY_FIELDS}
        try:
            self._write_arrays(key, result)
            with self._database() as database:
                database.execute(
                    "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        key,
                        image.sop_uid,
                        result.provenance.model,
                        weights_key,
                        result.provenance.preprocessing_version,
                        result.provenance.created,
                        json.dumps(plain),
                    ),
                )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"The result could not be kept ({error}); it is shown, but will have to be computed again. "
                f"Free space in {self._folder}."
            ) from error

    def load(self, image: MammoImage, model: str, weights_key: str) -> ImageResult | None:
        """Return the kept result of an image, or None; a damaged one is dropped."""
        if not weights_key:
            return None
        key = result_key(image, model, weights_key)
        try:
            with self._database() as database:
                row = database.execute("SELECT result FROM results WHERE key = ?", (key,)).fetchone()
            return None if row is None else _restored(json.loads(row[0]), self._read_arrays(key))
        except (OSError, sqlite3.Error, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            log.warning("a kept result is damaged and was dropped (%s)", type(error).__name__)
            self._drop(key)
            return None

    # -- inside --------------------------------------------------------------------------------------------------
    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._folder / DATABASE, timeout=10.0)
        try:
            with database:
                yield database
        finally:
            database.close()

    def _prepare(self) -> None:
        with self._database() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version not in (0, SCHEMA_VERSION):
                raise sqlite3.DatabaseError(f"it was written by another version of this program (schema {version})")
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(_SCHEMA)
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        path = self._folder / DATABASE
        try:
            os.replace(path, path.with_suffix(".damaged"))
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
        except OSError as failure:
            raise StoreError(
                f"The results database {path} cannot be used ({error}) nor put aside ({failure}); move it away."
            ) from failure
        self.problem = (
            f"The kept AI results could not be read ({error}). The file was put aside as "
            f"{path.with_suffix('.damaged').name}; results will be computed again."
        )

    def _arrays_path(self, key: str) -> Path:
        return self._folder / ARRAYS / f"{key}.npz"

    def _write_arrays(self, key: str, result: ImageResult) -> None:
        path = self._arrays_path(key)
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            np.savez_compressed(file, **{name: getattr(result, name) for name in _ARRAY_FIELDS})
        os.replace(part, path)

    def _read_arrays(self, key: str) -> dict[str, Any]:
        with self._arrays_path(key).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in _ARRAY_FIELDS}

    def _drop(self, key: str) -> None:
        try:
            self._arrays_path(key).unlink(missing_ok=True)
            with self._database() as database:
                database.execute("DELETE FROM results WHERE key = ?", (key,))
        except (OSError, sqlite3.Error) as error:
            log.warning("a damaged result could not be dropped (%s)", error)


def result_key(image: MammoImage, model: str, weights_key: str) -> str:
    """Return what a result is kept under: a digest, so that nothing from a file becomes a path."""
    # side, view and orientation decide what the network saw; a reader's answer may have changed them
    seen = (image.laterality, image.view, image.patient_orientation, image.spacing_mm)
    stamps = (file_stamp(path) for path in image.files)
    parts = [image.sop_uid, model, weights_key, PREPROCESSING_VERSION, repr(seen), *stamps]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def file_stamp(path: Path) -> str:
    """Return size and time of a file: pixels that changed under the same UID must not meet an old result."""
    try:
        stat = path.stat()
    except OSError:
        return "gone"
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def _restored(plain: dict[str, Any], arrays: dict[str, Any]) -> ImageResult:
    rois = tuple(
        Roi(**{**roi, "local_scores": tuple(roi["local_scores"]) if roi["local_scores"] else None})
        for roi in plain.pop("rois")
    )
    y, y_global, y_local = (
        (float(pair[0]), float(pair[1])) for pair in (plain["y"], plain["y_global"], plain["y_local"])
    )
    side = plain["laterality"]
    return ImageResult(
        sop_uid=str(plain["sop_uid"]),
        modality=Modality(plain["modality"]),
        laterality=Laterality(side) if side else None,
        view=plain["view"],
        rois=rois,
        window_shape=(int(plain["window_shape"][0]), int(plain["window_shape"][1])),
        outside_fraction=float(plain["outside_fraction"]),
        provenance=Provenance(**plain["provenance"]),
        notes=tuple(plain["notes"]),
        y=y,
        y_global=y_global,
        y_local=y_local,
        saliency=arrays["saliency"],
        saliency_to_stored=arrays["saliency_to_stored"],
        window_to_stored=arrays["window_to_stored"],
        profile=arrays["profile"],
    )
