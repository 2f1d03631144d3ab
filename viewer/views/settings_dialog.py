"""The settings: pages at the left, controls at the right; every change counts at once and is kept."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListWidget, QListWidgetItem, QStackedWidget, QVBoxLayout, QWidget

from viewer.commands import Context
from viewer.views import dialogs, icons, parts
from viewer.views.command_widgets import KeepKeys, Refresher, state_signals
from viewer.views.key_page import KeyPage
from viewer.views.setting_pages import AiPage, DisplayPage, ReadingPage, StoragePage
from viewer.views.setting_rows import Page

SIZE = (760, 560)
LIST_WIDTH = 152
_ICONS = {"Display": "monitor", "Reading": "book-open", "AI": "cpu", "Keys": "keyboard", "Storage": "hard-drive"}


class SettingsDialog(QDialog):
    """Not modal: the effect of a change is seen on the images behind it.

    Attributes
    ----------
    list : the pages by name.
    pages : the pages in the same order.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings - GMIC Viewer")
        self.setAccessibleName("Settings")
        self.pages: list[Page | KeyPage] = [
            DisplayPage(context),
            ReadingPage(context),
            AiPage(context),
            KeyPage(context),
            StoragePage(context),
        ]
        self.list = QListWidget(self)
        self.list.setAccessibleName("Pages")
        self.list.setToolTip("Choose a page with the arrow keys")
        self.list.setFixedWidth(LIST_WIDTH)
        self.list.setIconSize(QSize(16, 16))
        self._stack = QStackedWidget(self)
        for page in self.pages:
            self.list.addItem(QListWidgetItem(icons.icon(_ICONS[page.title]), page.title))
            self._stack.addWidget(page)
        KeepKeys(self.list)
        self.list.currentRowChanged.connect(self._stack.setCurrentIndex)
        self._build()
        self._refresher = Refresher(self, (*state_signals(context), context.session.exams_changed), self.refresh)
        self.refresh()
        self.list.setCurrentRow(0)
        self.list.setFocus()
        dialogs.fit_screen(self, *SIZE)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.list)
        row.addWidget(self._stack, 1)
        column.addLayout(row, 1)
        column.addWidget(parts.hairline())
        self.close_button = dialogs.button("Close", self.close, "Close the settings (Esc)")
        end = dialogs.button_row(self.close_button)
        end.insertWidget(0, parts.caption("Changes count at once and are kept."))
        column.addLayout(end)

    def show_page(self, title: str) -> None:
        """Show a page by its name."""
        self.list.setCurrentRow([page.title for page in self.pages].index(title))

    def refresh(self) -> None:
        """Show the present values on all pages."""
        for page in self.pages:
            page.refresh()
