"""The worklist between runs: listed folders, their files, the exams in them, how far the reader is with each.

One SQLite file in the user's data folder. All writing is done by one thread (that of the worklist service); reading
may happen beside it, as the file is in WAL mode.
"""

from __future__ import annotations

import re
import sqlite3
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from gmic_core.errors import StoreError
from gmic_core.exam.model import Exam
from gmic_core.paths import user_data_dir
from gmic_core.types import Modality
from viewer.model.worklist import BrokenFile, ListedExam, ListedFolder, ReadState
from viewer.services.database import Database
from viewer.services.exam_record import exam_key, from_text, is_current, to_text
from viewer.services.worklist_scan import FolderScan, KnownFolder

SCHEMA_VERSION = 1
FILE_NAME = "worklist.sqlite"
GONE = "Its files are gone."
_IMAGE_FILE = re.compile(r"(.+?)\.(?:png|nii(?:\.gz)?|nrrd|mha|mhd)", re.IGNORECASE)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS folders (path TEXT PRIMARY KEY, added REAL NOT NULL, problem TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS exams (
    key TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, folder TEXT NOT NULL, patient_id TEXT NOT NULL,
    patient_name TEXT NOT NULL, date TEXT NOT NULL, contents TEXT NOT NULL, images TEXT NOT NULL,
    simulated INTEGER NOT NULL, questions INTEGER NOT NULL, record TEXT NOT NULL, state TEXT NOT NULL,
    missing TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS exams_patient ON exams (patient_id);
CREATE TABLE IF NOT EXISTS files (
    folder TEXT NOT NULL, path TEXT NOT NULL, stamp TEXT NOT NULL, PRIMARY KEY (folder, path)
);
CREATE TABLE IF NOT EXISTS exam_files (exam TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (exam, path));
CREATE TABLE IF NOT EXISTS rejected (
    folder TEXT NOT NULL, path TEXT NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (folder, path)
);
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
    exam TEXT NOT NULL, image TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (exam, image)
);
"""


class WorklistStore:
    """What is known of the listed folders.

    Parameters
    ----------
    folder : default: the user's data folder.

    Attributes
    ----------
    problem : what to tell the reader about the state in which the file was found; "" when all was well.
    usable : whether anything can be kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._database = Database((folder or user_data_dir()) / FILE_NAME, SCHEMA_VERSION, _SCHEMA)
        self.problem, self.usable = "", True
        try:
            why = self._database.prepare()
        except (StoreError, OSError, sqlite3.Error) as error:
            self.usable = False
            self.problem = (
                f"The worklist cannot be kept ({error}). Free the place, or set GMIC_HOME to a folder that you may "
                "write to."
            )
        else:
            if why:
                self.problem = (
                    f"The worklist could not be read ({why}). The file was put aside as {self._database.aside.name}; "
                    "add its folders again with Ctrl+Shift+L."
                )

    # -- folders -------------------------------------------------------------------------------------------------
    def add_folder(self, folder: str) -> str:
        """List a folder; return why it is not added, or "" when it is. Listed folders inside it become part of it."""
        with self._database.open() as db:
            listed = [path for (path,) in db.execute("SELECT path FROM folders")]
            holder = next((path for path in listed if path == folder or Path(path) in Path(folder).parents), None)
            if holder is not None:
                return "The folder is listed already." if holder == folder else "A folder around it is listed already."
            for inner in (path for path in listed if Path(folder) in Path(path).parents):
                self._take_over(db, inner, folder)
            db.execute("INSERT INTO folders (path, added) VALUES (?, ?)", (folder, time.time()))
        return ""

    @staticmethod
    def _take_over(db: sqlite3.Connection, inner: str, outer: str) -> None:
        for table in ("exams", "files", "rejected"):
            db.execute(f"UPDATE {table} SET folder = ? WHERE folder = ?", (outer, inner))  # own names
        db.execute("DELETE FROM folders WHERE path = ?", (inner,))

    def remove_folder(self, folder: str) -> None:
        """Forget a folder with its exams; nothing on the disk is touched, and AI results are kept."""
        with self._database.open() as db:
            self._forget(db, [key for (key,) in db.execute("SELECT key FROM exams WHERE folder = ?", (folder,))])
            for statement in ("files WHERE folder", "rejected WHERE folder", "folders WHERE path"):
                db.execute(f"DELETE FROM {statement} = ?", (folder,))  # own names

    def forget_gone(self) -> int:
        """Forget exams whose files are gone while their folder is there; return how many."""
        with self._database.open() as db:
            keys = [key for (key,) in db.execute("SELECT key FROM exams WHERE missing = ?", (GONE,))]
            self._forget(db, keys)
        return len(keys)

    @staticmethod
    def _forget(db: sqlite3.Connection, keys: Iterable[str]) -> None:
        for key in keys:
            db.execute("DELETE FROM exams WHERE key = ?", (key,))
            db.execute("DELETE FROM exam_files WHERE exam = ?", (key,))
            db.execute("DELETE FROM failures WHERE exam = ?", (key,))

    def set_problem(self, folder: str, problem: str) -> None:
        """Say why a folder cannot be reached; "" when it can."""
        with self._database.open() as db:
            db.execute("UPDATE folders SET problem = ? WHERE path = ?", (problem, folder))

    def folder_paths(self) -> list[str]:
        """Return the listed folders in the order in which they were added."""
        with self._database.open() as db:
            return [path for (path,) in db.execute("SELECT path FROM folders ORDER BY added")]

    # -- what scans found ----------------------------------------------------------------------------------------
    def known(self, folder: str) -> KnownFolder:
        """Return what the last scan of a folder saw; exams described by another version count as never seen."""
        with self._database.open() as db:
            stamps = dict(db.execute("SELECT path, stamp FROM files WHERE folder = ?", (folder,)).fetchall())
            rejected = dict(db.execute("SELECT path, file FROM rejected WHERE folder = ?", (folder,)).fetchall())
            exams: dict[str, set[str]] = {}
            rows = db.execute("SELECT key, record FROM exams WHERE folder = ?", (folder,)).fetchall()
            for key, record in rows:
                files = {path for (path,) in db.execute("SELECT path FROM exam_files WHERE exam = ?", (key,))}
                exams[key] = files
                if not is_current(record):
                    stamps = {path: stamp for path, stamp in stamps.items() if path not in files}
        return KnownFolder(stamps, exams, rejected)

    def apply(self, folder: str, found: FolderScan) -> None:
        """Take what a scan found, all of it or nothing."""
        with self._database.open() as db:
            db.execute("UPDATE folders SET problem = '' WHERE path = ?", (folder,))
            for key in found.regrouped:
                self._forget(db, [key])
            for key in found.gone:
                db.execute("UPDATE exams SET missing = ? WHERE key = ?", (GONE, key))
            db.executemany("DELETE FROM files WHERE folder = ? AND path = ?", [(folder, p) for p in found.removed])
            touched = [(folder, path) for path in (*found.removed, *found.stamps)]
            db.executemany("DELETE FROM rejected WHERE folder = ? AND file = ?", touched)
            db.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?)", [(folder, p, s) for p, s in found.stamps.items()]
            )
            for path, (file, reason) in found.rejected.items():
                db.execute("INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)", (folder, path, file, reason))
            for exam, files in found.exams:
                self._put(db, folder, exam, files)

    @staticmethod
    def _put(db: sqlite3.Connection, folder: str, exam: Exam, files: Iterable[str]) -> None:
        key = exam_key(exam)
        old = db.execute("SELECT number, folder, images, state, missing FROM exams WHERE key = ?", (key,)).fetchone()
        if old is not None and old[1] != folder and not old[4] and _is_there(db, old[1]):
            reason = "a copy of an exam that is listed from another folder"
            for file in files:
                db.execute("INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?)", (folder, file, file, reason))
            return
        uids = sorted(image.sop_uid for image in exam.images)
        number = old[0] if old else db.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM exams").fetchone()[0]
        # images that were added to an exam have not been read
        state = old[3] if old and set(uids) <= set(old[2].split("\n")) else "new"
        row = (
            key, number, folder, exam.patient_id, exam.patient_name, exam.date, contents_of(exam), "\n".join(uids),
            exam.simulated, sum(bool(image.questions) for image in exam.images), to_text(exam), state, "",
        )  # fmt: skip
        db.execute(f"INSERT OR REPLACE INTO exams VALUES ({', '.join('?' * len(row))})", row)
        db.execute("DELETE FROM exam_files WHERE exam = ?", (key,))
        db.executemany("INSERT OR IGNORE INTO exam_files VALUES (?, ?)", [(key, file) for file in files])

    # -- what is shown -------------------------------------------------------------------------------------------
    def listing(self) -> tuple[list[ListedExam], list[ListedFolder], list[BrokenFile]]:
        """Return all rows, folders and broken files."""
        with self._database.open() as db:
            counts = Counter(folder for (folder,) in db.execute("SELECT folder FROM exams"))
            folders = [
                ListedFolder(path, counts[path], problem)
                for path, problem in db.execute("SELECT path, problem FROM folders ORDER BY added")
            ]
            problems = {folder.path: folder.problem for folder in folders}
            rows = db.execute(
                "SELECT key, number, patient_id, patient_name, date, contents, images, folder, state, simulated, "
                "missing, questions FROM exams ORDER BY number"
            ).fetchall()
            broken = [
                BrokenFile(path, reason)
                for path, reason in db.execute("SELECT path, reason FROM rejected ORDER BY path")
            ]
        return [_listed(row, problems) for row in rows], folders, broken

    # -- exams ---------------------------------------------------------------------------------------------------
    def exam(self, key: str) -> Exam | None:
        """Return a listed exam as it was scanned; None when it is not listed, or has to be scanned again."""
        with self._database.open() as db:
            row = db.execute("SELECT record FROM exams WHERE key = ?", (key,)).fetchone()
        return None if row is None else _exam_of(row[0])

    def find(self, names: frozenset[str]) -> str:
        """Return the key of the exam that has an image of one of these names; "" where none has, or several have.

        Parameters
        ----------
        names : SOP Instance UIDs, or names of image files without their ending, in small letters.
        """
        with self._database.open() as db:
            exams = db.execute("SELECT key, images FROM exams WHERE missing = ''").fetchall()
            files = db.execute(
                "SELECT exam, path FROM exam_files JOIN exams ON exams.key = exam_files.exam WHERE missing = ''"
            ).fetchall()
        for key, images in exams:
            if any(uid.lower() in names for uid in images.split("\n")):
                return str(key)
        found = {str(key) for key, path in files if _stem(path) in names}
        return found.pop() if len(found) == 1 else ""

    def other_exams(self, exam: Exam) -> list[Exam]:
        """Return the other listed exams of the same patient, for comparison; none where the patient has no id."""
        if not exam.patient_id:
            return []
        with self._database.open() as db:
            rows = db.execute(
                "SELECT record FROM exams WHERE patient_id = ? AND key != ? AND missing = ''",
                (exam.patient_id, exam_key(exam)),
            ).fetchall()
        return [other for (record,) in rows if (other := _exam_of(record)) is not None]

    def keys(self) -> list[str]:
        """Return the keys of all exams whose files can be reached, oldest listed first."""
        with self._database.open() as db:
            return [
                key
                for (key,) in db.execute(
                    "SELECT key FROM exams JOIN folders ON exams.folder = folders.path "
                    "WHERE missing = '' AND problem = '' ORDER BY number"
                )
            ]

    def set_states(self, keys: Iterable[str], state: ReadState) -> None:
        """Keep how far the reader is with some exams."""
        with self._database.open() as db:
            db.executemany("UPDATE exams SET state = ? WHERE key = ?", [(state, key) for key in keys])

    # -- AI over the list ----------------------------------------------------------------------------------------
    def run_state(self) -> str:
        """Return how the last run over the list was left: ``off``, ``running`` or ``paused``."""
        with self._database.open() as db:
            row = db.execute("SELECT value FROM run WHERE name = 'state'").fetchone()
        return row[0] if row is not None and row[0] in ("running", "paused") else "off"

    def set_run_state(self, state: str) -> None:
        """Keep how a run over the list stands, for the next start of the program."""
        with self._database.open() as db:
            db.execute("INSERT OR REPLACE INTO run VALUES ('state', ?)", (state,))

    def add_failure(self, exam: str, image: str, reason: str) -> None:
        """Keep why an image could not be computed, so that it is not tried over and over.

        Parameters
        ----------
        image : what :func:`viewer.services.store.result_key` says of image, network and weights.
        """
        with self._database.open() as db:
            db.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", (exam, image, reason))

    def failures(self, exam: str) -> dict[str, str]:
        """Return the reasons of the images of an exam that failed, by what :meth:`add_failure` called them."""
        with self._database.open() as db:
            return dict(db.execute("SELECT image, reason FROM failures WHERE exam = ?", (exam,)).fetchall())

    def clear_failures(self) -> None:
        """Forget all failures: the next run tries those images once more."""
        with self._database.open() as db:
            db.execute("DELETE FROM failures")


def _stem(path: str) -> str:
    """Return what an image file is called without its ending; "" for DICOM files, which go by their UIDs."""
    match = _IMAGE_FILE.fullmatch(Path(path).name)
    return unicodedata.normalize("NFC", match[1]).lower() if match is not None else ""


def contents_of(exam: Exam) -> str:
    """Return what an exam holds: ``4 FFDM, 4 DBT``."""
    counts = Counter(image.modality for image in exam.images)
    return ", ".join(f"{counts[modality]} {modality}" for modality in Modality if counts[modality])


def _is_there(db: sqlite3.Connection, folder: str) -> bool:
    row = db.execute("SELECT problem FROM folders WHERE path = ?", (folder,)).fetchone()
    return row is not None and not row[0]


def _exam_of(record: str) -> Exam | None:
    try:
        return from_text(record)
    except (ValueError, KeyError, TypeError):
        return None  # damaged: the files are read again


def _listed(row: tuple[object, ...], problems: dict[str, str]) -> ListedExam:
    key, number, patient_id, name, date, contents, images, folder, state, simulated, missing, questions = row
    return ListedExam(
        key=str(key),
        number=int(str(number)),
        patient_id=str(patient_id),
        patient_name=str(name),
        date=str(date),
        contents=str(contents),
        images=str(images).count("\n") + 1,
        folder=str(folder),
        state=_state(str(state)),
        simulated=bool(simulated),
        missing=problems.get(str(folder), "") or str(missing),
        questions=int(str(questions)),
    )


def _state(text: str) -> ReadState:
    return "seen" if text == "seen" else "done" if text == "done" else "new"
