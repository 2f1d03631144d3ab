"""The window's side of inference: a queue of images, one worker process, results applied on the GUI thread.

Nothing here blocks and nothing here is shared with the worker. Messages arrive in a listening thread and are posted
to the GUI thread, where those of an earlier process are dropped; those of a stale job the results model drops.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from gmic_core.errors import GmicError, WeightsError
from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import Exam, MammoImage
from gmic_core.inference.agreement import flip_note
from gmic_core.inference.choice import check_acceptance, default_model
from gmic_core.inference.events import Event, ImageFinished, ImageStarted, Progress, SliceSaliency
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import Shift
from gmic_core.models.registry import get_spec
from gmic_core.types import ImageResult
from viewer.model.session import Session
from viewer.services import worker
from viewer.services.deaths import KILLED, Deaths
from viewer.services.kept_results import KeptResults, Post, Weights
from viewer.services.protocol import Failed, Message, Ready, Rescore, Task, Told, Trial, Warm
from viewer.services.store import ResultStore
from viewer.services.trial_desk import TrialDesk
from viewer.services.worker_link import WorkerLink, WorkerMain

log = logging.getLogger(__name__)

CANCEL_S = 1.5
"""A task that has not stopped by then (one layer of a network can take longer) is stopped with its process: cancel
takes two seconds at most."""
FAILED_STARTS = 3
"""After so many failures to start, the worker is not started again by itself."""
LOST = "The AI process ended before it answered. Try it again."


class InferenceClient:
    """Sends images to the worker process, one at a time, and applies what comes back to the session.

    All methods are called on the GUI thread. Results of an exam that is not open any more are kept all the same.

    Parameters
    ----------
    post : runs a callable on the GUI thread; may be called from any thread.
    main : entry point of the worker process.
    """

    def __init__(self, session: Session, store: ResultStore, post: Post, main: WorkerMain = worker.main) -> None:
        self._session, self._post, self._main = session, post, main
        self._kept = KeptResults(session, store, post)
        self._desk = TrialDesk(session.trials)
        self._deaths = Deaths()
        self._asked: set[str] = set()  # scores without some patches that have not come back
        self._waiting: list[Task] = []
        self._current: Task | None = None
        self._started: ImageStarted | None = None  # of the current task: told again when its exam is opened again
        self._cancelling = False
        self._link: WorkerLink | None = None
        self._jobs = itertools.count(1)
        self._before: dict[str, ImageResult] = {}  # what was shown of an image that runs again
        self._failed_starts = 0
        self._ready = False
        self._closed = False
        session.exam_changed.connect(self._exam_changed)

    # -- the process ---------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start the worker process unless it runs."""
        if self._link is not None or self._closed:
            return
        self._ready = False
        try:
            self._link = WorkerLink(self._heard, self._ended, self._main)
        except OSError as error:
            self._give_up(error.strerror or str(error))
        else:
            self._session.set_ai(state="starting")

    def warm(self, device: str, weights: Weights | None = None) -> None:
        """Let the worker import torch now, before the first image asks for it, and load some networks."""
        self.start()
        if self._link is not None:
            self._link.send(Warm(device, tuple((weights or {}).items())))

    def restart(self) -> None:
        """Start again after the worker was given up."""
        self._failed_starts = 0
        self._session.ai.message = ""
        self.start()
        self._next()

    def close(self, timeout: float = 5.0) -> None:
        """Stop the worker within ``timeout`` seconds; nothing is left running."""
        self._closed = True
        self._waiting.clear()
        if self._link is not None:
            self._link.close(timeout)
            self._link = None
        self._kept.close()

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker while it runs."""
        return self._link.process.pid if self._link else None

    # -- jobs ----------------------------------------------------------------------------------------------------
    def submit(self, images: Iterable[MammoImage], weights: Weights, device: str = "auto") -> str:
        """Queue images, each for the network made for its kind; those that none takes get the reason at once.

        An image that is under way already with the same weights goes on as it is.

        Returns
        -------
        The id of the job.
        """
        job_id = f"job-{next(self._jobs)}"
        for image in images:
            try:
                task = replace(_task(job_id, image, weights, device), stamp=self._kept.stamp_of(image))
            except GmicError as error:
                self._expect(job_id, image.sop_uid)
                self._session.results.failed(job_id, image.sop_uid, str(error))
                continue
            if any(task.same_work(other) for other in self._under_way()):
                continue
            shown = self._session.results.get(image.sop_uid)
            if shown is not None and shown.result is not None:
                self._before[image.sop_uid] = shown.result
            self._expect(job_id, image.sop_uid)
            self._waiting.append(task)
        if self._waiting:
            self.start()
        self._next()
        return job_id

    def _expect(self, job_id: str, sop_uid: str) -> None:
        """From now on only this job speaks for the image; an earlier one is forgotten or stopped."""
        self._waiting = [task for task in self._waiting if task.sop_uid != sop_uid]
        if self._current is not None and self._current.sop_uid == sop_uid:
            self._stop_current()
        self._session.results.expect(job_id, (sop_uid,))

    def _under_way(self) -> list[Task]:
        running = [self._current] if self._current is not None and not self._cancelling else []
        return running + self._waiting

    # -- trials --------------------------------------------------------------------------------------------------
    def try_out(
        self,
        image: MammoImage,
        base: ImageResult,
        refs: tuple[str, ...],
        device: str,
        what: Occlusion | tuple[Shift, ...],
    ) -> str:
        """Run an image of the open exam otherwise, before anything that waits; return the id of the job."""
        job_id = f"trial-{next(self._jobs)}"
        self._waiting.insert(0, self._desk.ask(job_id, image, base, refs, device, what, self._kept.stamp_of(image)))
        self.start()
        self._next()
        return job_id

    def score_without(
        self, image: MammoImage, base: ImageResult, refs: tuple[str, ...], device: str, keep: Sequence[bool]
    ) -> str:
        """Score an image over some of its patches, at once and beside whatever runs; return the id of the job.

        Raises
        ------
        InferenceError
            If the result has no features to score again.
        """
        job_id = f"what-if-{next(self._jobs)}"
        request: Rescore = self._desk.ask_score(job_id, image, base, refs, device, keep)
        self.start()
        if self._link is None:
            self._desk.failed(job_id, LOST)
        else:
            self._asked.add(job_id)
            self._link.send(request)
        return job_id

    def restore(
        self,
        images: Iterable[MammoImage],
        weights: Weights,
        done: Callable[[], None] | None = None,
        device: str = "auto",
    ) -> None:
        """Show the kept results of these images that belong to the chosen weights and suit where runs would compute.

        They are read in the background.
        """
        self._kept.restore(images, weights, done, device)

    def cancel(self, job_id: str | None = None) -> None:
        """Stop what runs and forget what waits, of one job or of all; finished images keep their results."""
        dropped = [task for task in self._waiting if job_id in (None, task.job_id)]
        self._waiting = [task for task in self._waiting if task not in dropped]
        if self._current is not None and job_id in (None, self._current.job_id):
            dropped.append(self._current)
            self._stop_current()
        for task in dropped:  # what arrives of them from now on is late: the reader sees them stop at once
            self._fail(task, "Cancelled.", cancelled=True)
        self._tell_state()

    def _fail(self, task: Task, reason: str, *, cancelled: bool = False) -> None:
        """Tell that a task ended without a result."""
        if isinstance(task, Trial):
            self._desk.failed(task.job_id, reason, cancelled=cancelled)
        else:
            self._session.results.failed(task.job_id, task.sop_uid, reason, cancelled=cancelled)

    def _stop_current(self) -> None:
        """Ask the worker to leave its image; if it does not in time, end it."""
        task, link = self._current, self._link
        if task is None or link is None or self._cancelling:
            return

        def kill() -> None:
            if self._current is task and self._link is link:
                link.stop()

        self._cancelling = True
        link.cancel(task)
        timer = threading.Timer(CANCEL_S, self._post, (kill,))
        timer.daemon = True
        timer.start()

    def _next(self) -> None:
        """Give the worker its next image, one of the open exam first."""
        if self._current is None and self._link is not None and self._waiting:
            shown = self._session.image
            index = next((i for i, task in enumerate(self._waiting) if shown(task.sop_uid) is not None), 0)
            self._current = self._waiting.pop(index)
            self._link.send(self._current)  # if the process is gone, its end is on the way and sorts it out
        self._tell_state()

    def _tell_state(self) -> None:
        if self._link is None:
            return
        running = [self._current] if self._current is not None else []
        jobs = tuple(dict.fromkeys(task.job_id for task in running + self._waiting))
        state = ("running" if running else "idle") if self._ready else "starting"
        self._session.set_ai(state=state, jobs=jobs)

    def _exam_changed(self, exam: Exam | None) -> None:
        """What still runs for the exam that was opened is shown as it arrives, as before it was left."""
        self._kept.forget()
        self._before.clear()
        self._waiting = [task for task in self._waiting if not isinstance(task, Trial)]
        if isinstance(self._current, Trial):  # its result is not on screen any more
            self._stop_current()
        for task in self._under_way():
            if exam is not None and self._session.image(task.sop_uid) is not None:
                self._session.results.expect(task.job_id, (task.sop_uid,))
                if task is self._current and self._started is not None:
                    self._apply_event(task.job_id, self._started)

    # -- what the worker says ------------------------------------------------------------------------------------
    def _heard(self, link: WorkerLink, message: Message) -> None:
        self._post(lambda: self._apply(link, message))

    def _apply(self, link: WorkerLink, message: Message) -> None:
        if link is not self._link:  # words of a process that was replaced
            return
        if isinstance(message, Ready):
            self._ready, self._failed_starts = True, 0
            self._session.set_ai(device=message.device or self._session.ai.device)
            self._tell_state()
        elif isinstance(message, Told):
            self._apply_event(message.job_id, message.event)
            self._desk.event(message.job_id, message.event)
        elif isinstance(message, Failed):
            self._session.results.failed(message.job_id, message.sop_uid, message.reason, cancelled=message.cancelled)
            self._desk.failed(message.job_id, message.reason, cancelled=message.cancelled)
            self._asked.discard(message.job_id)
            self._end_if_current(message.job_id, message.sop_uid)
        else:
            self._asked.discard(message.job_id)
            if self._desk.heard(message):
                self._end_if_current(message.job_id, message.sop_uid)

    def _apply_event(self, job_id: str, event: Event) -> None:
        results = self._session.results
        if isinstance(event, ImageStarted):
            self._started = event
            results.started(
                job_id,
                event.sop_uid,
                slices=event.slices,
                cells=event.cells,
                to_stored=PlaneMap(event.saliency_to_stored),
                model=event.model,
                weights=event.weights,
                untrained=event.untrained,
                simulated_only=event.simulated_only,
            )
        elif isinstance(event, SliceSaliency):
            results.slice_computed(job_id, event.sop_uid, event.slice_index, event.values)
        elif isinstance(event, Progress):
            results.progress(job_id, event.sop_uid, event.stage, event.done, event.total)
        else:
            self._finished(job_id, event)

    def _finished(self, job_id: str, event: ImageFinished) -> None:
        result, task = event.result, self._current
        if note := self._flipped(result):
            result = replace(result, notes=(*result.notes, note))
        self._session.set_ai(device=result.provenance.device, message="")
        self._session.results.finished(job_id, result)
        if task is not None and (task.job_id, task.sop_uid) == (job_id, result.sop_uid):
            self._kept.keep(task, result)
        self._end_if_current(job_id, result.sop_uid)

    def _flipped(self, result: ImageResult) -> str:
        """Say which patches another device or mode did not choose, where its result was on screen before."""
        before = self._before.pop(result.sop_uid, None)
        return flip_note(result, before) if before is not None else ""

    def _end_if_current(self, job_id: str, sop_uid: str) -> None:
        task = self._current
        if task is not None and (task.job_id, task.sop_uid) == (job_id, sop_uid):
            self._deaths.survived(task)
            self._current, self._started, self._cancelling = None, None, False
            self._next()

    # -- the worker's end ----------------------------------------------------------------------------------------
    def _ended(self, link: WorkerLink, code: int | None) -> None:
        self._post(lambda: self._after_end(link, code))

    def _after_end(self, link: WorkerLink, code: int | None) -> None:
        if link is not self._link or self._closed:
            return
        task, was_cancelled = self._current, self._cancelling
        self._link, self._current, self._started, self._cancelling = None, None, None, False
        asked, self._asked = self._asked, set()
        for job_id in asked:
            self._desk.failed(job_id, LOST)
        if not was_cancelled:
            if not self._ready and code not in KILLED:
                self._failed_starts += 1
            self._tell_death(task, code)
        if self._failed_starts < FAILED_STARTS:
            self.start()
            self._next()
        else:
            self._give_up(f"exit code {code}")

    def _tell_death(self, task: Task | None, code: int | None) -> None:
        log.error("the worker ended with exit code %s", code)
        text = f"The AI process stopped unexpectedly (exit code {code}) and was restarted; the images are not affected."
        if task is not None and self._failed_starts < FAILED_STARTS and self._resumed(task, code):
            text += f" {task.image.label} runs again from its beginning."
        elif task is not None:
            self._fail(task, f"The AI process stopped unexpectedly (exit code {code}). Run it again.")
            text += f" {task.image.label} was not finished: press {{ai.run_exam}} to run it again."
        self._session.set_ai(message=text)
        if self._failed_starts < FAILED_STARTS:
            self._session.notice.emit("error", text)

    def _resumed(self, task: Task, code: int | None) -> bool:
        """Put the image over which the worker died first in the queue again, unless that happened too often."""
        if isinstance(task, Trial) or not self._deaths.again(task, code):
            return False
        self._waiting.insert(0, task)
        self._session.results.waits_again(task.job_id, task.sop_uid)
        return True

    def _give_up(self, why: str) -> None:
        reason = f"The AI process cannot be started ({why})."
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            self._fail(task, reason)
        self._session.set_ai(
            state="dead",
            jobs=(),
            message=f"{reason} The images are not affected. See logs/worker.log in the data folder, then start it "
            "again with Ctrl+R.",
        )


def _task(job_id: str, image: MammoImage, weights: Weights, device: str) -> Task:
    """Return what the worker has to do for an image.

    Raises
    ------
    GmicError
        If no network takes it, or its network has no weights.
    """
    model = default_model(image, weights)
    check_acceptance(image, get_spec(model))
    refs = tuple(weights.get(model, ()))
    if not refs:
        raise WeightsError(
            f"No weights are chosen for {model}. Import some with gmic-core models import FILE, or start with "
            "--weights random:0 to try the program (marked UNTRAINED)."
        )
    # networks see stored values: tables for showing them would only make the message a hundred times larger
    return Task(job_id, replace(image, voi_tables=()), model, refs, device)
