"""While the demo exam is being made: its views appear in the open exam, and the status bar says how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gmic_core.exam.model import ScanResult
from viewer.app.application import Application
from viewer.services.simulation import Ended, MakingText, Message, Simulation, ViewReady

VIEWS = frozenset({"R-CC", "L-CC", "R-MLO", "L-MLO"})


class DemoMaking:
    """Takes finished views into the open exam and lets the networks run on them.

    Parameters
    ----------
    text : has heard everything that the simulation told before the window was there.
    files : images that are ready; the window is opening them.
    """

    def __init__(self, app: Application, simulation: Simulation, text: MakingText, files: Sequence[Path]) -> None:
        self._app, self._text, self._files = app, text, list(files)
        self._tell_progress()
        simulation.attach(app.post, self.hear)

    def hear(self, message: Message) -> None:
        """Take what the simulation says; on the GUI thread."""
        self._text.hear(message)
        if isinstance(message, Ended):
            self._ended(message.problem)
            return
        if isinstance(message, ViewReady):
            self._files += message.files
            # all files: the same study, whose images that are known already stay as they are
            self._app.scanner.scan(self._files, _ignore_progress, self._found, self._not_read)
        self._tell_progress()

    def _tell_progress(self) -> None:
        ready = {path.name.partition("_")[0] for path in self._files}
        self._app.session.set_background(self._text.line(), VIEWS - ready)

    def _found(self, found: ScanResult) -> None:
        app = self._app
        if app.opening.extend(found) and app.session.exam is not None:
            app.runs.exam_opened(app.session.exam)

    def _not_read(self, message: str) -> None:
        self._app.session.notice.emit("error", f"A finished view of the demo exam could not be read: {message}")

    def _ended(self, problem: str) -> None:
        session = self._app.session
        session.set_background("", frozenset())
        if problem:
            session.notice.emit("error", f"The demo exam is not complete. {problem}")
            self._app.opening.hanging.refill()
        else:
            session.notice.emit("hint", "The demo exam is complete.")


def _ignore_progress(_done: int, _total: int) -> None:
    """A dozen headers: nothing to tell."""
