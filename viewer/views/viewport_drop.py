"""Images of the study list dropped on a viewport hang there; files that are dropped go to the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from viewer.commands import Context, run
from viewer.views.study_model import SOP_UID_MIME

if TYPE_CHECKING:
    from viewer.views.viewport_view import ViewportView


class ViewportDrop(QObject):
    """Takes drops on one viewport.

    Attributes
    ----------
    target : whether an image that would hang here is over the viewport.
    """

    def __init__(self, view: ViewportView, context: Context) -> None:
        super().__init__(view)
        self._view, self._context = view, context
        self.target = False
        view.setAcceptDrops(True)
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle drags and drops; everything else goes its way."""
        if event.type() == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            self._enter(event)
        elif event.type() == QEvent.Type.DragLeave:
            self._set_target(False)
        elif event.type() == QEvent.Type.Drop and isinstance(event, QDropEvent):
            self._drop(event)
        else:
            return super().eventFilter(watched, event)
        return True

    def _enter(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(SOP_UID_MIME) and self._context.session.slots:
            event.acceptProposedAction()
            self._set_target(True)
        else:
            event.ignore()

    def _drop(self, event: QDropEvent) -> None:
        self._set_target(False)
        sop_uid = bytes(event.mimeData().data(SOP_UID_MIME).data()).decode()
        run("layout.put_image", self._context, self._view.index, sop_uid)
        event.acceptProposedAction()

    def _set_target(self, target: bool) -> None:
        self.target = target
        self._view.update()
