"""Says in the status bar that the window's screen is not calibrated, until somebody says otherwise."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QToolButton, QWidget

from viewer.commands import COMMANDS, Context, run
from viewer.model.displays import NOT_CALIBRATED
from viewer.views import screens, theme
from viewer.views.command_widgets import Refresher


class DisplayNotice(QToolButton):
    """The notice; a click sets the display up."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._followed: object = None
        self.setObjectName("displayNotice")
        self.setProperty("notice", True)
        self.setFont(theme.caption_font())
        self.setText(NOT_CALIBRATED.capitalize())
        self.setAccessibleName(NOT_CALIBRATED.capitalize())
        self.setToolTip(COMMANDS["display.setup"].tooltip_now(context))
        self.setFixedHeight(theme.STATUS_BAR_HEIGHT - 2)
        self.clicked.connect(lambda: run("display.setup", context))
        self._refresher = Refresher(self, [context.session.displays.changed], self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show or hide the notice."""
        profile = self._context.session.displays.profile(screens.key_of(self))
        self.setVisible(not profile.calibrated)

    def showEvent(self, event: QShowEvent) -> None:
        """Follow the window to other screens from now on."""
        super().showEvent(event)
        self._follow()

    def event(self, event: QEvent) -> bool:
        """Look again when the widget gets to another window or screen."""
        if event.type() in (QEvent.Type.ScreenChangeInternal, QEvent.Type.ParentChange):
            QTimer.singleShot(0, self, self.refresh)
        return super().event(event)

    def _follow(self) -> None:
        handle = self.window().windowHandle()
        if handle is not None and handle is not self._followed:
            self._followed = handle
            handle.screenChanged.connect(lambda _screen: self._refresher.schedule())
