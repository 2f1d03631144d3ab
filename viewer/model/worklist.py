"""The worklist as the reader sees it: exams of the listed folders, filtered and sorted, and what goes on with them.

Entries hold what the table shows; the exams themselves stay on disk until one is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from psygnal import Signal

ReadState = Literal["new", "seen", "done"]
READ_STATES: tuple[ReadState, ...] = ("new", "seen", "done")
"""Never opened; opened; reported as read by the reader."""
SortColumn = Literal["patient", "date", "images", "score", "state"]
SORT_COLUMNS: tuple[SortColumn, ...] = ("patient", "date", "images", "score", "state")


@dataclass(frozen=True)
class ListScore:
    """What the networks say about an exam, and how the number came about.

    Attributes
    ----------
    malignant : the highest malignant score of a breast, 0..1; None before there is one.
    where : breast, modality and views of that score, e.g. ``R DBT, CC and MLO``.
    origin : network and weights that made it, and when.
    done, total : images with a result, images that a network takes.
    untrained : random weights: the number is noise.
    outside : the weights never saw a patient, and this is one.
    refused : reasons of images that no network takes or that failed.
    """

    malignant: float | None = None
    where: str = ""
    origin: str = ""
    done: int = 0
    total: int = 0
    untrained: bool = False
    outside: bool = False
    refused: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every image that a network takes has a result."""
        return self.done == self.total


@dataclass(frozen=True)
class ListedExam:
    """One row.

    Attributes
    ----------
    key : digest of patient and study.
    number : what the exam is called while identity is hidden; stays the same as long as it is listed.
    date : YYYYMMDD or "".
    contents : e.g. ``4 FFDM, 4 DBT``.
    folder : the listed folder that it was found in.
    missing : why its files cannot be reached, or "".
    questions : images about whose side, view or orientation a question is open.
    score : None before anybody looked whether there are results.
    """

    key: str
    number: int
    patient_id: str
    patient_name: str
    date: str
    contents: str
    images: int
    folder: str
    state: ReadState = "new"
    simulated: bool = False
    missing: str = ""
    questions: int = 0
    score: ListScore | None = None


@dataclass(frozen=True)
class ListedFolder:
    """A folder of the worklist; ``problem`` says why its exams cannot be reached, "" when they can."""

    path: str
    exams: int = 0
    problem: str = ""


@dataclass(frozen=True)
class BrokenFile:
    """A file of a listed folder that is no image here, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class WorklistFilter:
    """What the table is narrowed to; the defaults let everything through.

    Attributes
    ----------
    patient : part of name or id, in any case; several words must all occur.
    first_date, last_date : YYYYMMDD, YYYYMM or YYYY, inclusive, or "".
    least_score : exams whose malignant score is at least this; those without a score are left out. None: all.
    state : or None for all.
    """

    patient: str = ""
    first_date: str = ""
    last_date: str = ""
    least_score: float | None = None
    state: ReadState | None = None

    def lets_through(self, exam: ListedExam) -> bool:
        """Whether an exam is shown."""
        text = f"{exam.patient_name.replace('^', ' ')} {exam.patient_id}".casefold()
        score = exam.score.malignant if exam.score else None
        return (
            all(word in text for word in self.patient.casefold().split())
            and (not self.first_date or exam.date >= self.first_date)
            and (not self.last_date or (exam.date != "" and exam.date[: len(self.last_date)] <= self.last_date))
            and (self.least_score is None or (score is not None and score >= self.least_score))
            and (self.state is None or exam.state == self.state)
        )


@dataclass(frozen=True)
class Scan:
    """A scan of the listed folders that is under way: files looked at, of how many (0: being counted)."""

    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class ListRun:
    """AI over the whole list.

    Attributes
    ----------
    state : ``off``; ``running``; ``waiting`` while the reader's own run has the network; ``paused``.
    done, total : images.
    failed : images that could not be computed.
    now : the image that is computed, without identity, e.g. ``R-MLO DBT``.
    step, steps : how far that image is.
    """

    state: Literal["off", "running", "waiting", "paused"] = "off"
    done: int = 0
    total: int = 0
    failed: int = 0
    now: str = ""
    step: int = 0
    steps: int = 0

    @property
    def active(self) -> bool:
        """Whether it computes, or will as soon as it can."""
        return self.state in ("running", "waiting")


@dataclass
class Worklist:
    """All that is listed.

    Signals
    -------
    changed() : rows came, went, changed, or are filtered or sorted otherwise.
    scan_changed(), run_changed() : progress.
    shown_changed(bool) : the table is shown or put away.
    selected_changed() : the reader chose another row.

    Attributes
    ----------
    current : key of the open exam, or "" when it is not listed.
    selected : key of the row that the reader chose in the table, or "".
    shown : whether the table lies over the images.
    ai_hidden : whether all AI is hidden; rows then come in no order, and are left out for no score, that tells one.
    """

    changed = Signal()
    scan_changed = Signal()
    run_changed = Signal()
    shown_changed = Signal(bool)
    selected_changed = Signal()

    folders: tuple[ListedFolder, ...] = ()
    broken: tuple[BrokenFile, ...] = ()
    filter: WorklistFilter = field(default_factory=WorklistFilter)
    sort: tuple[SortColumn, bool] = ("date", True)
    scan: Scan | None = None
    run: ListRun = field(default_factory=ListRun)
    current: str = ""
    selected: str = ""
    shown: bool = False
    ai_hidden: bool = False
    _exams: dict[str, ListedExam] = field(default_factory=dict)

    # -- what is listed ------------------------------------------------------------------------------------------
    def fill(self, exams: Iterable[ListedExam], folders: Iterable[ListedFolder], broken: Iterable[BrokenFile]) -> None:
        """Take what the folders hold now; scores that are known stay."""
        known = {key: exam.score for key, exam in self._exams.items()}
        self._exams = {exam.key: replace(exam, score=exam.score or known.get(exam.key)) for exam in exams}
        self.folders, self.broken = tuple(folders), tuple(broken)
        self.changed.emit()

    def set_scores(self, scores: Mapping[str, ListScore | None]) -> None:
        """Say what the networks found in some exams."""
        found = {key: score for key, score in scores.items() if key in self._exams}
        if any(self._exams[key].score != score for key, score in found.items()):
            self._exams.update({key: replace(self._exams[key], score=score) for key, score in found.items()})
            self.changed.emit()

    def set_state(self, key: str, state: ReadState) -> None:
        """Say how far the reader is with an exam."""
        exam = self._exams.get(key)
        if exam is not None and exam.state != state:
            self._exams[key] = replace(exam, state=state)
            self.changed.emit()

    def set_missing(self, key: str, reason: str) -> None:
        """Say that the files of an exam cannot be reached; "" that they can again."""
        exam = self._exams.get(key)
        if exam is not None and exam.missing != reason:
            self._exams[key] = replace(exam, missing=reason)
            self.changed.emit()

    def get(self, key: str) -> ListedExam | None:
        """Return an exam."""
        return self._exams.get(key)

    @property
    def exams(self) -> list[ListedExam]:
        """All listed exams, in the order in which they were found."""
        return list(self._exams.values())

    # -- what is shown -------------------------------------------------------------------------------------------
    def rows(self) -> list[ListedExam]:
        """Return the exams that the filter lets through, sorted; what is unknown comes last either way."""
        return self._sorted(self.narrowed.lets_through)

    @property
    def order(self) -> tuple[SortColumn, bool]:
        """What the rows are sorted by: the latest first instead of by score while AI is hidden."""
        return ("date", True) if self.ai_hidden and self.sort[0] == "score" else self.sort

    @property
    def narrowed(self) -> WorklistFilter:
        """The filter in force: without its score while AI is hidden."""
        return replace(self.filter, least_score=None) if self.ai_hidden else self.filter

    def _sorted(self, wanted: Callable[[ListedExam], bool]) -> list[ListedExam]:
        column, descending = self.order
        found = [exam for exam in self._exams.values() if wanted(exam)]
        found.sort(key=lambda exam: exam.number)
        found.sort(key=lambda exam: _sort_value(exam, column), reverse=descending)
        found.sort(key=lambda exam: _is_unknown(exam, column))  # stable: the order within both parts stays
        return found

    def neighbour(self, step: int) -> ListedExam | None:
        """Return the exam before (-1) or after (+1) the open one, as sorted and filtered now; None at the ends.

        An open exam that the filter leaves out (it may have done so by being opened) keeps its place between the
        others; one that is not listed has the first row after it and none before it.
        """
        wanted = self.narrowed
        rows = self._sorted(lambda exam: exam.key == self.current or wanted.lets_through(exam))
        place = next((i for i, exam in enumerate(rows) if exam.key == self.current), None)
        if place is None:
            return rows[0] if rows and step > 0 else None
        return rows[place + step] if 0 <= place + step < len(rows) else None

    def set_filter(self, wanted: WorklistFilter) -> None:
        """Narrow the table."""
        if wanted != self.filter:
            self.filter = wanted
            self.changed.emit()

    def set_sort(self, column: SortColumn, descending: bool) -> None:
        """Sort the table."""
        if (column, descending) != self.sort:
            self.sort = (column, descending)
            self.changed.emit()

    def hide_ai(self, hidden: bool) -> None:
        """Say whether all AI is hidden."""
        if hidden != self.ai_hidden:
            self.ai_hidden = hidden
            self.changed.emit()

    def set_current(self, key: str) -> None:
        """Say which exam is open."""
        if key != self.current:
            self.current = key
            self.changed.emit()

    def select(self, key: str) -> None:
        """Say which row the reader chose."""
        if key != self.selected:
            self.selected = key
            self.selected_changed.emit()

    def show(self, shown: bool) -> None:
        """Lay the table over the images, or put it away."""
        if shown != self.shown:
            self.shown = shown
            self.shown_changed.emit(shown)

    # -- what goes on --------------------------------------------------------------------------------------------
    def set_scan(self, scan: Scan | None) -> None:
        """Say how far the scan of the folders is; None: there is none."""
        if scan != self.scan:
            self.scan = scan
            self.scan_changed.emit()

    def set_run(self, run: ListRun) -> None:
        """Say how far AI is with the list."""
        if run != self.run:
            self.run = run
            self.run_changed.emit()


def _sort_value(exam: ListedExam, column: SortColumn) -> str | int | float:
    if column == "patient":
        return (exam.patient_name or exam.patient_id).casefold()
    if column == "date":
        return exam.date
    if column == "images":
        return exam.images
    if column == "score":
        return exam.score.malignant if exam.score and exam.score.malignant is not None else -1.0
    return READ_STATES.index(exam.state)


def _is_unknown(exam: ListedExam, column: SortColumn) -> bool:
    if column == "patient":
        return not (exam.patient_name or exam.patient_id)
    if column == "score":
        return exam.score is None or exam.score.malignant is None
    return column == "date" and not exam.date
