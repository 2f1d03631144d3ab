"""The line in which a note on the chosen lesion is written."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from viewer.commands import COMMANDS, Context, run
from viewer.commands.annotation_lesions import shown_note
from viewer.model.annotation.lesion_ids import MAX_NOTE
from viewer.views import theme
from viewer.views.typing_keys import KeepTyping


class LesionNote(QLineEdit):
    """Shows and changes the note on the lesion that was chosen last; Enter or leaving keeps it, Esc does not.

    Signals
    -------
    done() : the annotator ended writing by a key.
    """

    done = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setObjectName("annotate.note")
        self.setAccessibleName("Note on the lesion")
        self.setPlaceholderText("Note on the chosen lesion")
        self.setMaxLength(MAX_NOTE)
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        KeepTyping(self)
        self.editingFinished.connect(self._keep)
        self.returnPressed.connect(self.done)
        self.refresh()

    def refresh(self) -> None:
        """Show the note, unless it is just being written."""
        entry = COMMANDS["annotate.note"]
        reason = entry.why_disabled(self._context)
        if not (self.hasFocus() and self.isModified()) and self.text() != shown_note(self._context):
            self.setText(shown_note(self._context))
            self.setCursorPosition(0)  # the beginning is to be read
        self.setEnabled(reason is None)
        self.setToolTip(entry.tooltip_now(self._context))
        self.setAccessibleDescription(entry.description if reason is None else f"Not available: {reason}")

    def _keep(self) -> None:
        if self.isModified() and self.text() != shown_note(self._context):
            run("annotate.note", self._context, self.text())
        self.setModified(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves the note as it was."""
        if event.key() == Qt.Key.Key_Escape:
            self.setModified(False)
            self.refresh()
            self.done.emit()
            return
        super().keyPressEvent(event)
