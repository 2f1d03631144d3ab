"""Questions before something of the annotator's goes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


def ask(
    window: QWidget,
    text: str,
    yes: str,
    no: str,
    do: Callable[[], object],
    otherwise: Callable[[], object] | None = None,
) -> None:
    """Ask before something of the annotator's goes; nothing waits for the answer, and Escape changes nothing."""
    none = QMessageBox.StandardButton.NoButton
    box = QMessageBox(QMessageBox.Icon.Question, "Segmentation", text, none, window)
    box.setTextFormat(Qt.TextFormat.PlainText)
    accept = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
    role = QMessageBox.ButtonRole.ActionRole if otherwise else QMessageBox.ButtonRole.RejectRole
    refuse = box.addButton(no, role)
    if otherwise is not None:
        box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(refuse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def clicked(button: object) -> None:
        if button is accept:
            do()
        elif button is refuse and otherwise is not None:
            otherwise()

    box.buttonClicked.connect(clicked)
    box.open()
