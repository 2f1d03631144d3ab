"""What is done in a process of its own for the window that compares folders: its numbers never hold up the window."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from gmic_core.comparison.folder import Asked, Compared, compare_folder, paired, write_folder
from gmic_core.detection.boxes import read_boxes, read_predictions, write_predictions
from gmic_core.detection.scoring import Pointer, submission_froc
from gmic_core.detection.submission import submission
from gmic_core.errors import CancelledError, GmicError
from gmic_core.segmentation.files import SegmentationReader
from viewer.model.comparing import Scored, Tables, Work

Show = Callable[[Work], None]
Cancelled = Callable[[], bool]
STOPPED = "Stopped; nothing was kept of it."
SAVED = "Saved metrics.csv, images.csv, summary.csv, froc.csv, not_compared.csv and report.html."


class Task(Protocol):
    """Something that is done apart; it can be sent to another process."""

    @property
    def title(self) -> str:
        """What it is, in words."""

    def run(self, show: Show, cancelled: Cancelled) -> Any:
        """Do it; raises GmicError or OSError with a message for people."""


@dataclass(frozen=True)
class Done:
    """The end of a task: what it returned, or a level and a sentence."""

    found: Any = None
    level: str = ""
    message: str = ""


@dataclass(frozen=True)
class CompareTask:
    """Compare a folder."""

    asked: Asked
    title: str = "Looking for files"

    def run(self, show: Show, cancelled: Cancelled) -> Compared:
        """Compare every image that has a map and a segmentation."""

        def progress(count: int, total: int, image: str) -> None:
            show(Work("Comparing", count, total, image))

        with SegmentationReader() as reader:
            return compare_folder(self.asked, paired(self.asked), reader, progress, cancelled)


@dataclass(frozen=True)
class SaveTask:
    """Write tables and report as ``gmic-core compare --out`` does."""

    folder: Path
    found: Compared
    title: str = "Saving"

    def run(self, _show: Show, _cancelled: Cancelled) -> str:
        """Write everything; return what was written, in words."""
        write_folder(self.folder, self.found)
        return SAVED


@dataclass(frozen=True)
class ScoreTask:
    """Score a submission against boxes.

    Attributes
    ----------
    results : a results folder that may tell how many slices volumes have.
    """

    submission: Path
    boxes: Path
    tables: Tables
    results: Path | None = None
    title: str = "Scoring"

    def run(self, _show: Show, _cancelled: Cancelled) -> Scored:
        """Return what the submission is worth."""
        predictions, boxes = read_predictions(self.submission), read_boxes(self.boxes)
        guess = self.tables.slices
        slices = {box.volume: guess for box in boxes} if guess else {}
        if self.results is not None and self.tables.paths is not None and (self.results / "results.json").is_file():
            slices |= submission(self.results, self.tables.paths).slices
        slices |= {box.volume: box.volume_slices for box in boxes if box.volume_slices is not None}
        told, drawn = {p.volume for p in predictions}, {box.volume for box in boxes}
        notes = [
            f"{len(told | drawn)} volumes: {len(told & drawn)} with a box and predictions, {len(drawn - told)} with a "
            f"box only, {len(told - drawn)} with predictions only, whose predictions are false positives.",
        ]
        if not told & drawn:
            notes.insert(0, "No volume is in both tables: they are of different sets, and nothing can be found.")
        if guess and any(box.volume_slices is None for box in boxes):
            notes.append(f"{guess} slices were taken for every volume of which no table says it.")
        return Scored(submission_froc(boxes, predictions, slices), tuple(notes))


@dataclass(frozen=True)
class ExportTask:
    """Write patches or peaks of predicted volumes as a submission, as ``gmic-core boxes`` does."""

    results: Path
    paths: Path
    file: Path
    pointer: Pointer = "patches"
    title: str = "Writing a submission"

    def run(self, _show: Show, _cancelled: Cancelled) -> str:
        """Write it; return what is in it, in words."""
        with SegmentationReader() as reader:
            found = submission(self.results, self.paths, self.pointer, reader)
        if not found.slices:
            return f"Nothing was written: {self.paths.name} names none of the tomosynthesis volumes of these results."
        write_predictions(self.file, found.predictions)
        left = f" {len(found.unknown)} volumes that the table does not name, or not as one, were left out."
        text = f"{len(found.predictions)} boxes of {len(found.slices)} volumes were written."
        return text + (left if found.unknown else "")


def main(pipe: Connection, task: Task) -> None:
    """Run a task in this process and tell of it, until it is done, the window says stop, or the window is gone."""
    parent = multiprocessing.parent_process()

    def stopped() -> bool:
        return pipe.poll() or (parent is not None and not parent.is_alive())

    try:
        pipe.send(Done(task.run(pipe.send, stopped)))
    except (BrokenPipeError, KeyboardInterrupt):
        return
    except CancelledError:
        pipe.send(Done(level="hint", message=STOPPED))
    except (GmicError, OSError) as error:
        pipe.send(Done(level="error", message=str(error)))
    except MemoryError:
        text = "There was not enough memory; close other programs and try again."
        pipe.send(Done(level="error", message=text))
