"""The worklist in the running program: what its commands do, and what follows when an exam is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from gmic_core.exam.model import Exam
from viewer.app.opening import Opening
from viewer.app.reading_ai import AiRuns
from viewer.commands.requests import RunRequest
from viewer.model.session import Session
from viewer.model.worklist import ListRun, ReadState, WorklistFilter
from viewer.services.exam_record import exam_key
from viewer.services.inference import InferenceClient
from viewer.services.list_run import ListRunner
from viewer.services.list_scores import ListScores
from viewer.services.loader import FrameLoader
from viewer.services.store import ResultStore
from viewer.services.worklist import Post, WorklistService
from viewer.services.worklist_store import WorklistStore


class WorklistDesk:
    """The one implementation of :class:`viewer.commands.requests.WorklistRequests`.

    Parameters
    ----------
    parent : returns the window that dialogs belong to.
    """

    def __init__(
        self,
        session: Session,
        service: WorklistService,
        runner: ListRunner,
        opening: Opening,
        loader: FrameLoader,
        parent: Callable[[], QWidget | None],
    ) -> None:
        self._session, self._service, self._runner = session, service, runner
        self._opening, self._loader, self._parent = opening, loader, parent
        self._opened = 0  # counts what was asked to be opened: an answer that comes late is dropped
        self._expected = ""
        self._unlisted = ""  # the open exam, until it is on the list
        self._filter: WorklistFilter | None = None  # as it was before identity was hidden
        session.exam_changed.connect(self._exam_changed)
        session.identity_changed.connect(self._identity_changed)
        session.worklist.changed.connect(self._list_changed)
        session.worklist.run_changed.connect(self._tell_run)
        session.results.changed.connect(self._result_changed)
        service.scanned = runner.restore

    def start(self) -> None:
        """Show what is listed, look for changes, go on with AI as it was left."""
        if self._service.store.problem:
            self._session.notice.emit("warning", self._service.store.problem)
        self._service.start()

    # -- folders -------------------------------------------------------------------------------------------------
    def add_folder_dialog(self) -> None:
        """Ask for a folder and list it."""
        name = QFileDialog.getExistingDirectory(self._parent(), "Add folder to worklist")
        self.add_folders([Path(name)] if name else [])

    def add_folders(self, folders: Sequence[Path]) -> None:
        """List folders, and show the list."""
        for folder in folders:
            path = folder.expanduser().absolute()
            if path.is_dir():
                self._service.add_folder(path)
            else:
                name = "What was dropped" if self._session.identity_hidden else path.name
                self._session.notice.emit("warning", f"{name} is no folder; the worklist is made of folders.")
        if folders:
            self._session.worklist.show(True)

    def remove_folder(self, folder: str) -> None:
        """Forget a folder with its exams."""
        self._service.remove_folder(folder)

    def rescan(self) -> None:
        """Look for what changed in the listed folders."""
        self._service.rescan()

    def cancel_scan(self) -> None:
        """Stop looking."""
        self._service.cancel_scan()

    def forget_gone(self) -> None:
        """Forget exams whose files are gone."""
        self._service.forget_gone()

    # -- exams ---------------------------------------------------------------------------------------------------
    def open(self, key: str) -> None:
        """Open a listed exam; the other listed ones of its patient stand beside it in the study list."""
        self._opened += 1
        turn = self._opened

        def done(exam: Exam, others: list[Exam]) -> None:
            if turn != self._opened:
                return
            self._session.worklist.show(False)
            self._session.add_exams([*others, exam], [])
            self._opening.open_exam(exam)

        def failed(text: str) -> None:
            self._session.notice.emit("error", text)

        self._service.fetch(key, done, failed)

    def find(self, names: frozenset[str], done: Callable[[str], None]) -> None:
        """Look for the listed exam that has an image of these names; ``done`` gets its key, or ""."""
        self._service.find(names, done)

    def step(self, step: int) -> None:
        """Open the next or previous exam of the list."""
        exam = self._session.worklist.neighbour(step)
        if exam is not None:
            self.open(exam.key)

    def set_state(self, keys: Sequence[str], state: ReadState) -> None:
        """Say how far the reader is with exams."""
        self._service.set_state(keys, state)

    def _exam_changed(self, exam: Exam | None) -> None:
        worklist = self._session.worklist
        key = exam_key(exam) if exam is not None else ""
        self._unlisted = key
        worklist.set_current(key)
        self._list_changed()

    def _list_changed(self) -> None:
        """The exam on screen is seen, also when its folder is listed later; what the reader says then counts."""
        listed = self._session.worklist.get(self._unlisted)
        if listed is not None:
            self._unlisted = ""
            if listed.state == "new":
                self._service.set_state([listed.key], "seen")
        self._expect_next()

    def _expect_next(self) -> None:
        """Let the next exam's images be read ahead."""
        worklist = self._session.worklist
        following = worklist.neighbour(+1) if self._session.exam is not None else None
        key = following.key if following is not None and not following.missing else ""
        if key == self._expected:
            return
        self._expected = key
        if not key:
            self._loader.expect(None)
            return

        def done(exam: Exam, _others: list[Exam]) -> None:
            if key == self._expected:
                self._loader.expect(exam)

        self._service.fetch(key, done, lambda _text: None)  # opening it will say what is wrong

    # -- identity ------------------------------------------------------------------------------------------------
    def _identity_changed(self, hidden: bool) -> None:
        wanted = self._session.worklist.filter
        if not hidden and self._filter is not None:
            before, self._filter = self._filter, None
            narrowed = replace(wanted, patient=before.patient)
            self._session.worklist.set_filter(
                replace(narrowed, first_date=before.first_date, last_date=before.last_date)
            )
        elif hidden:  # a name in the filter would tell whose exams are shown
            self._filter = wanted
            self._session.worklist.set_filter(WorklistFilter(least_score=wanted.least_score, state=wanted.state))

    # -- AI ------------------------------------------------------------------------------------------------------
    def run_ai(self, request: RunRequest) -> None:
        """Start, pause, resume or end AI over the whole list."""
        asked = {
            "start": self._runner.start,
            "pause": self._runner.pause,
            "resume": self._runner.resume,
            "cancel": self._runner.cancel,
        }
        asked[request]()

    def weights_changed(self) -> None:
        """Other weights were chosen: scores by the old ones are not shown any more."""
        self._service.refresh_scores()
        self._runner.weights_changed()

    def _result_changed(self, sop_uid: str) -> None:
        """A result of the open exam came in: the table tells its score once it is in the store."""
        entry = self._session.results.get(sop_uid)
        current = self._session.worklist.current
        if entry is not None and entry.status == "done" and entry.job_id and self._session.worklist.get(current):
            self._runner.when_kept(lambda: self._service.refresh_scores([current]))

    def _tell_run(self) -> None:
        self._session.set_background(run_text(self._session.worklist.run))


def run_text(run: ListRun) -> str:
    """Return how far AI is with the list, for the line at the bottom; "" while it is off."""
    if run.state == "off":
        return ""
    words = {
        "running": "AI over the worklist",
        "waiting": "AI over the worklist waits for yours",
        "paused": "AI over the worklist is paused",
    }
    return f"{words[run.state]}: {run.done} of {run.total} images" if run.total else words[run.state]


@dataclass(frozen=True)
class WorklistParts:
    """What a program with a worklist consists of, beside its window."""

    desk: WorklistDesk
    service: WorklistService
    runner: ListRunner

    def close(self, timeout: float) -> None:
        """Stop scanning and computing; a run that was under way goes on at the next start."""
        self.runner.close(timeout)
        self.service.close()


def make_worklist(
    session: Session,
    opening: Opening,
    loader: FrameLoader,
    runs: AiRuns,
    client: InferenceClient,
    results: ResultStore,
    post: Post,
    device: Callable[[], str],
    parent: Callable[[], QWidget | None],
) -> WorklistParts:
    """Put the worklist together.

    Parameters
    ----------
    client : the reader's own; what it found is in ``results`` when it answers to a request for nothing.
    device : where networks run.
    parent : returns the window that dialogs belong to.
    """
    service = WorklistService(
        session.worklist,
        WorklistStore(),
        ListScores(results, runs.weights),
        post,
        session.notice.emit,
        opening.prepared,
    )
    runner = ListRunner(
        service,
        session,
        lambda background: InferenceClient(background, results, post),
        # posted: the client hands a result to the store after it has told of it
        lambda done: post(lambda: client.restore((), {}, done)),
        device,
        session.notice.emit,
    )
    return WorklistParts(WorklistDesk(session, service, runner, opening, loader, parent), service, runner)
