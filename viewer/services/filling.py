"""Fills between slices in a thread; what was filled of a segmentation that changed meanwhile is not used."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from gmic_core.errors import CancelledError
from viewer.model.annotation.brush import Ink
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.shapes import Filled, fill_between

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Filling:
    """One filling that goes on.

    Attributes
    ----------
    sop_uid, labels, revision : the segmentation as it was when it began.
    stopped : set by whoever wants it to end.
    failed : name of the error that it ended with, "": none.
    """

    sop_uid: str
    labels: LabelMap
    revision: int
    ink: Ink
    stopped: threading.Event = field(default_factory=threading.Event)
    failed: str = ""

    @property
    def current(self) -> bool:
        """Whether the segmentation is still the one that is being filled."""
        return not self.stopped.is_set() and self.labels.revision == self.revision


Done = Callable[[Filling, Filled | None], None]
Tell = Callable[[int, int], None]


class Filler:
    """Fills one segmentation at a time. All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread.
    done : gets the filling and what it came to, on the GUI thread; None: it was stopped, or could not be done.
    tell : gets how many of how many slices are done, on the GUI thread.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None], done: Done, tell: Tell) -> None:
        self._post, self._done, self._tell = post, done, tell
        self.now: Filling | None = None
        self._thread: threading.Thread | None = None

    def begin(self, sop_uid: str, labels: LabelMap, ink: Ink) -> bool:
        """Begin to fill unless something is being filled; return whether it began."""
        if self.now is not None:
            return False
        self.now = Filling(sop_uid, labels, labels.revision, ink)
        self._thread = threading.Thread(target=self._fill, args=(self.now,), name="filling", daemon=True)
        self._thread.start()
        return True

    def close(self) -> None:
        """Stop."""
        if self.now is not None:
            self.now.stopped.set()
        if self._thread is not None:
            self._thread.join(3.0)

    def _fill(self, filling: Filling) -> None:
        def tell(done: int, total: int) -> None:
            if not filling.current:
                raise CancelledError("Filling between slices was stopped.")
            self._post(lambda: self._tell(done, total))

        filled: Filled | None = None
        try:
            filled = fill_between(filling.labels, filling.ink, tell)
        except CancelledError:
            log.info("filling between slices was stopped")
        except Exception as error:
            # a stroke may have changed what was being read; else it is a mistake of ours, and the log has it
            if filling.current:
                log.exception("filling between slices failed")
                filling.failed = type(error).__name__
        self._post(lambda: self._end(filling, filled))

    def _end(self, filling: Filling, filled: Filled | None) -> None:
        self.now = None
        self._done(filling, filled)
