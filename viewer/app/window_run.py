"""The ordinary run: a window, until it is closed."""

from __future__ import annotations

import gc
import os
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
from viewer.model.settings import load_settings
from viewer.services.early import Early

SCALE_VARIABLE = "QT_SCALE_FACTOR"
"""How Qt is told the size of the interface; whoever sets it in the environment is obeyed."""


def make_qt(ui_scale: float = 1.0) -> QApplication:
    """Return the one Qt application of this process.

    Parameters
    ----------
    ui_scale : size of the interface; counts when the application is made by this call. Images keep the screen's own
        pixels, whatever the size of what stands around them.
    """
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    if ui_scale != 1.0:
        os.environ.setdefault(SCALE_VARIABLE, f"{ui_scale:g}")
    take_qt_messages()
    qt = QApplication(["gmic-viewer"])
    qt.setApplicationName("gmic-viewer")
    qt.setApplicationDisplayName("GMIC Viewer")
    qt.setApplicationVersion(__version__)
    qt.setDesktopFileName("gmic-viewer")
    return qt


def _resume_collection() -> None:
    """Collect garbage again where the start switched it off, but never go through what the start made.

    Nothing of that goes before the window does, and going through all of it would hold up a scroll step.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


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
    problems: list[str] = []
    settings = load_settings(problems.append)
    qt = make_qt(settings.ui_scale)
    try:
        app = Application(
            qt, early, settings=settings, problems=problems, named=named, remember=bench is None and not automatic
        )
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
    _resume_collection()
    try:
        return qt.exec()
    finally:
        app.shutdown()
        del kept
        gate.close()
        crash.remove()
