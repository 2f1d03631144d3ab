"""The patches that the network looked at closely, from full-resolution pixels, with attention and slice."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gmic_core.types import ImageResult
from viewer.commands import Context, run
from viewer.views import parts, theme, tiles
from viewer.views.command_widgets import KeepKeys, Refresher
from viewer.views.patch_model import Patch, PatchModel, patches_of

COLUMNS = 2
CAPTION_HEIGHT = 20
MARGIN = 4
ASK_AGAIN_MS = 400
"""The loader may drop a request for a patch in favour of what the reader looks at; so it is asked again."""

Index = QModelIndex | QPersistentModelIndex


class PatchList(QListView):
    """The pictures in two columns, or one below the other at one stored pixel per pixel of the screen."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._pictures: dict[tuple[tiles.TileKey, int, int, int], QPixmap] = {}
        self.full_size = False
        self.patches = PatchModel()
        self.setModel(self.patches)
        self.setItemDelegate(PatchDelegate(self))
        self.setAccessibleName("Patches")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSpacing(0)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.clicked.connect(self.go_to)
        KeepKeys(self)
        self._asker = QTimer(self)
        self._asker.setInterval(ASK_AGAIN_MS)
        self._asker.timeout.connect(self.viewport().update)

    @property
    def side(self) -> int:
        """Side of a picture in device-independent pixels."""
        room = self.viewport().width()
        if not self.full_size or not self.patches.patches:
            return max(room // COLUMNS - 2 * MARGIN, 16)
        roi = self.patches.patches[0].roi
        stored = max(roi.row1 - roi.row0, roi.col1 - roi.col0)
        return round(stored / self.devicePixelRatioF())

    def set_full_size(self, full_size: bool) -> None:
        """Show patches at one stored pixel per pixel of the screen, or two columns of them."""
        self.full_size = full_size
        self._relayout()

    def _relayout(self) -> None:
        # an icon view reserves one pixel of its width; a grid as wide as the view would fall into one column less
        room = self.viewport().width() - 1
        width = room if self.full_size else room // COLUMNS
        self.setGridSize(QSize(width, self.side + CAPTION_HEIGHT + 2 * MARGIN))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the columns filled."""
        self._relayout()
        super().resizeEvent(event)

    def show_patches(self, patches: list[Patch]) -> None:
        """Show the patches of another result."""
        self._pictures.clear()
        self.patches.set_patches(patches)
        self._relayout()

    def picture(self, patch: Patch) -> QPixmap | None:
        """Return the pixels of a patch; asks for its slice when it is not decoded, and again until it is."""
        state = self._context.session.state_of(patch.image)
        side = round(self.side * self.devicePixelRatioF())
        key = (tiles.tile_key(state), patch.number, side, patch.roi.slice_index)
        if key not in self._pictures:
            pyramid = self._context.frames.get(patch.image, patch.roi.slice_index)
            if pyramid is None:
                self._ask(patch)
                return None
            roi = patch.roi
            box = (roi.row0, roi.col0, roi.row1, roi.col1)
            picture = QPixmap.fromImage(tiles.tile(state, roi.slice_index, pyramid, box, side, side))
            picture.setDevicePixelRatio(self.devicePixelRatioF())
            self._pictures[key] = picture
        return self._pictures[key]

    def _ask(self, patch: Patch) -> None:
        self._context.frames.request(patch.image, patch.roi.slice_index)
        if not self._asker.isActive():
            self._asker.start()

    def stop_asking(self) -> None:
        """Ask no more; painting starts it again where something is still missing."""
        self._asker.stop()

    def go_to(self, index: Index) -> None:
        """Show the patch in its viewport."""
        patch = self.patches.patches[index.row()]
        run("navigate.go_to_patch", self._context, patch.image.sop_uid, patch.number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter goes to the patch; the arrows move the selection."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.go_to(self.currentIndex())
        else:
            super().keyPressEvent(event)


class PatchDelegate(QStyledItemDelegate):
    """Paints the picture with attention at the left and slice at the right below it."""

    def __init__(self, view: PatchList) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the size of a cell of the grid."""
        return self._view.gridSize()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint one patch; where its pixels are not there yet, the place where they will come."""
        patch = self._view.patches.patches[index.row()]
        side = self._view.side
        cell: QRect = option.rect
        place = QRect(cell.left(), cell.top() + MARGIN, side, side)
        painter.save()
        painter.fillRect(place, theme.color(theme.VIEWPORT))
        picture = self._view.picture(patch)
        if picture is not None:
            painter.drawPixmap(place.topLeft(), picture)
        self._paint_outline(painter, option, place)
        below = QRect(place.left(), place.bottom() + 2, side, CAPTION_HEIGHT - 2)
        painter.setFont(theme.caption_font())
        painter.setPen(theme.color(theme.TEXT))
        painter.drawText(below, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, patch.attention)
        painter.setPen(theme.color(theme.SECONDARY))
        painter.drawText(below, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, patch.slice_text)
        painter.restore()

    @staticmethod
    def _paint_outline(painter: QPainter, option: QStyleOptionViewItem, place: QRect) -> None:
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(theme.color(theme.ACCENT), 2))
            painter.drawRect(place.adjusted(1, 1, -1, -1))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(QPen(theme.color(theme.SECONDARY), 1))
            painter.drawRect(place.adjusted(0, 0, -1, -1))


class PatchStrip(QWidget):
    """The lower part of the AI panel.

    Attributes
    ----------
    list : the pictures.
    detail : what is known about the selected patch.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._shown: ImageResult | None = None
        self.setAccessibleName("Patches")
        self.list = PatchList(context, self)
        self.empty = parts.Label("", "secondary")
        self.empty.setWordWrap(True)
        self.detail = parts.caption("", wrap=True)
        self.full_size = QToolButton(self)
        self._build()
        session = context.session
        session.patch_selected.connect(self._on_patch_selected)
        self.list.selectionModel().currentChanged.connect(self._show_detail)
        signals = (
            session.exam_changed,
            session.layout_changed,
            session.active_changed,
            session.overlays.changed,
            session.results.changed,
            session.results.cleared,
        )
        self._refresher = Refresher(self, signals, self.refresh)
        self._repainter = Refresher(self, (context.frames.frame_ready,), self._on_frames)
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        head = QHBoxLayout()
        self.title = parts.heading("Patches")
        head.addWidget(self.title)
        head.addStretch(1)
        self.order = parts.caption("by attention")
        head.addWidget(self.order)
        self.full_size.setText("1:1")
        self.full_size.setCheckable(True)
        self.full_size.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.full_size.setToolTip("One stored pixel per pixel of the screen")
        self.full_size.setAccessibleName("Patches at 1:1")
        self.full_size.toggled.connect(self.list.set_full_size)
        head.addWidget(self.full_size)
        column.addLayout(head)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.empty, 1)
        column.addWidget(self.list, 1)
        column.addWidget(self.detail)

    def refresh(self) -> None:
        """Show the patches of the active image."""
        session = self._context.session
        image = session.active_image
        hidden = not session.overlays.settings.visible
        entry = session.results.get(image.sop_uid) if image and not hidden else None
        result = entry.result if entry else None
        if result is not self._shown:
            self._shown = result
            self.list.show_patches(patches_of(image, result) if image and result else [])
            self._select_current()
        has_patches = bool(result and result.rois)
        for widget in (self.list, self.detail, self.order, self.full_size):
            widget.setVisible(has_patches)
        self.empty.setVisible(not has_patches)
        running = entry is not None and entry.status in ("queued", "running")
        if hidden:
            self.empty.setText("Hidden with all AI.")
        elif result is not None:
            self.empty.setText("The network chose no patch in this image.")
        else:
            self.empty.setText("Chosen when all slices are computed." if running else "None yet.")

    def _on_frames(self) -> None:
        self.list.stop_asking()
        self.list.viewport().update()

    def _on_patch_selected(self, sop_uid: str, number: int) -> None:
        self._select_current()

    def _select_current(self) -> None:
        """Select the session's patch; without one, the first, so that its details are there to be seen."""
        chosen, image = self._context.session.selected_patch, self._context.session.active_image
        row = self.list.patches.row_of(chosen[1]) if chosen and image and chosen[0] == image.sop_uid else None
        if row is None:
            self.list.clearSelection()
            self._show_detail(self.list.patches.index(0, 0))
            return
        self.list.setCurrentIndex(self.list.patches.index(row, 0))
        self.list.scrollTo(self.list.patches.index(row, 0))

    def _show_detail(self, index: Index, _before: Index | None = None) -> None:
        patch = self.list.patches.patches[index.row()] if index.isValid() else None
        self.detail.setText(f"{patch.title}\n{patch.local_text}".strip() if patch else "")
