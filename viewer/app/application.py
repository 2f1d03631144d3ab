"""The composition root: builds session, services and window, wires them, and takes them down again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from gmic_core.errors import GmicError
from gmic_core.exam.model import VoiWindow
from gmic_core.paths import user_data_dir
from viewer.app.actions import AppActions
from viewer.app.annotating import Annotating
from viewer.app.annotation_files import AnnotationFiles
from viewer.app.cine import CinePlayer
from viewer.app.comparing import Comparisons
from viewer.app.crash import versions
from viewer.app.exporting import Exports
from viewer.app.logs import AppLog
from viewer.app.marking import Marking
from viewer.app.measuring import Measuring
from viewer.app.memory_share import MemoryShare
from viewer.app.opening import Opening
from viewer.app.post import Poster
from viewer.app.preferences import Preferences
from viewer.app.reading_ai import AiRuns
from viewer.app.screen_setup import keep as keep_displays
from viewer.app.volumes import Volumes
from viewer.app.weights import named_weights
from viewer.app.worklist import make_worklist
from viewer.commands import Context, keys
from viewer.commands.table import with_keys
from viewer.model.display_file import load_displays
from viewer.model.hanging import load_protocols
from viewer.model.keymap import KeyMap
from viewer.model.session import Session
from viewer.model.settings import Settings, load_settings, save_settings
from viewer.model.slab import Slab
from viewer.model.viewing import Lens
from viewer.services.answers import AnswerStore
from viewer.services.early import Early
from viewer.services.inference import InferenceClient
from viewer.services.jobs import JobRunner
from viewer.services.loader import FrameLoader
from viewer.services.store import ResultStore
from viewer.views import theme
from viewer.views.main_window import MainWindow

log = logging.getLogger(__name__)

WORKER_DELAY_MS = 1500
"""The worker is started so long after the window: its imports must not compete with the first image."""
CLOSE_S = 5.0
"""Closing the window takes no longer; whoever has not stopped by then is killed."""


class Application(QObject):
    """One run of the program.

    Parameters
    ----------
    early : processes that run already.
    named : weights named on the command line, ``[MODEL=]REF``.
    remember : whether settings are kept for the next run; snapshots leave no trace.
    problems : what to tell the reader about the settings, where whoever calls has read them.

    Attributes
    ----------
    failed_images : SOP UIDs of images of which a slice could not be decoded.
    """

    def __init__(
        self,
        qt: QApplication,
        early: Early | None = None,
        *,
        settings: Settings | None = None,
        named: Sequence[str] = (),
        remember: bool = True,
        problems: Sequence[str] = (),
    ) -> None:
        super().__init__(qt)
        self._remember, self._closed = remember, False
        self.failed_images: set[str] = set()
        problems = list(problems)
        weights = named_weights(named)
        self.log = AppLog()
        self.log.install()
        self.settings = settings or load_settings(problems.append)
        early = early or Early()
        early.start_reading()
        self.post = Poster()
        self.session = Session()
        self.session.overlays.update(**vars(self.settings.overlay))
        self._restore_displays(problems)
        self.session.identity_hidden = self.settings.identity_hidden
        self.session.viewing.slab = Slab(False, self.settings.slab_mm, self.settings.slab_mode)
        self.session.viewing.lens = Lens(strength=self.settings.lens_strength)
        self.session.ai.automatic = self.settings.ai_automatic
        self.session.ai.state = "idle"
        self.store = ResultStore()
        self.scanner = early.scanner
        self.loader = FrameLoader(lambda: early.reader, self.post)
        self.client = InferenceClient(self.session, self.store, self.post)
        self.opening = Opening(
            self.session,
            self.settings,
            self.loader,
            self.scanner,
            load_protocols(user_data_dir() / "hanging", problems.append),
            AnswerStore(),
        )
        self.runs = AiRuns(self.session, self.settings, self.client, weights)
        self.marking = Marking(self.session, self.post, remember=remember)
        self.annotating = Annotating(self.session, self.post, remember=remember)
        self.measuring = Measuring(self.session, self.post, remember=remember)
        self.cine = CinePlayer(self.session, self.settings, self.loader, self)
        self.actions = AppActions(self.session, self.opening, self.runs, self.client, self.cine, self.report)
        self.context = Context(self.session, self.settings, self.loader, self.actions, KeyMap(self.settings.keys))
        problems += keys.drop_conflicts(self.context)
        theme.apply(qt)
        self.preferences = self.actions.preferences = Preferences(
            self.context, lambda: self.actions.window, self.opening, self.store, self.loader, remember=remember
        )
        self.worklist = make_worklist(
            self.session, self.opening, self.loader, self.runs, self.client, self.store, self.post,
            lambda: self.settings.device, lambda: self.actions.window,
        )  # fmt: skip
        self.actions.worklist = self.worklist.desk
        self.window = self.actions.window = MainWindow(self.context)
        self.volumes = self.actions.volumes = Volumes(
            self.context, self.window, self.loader.decode, self.post,
            keeps=MemoryShare(self.session, self.loader).volume,
        )  # fmt: skip
        self.jobs = JobRunner(self.session, self.post)
        self.actions.exports = Exports(self.context, self.window, self.loader.decode, self.jobs)
        self.segmentations = self.actions.annotations = AnnotationFiles(
            self.context, self.window, self.annotating, self.jobs, self.post
        )
        self.comparisons = self.actions.comparisons = Comparisons(
            self.context, self.opening, self.worklist.desk, self.post, lambda: self.actions.window
        )
        self._wire()
        early.hand_over(self.opening, self.post)
        self._problems = [text for text in (*problems, self.store.problem) if text]
        self._tell_problems()
        self.session.exam_changed.connect(self._tell_problems)

    def _tell_problems(self, _exam: object = None) -> None:
        """Say what could not be used at the start; once more over the first exam, where it is read."""
        for text in self._problems:
            self.session.notice.emit("warning", text)
        if self.session.exam is not None:
            self._problems = []

    def _restore_displays(self, problems: list[str]) -> None:
        """Drive the screens as they were set up; snapshots have to come out the same everywhere."""
        if not self._remember:
            return
        profiles, problem = load_displays()
        self.session.displays.load(profiles)
        if problem:
            problems.append(problem)

    def _wire(self) -> None:
        if self._remember:
            self.session.displays.changed.connect(lambda: keep_displays(self.session))
        self.session.exam_changed.connect(self.runs.exam_opened)
        self.session.ai_changed.connect(self.runs.automatic_changed)
        self.opening.label_maps = lambda paths: self.segmentations.open_files(paths, None)
        self.opening.words = lambda text: with_keys(text, self.context)
        self.loader.window_ready.connect(self._window_ready)
        self.loader.question_raised.connect(self.opening.ask)
        self.loader.frame_failed.connect(self._frame_failed)
        self.window.closing.connect(self.shutdown)
        self.window.shown.connect(self.actions.screens.watch)

    def _frame_failed(self, sop_uid: str, _slice_index: int, _message: str) -> None:
        self.failed_images.add(sop_uid)

    def _window_ready(self, sop_uid: str, window: VoiWindow) -> None:
        image = self.session.image(sop_uid)
        if image is not None:
            self.session.state_of(image).set_auto_window(window)

    # -- life ----------------------------------------------------------------------------------------------------
    def show(self) -> None:
        """Show the window; the worker follows when the first image had its time."""
        self.window.show()
        QTimer.singleShot(WORKER_DELAY_MS, self._start_worker)

    def _start_worker(self) -> None:
        if not self._closed:
            self.runs.warm()
            if self._remember:  # pictures have to come out the same everywhere, whatever this user has listed
                self.worklist.desk.start()

    def report(self) -> str:
        """Return versions, settings and the last log lines; no paths, no names."""
        settings = self.settings
        kept = {
            "device": settings.device,
            "automatic": self.session.ai.automatic,
            "layout": self.session.layout,
            "networks with chosen weights": sorted(settings.weights),
        }
        return "\n".join(
            [versions(), "", *(f"{name}: {value}" for name, value in kept.items()), "", *self.log.last.lines]
        )

    def shutdown(self) -> None:
        """Stop every service within :data:`CLOSE_S`; nothing is left running, late messages are dropped."""
        if self._closed:
            return
        self._closed = True
        self.preferences.close_windows()
        self.comparisons.close_window()
        self.post.close()
        self.cine.stop()
        if self._remember:
            self._save_settings()
        _together(
            [
                lambda: self.client.close(CLOSE_S - 1.0),
                self.loader.close,
                self.scanner.close,
                self.volumes.close,
                self.marking.close,
                self.segmentations.close,
                self.annotating.close,
                self.comparisons.close,
                self.measuring.close,
                lambda: self.worklist.close(CLOSE_S - 1.0),
                self.jobs.close,
            ],
            CLOSE_S,
        )
        self.log.remove()

    def _save_settings(self) -> None:
        settings, session = self.settings, self.session
        settings.overlay = session.overlays.settings
        settings.ai_automatic = session.ai.automatic
        settings.identity_hidden = session.identity_hidden
        slab, settings.lens_strength = session.viewing.slab, session.viewing.lens.strength
        settings.slab_mm, settings.slab_mode = slab.thickness_mm, slab.mode
        self.preferences.note_open_exam()
        try:
            save_settings(settings)
        except GmicError as error:  # the window is closing: nobody is there to read a banner
            log.warning("%s", error)


def _together(calls: Sequence[Callable[[], None]], timeout: float) -> None:
    """Run calls at the same time and wait for all of them, but no longer than ``timeout`` seconds in all."""
    threads = [threading.Thread(target=call, name=f"close-{number}") for number, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
