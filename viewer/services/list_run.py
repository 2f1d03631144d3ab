"""AI over the whole worklist: overnight, beside the reader, paused and resumed, also across a restart.

It has a worker process of its own while it runs, and stands back as soon as the reader lets the networks run on the
open exam. What the results store has already is never computed again; an image that failed is not tried again in the
same run. Exams are taken one by one as they are found on the disk then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from viewer.model.session import Session
from viewer.model.worklist import ListRun
from viewer.services.inference import InferenceClient
from viewer.services.list_scores import ExamWork
from viewer.services.worklist import Notice, WorklistService

log = logging.getLogger(__name__)

MakeClient = Callable[[Session], InferenceClient]
Settled = Callable[[Callable[[], None]], None]
"""Calls back when everything that the reader's own runs found is in the results store."""


class ListRunner:
    """Runs the networks over the list. All methods are called on the GUI thread.

    Parameters
    ----------
    reader : the session on screen: its own runs come first, and what is found for its exam is shown there.
    make_client : makes a client with a worker of its own for a session without a window.
    device : where networks run, ``auto``, ``cpu`` or ``cuda``.
    """

    def __init__(
        self,
        service: WorklistService,
        reader: Session,
        make_client: MakeClient,
        settled: Settled,
        device: Callable[[], str],
        notice: Notice,
    ) -> None:
        self._service, self._reader, self._make_client = service, reader, make_client
        self._settled, self._device, self._notice = settled, device, notice
        self._session: Session | None = None
        self._client: InferenceClient | None = None
        self._queue: deque[str] = deque()
        self._work: tuple[str, ExamWork] | None = None  # the exam under way
        self._open: set[str] = set()  # its images that have no answer yet
        self._leaving: list[threading.Thread] = []  # close clients that are no longer needed
        self._turn = 0  # answers of an earlier turn come too late
        reader.ai_changed.connect(self._reader_changed, check_nargs=False)
        reader.results.changed.connect(self._reader_changed, check_nargs=False)

    @property
    def run(self) -> ListRun:
        """How far it is."""
        return self._service.model.run

    # -- what the reader asks ------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begin with all exams that have images without a result; images that failed before are tried again."""
        if not self.run.active:
            self._service.keep(self._service.store.clear_failures)
            self.resume()

    def resume(self) -> None:
        """Go on where the last run stopped."""
        if not self.run.active:
            self._keep_state("running")
            self._set(ListRun("running", self.run.done, self.run.total))
            self._plan()

    def pause(self) -> None:
        """Stop for now; the image under way is begun again when it goes on."""
        if self.run.active:
            self._keep_state("paused")
            self._stop("paused")

    def cancel(self) -> None:
        """Stop for good; what was computed is kept."""
        if self.run.state != "off":
            self._keep_state("off")
            self._stop("off")

    def restore(self) -> None:
        """Go on after the program was started again, as the run was left."""
        if not self._service.store.usable or self.run.state != "off":
            return

        def look() -> None:
            state = self._service.store.run_state()
            self._service.post(lambda: self._restored(state))

        self._service.keep(look)

    def _restored(self, state: str) -> None:
        if state == "paused":
            self._set(ListRun("paused"))
        elif state == "running":
            self._notice("info", "AI goes on over the worklist, as it did when the program was closed.")
            self.resume()

    def weights_changed(self) -> None:
        """Other weights count from now on: begin anew with what they have not seen."""
        if self.run.active:
            self._halt()
            self._plan()

    def when_kept(self, call: Callable[[], None]) -> None:
        """Call back when what the reader's own runs found so far is in the results store."""
        self._settled(call)

    def close(self, timeout: float) -> None:
        """Stop the worker; a run that was under way goes on at the next start."""
        self._turn += 1
        end = time.monotonic() + timeout
        client, self._client = self._client, None
        if client is not None:
            client.close(timeout)
        for thread in self._leaving:
            thread.join(max(end - time.monotonic(), 0.1))

    # -- the plan ------------------------------------------------------------------------------------------------
    def _plan(self) -> None:
        """Look up which exams have images without a result."""
        self._turn += 1
        turn = self._turn

        def look() -> None:
            found, done, total, refused = [], 0, 0, ""
            for key in self._service.store.keys():
                work = self._service.work_of(key)
                if work is None or turn != self._turn:
                    continue
                done += len(work.results)
                total += len(work.results) + len(work.missing)
                refused = refused or next(iter(work.refused), "")
                if work.missing:
                    found.append(key)
            self._service.post(lambda: self._planned(turn, found, done, total, refused))

        self._service.keep(lambda: self._service.look_up(look))  # behind failures that are being written or forgotten

    def _planned(self, turn: int, found: list[str], done: int, total: int, refused: str) -> None:
        if turn != self._turn or not self.run.active:
            return
        self._queue = deque(found)
        self._set(replace(self.run, done=done, total=total))
        if total == 0 and refused:
            self._end(f"AI has nothing to do on the worklist. The first reason: {refused}")
        else:
            self._next()

    def _next(self) -> None:
        """Take the next exam, unless the reader has the network."""
        if self._work is not None or not self.run.active:
            return
        if self._reader_is_busy():
            self._set(replace(self.run, state="waiting", now="", step=0, steps=0))
            return
        if not self._queue:
            failed = f" {self.run.failed} could not be computed; the worklist says why." if self.run.failed else ""
            self._end(f"AI over the worklist is done: {self.run.done} of {self.run.total} images.{failed}")
            return
        self._set(replace(self.run, state="running"))
        key, turn = self._queue[0], self._turn

        def look() -> None:
            work = self._service.work_of(key)  # once more: the reader may have run it meanwhile
            self._service.post(lambda: self._begin(turn, key, work))

        self._service.look_up(look)

    def _begin(self, turn: int, key: str, work: ExamWork | None) -> None:
        if turn != self._turn or not self.run.active or self._work is not None:
            return
        if self._reader_is_busy():
            self._next()
            return
        self._queue.popleft()
        if work is None or not work.missing:
            self._service.refresh_scores([key])
            self._next()
            return
        session, client = self._worker()
        self._work, self._open = (key, work), {image.sop_uid for image, _ in work.missing}
        session.open_exam(work.exam)
        client.submit([image for image, _ in work.missing], work.weights, self._device())

    def _worker(self) -> tuple[Session, InferenceClient]:
        if self._session is None or self._client is None:
            self._session = Session()
            self._session.results.changed.connect(self._heard)
            self._session.ai_changed.connect(self._worker_changed)
            self._client = self._make_client(self._session)
        return self._session, self._client

    # -- what the worker says ------------------------------------------------------------------------------------
    def _heard(self, sop_uid: str) -> None:
        entry = self._session.results.get(sop_uid) if self._session is not None else None
        image = self._session.image(sop_uid) if self._session is not None else None
        if entry is None or image is None or self._work is None or sop_uid not in self._open:
            return
        if entry.status == "running":
            self._set(replace(self.run, now=f"{image.label} {image.modality}", step=entry.done, steps=entry.total))
        elif entry.status == "done":
            self._set(replace(self.run, done=self.run.done + 1))
            if entry.result is not None and self._reader.image(sop_uid) is not None:
                self._reader.results.restore(entry.result)
            self._answered(sop_uid)
        elif entry.status == "failed":
            self._failed(sop_uid, entry.message)
            self._answered(sop_uid)

    def _failed(self, sop_uid: str, reason: str) -> None:
        key, work = self._work or ("", None)
        name = next((name for image, name in work.missing if image.sop_uid == sop_uid), "") if work else ""
        self._service.keep(lambda: self._service.store.add_failure(key, name, reason))
        self._set(replace(self.run, failed=self.run.failed + 1))

    def _answered(self, sop_uid: str) -> None:
        self._open.discard(sop_uid)
        if self._open or self._work is None or self._client is None:
            return
        key, turn = self._work[0], self._turn

        def kept() -> None:
            self._service.keep(lambda: self._service.post(go_on))

        def go_on() -> None:
            self._service.refresh_scores([key])
            if turn == self._turn:
                self._work = None
                self._next()

        client = self._client

        def settle() -> None:
            if client is self._client:
                client.restore((), {}, kept)

        # behind what is written: the client hands a result to its store after it has told of it
        self._service.post(settle)

    def _worker_changed(self) -> None:
        if self._session is not None and self._session.ai.state == "dead" and self.run.active:
            self._notice("error", f"AI over the worklist was paused. {self._session.ai.message}")
            self.pause()

    # -- the reader comes first ----------------------------------------------------------------------------------
    def _reader_is_busy(self) -> bool:
        return self._reader.ai.state == "running" or bool(self._reader.results.pending)

    def _reader_changed(self, *_: object) -> None:
        if self.run.state == "running" and self._work is not None and self._reader_is_busy():
            self._halt()
            self._set(replace(self.run, state="waiting", now="", step=0, steps=0))
        elif self.run.state == "waiting" and not self._reader_is_busy():
            self._set(replace(self.run, state="running"))
            self._settled(self._next)

    # -- ends ----------------------------------------------------------------------------------------------------
    def _halt(self) -> None:
        """Leave the exam under way; it comes first when it goes on."""
        self._turn += 1
        work, self._work = self._work, None
        self._open = set()
        if work is not None:
            self._queue.appendleft(work[0])
        if self._client is not None:
            self._client.cancel()

    def _stop(self, state: Literal["paused", "off"]) -> None:
        self._halt()
        self._queue.clear()
        self._let_go()
        self._set(replace(self.run, state=state, now="", step=0, steps=0))

    def _end(self, text: str) -> None:
        self._keep_state("off")
        self._turn += 1
        self._let_go()
        self._set(replace(self.run, state="off", now="", step=0, steps=0))
        self._notice("info", text)

    def _let_go(self) -> None:
        """Give the worker's memory back."""
        client, self._client, self._session = self._client, None, None
        if client is not None:  # may take a second or two: not on the GUI thread, and never left undone
            self._leaving = [thread for thread in self._leaving if thread.is_alive()]
            self._leaving.append(threading.Thread(target=client.close, name="list-run-close", daemon=True))
            self._leaving[-1].start()

    def _keep_state(self, state: str) -> None:
        self._service.keep(lambda: self._service.store.set_run_state(state))

    def _set(self, run: ListRun) -> None:
        self._service.model.set_run(run)
