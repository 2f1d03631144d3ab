"""What commands may ask of the application: dialogs, services, panels, the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from gmic_core.errors import GmicError
from gmic_core.exam.model import Exam, MammoImage
from viewer.app.annotation_files import AnnotationFiles
from viewer.app.cine import CinePlayer
from viewer.app.comparing import Comparisons
from viewer.app.exporting import Exports
from viewer.app.opening import Opening
from viewer.app.preferences import Preferences
from viewer.app.reading_ai import AiRuns
from viewer.app.screen_setup import ScreenSetup
from viewer.app.volumes import Volumes
from viewer.app.worklist import WorklistDesk
from viewer.commands.context import PanelName, RunScope, Storage, WeightsOffer
from viewer.model.session import Session
from viewer.services.inference import InferenceClient
from viewer.views.main_window import MainWindow

if TYPE_CHECKING:
    from gmic_core.inference.occlusion import Occlusion
    from gmic_core.inference.stability import Shift

FILE_FILTER = (
    "Breast images (*.dcm *.dicom *.ima *.png *.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.zip DICOMDIR);;All files (*)"
)


class AppActions:
    """The one implementation of :class:`viewer.commands.context.Actions`.

    The window and what stands beside it are set after construction: they need the context, which needs these actions.
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
        self.preferences: Preferences | None = None
        self.volumes: Volumes | None = None
        self.worklist: WorklistDesk  # set with the window
        self.exports: Exports
        self.annotations: AnnotationFiles
        self.comparisons: Comparisons
        self.screens = ScreenSetup(session, lambda: self.window)

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
        """Scan files, folders, zips and open the first exam found; label maps go on the open exam."""
        if self.annotations.takes(paths):
            self.annotations.open_files(paths, None)
        else:
            self._opening.open_paths(paths)

    def open_exam(self, exam: Exam) -> None:
        """Put an exam of the worklist on screen."""
        self._opening.open_exam(exam)

    # -- hanging -------------------------------------------------------------------------------------------------
    def hang(self, layout: str) -> None:
        """Hang the open exam by another protocol."""
        self._opening.hang(layout)

    def step_hanging(self, step: int) -> None:
        """Go to the next or previous hanging step."""
        self._opening.hanging.step(step)

    def why_not_hang(self, layout: str) -> str | None:
        """Return why the open exam cannot hang by a protocol; None: it can."""
        return self._opening.hanging.why_not(layout)

    def offered_layouts(self) -> Sequence[tuple[str, str]]:
        """Return (id, label) of all hanging protocols."""
        return self._opening.hanging.offered()

    def answer_question(self) -> None:
        """Ask about the active image, or the first one that a question is open about; nothing waits for the answer."""
        active = self._session.active_image
        asked = [image for image in self._session.images_at_hand if image.questions]
        if not asked or self.window is None:
            return
        image = next((image for image in asked if active is not None and image.sop_uid == active.sop_uid), asked[0])
        from viewer.views.question_dialog import QuestionDialog

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
        self.worklist.weights_changed()

    def toggle_weights(self, model: str, ref: str) -> None:
        """Let weights take part in the ensemble of a network, or not any more."""
        self._client.cancel()
        self._runs.toggle(model, ref)

    def try_out(self, image: MammoImage, what: Occlusion | tuple[Shift, ...]) -> None:
        """Run an image with a place filled, or on moved grids."""
        self._runs.trying.run(image, what)

    def score_patches(self, image: MammoImage, keep: Sequence[bool]) -> None:
        """Score an image over some of its patches."""
        self._runs.trying.score(image, keep)

    def show_model_card(self, model: str, weights: Sequence[str]) -> None:
        """Show what a network with these weights was made for."""
        from gmic_core.models.card import model_card
        from viewer.views.model_card import ModelCard

        try:
            text = "\n\n".join(model_card(model, name) for name in weights)
        except GmicError as error:
            self._session.notice.emit("warning", str(error))
        else:
            ModelCard(model, text, self.window).show()

    def cancel_ai(self, job_id: str | None = None) -> None:
        """Stop the running job and forget the queued ones, or those of one job only."""
        self._client.cancel(job_id)

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
        return self.screens.scale()

    def show_display_setup(self) -> None:
        """Ask how the window's screen is to be driven."""
        self.screens.show_dialog()

    def show_test_pattern(self) -> None:
        """Fill the window's screen with the test pattern."""
        self.screens.show_pattern()

    def toggle_panel(self, panel: PanelName) -> None:
        """Show or hide the study list or the AI panel."""
        if self.window is not None:
            self.window.set_panel_visible(panel, not self.window.panel_visible(panel))

    def panel_visible(self, panel: PanelName) -> bool:
        """Whether a panel is shown; all are before there is a window."""
        return self.window is None or self.window.panel_visible(panel)

    def toggle_volume(self) -> None:
        """Show or hide the 3D view."""
        if self.volumes is not None:
            self.volumes.toggle()

    def toggle_full_screen(self) -> None:
        """Let the window fill the screen, or go back."""
        if self.window is not None:
            self.window.showNormal() if self.window.isFullScreen() else self.window.showFullScreen()

    def show_help(self) -> None:
        """Show or hide the sheet of keys."""
        if self.window is not None:
            self.window.help.toggle()

    # -- beside the images ---------------------------------------------------------------------------------------
    @property
    def _beside(self) -> Preferences:
        assert self.preferences is not None  # commands run once the window is there
        return self.preferences

    def show_settings(self) -> None:
        """Open the settings."""
        self._beside.show_settings()

    def save_settings(self) -> None:
        """Write the settings now."""
        self._beside.save()

    def show_palette(self) -> None:
        """Let the reader find a command by its name."""
        self._beside.show_palette()

    def show_guide(self, topic: str = "") -> None:
        """Open the user guide."""
        self._beside.show_guide(topic)

    def next_region(self, step: int) -> None:
        """Move the focus to another part of the window."""
        self._beside.next_region(step)

    def open_last(self) -> None:
        """Open the exam that was open when the window was closed."""
        self._beside.open_last()

    def storage(self) -> Storage:
        """Return what the program keeps."""
        return self._beside.storage()

    def clear_results(self) -> None:
        """Delete the kept AI results."""
        self._beside.clear_results()

    def escape(self) -> None:
        """Close what lies over the images."""
        if self.window is not None:
            self.window.escape()

    def copy_report(self) -> None:
        """Copy versions, settings and the last messages to the clipboard."""
        QGuiApplication.clipboard().setText(self._report())
        self._session.notice.emit("hint", "The report was copied; paste it into a message.")

    def copy_text(self, text: str) -> None:
        """Put text on the clipboard."""
        QGuiApplication.clipboard().setText(text)

    def quit(self) -> None:
        """Close the window."""
        if self.window is not None:
            self.window.close()
