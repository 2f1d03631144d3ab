"""The lower part of the panel on the left: what is marked on the open exam; there only while something is."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from viewer.commands import Context
from viewer.commands.marks import image_of
from viewer.model.marks_values import MarkValues
from viewer.model.seen_window import mark_lines
from viewer.views import parts, theme
from viewer.views.command_widgets import CommandButton, Refresher
from viewer.views.marks_list import ROW_HEIGHT, MarksList

MOST_ROWS = 4
"""Rows shown without scrolling."""
BUTTONS = ("edit.undo", "edit.redo", "marks.copy", "marks.delete")


class MarksPanel(QWidget):
    """List of marks and key images, and everything about the selected mark.

    Attributes
    ----------
    list : the rows.
    detail : what is known about the selected mark, in sentences.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._values = MarkValues(context.session.marks, context.frames)
        self.setAccessibleName("Marks")
        self.list = MarksList(context, self._values, self)
        self.detail = parts.caption("", wrap=True)
        self._buttons = [CommandButton(context, command_id, self) for command_id in BUTTONS]
        # the panel comes and goes with the marks: it must never ask for more width, or the images would jump
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._build()
        session, marks = context.session, context.session.marks
        marks.cleared.connect(self._values.forget)
        signals = (
            marks.changed, marks.cleared, marks.selection_changed, marks.visibility_changed, session.history.changed,
            session.exam_changed, session.layout_changed, session.active_changed, context.frames.frame_ready,
            session.results.changed, session.results.cleared, session.overlays.changed,
        )  # fmt: skip
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(parts.hairline(self))
        head = QHBoxLayout()
        head.setContentsMargins(12, 4, 6, 4)
        head.setSpacing(0)
        head.addWidget(parts.heading("Marks"))
        head.addStretch(1)
        for button in self._buttons:
            button.setFixedWidth(theme.CONTROL_HEIGHT)
            head.addWidget(button)
        column.addLayout(head)
        column.addWidget(self.list)
        around = QVBoxLayout()
        around.setContentsMargins(12, 4, 12, 8)
        around.addWidget(self.detail)
        column.addLayout(around)

    def refresh(self) -> None:
        """Show what is marked now; nothing at all where nothing is."""
        marks = self._context.session.marks
        if self.isHidden() and not marks.images:
            return
        rows = self.list.fill()
        self.list.setFixedHeight(ROW_HEIGHT * min(len(rows), MOST_ROWS))
        mark = marks.selected_mark
        image = image_of(self._context, mark.sop_uid) if mark is not None else None
        lines: tuple[str, ...] = ()
        if mark is not None and image is not None:
            lines = (*self._values.full_lines(mark, image), *mark_lines(self._context.session, mark))
        self.detail.setText("\n".join(lines))
        self.detail.setVisible(bool(lines))
        for button in self._buttons:
            button.refresh()
        self.setVisible(bool(rows))
