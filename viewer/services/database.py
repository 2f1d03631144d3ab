"""A small SQLite file of the user's: opened for each call, checked when the program starts, put aside when damaged."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gmic_core.paths import ensure_dir

BUSY_S = 5.0
"""How long to wait for another window that writes."""


@dataclass(frozen=True)
class Database:
    """Where a database lies and how it is laid out. Thread-safe: every call opens the file for itself.

    Attributes
    ----------
    version : of the schema, kept in ``PRAGMA user_version``; a file of another version is put aside.
    schema : statements that make the tables unless they are there.
    """

    path: Path
    version: int
    schema: str

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction: all that is written is kept, or none of it."""
        connection = sqlite3.connect(self.path, timeout=BUSY_S)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def prepare(self) -> str:
        """Make the file usable; return why an old one had to be put aside, or "".

        Raises
        ------
        StoreError, OSError, sqlite3.Error
            If the place cannot be written; a sound file is left as it is.
        """
        ensure_dir(self.path.parent)
        try:
            self._prepare()
        except sqlite3.OperationalError:
            raise  # locked or unwritable: the file itself may be sound
        except sqlite3.DatabaseError as error:
            self._put_aside()
            self._prepare()
            return str(error)
        return ""

    @property
    def aside(self) -> Path:
        """Where a damaged file is put."""
        return self.path.with_suffix(".damaged")

    def _prepare(self) -> None:
        with self.open() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, self.version):
                raise sqlite3.DatabaseError(f"it was written by another version of this program, schema {version}")
            (health,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if health != "ok":
                raise sqlite3.DatabaseError("it is damaged")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(self.schema)
            connection.execute(f"PRAGMA user_version = {self.version}")

    def _put_aside(self) -> None:
        os.replace(self.path, self.aside)
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
