"""Measuring in the running program: asks the thread when something changed, and keeps the classes of labels."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from PySide6.QtCore import QTimer

from gmic_core.comparison import classes as label_classes
from gmic_core.comparison.classes import ClassMap
from gmic_core.errors import GmicError
from viewer.model.measuring import Question
from viewer.model.session import Session
from viewer.services.measuring import Measurer, Told

ASK_MS = 60
"""It is measured so long after the last change: a dragged threshold asks when the hand rests."""


class Measuring:
    """Connects the model of what is measured with the thread that measures.

    Parameters
    ----------
    post : runs a call on the thread of the window.
    remember : whether classes of labels are kept between runs; snapshots leave no trace.
    """

    def __init__(self, session: Session, post: Callable[[Callable[[], None]], None], *, remember: bool = True) -> None:
        self._session, self._post, self._model = session, post, session.measuring
        model = self._model
        told = Told(model.take_figures, model.take_misses, model.take_problem, model.take_progress, self._done)
        self._under_way: Question | None = None
        self._measurer = Measurer(post, told)
        self._threads = ThreadPoolExecutor(1, "label-classes")
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(ASK_MS)
        self._timer.timeout.connect(self._ask)
        annotation = session.annotation
        for signal in (
            session.active_changed, session.layout_changed, session.overlays.changed, session.results.changed,
            session.results.cleared, annotation.edited, annotation.named, annotation.lesions_changed,
            annotation.mode_changed, annotation.opened, model.shown_changed, model.changed,
        ):  # fmt: skip
            signal.connect(self._later, check_nargs=False)
        annotation.changed.connect(model.tell_if_stale, check_nargs=False)
        annotation.opened.connect(self._opened)
        if remember:
            self._restore()
            model.classes_changed.connect(self._keep)

    # -- classes of labels ---------------------------------------------------------------------------------------
    def _restore(self) -> None:
        try:
            self._model.set_classes(label_classes.remembered())
        except GmicError as error:
            message = f"What labels mean is not known any more: {error}"
            self._post(lambda: self._session.notice.emit("warning", message))

    def _keep(self, classes: ClassMap) -> None:
        self._threads.submit(self._write, classes)

    def _write(self, classes: ClassMap) -> None:
        try:
            label_classes.remember(classes)
        except GmicError as error:
            message = f"What labels mean cannot be remembered: {error}"
            self._post(lambda: self._session.notice.emit("warning", message))

    # -- measuring -----------------------------------------------------------------------------------------------
    def _opened(self, sop_uid: str) -> None:
        """Whoever lays a file on an image with an AI result wants to see them compared; nobody who begins to paint."""
        found, entry = self._session.annotation.of(sop_uid), self._session.results.get(sop_uid)
        from_file = found is not None and found.origin.path is not None
        if self._model.shown is None and from_file and entry is not None and entry.result is not None:
            self._model.show(True)

    @property
    def _wanted(self) -> bool:
        """Whether something is to be measured that is not known yet."""
        model = self._model
        if not (self._session.annotation.on and model.shown):
            return False
        return not (model.current and model.misses_current) and not model.problem

    def _later(self, *_: object) -> None:
        self._model.tell_if_stale()
        if self._wanted:
            self._timer.start()

    def _ask(self) -> None:
        question = self._model.question() if self._wanted else None
        # progress and answers of a question bring this about, too: it must not overtake itself
        if question is None or not question.same(self._under_way):
            self._under_way = question
            self._measurer.ask(question)

    def _done(self, question: Question) -> None:
        """What was answered may have been dropped: things changed meanwhile, and perhaps changed back."""
        if question.same(self._under_way):
            self._under_way = None
        self._later()

    def close(self) -> None:
        """Stop; what labels mean is written first."""
        self._timer.stop()
        self._threads.shutdown(wait=True)
        self._measurer.close()
