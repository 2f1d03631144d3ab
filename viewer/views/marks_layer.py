"""The marks of one viewport: shown over the picture, drawn and moved with the left button, written on in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QMouseEvent, QPainter

from viewer.commands import Context, run
from viewer.model.marks import Mark
from viewer.model.marks_drawing import Drawing, Hit
from viewer.model.marks_values import MarkValues
from viewer.model.viewstate import ImageState
from viewer.views.marks_editor import MarksEditor
from viewer.views.marks_labels import Label, place_labels
from viewer.views.marks_look import ScreenPoints, Shown, hit_test, shown_marks
from viewer.views.marks_paint import paint_marks
from viewer.views.viewport_mouse import SLACK
from viewer.views.viewport_over import Look
from viewer.views.viewport_text import Touches

if TYPE_CHECKING:
    from viewer.views.viewport_view import ViewportView


class MarksLayer(QObject):
    """Shows, draws and moves the marks of one viewport.

    It sees the mouse before the viewport does and keeps what belongs to a mark: every other press, and every move, goes
    its way, so that the value under the mouse and the linked cursors stay live while a mark is drawn.

    Attributes
    ----------
    drawing : what a press, a drag and a release do.
    values : what marks say.
    """

    def __init__(self, view: ViewportView, context: Context) -> None:
        super().__init__(view)
        self._view, self._context, self._session = view, context, context.session
        marks = self._session.marks
        self.values = MarkValues(marks, context.frames)
        self.drawing = Drawing(marks, self._session.history, self._finish)
        self.editor = MarksEditor(view, context)
        self._press_at: QPointF | None = None
        self._moved = False
        marks.changed.connect(self._changed)
        for signal in (marks.cleared, marks.selection_changed, marks.tool_changed, marks.visibility_changed):
            signal.connect(self._repaint, check_nargs=False)
        marks.cleared.connect(self.values.forget)
        marks.selection_changed.connect(self._selection_changed)
        marks.text_wanted.connect(self._write)
        view.installEventFilter(self)

    def _finish(self, mark: Mark) -> None:
        run("marks.add", self._context, mark)

    def _changed(self, sop_uid: str) -> None:
        state = self._view.state
        if state is not None and state.image.sop_uid == sop_uid:
            self._view.update()

    def _selection_changed(self) -> None:
        if self.drawing.holding and self._session.marks.selected is None:
            self.drawing.cancel()  # the reader pressed Esc in the middle of a drag

    def _repaint(self, *_: object) -> None:
        self._view.update()

    # -- what is shown -------------------------------------------------------------------------------------------
    def _guess(self, state: ImageState) -> Mark | None:
        """Return the guessed nipple where a place refers to it or the reader is about to place it."""
        marks, image = self._session.marks, state.image
        drawn = marks.of(image.sop_uid).marks
        asked = any(mark.kind == "place" and mark.slice_index == state.slice_index for mark in drawn)
        if marks.nipple(image.sop_uid) is not None or not (asked or marks.tool in ("place", "nipple")):
            return None
        found = self.values.nipple(image)
        return None if found is None else Mark("nipple", image.sop_uid, 0, (found[0],), id=f"guess {image.sop_uid}")

    def shown(self, state: ImageState, look: Look) -> list[Shown]:
        """Return the marks on the present slice, as they are on the screen."""
        screen = ScreenPoints(look.to_screen, look.ratio)
        return shown_marks(self._session.marks, state, screen, self._guess(state))

    def labels(
        self, shown: Sequence[Shown], state: ImageState, look: Look, taken: Sequence[QRectF], on_breast: Touches
    ) -> list[Label]:
        """Return the words of the marks on the present slice with their places."""
        words = [(item, self._words(item, state)) for item in shown if item.on_slice]
        return place_labels(words, QSizeF(look.size), taken, on_breast)

    def _words(self, item: Shown, state: ImageState) -> tuple[str, ...]:
        if item.guess:
            return ("nipple, guessed",)
        if item.mark.id == self.editor.mark_id:
            return ()  # its words are being written
        busy = item.selected and self.drawing.busy and self._moved
        if item.mark.kind in ("ellipse", "freeform", "text") and (item.draft or busy):
            return ()  # a region's values are worked out when the mouse lets go: a large one takes too long for a drag
        return self.values.short_lines(item.mark, state.image)

    def paint(
        self, painter: QPainter, state: ImageState, look: Look, taken: Sequence[QRectF], on_breast: Touches
    ) -> None:
        """Paint the marks of the present slice and, fainter, of those nearby."""
        shown = self.shown(state, look)
        if shown:
            painter.save()
            paint_marks(painter, shown, self.labels(shown, state, look, taken, on_breast))
            painter.restore()
        self.editor.follow(look)

    # -- the mouse -----------------------------------------------------------------------------------------------
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep presses and releases of the left button that belong to a mark."""
        if isinstance(event, QMouseEvent):
            kind = event.type()
            if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick):
                return self._press(event, double=kind == QEvent.Type.MouseButtonDblClick)
            if kind == QEvent.Type.MouseMove:
                self._move(event)
            elif kind == QEvent.Type.MouseButtonRelease and event.button() == Qt.MouseButton.LeftButton:
                return self._release()
        return super().eventFilter(watched, event)

    def hit(self, at: QPointF) -> Hit | None:
        """Return the mark under a place of the viewport."""
        state, look = self._view.state, self._view.look()
        return hit_test(self.shown(state, look), at) if state is not None and look is not None else None

    def _press(self, event: QMouseEvent, *, double: bool) -> bool:
        state, marks = self._view.state, self._session.marks
        if state is None or event.button() != Qt.MouseButton.LeftButton or _modified(event):
            return False
        hit, tool = self.hit(event.position()), marks.tool
        if hit is None and tool is None:
            marks.select(None)
            return False
        self._view.setFocus(Qt.FocusReason.MouseFocusReason)
        self._view.mouse.activate()
        self._press_at, self._moved = event.position(), False
        stored = self._view.stored_at(event.position())
        if tool is not None and not (tool == "nipple" and hit is not None and hit.mark.kind == "nipple"):
            self.drawing.press_tool(tool, state, stored)
        elif hit is not None and double and marks.find(hit.mark.id) is not None:
            run("marks.go_to", self._context, hit.mark.id)
            run("marks.edit_text", self._context)
        elif hit is not None:
            self.drawing.take(hit, stored)
        return True

    def _move(self, event: QMouseEvent) -> None:
        state = self._view.state
        if state is None:
            return
        if self._press_at is not None:
            way = event.position() - self._press_at
            self._moved = self._moved or max(abs(way.x()), abs(way.y())) >= SLACK
        stored = self._view.stored_at(event.position())
        if self._session.marks.draft is not None:
            self.drawing.move_to(state, stored)
        elif self.drawing.busy and self._moved:
            self.drawing.drag_to(state, stored)
        elif not event.buttons() and self._session.marks.images:
            self._view.setCursor(self._cursor(event.position()))

    def _release(self) -> bool:
        if not self.drawing.busy:
            return False
        look = self._view.look()
        self._press_at = None
        if self._view.state is None or look is None:
            self.drawing.cancel()
        else:
            self.drawing.release(self._moved, ScreenPoints(look.to_screen, look.ratio).stored_per_device)
            self._moved = False
            self._view.update()
        return True

    def _cursor(self, at: QPointF) -> Qt.CursorShape:
        hit = self.hit(at) if self._session.marks.tool is None else None
        if hit is None:
            return Qt.CursorShape.CrossCursor
        return Qt.CursorShape.SizeAllCursor if hit.handle is None else Qt.CursorShape.PointingHandCursor

    # -- words ---------------------------------------------------------------------------------------------------
    def _write(self, mark: Mark) -> None:
        """Let the reader write on a mark where it is, in the viewport that is active."""
        state, look = self._view.state, self._view.look()
        if self._session.active == self._view.index and state is not None and look is not None:
            if state.image.sop_uid == mark.sop_uid:
                self.editor.open(mark, look)


def _modified(event: QMouseEvent) -> bool:
    return bool(event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier)
