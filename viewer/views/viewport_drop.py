"""Images of the study list dropped on a viewport hang there; so do label maps in annotation mode, on its image.

Files that are dropped otherwise go to the window.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent

from viewer.commands import Context, run
from viewer.views.study_model import SOP_UID_MIME

SEGMENTATIONS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".gipl", ".gipl.gz", ".png")

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
        elif self._label_maps(event):
            event.acceptProposedAction()
            self._set_target(True)
        else:
            event.ignore()

    def _drop(self, event: QDropEvent) -> None:
        self._set_target(False)
        paths = self._label_maps(event)
        if paths:
            event.acceptProposedAction()
            run("annotate.open_files", self._context, paths, self._view.index)
            return
        sop_uid = bytes(event.mimeData().data(SOP_UID_MIME).data()).decode()
        run("layout.put_image", self._context, self._view.index, sop_uid)
        event.acceptProposedAction()

    def _label_maps(self, event: QDropEvent) -> list[Path]:
        """Return the files that are dropped if all of them are segmentations for this viewport's image."""
        if not self._context.session.annotation.on or self._view.state is None:
            return []
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        return paths if all(path.name.lower().endswith(SEGMENTATIONS) for path in paths) else []

    def _set_target(self, target: bool) -> None:
        self.target = target
        self._view.update()
