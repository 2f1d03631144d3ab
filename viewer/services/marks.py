"""Marks and key images kept between runs: one SQLite table, a row for each image, written in the background.

The key is a digest of the SOP instance UID and of shape and size of the image's files: a copy in another folder keeps
its marks, other pixels under the same UID do not get them. No name, no id, no path is written down.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from gmic_core.errors import StoreError
from gmic_core.exam.image_key import sizes, stamp
from gmic_core.exam.model import MammoImage
from gmic_core.paths import ensure_dir, user_data_dir
from viewer.model.marks import KINDS, MAX_TEXT, Mark
from viewer.model.marks_model import NOTHING, ImageMarks

log = logging.getLogger(__name__)

FILE_NAME = "marks.sqlite"
VERSION = 1
"""Of the table; a file written by a later program is left alone."""
QUIET_S = 0.3
"""Writing waits so long for more: a drag changes a mark sixty times a second."""
BUSY_S, READ_S = 5.0, 0.2
"""How long to wait for another window that writes: on the writing thread, and on the one that the window lives on."""
_TABLE = "CREATE TABLE IF NOT EXISTS marks (image TEXT PRIMARY KEY, content TEXT NOT NULL, changed REAL NOT NULL)"


def image_key(image: MammoImage) -> str:
    """Return what the marks of an image are kept under."""
    parts = [image.sop_uid, f"{image.frames} {image.rows} {image.columns}", *sizes(stamp(image))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


class MarkStore:
    """Marks of this user; thread-safe.

    Parameters
    ----------
    on_problem : told, on whatever thread notices it, that marks cannot be kept or were damaged.
    folder : default: the user's data folder.
    """

    def __init__(self, on_problem: Callable[[str], None], folder: Path | None = None) -> None:
        self._path = (folder or user_data_dir()) / FILE_NAME
        self._on_problem, self._told = on_problem, False
        self._waiting: dict[str, ImageMarks] = {}
        self._writing: dict[str, ImageMarks] = {}
        self._wake, self._closing = threading.Condition(), False
        self._thread: threading.Thread | None = None

    # -- reading -------------------------------------------------------------------------------------------------
    def load(self, keys: list[str]) -> dict[str, ImageMarks]:
        """Return what is kept of some images, by key; what waits to be written counts.

        Raises
        ------
        StoreError
            If the file is there but cannot be read now. A damaged one is put aside, and told about.
        """
        try:
            found = self._read(keys) if self._path.exists() else {}
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"Marks of earlier readings cannot be read ({error}), and marks made now are not kept. "
                "Close other windows of this program and open the exam again."
            ) from error
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError):
            self._put_aside()
            found = {}
        with self._wake:
            waiting = {**self._writing, **self._waiting}
        return found | {key: waiting[key] for key in keys if key in waiting}

    def _read(self, keys: list[str]) -> dict[str, ImageMarks]:
        found: dict[str, ImageMarks] = {}
        with closing(self._open(READ_S)) as database:
            for key in keys:
                row = database.execute("SELECT content FROM marks WHERE image = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = from_text(str(row[0]))
        return found

    def _put_aside(self) -> None:
        aside = self._path.with_name(f"{FILE_NAME}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
        try:
            self._path.rename(aside)
        except OSError as error:
            raise StoreError(
                f"The file of marks {self._path} is damaged and cannot be moved ({error}); remove it."
            ) from error
        self._on_problem(f"The file of marks was damaged; it was put aside as {aside.name}, and marks begin anew.")

    def _open(self, timeout: float) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=timeout)
        try:
            version = int(database.execute("PRAGMA user_version").fetchone()[0])
            if version > VERSION:
                raise sqlite3.OperationalError("written by a later version of this program; use that one")
            if version < VERSION:
                database.execute(_TABLE)
                database.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.Error:
            database.close()
            raise
        return database

    # -- writing -------------------------------------------------------------------------------------------------
    def save(self, key: str, content: ImageMarks) -> None:
        """Keep what is marked on an image, soon; nothing marked removes the row."""
        with self._wake:
            if self._closing:
                return
            self._waiting[key] = content
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="marks", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._waiting or self._closing)
                self._wake.wait_for(lambda: self._closing, QUIET_S)
                self._writing, self._waiting = self._waiting, {}
                closing_now = self._closing
            self._write(self._writing)
            with self._wake:
                self._writing = {}
                if closing_now and not self._waiting:
                    return

    def _write(self, changed: dict[str, ImageMarks]) -> None:
        if not changed:
            return
        try:
            ensure_dir(self._path.parent)
            with closing(self._open(BUSY_S)) as database, database:
                for key, content in changed.items():
                    if content:
                        row = (key, to_text(content), time.time())
                        database.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", row)
                    else:
                        database.execute("DELETE FROM marks WHERE image = ?", (key,))
        except (sqlite3.Error, OSError, StoreError) as error:
            log.warning("marks could not be kept: %s", type(error).__name__)
            if not self._told:
                self._told = True
                self._on_problem(
                    f"Marks are shown but cannot be kept ({error}). Free space in {self._path.parent}, "
                    "or set GMIC_HOME to a folder that you may write to."
                )

    def close(self) -> None:
        """Write what waits and stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(BUSY_S)


def to_text(content: ImageMarks) -> str:
    """Return marks as JSON text."""
    marks = [
        {"id": mark.id, "kind": mark.kind, "slice": mark.slice_index, "points": mark.points, "text": mark.text}
        for mark in content.marks
    ]
    return json.dumps({"marks": marks, "key_slices": sorted(content.key_slices)})


def from_text(text: str) -> ImageMarks:
    """Return marks from JSON text; their UID is filled in by whoever knows the image.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the text is no such record.
    """
    data = json.loads(text)
    marks = tuple(_mark(entry) for entry in data["marks"])
    return ImageMarks(marks, frozenset(int(index) for index in data["key_slices"])) if data else NOTHING


def _mark(entry: dict[str, Any]) -> Mark:
    if entry["kind"] not in KINDS:
        raise ValueError(entry["kind"])
    points = tuple((float(row), float(col)) for row, col in entry["points"])
    return Mark(entry["kind"], "", int(entry["slice"]), points, str(entry["text"])[:MAX_TEXT], str(entry["id"]))
