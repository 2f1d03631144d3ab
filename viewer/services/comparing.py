"""Compares folders in a thread, one at a time; files are read in a process of their own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gmic_core.comparison.folder import Asked, Compared, compare_folder, paired, write_folder
from gmic_core.detection.boxes import read_boxes, read_predictions, write_predictions
from gmic_core.detection.scoring import submission_froc
from gmic_core.detection.submission import submission
from gmic_core.errors import CancelledError, GmicError
from gmic_core.segmentation.files import SegmentationReader
from viewer.model.comparing import Scored, Tables, Work

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
T = TypeVar("T")
CLOSE_S = 3.0


class FolderComparer:
    """Runs what the window that compares folders asks for. All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread.
    tell : gets what goes on, None at the end.
    failed : gets a level and a sentence.
    """

    def __init__(self, post: Post, tell: Callable[[Work | None], None], failed: Callable[[str, str], None]) -> None:
        self._post, self._tell, self._failed = post, tell, failed
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._turn = 0

    @property
    def running(self) -> bool:
        """Whether something goes on."""
        return self._thread is not None

    def compare(self, asked: Asked, done: Callable[[Compared], None]) -> None:
        """Compare a folder."""

        def work(show: Callable[[Work], None], cancelled: Callable[[], bool]) -> Compared:
            def progress(count: int, total: int, image: str) -> None:
                show(Work("Comparing", count, total, image))

            with SegmentationReader() as reader:
                return compare_folder(asked, paired(asked), reader, progress, cancelled)

        self._start(Work("Looking for files"), work, done)

    def save(self, folder: Path, found: Compared, done: Callable[[str], None]) -> None:
        """Write tables and report as ``gmic-core compare --out`` does."""

        def work(_show: Callable[[Work], None], _cancelled: Callable[[], bool]) -> str:
            write_folder(folder, found)
            return "Saved metrics.csv, images.csv, summary.csv, froc.csv, not_compared.csv and report.html."

        self._start(Work("Saving"), work, done)

    def score(self, tables: Tables, results: Path | None, done: Callable[[Scored], None]) -> None:
        """Score a submission against boxes; a results folder may tell how many slices volumes have."""
        self._start(Work("Scoring"), lambda _show, _cancelled: score(tables, results), done)

    def export(self, results: Path, paths: Path, file: Path, done: Callable[[str], None]) -> None:
        """Write the patches of predicted volumes as a submission, as ``gmic-core boxes`` does."""
        self._start(Work("Writing a submission"), lambda _show, _cancelled: export(results, paths, file), done)

    def cancel(self) -> None:
        """Stop what runs; it says so when it has ended."""
        self._cancel.set()

    def close(self) -> None:
        """Stop, and wait a moment for the end."""
        self.cancel()
        thread = self._thread
        if thread is not None:
            thread.join(CLOSE_S)

    def _start(
        self,
        first: Work,
        work: Callable[[Callable[[Work], None], Callable[[], bool]], T],
        done: Callable[[T], None],
    ) -> None:
        if self.running:
            return
        self._cancel = threading.Event()
        self._turn += 1
        self._tell(first)
        self._thread = threading.Thread(
            target=self._run, args=(self._turn, self._cancel, work, done), name="gmic-compare", daemon=True
        )
        self._thread.start()

    def _run(
        self,
        turn: int,
        cancel: threading.Event,
        work: Callable[[Callable[[Work], None], Callable[[], bool]], T],
        done: Callable[[T], None],
    ) -> None:
        def show(now: Work) -> None:
            self._post(lambda: self._tell(now) if turn == self._turn and self.running else None)

        def end(call: Callable[[], None]) -> None:
            def ended() -> None:
                self._thread = None
                self._tell(None)
                call()

            self._post(ended)

        try:
            found = work(show, cancel.is_set)
        except CancelledError:
            end(lambda: self._failed("hint", "Stopped; nothing was kept of it."))
        except (GmicError, OSError) as error:
            text = str(error)
            end(lambda: self._failed("error", text))
        except MemoryError:
            end(lambda: self._failed("error", "There was not enough memory; close other programs and try again."))
        except Exception as error:
            log.exception("comparing failed")
            text = f"This failed unexpectedly ({type(error).__name__}); the log has the details."
            end(lambda: self._failed("error", text))
        else:
            end(lambda: done(found))


def score(tables: Tables, results: Path | None) -> Scored:
    """Return what a submission is worth.

    Raises
    ------
    EvaluationError
        If a table cannot be read, no volume is in both, or the slices of one are not known.
    """
    assert tables.submission is not None  # the command says why it cannot run otherwise
    assert tables.boxes is not None
    predictions, boxes = read_predictions(tables.submission), read_boxes(tables.boxes)
    slices = {box.volume: tables.slices for box in boxes} if tables.slices else {}
    if results is not None and tables.paths is not None and (results / "results.json").is_file():
        slices |= submission(results, tables.paths).slices
    slices |= {box.volume: box.volume_slices for box in boxes if box.volume_slices is not None}
    told, drawn = {p.volume for p in predictions}, {box.volume for box in boxes}
    froc = submission_froc(boxes, predictions, slices)
    notes = [
        f"{len(told | drawn)} volumes: {len(told & drawn)} with a box and predictions, {len(drawn - told)} with a box "
        f"only, {len(told - drawn)} with predictions only, whose predictions are false positives.",
    ]
    if not told & drawn:
        notes.insert(0, "No volume is in both tables: they are of different sets, and nothing can be found.")
    if tables.slices and any(box.volume_slices is None for box in boxes):
        notes.append(f"{tables.slices} slices were taken for every volume of which no table says it.")
    return Scored(froc, tuple(notes))


def export(results: Path, paths: Path, file: Path) -> str:
    """Write a submission; return what is in it.

    Raises
    ------
    EvaluationError, StoreError
        If something cannot be read or written.
    """
    found = submission(results, paths)
    if not found.slices:
        return f"Nothing was written: {paths.name} names none of the tomosynthesis volumes of these results."
    write_predictions(file, found.predictions)
    left = f" {len(found.unknown)} volumes that the table does not name, or not as one, were left out."
    return f"{len(found.predictions)} boxes of {len(found.slices)} volumes were written." + (
        left if found.unknown else ""
    )
