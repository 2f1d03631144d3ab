"""The windows that set up and check a screen, and keeping what was entered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QWidget

from gmic_core.errors import GmicError
from viewer.model.display_file import save_displays
from viewer.model.session import Session
from viewer.views import screens

if TYPE_CHECKING:  # imported when they are asked for: the window comes up sooner
    from viewer.views.display_dialog import DisplayDialog
    from viewer.views.test_pattern_view import TestPatternView


class ScreenSetup:
    """What the commands about displays do.

    Parameters
    ----------
    window : tells the main window, which comes later than this.
    """

    def __init__(self, session: Session, window: Callable[[], QWidget | None]) -> None:
        self._session, self._window = session, window
        self.dialog: DisplayDialog | None = None
        self.pattern: TestPatternView | None = None

    def _screen(self) -> QScreen | None:
        window = self._window()
        return window.screen() if window is not None else QGuiApplication.primaryScreen()

    def scale(self) -> float | None:
        """Return device pixels per mm of the window's screen: as measured, else as it says; None: nobody knows."""
        screen = self._screen()
        measured = self._session.displays.profile(screens.screen_key(screen)).pixel_mm
        size = measured or screens.stated_pixel_mm(screen)
        return 1.0 / size if size else None

    def watch(self) -> None:
        """Notice from now on when the window gets to another screen."""
        window = self._window()
        handle = window.windowHandle() if window is not None else None
        if handle is not None:
            handle.screenChanged.connect(lambda _screen: self.follow_screen())

    def follow_screen(self) -> None:
        """Keep what is shown at true size at true size: the screen, or what is known about it, is another one."""
        session, scale = self._session, self.scale()
        for index, slot in enumerate(session.slots):
            placement = session.placement(index)
            if slot.state is not None and placement.mode == "true_size" and scale is not None:
                session.place(index, replace(placement, scale=scale))
        session.placement_changed.emit()  # whether true size is known may have changed

    def show_dialog(self) -> None:
        """Ask how the window's screen is to be driven; nothing waits for the answer."""
        from viewer.views.display_dialog import DisplayDialog

        screen = self._screen()
        if screen is None:
            return
        key = screens.screen_key(screen)
        self.dialog = DisplayDialog(
            screen, self._session.displays.profile(key), self.show_pattern, self._window()
        )  # fmt: skip
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog = self.dialog
        dialog.accepted.connect(lambda: self._take(dialog))
        dialog.finished.connect(self._dialog_closed)
        dialog.open()

    def _take(self, dialog: DisplayDialog) -> None:
        self._session.displays.set_profile(dialog.screen_key, dialog.profile)
        self.follow_screen()

    def _dialog_closed(self) -> None:
        self.dialog = None

    def show_pattern(self) -> None:
        """Fill the window's screen with the test pattern."""
        screen = self._screen()
        if screen is None or self.pattern is not None:
            return
        from viewer.views.test_pattern_view import TestPatternView

        self.pattern = TestPatternView(self._session.displays, screen)
        self.pattern.closed.connect(self._pattern_closed)
        self.pattern.showFullScreen()
        self.pattern.activateWindow()

    def _pattern_closed(self) -> None:
        self.pattern = None


def keep(session: Session) -> None:
    """Write what is known about the screens; a disk that does not take it is told to the reader."""
    try:
        save_displays(session.displays.profiles)
    except GmicError as error:
        session.notice.emit("warning", str(error))
