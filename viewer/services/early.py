"""What is started before the window is there: the scan of the first paths at once, the decoder a little later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import ScanResult
from gmic_core.exam.scan_process import ScanProcess
from viewer.services.late_post import LatePost
from viewer.services.scanner import ScanService


class ScanListener(Protocol):
    """Who is told about a scan; all calls come on the GUI thread."""

    def on_progress(self, paths: Sequence[Path], done: int, total: int) -> None:
        """Files were looked at."""

    def on_found(self, paths: Sequence[Path], found: ScanResult) -> None:
        """The scan is done."""

    def on_failed(self, message: str) -> None:
        """The scan ended without a result."""


class Early:
    """Processes that start while the window's own imports still run.

    Attributes
    ----------
    reader, scanner : for the application, which closes them.
    post : keeps what the services tell until the application says where its GUI thread is.
    """

    def __init__(self) -> None:
        self.post = LatePost()
        self.reader = FrameReader(start=False)
        self.scanner = ScanService(self.post, ScanProcess(start=True))
        self._listener: ScanListener | None = None

    def scan(self, paths: Sequence[Path]) -> None:
        """Begin to scan; the listener is told once there is one."""
        wanted = [path.expanduser().absolute() for path in paths]
        self.scanner.scan(
            wanted,
            lambda done, total: self._tell(lambda listener: listener.on_progress(wanted, done, total)),
            lambda found: self._tell(lambda listener: listener.on_found(wanted, found)),
            lambda message: self._tell(lambda listener: listener.on_failed(message)),
        )

    def start_reading(self) -> None:
        """Start the decoder: later than the scan, whose result it waits for anyway; beside it, it slows the imports."""
        self.reader.start()

    def hand_over(self, listener: ScanListener, post: Callable[[Callable[[], None]], None]) -> None:
        """Tell who listens and where the GUI thread is."""
        self._listener = listener
        self.post.attach(post)

    def _tell(self, call: Callable[[ScanListener], None]) -> None:
        if self._listener is not None:
            call(self._listener)

    def close(self) -> None:
        """Stop both processes: there will be no application to do it."""
        self.scanner.close()
        self.reader.close()
