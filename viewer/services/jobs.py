"""One thing at a time that takes longer than a second, in a thread, with progress and cancel."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from gmic_core.errors import CancelledError, GmicError
from viewer.model.session import Activity, Session

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
Tell = Callable[[int, int], None]
"""Told how many of how many steps are done; raises CancelledError when it is to end."""
CLOSE_S = 3.0


class JobRunner:
    """Runs what the reader asked to be saved. All methods are called on the GUI thread."""

    def __init__(self, session: Session, post: Post) -> None:
        self._session, self._post = session, post
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self, title: str, work: Callable[[Tell], str]) -> None:
        """Run ``work`` in a thread unless something runs; what it returns is told the reader at the end."""
        if self._session.exporting:
            return
        self._cancel = cancel = threading.Event()
        self._session.exporting = True
        self._session.set_activity(Activity(title))

        def tell(done: int, total: int) -> None:
            if cancel.is_set():
                raise CancelledError(f"{title} was cancelled.")
            self._post(lambda: self._session.set_activity(Activity(title, done, total)))

        self._thread = threading.Thread(target=self._work, args=(work, tell), name="gmic-export", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Stop what runs; it says so when it has ended."""
        self._cancel.set()

    def close(self) -> None:
        """Stop, and wait a moment for the end."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(CLOSE_S)

    def _work(self, work: Callable[[Tell], str], tell: Tell) -> None:
        try:
            level, text = "hint", work(tell)
        except CancelledError as error:
            level, text = "hint", str(error)
        except (GmicError, OSError) as error:
            level, text = "error", str(error)
        except MemoryError:
            level, text = "error", "There was not enough memory to save this; close other programs and try again."
        except Exception as error:
            log.exception("saving failed")
            level, text = "error", f"Saving failed unexpectedly ({type(error).__name__}); the log has the details."
        self._post(lambda: self._ended(level, text))

    def _ended(self, level: str, text: str) -> None:
        self._session.exporting = False
        self._session.set_activity(None)
        self._session.notice.emit(level, text)
