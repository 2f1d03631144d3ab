"""The application's log: a file in the user's data folder, and the last lines for the report. No patient data."""

from __future__ import annotations

import logging
import logging.handlers
from collections import deque

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from gmic_core.errors import StoreError
from gmic_core.paths import ensure_dir, user_data_dir

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
KEPT_LINES = 60
_NOISE = ("This plugin does not support propagateSizeHints()",)
"""What Qt's platform plugins say about themselves whenever a window is shown."""
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
qt_log = logging.getLogger("qt")


class LastLines(logging.Handler):
    """Keeps the last lines in memory, for the report that a reader may copy."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter(FORMAT))
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self.format(record))


class AppLog:
    """Installs the handlers of this process and takes them away again."""

    def __init__(self) -> None:
        self._root = logging.getLogger()
        self._level = self._root.level
        self.last = LastLines()
        self._handlers: list[logging.Handler] = [self.last]

    def install(self) -> None:
        """Log to memory and, where the data folder can be written, to a file."""
        try:
            folder = ensure_dir(user_data_dir() / "logs")
            file = logging.handlers.RotatingFileHandler(folder / "viewer.log", maxBytes=1 << 20, backupCount=2)
        except (StoreError, OSError) as error:
            self.last.lines.append(f"no log file: {error}")
        else:
            file.setFormatter(logging.Formatter(FORMAT))
            self._handlers.append(file)
        for handler in self._handlers:
            self._root.addHandler(handler)
        self._root.setLevel(logging.INFO)

    def remove(self) -> None:
        """Leave the logging of the process as it was."""
        for handler in self._handlers:
            self._root.removeHandler(handler)
            handler.close()
        self._root.setLevel(self._level)


def take_qt_messages() -> None:
    """Send what Qt says to the log instead of to the terminal."""
    qInstallMessageHandler(_log_qt)


def _log_qt(kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
    if message not in _NOISE:
        qt_log.log(_LEVELS.get(kind, logging.WARNING), "%s", message)
