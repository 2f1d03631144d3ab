"""The button of the toolbar that offers the measuring tools; it is lit while one is in hand."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from viewer.commands import Context
from viewer.model.marks import NAMES
from viewer.views import icons, theme
from viewer.views.command_widgets import fill_menu

GROUP = "Measuring"


class MeasureButton(QToolButton):
    """Opens the menu of the measuring tools."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marks = context.session.marks
        self.setObjectName("measure")
        self.setIcon(icons.icon("drafting-compass"))
        self.setFixedSize(theme.CONTROL_HEIGHT, theme.CONTROL_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setCheckable(True)
        menu = QMenu(GROUP, self)
        fill_menu(menu, context, GROUP)
        menu.aboutToHide.connect(self.refresh)  # opening it toggles the button
        self.setMenu(menu)
        self._marks.tool_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show which tool is in hand."""
        tool = self._marks.tool
        self.setChecked(tool is not None)
        text = "Measure and mark" if tool is None else f"Measure and mark: {NAMES[tool].lower()} is chosen"
        self.setAccessibleName(text)
        self.setToolTip(f"{text}\nLengths, angles, regions, places, arrows, words; the menu shows the keys.")
