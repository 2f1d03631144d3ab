"""The ordinary run: a window, until it is closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtWidgets import QApplication

from gmic_core import __version__
from gmic_core.errors import GmicError
from viewer.app.application import Application
from viewer.app.bench import StartBench
from viewer.app.crash import CrashHandler
from viewer.app.logs import take_qt_messages
from viewer.app.signals import SignalGate
from viewer.services.early import Early


def make_qt() -> QApplication:
    """Return the one Qt application of this process."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    take_qt_messages()
    qt = QApplication(["gmic-viewer"])
    qt.setApplicationName("gmic-viewer")
    qt.setApplicationDisplayName("GMIC Viewer")
    qt.setApplicationVersion(__version__)
    qt.setDesktopFileName("gmic-viewer")
    return qt


def run_window(
    early: Early,
    *,
    named: Sequence[str] = (),
    bench: Path | None = None,
    expects_image: bool = False,
    automatic: bool = False,
    started: Callable[[Application], object] | None = None,
) -> int:
    """Show the window on what ``early`` scans, and return when it was closed.

    Parameters
    ----------
    named : weights of the command line.
    bench : file for the start-up times; the window closes when they are known.
    expects_image : whether paths are being scanned.
    started : called when the window is made; what it returns is kept as long as the window.
    automatic : run the networks on what is opened, and remember nothing of this run.
    """
    qt = make_qt()
    try:
        app = Application(qt, early, named=named, remember=bench is None and not automatic)
    except GmicError:
        early.close()
        raise
    if automatic:
        app.session.set_ai(automatic=True)
    kept = started(app) if started is not None else None
    crash = CrashHandler(app.window)
    crash.install()
    gate = SignalGate(app.window.close, app)
    if bench is not None:
        StartBench(app.window, bench, expects_image=expects_image)
    app.show()
    try:
        return qt.exec()
    finally:
        app.shutdown()
        del kept
        gate.close()
        crash.remove()
