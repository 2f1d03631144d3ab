"""The worklist's work beside the window: scanning the listed folders, keeping what is found, looking up scores.

All methods are called on the GUI thread and come back there. One thread writes the database, one reads folders while
a scan runs (a dead network drive may hold it up for minutes without holding up anything else), one looks up scores.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gmic_core.errors import CancelledError, GmicError, StoreError
from gmic_core.exam.model import Exam, ScanResult
from gmic_core.exam.scan_process import ScanProcess
from viewer.model.worklist import ReadState, Scan, Worklist
from viewer.services.list_scores import ExamWork, ListScores, score_of
from viewer.services.worklist_scan import list_files, scan_folder
from viewer.services.worklist_store import WorklistStore

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
Notice = Callable[[str, str], None]
"""Told a level and a sentence, as of ``Session.notice``."""
SCORES_AT_ONCE = 20
"""Exams after which the table is told their scores: it fills while the rest is looked up."""
CLOSE_S = 2.0
"""How long closing waits for the thread that reads folders."""
READ_AGAIN = "The exam has to be read again; this is under way, try it in a moment."


class WorklistService:
    """Keeps the worklist of this user.

    Parameters
    ----------
    model : what the table shows; changed on the GUI thread only.
    scores : looks up what the networks found.
    prepared : completes an exam by what readers answered about it.
    """

    def __init__(
        self,
        model: Worklist,
        store: WorklistStore,
        scores: ListScores,
        post: Post,
        notice: Notice,
        prepared: Callable[[Exam], Exam],
    ) -> None:
        self.model, self.store = model, store
        self._scores, self._post, self._notice, self._prepared = scores, post, notice, prepared
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="gmic-worklist")
        self._lookup = ThreadPoolExecutor(1, thread_name_prefix="gmic-list-scores")
        self._lookups = 0
        self._cancel: threading.Event | None = None  # of the scan that runs
        self._again = False
        self._thread: threading.Thread | None = None
        self._process: ScanProcess | None = None
        self._closed = False
        self.scanned: Callable[[], None] = _nothing
        """Called when a scan has ended, whatever its end."""

    # -- life ----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Show what is listed, then scan for what changed."""
        if self.store.usable:
            self._write(_nothing)
            self.rescan()

    def close(self) -> None:
        """Stop; what was found so far is kept."""
        self._closed = True
        self.cancel_scan()
        process = self._process
        if process is not None:
            process.close()
        if self._thread is not None:
            self._thread.join(CLOSE_S)  # a dead network drive may hold it; it is a daemon and writes nothing then
        self._lookup.shutdown(wait=True, cancel_futures=True)
        self._disk.shutdown(wait=True)

    # -- folders -------------------------------------------------------------------------------------------------
    def add_folder(self, folder: Path) -> None:
        """List a folder, and read it."""

        def add() -> None:
            why_not = self.store.add_folder(str(folder))
            if why_not:
                self._tell("hint", why_not)

        if self._is_usable():
            self._write(add, self.rescan)

    def remove_folder(self, folder: str) -> None:
        """Forget a folder and its exams; files and AI results stay."""
        self._write(lambda: self.store.remove_folder(folder))

    def forget_gone(self) -> None:
        """Forget the exams whose files are gone."""
        self._write(lambda: self._tell("hint", f"{self.store.forget_gone()} exams were removed from the worklist."))

    def set_state(self, keys: Iterable[str], state: ReadState) -> None:
        """Keep how far the reader is with exams."""
        wanted = [key for key in keys if self.model.get(key) is not None]
        for key in wanted:
            self.model.set_state(key, state)
        # shown again once written: a listing that was read before may still be under way to the window
        self._write(lambda: self.store.set_states(wanted, state))

    def _is_usable(self) -> bool:
        if not self.store.usable:
            self._notice("error", self.store.problem)
        return self.store.usable

    # -- exams ---------------------------------------------------------------------------------------------------
    def fetch(self, key: str, done: Callable[[Exam, list[Exam]], None], failed: Callable[[str], None]) -> None:
        """Get a listed exam and the other ones of its patient; ``done`` or ``failed`` is called on the GUI thread."""

        def get() -> None:
            exam = self.store.exam(key)
            if exam is None:
                self.post(lambda: failed(READ_AGAIN))
                self.post(self.rescan)
                return
            lost = [path for image in exam.images for path in image.source.paths if not path.exists()]
            if lost:
                self.post(lambda: failed(self._why_lost(key)))
                self.post(self.rescan)
                return
            others = [self._prepared(other) for other in self.store.other_exams(exam)]
            self.post(lambda: done(self._prepared(exam), others))

        self._disk.submit(self._guarded, get)

    def find(self, names: frozenset[str], done: Callable[[str], None]) -> None:
        """Look for the exam that has an image of one of these names; ``done`` gets its key or "", on the GUI thread."""

        def look() -> None:
            key = self.store.find(names)
            self.post(lambda: done(key))

        if self.store.usable:
            self._disk.submit(self._guarded, look)
        else:
            done("")

    def _why_lost(self, key: str) -> str:
        row = self.model.get(key)
        why = row.missing if row is not None and row.missing else "Some of its files are not there any more."
        return f"The exam cannot be opened. {why} Connect the drive or restore the files; the worklist is read again."

    # -- scanning ------------------------------------------------------------------------------------------------
    def rescan(self) -> None:
        """Read the listed folders, only what changed; once more when it is asked for while a scan runs."""
        if self._closed or not self.store.usable:
            return
        if self._cancel is not None:
            self._again = True
            return
        self._cancel = threading.Event()
        self.model.set_scan(Scan())
        self._thread = threading.Thread(target=self._scan_all, args=(self._cancel,), name="gmic-list-scan", daemon=True)
        self._thread.start()

    def cancel_scan(self) -> None:
        """Stop the scan; folders read so far are kept."""
        self._again = False
        if self._cancel is not None:
            self._cancel.set()

    def _scan_all(self, cancel: threading.Event) -> None:
        """In the scanning thread: one folder after the other."""
        try:
            for folder in self.store.folder_paths():
                self._scan_one(folder, cancel)
        except CancelledError:
            log.info("the scan of the worklist was cancelled")
        except (GmicError, OSError, sqlite3.Error) as error:
            text = str(error)
            self.post(lambda: self._notice("error", f"The worklist could not be read: {text}"))
        except Exception:
            log.exception("the scan of the worklist failed")
            self.post(lambda: self._notice("error", "Reading the worklist failed; the log has the details."))
        finally:
            process, self._process = self._process, None
            if process is not None:
                process.close()
            self.post(self._scan_ended)

    def _scan_one(self, folder: str, cancel: threading.Event) -> None:
        try:
            now = list_files(Path(folder), cancel.is_set)
        except CancelledError:
            raise
        except GmicError as error:
            problem = str(error)
            self._disk.submit(self.store.set_problem, folder, problem).result()
            return
        found = scan_folder(self.store.known(folder), now, lambda paths: self._read(paths, cancel))
        if found.is_empty:
            self._disk.submit(self.store.set_problem, folder, "").result()
        else:
            self._disk.submit(self.store.apply, folder, found).result()
            self._write(_nothing)

    def _read(self, paths: list[Path], cancel: threading.Event) -> ScanResult:
        if cancel.is_set():
            raise CancelledError("Reading the worklist's folders was cancelled.")
        if self._process is None:
            self._process = ScanProcess(start=True)  # an own one: what the reader opens must not wait for this

        def progress(done: int, total: int) -> None:
            self.post(lambda: self.model.set_scan(Scan(done, total)))

        return self._process.scan(paths, progress=progress, cancelled=cancel.is_set)

    def _scan_ended(self) -> None:
        self._cancel = None
        self.model.set_scan(None)
        if self._again:
            self._again = False
            self.rescan()
            return
        self._write(_nothing, self._after_scan)

    def _after_scan(self) -> None:
        self.refresh_scores()
        self.scanned()

    # -- scores --------------------------------------------------------------------------------------------------
    def refresh_scores(self, keys: Iterable[str] | None = None) -> None:
        """Look up what the networks found in these exams, or in all; a later call for all ends an earlier one."""
        wanted = None if keys is None else list(keys)
        if wanted is None:
            self._lookups += 1
        turn = self._lookups
        if not self._closed and self.store.usable:
            self._lookup.submit(self._guarded, lambda: self._look_up(wanted, turn))

    def _look_up(self, keys: list[str] | None, turn: int) -> None:
        if keys is None:
            self._scores.forget()
        keys = self.store.keys() if keys is None else keys
        for start in range(0, len(keys), SCORES_AT_ONCE):
            if turn != self._lookups or self._closed:
                return
            work = {key: self.work_of(key) for key in keys[start : start + SCORES_AT_ONCE]}
            scores = {key: score_of(one) if one is not None else None for key, one in work.items()}
            self.post(lambda scores=scores: self.model.set_scores(scores))  # type: ignore[misc]

    def work_of(self, key: str) -> ExamWork | None:
        """Return what is to be computed of a listed exam; called in a thread of a service, never on the GUI thread."""
        exam = self.store.exam(key)
        return None if exam is None else self._scores.work(self._prepared(exam), self.store.failures(key))

    def look_up(self, work: Callable[[], None]) -> None:
        """Run something in the thread that looks up scores."""
        if not self._closed:
            self._lookup.submit(self._guarded, work)

    # -- the database --------------------------------------------------------------------------------------------
    def keep(self, work: Callable[[], object]) -> None:
        """Run something in the thread that writes the database."""
        if not self._closed:
            self._disk.submit(self._guarded, work)

    def _write(self, work: Callable[[], object], then: Callable[[], None] | None = None) -> None:
        """Change the database, show what is listed now, then go on."""

        def change() -> None:
            work()
            listing = self.store.listing()
            self.post(lambda: self.model.fill(*listing))
            if then is not None:
                self.post(then)

        if not self._closed:
            self._disk.submit(self._guarded, change)

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (StoreError, OSError, sqlite3.Error) as error:
            text = f"The worklist could not be kept ({error}). Free space in the data folder, then read it again."
            self._tell("error", text)
        except Exception:
            log.exception("work on the worklist failed")
            self._tell("error", "Something unexpected went wrong with the worklist; the log has the details.")

    def _tell(self, level: str, text: str) -> None:
        self.post(lambda: self._notice(level, text))

    def post(self, call: Callable[[], None]) -> None:
        """Run something on the GUI thread, unless the worklist was closed."""
        if not self._closed:
            self._post(call)


def _nothing() -> None:
    """Do nothing."""
