"""The worker process: the only place of the application where torch is imported.

It takes one task at a time from its pipe, sends events back and survives whatever a task does short of a crash. What
cannot wait for the end of a task (cancel it, leave) arrives on a second pipe that a thread listens to: unlike a shared
event it has no lock that a killed process could leave behind, and it works in the middle of a layer. Scores without
some of the patches take a millisecond and are computed in the thread that receives, beside whatever task runs.
"""

from __future__ import annotations

import logging
import logging.handlers
import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from gmic_core.errors import CancelledError, GmicError, InferenceError, StoreError
from gmic_core.exam import image_key
from gmic_core.inference.execution.modes import split_place
from gmic_core.paths import ensure_dir, user_data_dir
from viewer.services.protocol import (
    QUIT,
    Failed,
    Message,
    Ready,
    Request,
    Rescore,
    Rescored,
    Task,
    Told,
    Trial,
    Warm,
    cancel_word,
)

if TYPE_CHECKING:
    from gmic_core.exam.frames import FrameReader
    from gmic_core.inference.events import Event
    from gmic_core.inference.network import LoadedNetwork

log = logging.getLogger("gmic.worker")

NICENESS = 10
"""The worker yields to the window on shared cores: scrolling comes first."""
NETWORKS_KEPT = 6
"""Loaded networks (56 MB each) kept for the next task; an ensemble of the papers has five."""


def main(pipe: Connection, control: Connection) -> None:
    """Work until the pipe closes; entry point of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is the window's to answer
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    _start_log()
    worker = _Worker(pipe)
    worker.listen(control)
    try:
        worker.serve()
    except (EOFError, OSError):
        log.info("the window is gone")
    finally:
        worker.close()


def _start_log() -> None:
    """Log to the user's data folder, where that can be written."""
    handler: logging.Handler
    try:
        folder = ensure_dir(user_data_dir() / "logs")
        handler = logging.handlers.RotatingFileHandler(folder / "worker.log", maxBytes=1 << 20, backupCount=2)
    except (StoreError, OSError):
        handler = logging.NullHandler()  # the window says that its data folder cannot be written
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def _where(error: BaseException) -> str:
    """Return class and places of an error, but not its message: that may quote a path with a patient's name."""
    parts = []
    cause: BaseException | None = error
    while cause is not None:
        parts.append(type(cause).__name__)
        parts += [
            f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__
    return "\n".join(parts)


def _check_files(task: Task) -> None:
    """Make sure that the image's files are those that are on screen: a result of others would lie on old pixels.

    Raises
    ------
    InferenceError
        If they were changed.
    """
    if task.stamp and image_key.stamp(task.image) not in ("", task.stamp):  # gone: reading them says so
        raise InferenceError(
            f"The files of {task.image.label} {task.image.modality} were changed on the disk meanwhile. Open the exam "
            "again, then run the AI again."
        )


class _Worker:
    """State of the process: loaded networks, the frame reader, what was cancelled."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._networks: OrderedDict[tuple[str, str, str], LoadedNetwork] = OrderedDict()
        self._reader: FrameReader | None = None
        self._cancelled: set[bytes] = set()
        self._requests: queue.SimpleQueue[Task | Warm | None] = queue.SimpleQueue()
        self._sending, self._loading = threading.Lock(), threading.Lock()

    def serve(self) -> None:
        """Answer requests until the pipe closes."""
        self._send(Ready())
        threading.Thread(target=self._receive, name="receive", daemon=True).start()
        while (request := self._requests.get()) is not None:
            if isinstance(request, Warm):
                self._warm(request)
            else:
                self._send(self._guarded(request, lambda task=request: self._run(task)))  # type: ignore[misc]

    def _receive(self) -> None:
        """Take requests until the pipe closes; what takes a millisecond does not wait for the task that runs."""
        try:
            while True:
                request: Request = self._pipe.recv()
                if isinstance(request, Rescore):
                    self._send(self._guarded(request, lambda asked=request: self._rescore(asked)))  # type: ignore[misc]
                else:
                    self._requests.put(request)
        except (EOFError, OSError):
            self._requests.put(None)

    def close(self) -> None:
        """Stop the decoder process of this worker."""
        if self._reader is not None:
            self._reader.close()

    # -- what cannot wait ----------------------------------------------------------------------------------------
    def listen(self, control: Connection) -> None:
        """Take cancels from now on; leave when told to, and when the window is gone."""
        threading.Thread(target=self._listen, args=(control,), daemon=True).start()

    def _listen(self, control: Connection) -> None:
        parent = multiprocessing.parent_process()
        window = [] if parent is None else [parent.sentinel]
        while control in wait([control, *window]):
            try:
                word = control.recv_bytes()
            except (EOFError, OSError):
                break
            if word == QUIT:
                break
            self._cancelled.add(word)
        self._leave()

    def _leave(self) -> None:
        """End the process from this thread: the main one may be in the middle of a layer for seconds."""
        self.close()
        logging.shutdown()
        os._exit(0)

    def _send(self, message: Message) -> None:
        with self._sending:
            self._pipe.send(message)

    def _warm(self, request: Warm) -> None:
        try:
            from gmic_core.inference.network import choose_device

            self._send(Ready(str(choose_device(split_place(request.device)[0]))))
        except GmicError as error:
            log.warning("warming up failed: %s", _where(error))
            self._send(Ready())
            return
        wanted = [(model, ref) for model, refs in request.networks for ref in refs]
        for model, ref in wanted[:NETWORKS_KEPT]:
            try:
                self._network(model, ref, request.device)
            except GmicError as error:
                log.info("a network could not be loaded ahead: %s", _where(error))  # the task that needs it says why

    # -- tasks ---------------------------------------------------------------------------------------------------
    @staticmethod
    def _guarded(task: Task | Rescore, work: Callable[[], Message]) -> Message:
        """Do some work; whatever goes wrong becomes a message."""
        uid = task.sop_uid
        try:
            return work()
        except CancelledError as error:
            return Failed(task.job_id, uid, str(error), cancelled=True)
        except GmicError as error:
            log.info("%s failed: %s", task.job_id, _where(error))
            return Failed(task.job_id, uid, str(error))
        except MemoryError as error:
            log.error("%s failed: %s", task.job_id, _where(error))  # noqa: TRY400  # the message stays out of the log
            return Failed(task.job_id, uid, "There was not enough memory; close other programs and run again.")
        except Exception as error:  # noqa: BLE001  # a bug in one task must not cost the reader the others
            log.error("%s failed: %s", task.job_id, _where(error))  # noqa: TRY400
            return Failed(
                task.job_id,
                uid,
                f"The network failed unexpectedly ({type(error).__name__}: {error}). The images are not affected; "
                "details are in logs/worker.log of the data folder.",
            )

    def _run(self, task: Task) -> Message:
        _check_files(task)
        message = self._compute(task)
        _check_files(task)
        return message

    def _compute(self, task: Task) -> Message:
        from gmic_core.inference.engine import Run, run_members
        from gmic_core.inference.ensemble import ensemble_mean
        from gmic_core.inference.events import ImageFinished

        word = cancel_word(task.job_id, task.sop_uid)
        if isinstance(task, Trial):
            from viewer.services.worker_trials import run_trial

            return run_trial(task, self._send, self._network, self._frames(), lambda: word in self._cancelled)
        networks = [self._network(task.model, ref, task.device) for ref in task.refs]
        run = Run(on_event=self._forward(task.job_id), cancelled=lambda: word in self._cancelled)
        members = run_members(task.image, networks, self._frames(), run)
        return Told(task.job_id, ImageFinished(ensemble_mean(members)))

    def _rescore(self, request: Rescore) -> Message:
        from viewer.services.worker_trials import rescored

        networks = [self._network(request.model, ref, request.device).network for ref in request.refs]
        return Rescored(request.job_id, request.sop_uid, rescored(networks, request))

    def _forward(self, job_id: str) -> Callable[[Event], None]:
        """Return what sends events on."""

        def forward(event: Event) -> None:
            self._send(Told(job_id, event))

        return forward

    def _frames(self) -> FrameReader:
        if self._reader is None:
            from gmic_core.exam.frames import FrameReader

            self._reader = FrameReader(start=False)
        return self._reader

    def _network(self, model: str, ref: str, device: str) -> LoadedNetwork:
        """Return a network, loaded anew when its weight file changed since it was loaded."""
        from gmic_core.inference.network import load_network
        from gmic_core.inference.weights_key import weights_key

        key = (model, weights_key(ref), device)
        with self._loading:  # two threads ask: the one that runs tasks, the one that receives
            if key not in self._networks:
                self._networks[key] = load_network(model, ref, *split_place(device))
                while len(self._networks) > NETWORKS_KEPT:
                    self._networks.popitem(last=False)
            self._networks.move_to_end(key)
            return self._networks[key]
