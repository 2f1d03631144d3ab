"""The line in which words of a mark are written, right where they will stand."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from viewer.commands import Context, run
from viewer.model.marks import MAX_TEXT, Mark
from viewer.views import theme
from viewer.views.marks_look import ScreenPoints
from viewer.views.viewport_over import Look

WIDTH = 240
GAP = 12


class MarksEditor(QLineEdit):
    """Writes the words of one mark; Enter keeps them, Esc does not.

    Attributes
    ----------
    mark_id : id of the mark that is written on, or "".
    """

    def __init__(self, parent: QWidget, context: Context) -> None:
        super().__init__(parent)
        self._context = context
        self._mark: Mark | None = None
        self.setFont(theme.caption_font())
        self.setMaxLength(MAX_TEXT)
        self.setFixedSize(WIDTH, theme.CONTROL_HEIGHT)
        self.setPlaceholderText("Write, then Enter; Esc cancels")
        self.setAccessibleName("Words of the mark")
        self.setToolTip("Enter keeps the words, Esc does not")
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.hide()
        self.returnPressed.connect(self._keep)

    @property
    def mark_id(self) -> str:
        """Which mark is written on."""
        return self._mark.id if self._mark is not None else ""

    def open(self, mark: Mark, look: Look) -> None:
        """Begin to write on a mark."""
        self._mark = mark
        self.setText(mark.text)
        self.selectAll()
        self.follow(look)
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def follow(self, look: Look) -> None:
        """Stay beside the mark while the image moves."""
        if self._mark is None:
            return
        at = ScreenPoints(look.to_screen, look.ratio).points([self._mark.middle])[0]
        size = look.size
        left = min(max(round(at.x()) + GAP, 2), max(size.width() - self.width() - 2, 2))
        top = min(max(round(at.y()) - self.height() // 2, 2), max(size.height() - self.height() - 2, 2))
        self.move(left, top)

    def _keep(self) -> None:
        mark, text = self._mark, self.text()
        self._close()
        if mark is not None:
            run("marks.write", self._context, mark, text)

    def _close(self) -> None:
        self._mark = None
        parent = self.parentWidget()
        if parent is not None:  # before it hides: Qt would hand the focus to the next viewport, which becomes active
            parent.setFocus(Qt.FocusReason.OtherFocusReason)
            parent.update()
        self.hide()

    def event(self, event: QEvent) -> bool:
        """Keep every key that writes: single letters are commands of the window otherwise."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc leaves without a change."""
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QEvent) -> None:
        """Keep what was written when the reader turns to something else."""
        super().focusOutEvent(event)  # type: ignore[arg-type]
        if self._mark is not None and self.isVisible():
            self._keep()
