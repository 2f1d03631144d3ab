"""Time from the start of the process to the window and to the first image, for ``gmic-viewer --bench FILE``."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer

from viewer.views.main_window import MainWindow

_STARTED = time.monotonic()


def since_process_start() -> float:
    """Return seconds since the operating system started this process (elsewhere than on Linux: since our imports)."""
    if not sys.platform.startswith("linux"):
        return time.monotonic() - _STARTED
    fields = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
    ticks = int(fields[19])  # starttime is field 22; the split begins at field 3
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


class StartBench(QObject):
    """Watches a window come up, writes both times and closes it.

    Parameters
    ----------
    expects_image : whether to wait for an image to be painted.
    """

    def __init__(self, window: MainWindow, file: Path, *, expects_image: bool) -> None:
        super().__init__(window)
        self._window, self._file, self._expects_image = window, file, expects_image
        self._times: dict[str, float] = {}
        window.toolbar.installEventFilter(self)
        window.grid.image_painted.connect(self._image)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note when the window is painted for the first time; its toolbar is never covered."""
        if event.type() == QEvent.Type.Paint and "time_to_window_s" not in self._times:
            # after this event the window is on screen; a timer of zero runs once the paint is flushed
            QTimer.singleShot(0, self._window_there)
        return False

    def _window_there(self) -> None:
        self._times.setdefault("time_to_window_s", since_process_start())
        if not self._expects_image:
            self._end()

    def _image(self) -> None:
        if "first_image_s" not in self._times:
            self._times["first_image_s"] = since_process_start()
            QTimer.singleShot(0, self._end)

    def _end(self) -> None:
        if self._expects_image and not {"first_image_s", "time_to_window_s"} <= self._times.keys():
            return
        self._file.write_text(json.dumps(self._times) + "\n", "utf-8")
        self._window.close()
