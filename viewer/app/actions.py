"""What commands may ask of the application: dialogs, services, panels, the window."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from gmic_core.exam.model import Exam
from viewer.app.cine import CinePlayer
from viewer.app.opening import Opening
from viewer.app.reading_ai import AiRuns
from viewer.commands.context import PanelName, RunScope, WeightsOffer
from viewer.model.session import Session
from viewer.services.inference import InferenceClient
from viewer.views.main_window import MainWindow
from viewer.views.question_dialog import QuestionDialog

MM_PER_INCH = 25.4
FILE_FILTER = (
    "Breast images (*.dcm *.dicom *.ima *.png *.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.zip DICOMDIR);;All files (*)"
)


class AppActions:
    """The one implementation of :class:`viewer.commands.context.Actions`.

    The window is set after construction: it needs the context, which needs these actions.
    """

    def __init__(
        self,
        session: Session,
        opening: Opening,
        runs: AiRuns,
        client: InferenceClient,
        cine: CinePlayer,
        report: Callable[[], str],
    ) -> None:
        self._session, self._opening, self._runs = session, opening, runs
        self._client, self._cine, self._report = client, cine, report
        self.window: MainWindow | None = None

    # -- files ---------------------------------------------------------------------------------------------------
    def open_dialog(self) -> None:
        """Ask for files and open them."""
        names, _ = QFileDialog.getOpenFileNames(self.window, "Open files", "", FILE_FILTER)
        self.open_paths([Path(name) for name in names])

    def open_folder_dialog(self) -> None:
        """Ask for a folder and open it."""
        name = QFileDialog.getExistingDirectory(self.window, "Open folder")
        self.open_paths([Path(name)] if name else [])

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Scan files, folders, zips and open the first exam found."""
        self._opening.open_paths(paths)

    def open_exam(self, exam: Exam) -> None:
        """Put an exam of the worklist on screen."""
        self._opening.open_exam(exam)

    def save_screenshot(self) -> None:
        """Ask for a name and save the window as it is."""
        if self.window is None:
            return
        picture = self.window.grab()  # before the dialog can lie over it
        proposed = f"gmic-viewer-{time.strftime('%Y-%m-%d-%H%M%S')}.png"  # no identity in the name of a file
        name, _ = QFileDialog.getSaveFileName(self.window, "Save screenshot", proposed, "PNG picture (*.png)")
        if not name:
            return
        path = Path(name) if Path(name).suffix else Path(f"{name}.png")
        if picture.save(str(path)):
            self._session.notice.emit("hint", f"Saved {path.name}.")
        else:
            self._session.notice.emit("error", f"{path} could not be written; choose another folder.")

    # -- hanging -------------------------------------------------------------------------------------------------
    def hang(self, layout: str) -> None:
        """Hang the open exam by another protocol."""
        self._opening.hang(layout)

    def step_hanging(self, step: int) -> None:
        """Go to the next or previous hanging step."""
        self._opening.step_hanging(step)

    def answer_question(self) -> None:
        """Ask about the active image, or the first one that a question is open about; nothing waits for the answer."""
        exam, active = self._session.exam, self._session.active_image
        asked = [image for image in (exam.images if exam is not None else ()) if image.questions]
        if not asked or self.window is None:
            return
        image = next((image for image in asked if active is not None and image.sop_uid == active.sop_uid), asked[0])
        dialog = QuestionDialog(image, self.window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._opening.answer(image, dialog.answer))
        dialog.open()

    # -- AI ------------------------------------------------------------------------------------------------------
    def run_ai(self, scope: RunScope) -> None:
        """Send the active image or the whole exam to the worker."""
        self._runs.run(scope)

    def offered_weights(self) -> Sequence[WeightsOffer]:
        """Return the weights that each network could run with."""
        return self._runs.offers()

    def choose_weights(self, model: str, ref: str) -> None:
        """Let a network run with these weights from now on."""
        self._client.cancel()
        self._runs.choose(model, ref)

    def cancel_ai(self) -> None:
        """Stop the running job and forget the queued ones."""
        self._client.cancel()

    def restart_worker(self) -> None:
        """Start a new worker process in place of a dead one."""
        self._session.set_ai(state="starting", message="")
        self._client.restart()

    # -- playing -------------------------------------------------------------------------------------------------
    def toggle_cine(self) -> None:
        """Start or stop playing the active image."""
        self._cine.toggle()

    def set_cine(self, fps: float) -> None:
        """Change the speed of playing."""
        self._cine.set_fps(fps)

    # -- window --------------------------------------------------------------------------------------------------
    def screen_scale(self) -> float | None:
        """Return device pixels per mm of the screen, or None where it does not tell its size."""
        screen = self.window.screen() if self.window is not None else QGuiApplication.primaryScreen()
        if screen is None or screen.physicalSize().width() < 100.0:  # no desktop screen is narrower than 10 cm
            return None
        return float(screen.physicalDotsPerInch() / MM_PER_INCH * screen.devicePixelRatio())

    def toggle_panel(self, panel: PanelName) -> None:
        """Show or hide the study list or the AI panel."""
        if self.window is not None:
            self.window.set_panel_visible(panel, not self.window.panel_visible(panel))

    def panel_visible(self, panel: PanelName) -> bool:
        """Whether a panel is shown; all are before there is a window."""
        return self.window is None or self.window.panel_visible(panel)

    def toggle_full_screen(self) -> None:
        """Let the window fill the screen, or go back."""
        if self.window is not None:
            self.window.showNormal() if self.window.isFullScreen() else self.window.showFullScreen()

    def show_help(self) -> None:
        """Show or hide the sheet of keys."""
        if self.window is not None:
            self.window.help.toggle()

    def escape(self) -> None:
        """Close what lies over the images."""
        if self.window is not None:
            self.window.escape()

    def copy_report(self) -> None:
        """Copy versions, settings and the last messages to the clipboard."""
        QGuiApplication.clipboard().setText(self._report())
        self._session.notice.emit("hint", "The report was copied; paste it into a message.")

    def quit(self) -> None:
        """Close the window."""
        if self.window is not None:
            self.window.close()
