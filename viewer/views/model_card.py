"""The model card in a window of its own, beside the images."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from viewer.views import dialogs, theme

READING_PX = 13


class ModelCard(QDialog):
    """Not modal: what the network was made for is read beside what it says.

    Attributes
    ----------
    page : the text.
    """

    def __init__(self, title: str, markdown: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Model card: {title}")
        self.setAccessibleName("Model card")
        self.page = QTextBrowser(self)
        self.page.setAccessibleName("Model card")
        self.page.setOpenLinks(False)
        self.page.document().setDefaultFont(theme.font(READING_PX))
        self.page.document().setDocumentMargin(12)
        self.page.setMarkdown(markdown)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.addWidget(self.page)
        dialogs.fit_screen(self, 720, 640)
