"""Drawing the place to occlude: while that is asked for, a drag with the left button draws an ellipse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent

from gmic_core.inference.occlusion import Occlusion
from viewer.commands import Context, run

if TYPE_CHECKING:
    from viewer.views.viewport_view import ViewportView

LEAST = 8
"""Stored pixels across below which a drag counts as a slip of the hand."""

Box = tuple[int, int, int, int]


class OcclusionDrawing(QObject):
    """Takes the left button of one viewport while the reader draws; everything else passes."""

    def __init__(self, view: ViewportView, context: Context) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self._from: QPointF | None = None
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Draw, or let the event pass."""
        if not self._context.session.trials.drawing or not isinstance(event, QMouseEvent):
            return super().eventFilter(watched, event)
        kind = event.type()
        if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            return self._press(event)
        if kind == QEvent.Type.MouseMove and self._from is not None:
            return self._drag(event)
        if kind == QEvent.Type.MouseButtonRelease and self._from is not None:
            return self._release(event)
        return super().eventFilter(watched, event)

    def _press(self, event: QMouseEvent) -> bool:
        session = self._context.session
        if self._view.state is None:
            return False
        if session.active != self._view.index:
            session.activate(self._view.index)
        self._from = event.position()
        return True

    def _box(self, to: QPointF) -> Box:
        """Return the stored box between where the drag began and where it is."""
        assert self._from is not None  # a drag is under way
        one, other = self._view.stored_at(self._from), self._view.stored_at(to)
        (row0, row1), (col0, col1) = (sorted(pair) for pair in zip(one, other, strict=True))
        return round(row0), round(col0), round(row1) + 1, round(col1) + 1

    def _drag(self, event: QMouseEvent) -> bool:
        state = self._view.state
        if state is not None:
            place = Occlusion(*self._box(event.position()), 0, state.image.frames - 1, "ellipse")
            self._context.session.trials.set_draft(state.image.sop_uid, place)
        return True

    def _release(self, event: QMouseEvent) -> bool:
        box = self._box(event.position())
        self._from = None
        if min(box[2] - box[0], box[3] - box[1]) < LEAST:
            self._context.session.trials.set_drawing(True)  # still drawing: the draft goes
            self._context.session.notice.emit("hint", "Draw the place to occlude larger, or press Esc.")
        else:
            run("trial.occlude", self._context, box)
        return True
