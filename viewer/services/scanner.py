"""Scanning in the background: one scan at a time, in the scan process, told of on the GUI thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gmic_core.errors import CancelledError, GmicError
from gmic_core.exam.model import ScanResult
from gmic_core.exam.scan_process import ScanProcess

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]


class ScanService:
    """Scans paths in the order of asking. All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread; may be called from any thread.
    process : the scan process, when it was started before anything else was imported.
    """

    def __init__(self, post: Post, process: ScanProcess | None = None) -> None:
        self._post = post
        self._process = process or ScanProcess(start=True)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gmic-scan")
        self._cancels: list[threading.Event] = []  # one for each scan that runs or waits

    @property
    def busy(self) -> bool:
        """Whether a scan runs or waits."""
        return bool(self._cancels)

    def scan(
        self,
        paths: Sequence[Path],
        on_progress: Callable[[int, int], None],
        on_done: Callable[[ScanResult], None],
        on_failed: Callable[[str], None],
    ) -> None:
        """Scan ``paths``; exactly one of ``on_done`` and ``on_failed`` is called, both on the GUI thread."""
        cancel = threading.Event()
        self._cancels.append(cancel)
        self._thread.submit(self._run, list(paths), cancel, on_progress, on_done, on_failed)

    def cancel(self) -> None:
        """Stop the scan that runs and those that wait; each ends with ``on_failed("Cancelled.")``."""
        for cancel in self._cancels:
            cancel.set()

    def close(self) -> None:
        """Stop for good; leaves no process."""
        self.cancel()
        self._process.close()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _run(
        self,
        paths: list[Path],
        cancel: threading.Event,
        on_progress: Callable[[int, int], None],
        on_done: Callable[[ScanResult], None],
        on_failed: Callable[[str], None],
    ) -> None:
        def progress(done: int, total: int) -> None:
            self._post(lambda: on_progress(done, total))

        try:
            if cancel.is_set():
                raise CancelledError("It was cancelled before it began.")  # noqa: TRY301  # ends like one that ran
            found = self._process.scan(paths, progress=progress, cancelled=cancel.is_set)
        except CancelledError:
            self._finish(cancel, lambda: on_failed("Cancelled."))
        except GmicError as error:
            text = str(error)
            self._finish(cancel, lambda: on_failed(text))
        except Exception as error:  # the reader waits for an answer, and the next scan for this one
            log.exception("a scan failed")
            text = f"Reading failed unexpectedly ({type(error).__name__}); the log has the details."
            self._finish(cancel, lambda: on_failed(text))
        else:
            self._finish(cancel, lambda: on_done(found))

    def _finish(self, cancel: threading.Event, tell: Callable[[], None]) -> None:
        def on_gui_thread() -> None:
            self._cancels.remove(cancel)
            tell()

        self._post(on_gui_thread)
