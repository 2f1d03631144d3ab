"""Whole exams as folders of files: four views, three images each, their truth, and truth.json.

An exam is made in a hidden folder and gets its name when it is complete, so a run that was cancelled or killed leaves
nothing that looks whole. What a killed run has finished is taken over by the next one with the same options.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gmic_core.errors import PhantomError
from gmic_core.phantom.dicom import TRANSFER_SYNTAX, Syntax
from gmic_core.phantom.files import Format, Writing, appearing, image_name
from gmic_core.phantom.headers import KINDS, SIMULATED
from gmic_core.phantom.jobs import NOTES, Event, Job, note_of, run_jobs
from gmic_core.phantom.lock import only_one
from gmic_core.phantom.plan import Plan, plan_of
from gmic_core.phantom.spec import PHANTOM_VERSION, ExamSpec, ViewName
from gmic_core.types import Laterality

Progress = Callable[[float, str], None]
"""Called with the share done, 0..1, and what is being made; may raise to stop."""
Cancelled = Callable[[], bool]

TRUTH = "truth.json"
OPTIONS = "options.json"
LOCK = ".simulation.lock"
AXES = (
    "centre_mm and extent_mm are (z, y, x) in mm: height above the breast support, down the image, from the chest "
    "wall; centre_lps_mm are patient coordinates; slices, rows and columns count from 0"
)


def write_exam(
    spec: ExamSpec,
    folder: Path,
    *,
    syntax: Syntax = "jpegls",
    fmt: Format = "dicom",
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    workers: int = 1,
) -> Path:
    """Simulate one exam and write it to a folder of its own under ``folder``; return that folder.

    Parameters
    ----------
    progress : may raise to stop.
    cancelled : asked now and then whether to stop.
    workers : processes; the files do not depend on it.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so; nothing is left behind.
    PhantomError
        If the exam cannot be simulated or written.
    """
    how = Writing(syntax, fmt)
    return write_exams([plan_of(spec)], folder, how, progress=progress, cancelled=cancelled, workers=workers)[0]


def write_exams(
    plans: Sequence[Plan],
    folder: Path,
    how: Writing,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    workers: int = 1,
) -> list[Path]:
    """Simulate exams as :func:`write_exam` does, several at once when there are workers; return their folders."""
    exams = [Exam(plan, folder / plan.name, how) for plan in plans]
    missing = [exam for exam in exams if not exam.is_there()]
    report = progress or _silent
    if missing:
        with _alone_in(folder, report, cancelled):
            missing = [exam for exam in missing if not exam.is_there()]  # another process may have made it
            try:
                _make(missing, [exam.hidden for exam in missing], report, cancelled, workers)
            except BaseException:  # also Ctrl-C: no half exam may stay
                for exam in missing:
                    shutil.rmtree(exam.hidden, ignore_errors=True)
                raise
    return [exam.target for exam in exams]


def grow_exam(
    spec: ExamSpec,
    target: Path,
    how: Writing,
    *,
    on_view: Callable[[list[Path]], None] | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    workers: int = 1,
) -> Path:
    """Simulate an exam where it is to stay, so that finished views can be read while the others are made.

    The exam is whole when its truth.json is there. When it is stopped, the finished views stay and are not made again.

    Parameters
    ----------
    target : a folder of its own; anything else in it is removed.
    on_view : called with the images of every view that is ready, also of those that were there before.
    """
    exam = Exam(plan_of(spec), target, how)
    tell = on_view or _ignore
    if not exam.is_whole(target):
        with _alone_in(target.parent, progress or _silent, cancelled):
            if not exam.is_whole(target):
                _make([exam], [target], progress or _silent, cancelled, workers, tell)
                return target
    for side, view in exam.plan.views():
        tell(exam.images(target, side, view))
    return target


@contextmanager
def _alone_in(folder: Path, report: Progress, cancelled: Cancelled | None) -> Iterator[None]:
    """Hold the folder against other simulations, and say in one sentence when it cannot be written."""

    def asked() -> bool:
        report(0.0, "waiting for another process that simulates into this folder")
        return cancelled is not None and cancelled()

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with only_one(folder / LOCK, asked):
            yield
    except OSError as error:
        raise PhantomError(
            f"Simulated images cannot be written to {folder} ({error.strerror or error}); "
            "free some space or choose another folder."
        ) from error


def _make(
    exams: list[Exam],
    places: list[Path],
    report: Progress,
    cancelled: Cancelled | None,
    workers: int,
    on_view: Callable[[list[Path]], None] | None = None,
) -> None:
    """Run what is missing of every exam, each in its place, and complete it when its last view is ready."""
    tell = on_view or _ignore
    jobs: list[Job] = []
    for exam, place in zip(exams, places, strict=True):
        exam.prepare(place)
        for side, view in exam.plan.views():
            if note_of(place, side, view).exists():
                tell(exam.images(place, side, view))
        jobs += exam.jobs(place)
        if not exam.jobs(place):
            exam.finish(place)
    shares = dict.fromkeys(jobs, 0.0)

    def listen(event: Event) -> None:
        shares[event.job] = event.share
        exam, place = next(pair for pair in zip(exams, places, strict=True) if pair[1] == event.job.folder)
        if event.finished is not None:
            tell(exam.images(place, event.job.part.spec.laterality, event.finished))
            if not exam.jobs(place):
                exam.finish(place)
        report(sum(shares.values()) / len(shares), f"{exam.target.name}: {event.text}")

    run_jobs(jobs, workers, listen, cancelled)


class Exam:
    """One exam on disk: where it goes, whether it is there, and what completes it."""

    def __init__(self, plan: Plan, target: Path, how: Writing) -> None:
        if how.syntax not in TRANSFER_SYNTAX:
            known = ", ".join(TRANSFER_SYNTAX)
            raise PhantomError(f"Simulated images cannot be written as {how.syntax}; use one of {known}.")
        self.plan, self.target = plan, target
        self.how = replace(how, study=plan.key)
        self.hidden = target.with_name(f".{target.name}.partial")

    @property
    def _options(self) -> dict[str, Any]:
        return {"exam": self.how.study, "format": self.how.fmt, "syntax": self.how.syntax}

    def is_whole(self, place: Path) -> bool:
        """Return whether this very exam is complete in a folder."""
        return _read(place / TRUTH).get("options") == self._options

    def is_there(self) -> bool:
        """Return whether the exam is complete under its name.

        Raises
        ------
        PhantomError
            If something else has its name.
        """
        if not self.target.exists() or self.is_whole(self.target):
            return self.target.exists()
        raise PhantomError(
            f"{self.target} is there already and is not this exam (other options or version, or other files); "
            "remove it or choose another folder."
        )

    def images(self, place: Path, side: Laterality, view: ViewName) -> list[Path]:
        """Return the image files of one view."""
        return [place / image_name(side, view, kind, self.how.fmt) for kind in KINDS]

    def prepare(self, place: Path) -> None:
        """Make the folder to work in, keeping finished views of this very exam and nothing else."""
        if _read(place / NOTES / OPTIONS) != self._options:
            if place.exists():
                shutil.rmtree(place)
            with appearing(place / NOTES / OPTIONS) as out:
                out.write(json.dumps(self._options).encode())
        for left in place.rglob(".*.part"):
            left.unlink()

    def jobs(self, place: Path) -> list[Job]:
        """Return what is still to be run."""
        jobs = [Job(part, place, self.how) for part in self.plan.parts]
        return [job for job in jobs if job.missing]

    def finish(self, place: Path) -> None:
        """Write truth.json from the notes of the views, remove the notes, and give the exam its name."""
        document = {
            "notice": SIMULATED,
            "simulated": True,
            "phantom_version": PHANTOM_VERSION,
            "seed": self.plan.seed,
            "size": self.plan.size,
            "patient_id": self.plan.patient_id,
            "axes": AXES,
            "anatomy": self.plan.anatomy,
            "options": self._options,
            "views": [_read(note_of(place, side, view)) for side, view in self.plan.views()],
        }
        with appearing(place / TRUTH) as out:
            out.write((json.dumps(document, indent=1) + "\n").encode())
        shutil.rmtree(place / NOTES)
        if place != self.target:
            place.rename(self.target)


def _read(path: Path) -> dict[str, Any]:
    """Return a JSON object, or nothing when there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _silent(_share: float, _text: str) -> None:
    """Report to nobody."""


def _ignore(_files: list[Path]) -> None:
    """Tell nobody."""
