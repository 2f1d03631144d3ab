"""What happens when something goes wrong that nobody expected: a report to copy, and the window stays."""

from __future__ import annotations

import logging
import platform
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from viewer.views.dialogs import MessageDialog

log = logging.getLogger(__name__)

PACKAGES = ("gmic-viewer", "PySide6-Essentials", "numpy", "opencv-python-headless", "imagecodecs", "pydicom", "torch")
Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def versions() -> str:
    """Return what a developer needs to know about this installation; no user data."""
    lines = [f"Python {platform.python_version()}, {platform.platform()}"]
    for name in PACKAGES:
        try:
            lines.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lines.append(f"{name} not installed")
    return "\n".join(lines)


def report_text(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> str:
    """Return versions and traceback. File names in messages may name a patient: the message stays on this screen."""
    return f"{versions()}\n\n{''.join(traceback.format_exception(kind, error, trace))}"


class CrashDialog(MessageDialog):
    """Shows a report; it does not block the window."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(
            "error",
            "The program met an error that it did not expect",
            "The images are not changed. What you did last may not have happened; if the window looks wrong, start it "
            "again. Please send the report below to whoever maintains this program; look through it for names first.",
            parent,
            details=text,
        )
        self.setModal(False)


class CrashHandler:
    """Catches what reaches the top of the event loop; one dialog at a time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._parent = parent
        self._dialog: CrashDialog | None = None
        self._previous: Hook | None = None

    def install(self) -> None:
        """Take over ``sys.excepthook``."""
        self._previous = sys.excepthook
        sys.excepthook = self.handle

    def remove(self) -> None:
        """Give ``sys.excepthook`` back."""
        if self._previous is not None:
            sys.excepthook = self._previous
            self._previous = None

    def handle(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Write the error to the log and show it."""
        log.critical("unexpected error", exc_info=(kind, error, trace))
        if issubclass(kind, KeyboardInterrupt):
            QGuiApplication.quit()
            return
        if self._dialog is None or not self._dialog.isVisible():
            self._dialog = CrashDialog(report_text(kind, error, trace), self._parent)
            self._dialog.show()
