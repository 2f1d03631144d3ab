"""The window's side of inference: a queue of images, one worker process, results applied on the GUI thread.

Nothing here blocks and nothing here is shared with the worker. Messages arrive in a listening thread and are posted
to the GUI thread, where those of an earlier process are dropped; those of a stale job the results model drops.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from gmic_core.errors import GmicError
from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import default_model, refusal
from gmic_core.inference.events import Event, ImageFinished, ImageStarted, Progress, SliceSaliency
from gmic_core.models.registry import get_spec
from gmic_core.types import ImageResult
from viewer.model.session import Session
from viewer.services.protocol import Failed, Message, Ready, Task, Told, Warm
from viewer.services.store import ResultStore
from viewer.services.weights_key import joint_key
from viewer.services.worker_link import WorkerLink

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
Weights = Mapping[str, tuple[str, ...]]
"""Weight references of each network, as the settings hold them."""

CANCEL_S = 2.0
"""A task that has not stopped by then is stopped with its process."""
DEATHS_IN_A_ROW = 3
"""After so many deaths without a finished image in between, the worker is not restarted by itself."""


class InferenceClient:
    """Sends images to the worker process and applies what comes back to the session.

    All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread; may be called from any thread.
    """

    def __init__(self, session: Session, store: ResultStore, post: Post) -> None:
        self._session, self._store, self._post = session, store, post
        self._queue: deque[Task] = deque()
        self._current: Task | None = None
        self._link: WorkerLink | None = None
        self._jobs = itertools.count(1)
        self._deaths = 0
        self._closed = False
        self._cancel_timer: threading.Timer | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="gmic-results")

    # -- the process ---------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start the worker process unless it runs."""
        if self._link is None and not self._closed:
            self._link = WorkerLink(self._heard, self._ended)
            self._session.set_ai(state="starting", message="")

    def warm(self, device: str) -> None:
        """Let the worker import torch now, before the first image asks for it."""
        self.start()
        if self._link is not None:
            self._link.send(Warm(device))

    def restart(self) -> None:
        """Start again after the worker was given up."""
        self._deaths = 0
        self.start()
        self._next()

    def close(self, timeout: float = 5.0) -> None:
        """Stop the worker within ``timeout`` seconds; nothing is left running."""
        self._closed = True
        self._queue.clear()
        self._stop_timer()
        if self._link is not None:
            if self._current is not None:
                self._link.cancel(self._current.job_id)
            self._link.close(timeout)
            self._link = None
        self._disk.shutdown(wait=True)

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker while it runs."""
        return self._link.process.pid if self._link else None

    # -- jobs ----------------------------------------------------------------------------------------------------
    def submit(
        self,
        images: Iterable[MammoImage],
        weights: Weights,
        device: str = "auto",
        confirmed: frozenset[str] = frozenset(),
    ) -> str:
        """Queue images, each for the network made for its kind; those that none takes get the reason at once.

        Parameters
        ----------
        confirmed : SOP UIDs whose orientation the reader confirmed.

        Returns
        -------
        The id of the job.
        """
        job_id = f"job-{next(self._jobs)}"
        wanted = list(images)
        self._session.results.expect(job_id, tuple(image.sop_uid for image in wanted))
        for image in wanted:
            try:
                task = self._task(job_id, image, weights, device, confirmed)
            except GmicError as error:
                self._session.results.failed(job_id, image.sop_uid, str(error))
            else:
                self._queue.append(task)
        self.start()
        self._next()
        return job_id

    def _task(self, job_id: str, image: MammoImage, weights: Weights, device: str, confirmed: frozenset[str]) -> Task:
        model = default_model(image)
        reason = refusal(image, get_spec(model))
        if reason is not None:
            raise GmicError(reason)
        refs = tuple(weights.get(model, ()))
        if not refs:
            raise GmicError(
                f"No weights are chosen for {model}. Import some with gmic-core models import FILE, "
                "or choose random ones in the settings to try the program (marked UNTRAINED)."
            )
        return Task(job_id, image, model, refs, device, image.sop_uid in confirmed)

    def cancel(self) -> None:
        """Stop what runs and forget what waits; finished images keep their results."""
        waiting, self._queue = list(self._queue), deque()
        for task in waiting:
            self._session.results.failed(task.job_id, task.image.sop_uid, "Cancelled.", cancelled=True)
        task_now = self._current
        if task_now is None or self._link is None:
            return
        link = self._link
        link.cancel(task_now.job_id)
        self._stop_timer()
        self._cancel_timer = threading.Timer(CANCEL_S, link.kill)
        self._cancel_timer.daemon = True
        self._cancel_timer.start()
        # what arrives of it from now on is late: the reader sees it stop at once
        self._session.results.failed(task_now.job_id, task_now.image.sop_uid, "Cancelled.", cancelled=True)

    def _next(self) -> None:
        if self._current is not None or self._link is None:
            return
        if not self._queue:
            self._tell_state()
            return
        self._current = self._queue.popleft()
        self._tell_state()
        self._link.send(self._current)  # if the process is gone, its end is on the way and sorts it out

    def _tell_state(self) -> None:
        jobs = tuple(
            dict.fromkeys(task.job_id for task in ((self._current,) if self._current else ()) + (*self._queue,))
        )
        if self._session.ai.state != "dead":
            self._session.set_ai(state="running" if self._current else "idle", jobs=jobs)

    # -- what the worker says ------------------------------------------------------------------------------------
    def _heard(self, link: WorkerLink, message: Message) -> None:
        self._post(lambda: self._apply(link, message))

    def _apply(self, link: WorkerLink, message: Message) -> None:
        if link is not self._link:  # words of a process that was replaced
            return
        if isinstance(message, Ready):
            self._session.set_ai(device=message.device or self._session.ai.device)
            self._tell_state()
        elif isinstance(message, Told):
            self._apply_event(message.job_id, message.event)
        else:
            self._session.results.failed(message.job_id, message.sop_uid, message.reason, cancelled=message.cancelled)
            self._done(message)

    def _apply_event(self, job_id: str, event: Event) -> None:
        results = self._session.results
        if isinstance(event, ImageStarted):
            results.started(
                job_id,
                event.sop_uid,
                slices=event.slices,
                cells=event.cells,
                to_stored=PlaneMap(event.saliency_to_stored),
                model=event.model,
                weights=event.weights,
                untrained=event.untrained,
            )
        elif isinstance(event, SliceSaliency):
            results.slice_computed(job_id, event.sop_uid, event.slice_index, event.values)
        elif isinstance(event, Progress):
            results.progress(job_id, event.sop_uid, event.stage, event.done, event.total)
        else:
            self._finished(job_id, event)

    def _finished(self, job_id: str, event: ImageFinished) -> None:
        task = self._current
        self._deaths = 0
        self._session.set_ai(device=event.result.provenance.device)
        self._session.results.finished(job_id, event.result)
        if task is not None and task.image.sop_uid == event.result.sop_uid and task.job_id == job_id:
            self._keep(task, event.result)
            self._end_current()

    def _done(self, message: Failed) -> None:
        task = self._current
        if task is not None and (task.job_id, task.image.sop_uid) == (message.job_id, message.sop_uid):
            self._end_current()

    def _end_current(self) -> None:
        self._current = None
        self._stop_timer()
        self._next()

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer.cancel()
            self._cancel_timer = None

    # -- the worker's end ----------------------------------------------------------------------------------------
    def _ended(self, link: WorkerLink, code: int | None) -> None:
        self._post(lambda: self._after_end(link, code))

    def _after_end(self, link: WorkerLink, code: int | None) -> None:
        if link is not self._link or self._closed:
            return
        self._link = None
        was_cancelled = self._cancel_timer is not None
        self._stop_timer()
        task, self._current = self._current, None
        if not was_cancelled:
            self._tell_death(task, code)
        if self._deaths < DEATHS_IN_A_ROW:
            message = self._session.ai.message
            self.start()
            self._session.set_ai(message=message)
            self._next()
            return
        for waiting in self._queue:
            self._session.results.failed(waiting.job_id, waiting.image.sop_uid, "The AI process keeps stopping.")
        self._queue.clear()
        self._session.set_ai(
            state="dead",
            jobs=(),
            message=f"The AI process stopped {self._deaths} times in a row and was not started again. The images are "
            "not affected. Restart it with Ctrl+R, or see logs/worker.log in the data folder.",
        )

    def _tell_death(self, task: Task | None, code: int | None) -> None:
        self._deaths += 1
        log.error("the worker ended with exit code %s", code)
        text = f"The AI process stopped unexpectedly (exit code {code}) and was restarted; the images are not affected."
        if task is not None:
            self._session.results.failed(
                task.job_id,
                task.image.sop_uid,
                f"The AI process stopped unexpectedly (exit code {code}). Run it again.",
            )
            text += f" {task.image.label} was not finished: press R to run it again."
        self._session.set_ai(message=text)
        self._session.notice.emit("error", text)

    # -- kept results --------------------------------------------------------------------------------------------
    def _keep(self, task: Task, result: ImageResult) -> None:
        store, session, post = self._store, self._session, self._post

        def save() -> None:
            key = joint_key(task.refs)
            if not key or (":" not in key and "+" not in key and key != result.provenance.weights_sha256):
                return  # the weight file changed while the network ran: its result belongs to no file any more
            try:
                store.save(task.image, key, result)
            except GmicError as error:
                text = str(error)
                post(lambda: session.notice.emit("warning", text))

        self._disk.submit(save)

    def restore(self, images: Iterable[MammoImage], weights: Weights, done: Callable[[], None] | None = None) -> None:
        """Show the kept results of these images that belong to the chosen weights; read in the background."""
        wanted, exam = list(images), self._session.exam

        def load() -> None:
            keys = {model: joint_key(tuple(refs)) for model, refs in weights.items()}
            found = []
            for image in wanted:
                try:
                    model = default_model(image)
                except GmicError:
                    continue  # no network takes such images, so there is nothing to restore
                result = self._store.load(image, model, keys.get(model, ""))
                if result is not None:
                    found.append(result)
            self._post(lambda: show(found))

        def show(found: list[ImageResult]) -> None:
            if self._session.exam is exam:  # else another exam was opened meanwhile
                for result in found:
                    self._session.results.restore(result)
            if done is not None:
                done()

        self._disk.submit(load)
