"""Scanning in the background: one scan at a time, in the scan process, told of on the GUI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gmic_core.errors import CancelledError, GmicError
from gmic_core.exam.model import ScanResult
from gmic_core.exam.scan_process import ScanProcess

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
        self._cancel = threading.Event()
        self._waiting = 0

    @property
    def busy(self) -> bool:
        """Whether a scan runs or waits."""
        return self._waiting > 0

    def scan(
        self,
        paths: Sequence[Path],
        on_progress: Callable[[int, int], None],
        on_done: Callable[[ScanResult], None],
        on_failed: Callable[[str], None],
    ) -> None:
        """Scan ``paths``; exactly one of ``on_done`` and ``on_failed`` is called, both on the GUI thread."""
        self._waiting += 1
        self._cancel.clear()
        self._thread.submit(self._run, list(paths), on_progress, on_done, on_failed)

    def cancel(self) -> None:
        """Stop the scan that runs and those that wait; each ends with ``on_failed("Cancelled.")``."""
        self._cancel.set()

    def close(self) -> None:
        """Stop for good; leaves no process."""
        self._cancel.set()
        self._process.close()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _run(
        self,
        paths: list[Path],
        on_progress: Callable[[int, int], None],
        on_done: Callable[[ScanResult], None],
        on_failed: Callable[[str], None],
    ) -> None:
        def progress(done: int, total: int) -> None:
            self._post(lambda: on_progress(done, total))

        try:
            found = self._process.scan(paths, progress=progress, cancelled=self._cancel.is_set)
        except CancelledError:
            self._finish(lambda: on_failed("Cancelled."))
        except GmicError as error:
            text = str(error)
            self._finish(lambda: on_failed(text))
        else:
            self._finish(lambda: on_done(found))

    def _finish(self, tell: Callable[[], None]) -> None:
        def on_gui_thread() -> None:
            self._waiting -= 1
            tell()

        self._post(on_gui_thread)
