"""What the window shows beside the images: settings, command palette, user guide; and what it keeps of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from gmic_core.errors import GmicError
from gmic_core.paths import user_data_dir
from viewer.app.opening import Opening
from viewer.commands import Context
from viewer.commands.context import Storage
from viewer.model import last_exam
from viewer.model.settings import save_settings
from viewer.services.loader import FrameLoader
from viewer.services.store import ResultStore
from viewer.views.main_window import MainWindow

if TYPE_CHECKING:  # imported when they are opened: the main window comes up sooner
    from viewer.views.guide_window import GuideWindow
    from viewer.views.settings_dialog import SettingsDialog


class Preferences:
    """Opens the windows beside the images, one of each, and saves the settings.

    Parameters
    ----------
    window : returns the main window.
    remember : whether anything is written; snapshots leave no trace.
    """

    def __init__(
        self,
        context: Context,
        window: Callable[[], MainWindow | None],
        opening: Opening,
        store: ResultStore,
        loader: FrameLoader,
        *,
        remember: bool,
    ) -> None:
        self._context, self._window, self._opening = context, window, opening
        self._store, self._loader, self._remember = store, loader, remember
        self._wanted: last_exam.Record = {}
        context.session.layout_changed.connect(self._exam_hung)
        self.settings_dialog: SettingsDialog | None = None
        self.guide: GuideWindow | None = None

    # -- windows -------------------------------------------------------------------------------------------------
    def show_settings(self) -> None:
        """Open the settings, or bring them to the front."""
        from viewer.views.settings_dialog import SettingsDialog

        if self.settings_dialog is None:
            self.settings_dialog = SettingsDialog(self._context, self._window())
        self.settings_dialog.refresh()
        _to_front(self.settings_dialog)

    def show_palette(self) -> None:
        """Let the reader find a command by its name."""
        window = self._window()
        if window is not None:
            window.palette_box.toggle()

    def show_guide(self, topic: str) -> None:
        """Open the user guide, or bring it to the front."""
        from viewer.views.guide_window import GuideWindow

        if self.guide is None:
            self.guide = GuideWindow(self._window())
        if topic:
            self.guide.show_topic(topic)
        _to_front(self.guide)

    def close_windows(self) -> None:
        """Close what stands beside the main window; it would outlive it."""
        for window in (self.settings_dialog, self.guide):
            if window is not None:
                window.close()

    def next_region(self, step: int) -> None:
        """Move the focus to the next part of the window."""
        window = self._window()
        if window is not None:
            window.regions.step(step)

    # -- what is kept --------------------------------------------------------------------------------------------
    def save(self) -> None:
        """Write the settings; tell the reader when that fails."""
        if not self._remember:
            return
        try:
            save_settings(self._context.settings)
        except GmicError as error:
            self._context.session.notice.emit("warning", str(error))

    def note_open_exam(self) -> None:
        """Write down which exam is open and how it hangs, for the next start; without one, forget nothing."""
        settings, session = self._context.settings, self._context.session
        if settings.offer_last and session.exam is not None:
            settings.last_exam = last_exam.record_of(session, settings.recent)

    def open_last(self) -> None:
        """Open the exam that was open last, as it hung then."""
        record = self._context.settings.last_exam
        if not record:
            return
        path = Path(record["path"])
        if not path.exists():
            self._context.session.notice.emit(
                "warning",
                "The last exam is not where it was; if it is on a disk or a network drive that is not connected, "
                "connect it and try again.",
            )
            return
        self._wanted = dict(record)
        self._opening.open_paths([path])

    def _exam_hung(self) -> None:
        """An exam hangs: when the last one was asked for, go on with it after whoever else wants to know."""
        record, self._wanted = self._wanted, {}
        if record:
            QTimer.singleShot(0, lambda: self._go_on(record))

    def _go_on(self, record: last_exam.Record) -> None:
        session = self._context.session
        exam = next((one for one in session.exams if one.study_uid == record["study"]), None)
        if exam is None or session.exam is None:
            return
        if session.exam.study_uid != exam.study_uid:
            self._opening.open_exam(exam)
        if session.layout != record["layout"]:
            self._context.actions.hang(record["layout"])
        last_exam.restore(session, record)

    def storage(self) -> Storage:
        """Return what the program keeps."""
        results, size = self._store.extent()
        return Storage(user_data_dir(), results, size, self._loader.used_bytes, self._loader.cap_bytes)

    def clear_results(self) -> None:
        """Delete the kept results and those on screen."""
        try:
            self._store.clear()
        except GmicError as error:
            self._context.session.notice.emit("error", str(error))
            return
        self._context.session.results.clear()
        self._context.session.notice.emit("hint", "The kept results were deleted.")


def _to_front(window: SettingsDialog | GuideWindow) -> None:
    window.show()
    window.raise_()
    window.activateWindow()
