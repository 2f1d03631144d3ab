"""The pictures of the patches: full-resolution pixels in a grid, asked for when they come into sight."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from shiboken6 import isValid

from viewer.commands import Context, run
from viewer.views import icons, theme, tiles
from viewer.views.command_widgets import KeepKeys
from viewer.views.patch_model import Index, Patch, PatchModel

COLUMNS = 2
CAPTION_HEIGHT = 20
BOX_SIDE, BOX_INSET = 16, 4
LEFT_OUT = 0.3
"""How strongly a patch is painted that does not count."""
MARGIN = 4
ASK_AGAIN_MS = 1000
"""Decoded slices may be forgotten again before a patch was painted; so what is still missing is asked for again."""
NOT_READABLE = "slice not readable"


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
        self.setToolTip("Enter or a click goes to the slice of a patch")
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
        self.clicked.connect(self._clicked)
        KeepKeys(self)
        self._clicked_at: QPoint | None = None
        self._waiting: set[tuple[str, int]] = set()
        self._failed: set[tuple[str, int]] = set()
        self._asker = QTimer(self)
        self._asker.setInterval(ASK_AGAIN_MS)
        self._asker.timeout.connect(self._ask_again)
        context.frames.frame_ready.connect(self._on_ready)
        context.frames.frame_failed.connect(self._on_failed)

    @property
    def is_waiting(self) -> bool:
        """Whether pixels of a patch in sight are still to come."""
        return bool(self._waiting)

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
        self._waiting.clear()
        self._failed.clear()
        self._asker.stop()
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

    def is_readable(self, patch: Patch) -> bool:
        """Whether nothing is known against the patch's slice."""
        return (patch.image.sop_uid, patch.roi.slice_index) not in self._failed

    def _ask(self, patch: Patch) -> None:
        key = (patch.image.sop_uid, patch.roi.slice_index)
        if key in self._waiting or key in self._failed:
            return
        self._waiting.add(key)
        frames, state = self._context.frames, self._context.session.state_of(patch.image)
        frames.request(patch.image, patch.roi.slice_index)
        frames.request(patch.image, state.slice_index)  # the reader is still there: read ahead from there
        self._asker.start()

    def _ask_again(self) -> None:
        self._asker.stop()
        self._waiting.clear()
        self.viewport().update()

    def _on_ready(self, sop_uid: str, slice_index: int) -> None:
        if (sop_uid, slice_index) in self._waiting and isValid(self):
            self._arrived(sop_uid, slice_index)

    def _on_failed(self, sop_uid: str, slice_index: int, _message: str) -> None:
        if (sop_uid, slice_index) in self._waiting and isValid(self):
            self._failed.add((sop_uid, slice_index))
            self._arrived(sop_uid, slice_index)

    def _arrived(self, sop_uid: str, slice_index: int) -> None:
        self._waiting.discard((sop_uid, slice_index))
        if not self._waiting:
            self._asker.stop()
        self.viewport().update()

    def box_of(self, cell: QRect) -> QRect:
        """Return where the box that lets a patch count stands in its cell."""
        return QRect(cell.left() + BOX_INSET, cell.top() + MARGIN + BOX_INSET, BOX_SIDE, BOX_SIDE)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Remember where a click was: on the box or on the picture."""
        self._clicked_at = event.position().toPoint()
        super().mouseReleaseEvent(event)

    def _clicked(self, index: Index) -> None:
        patch = self.patches.patches[index.row()]
        at, box = self._clicked_at, self.box_of(self.visualRect(index))
        self._clicked_at = None
        if at is not None and box.adjusted(-4, -4, 4, 4).contains(at):
            run("trial.toggle_patch", self._context, patch.number)
        else:
            self.go_to(index)

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
        counts = self._view.patches.counts(patch)
        painter.setFont(theme.caption_font())
        if picture is not None:
            painter.setOpacity(1.0 if counts else LEFT_OUT)
            painter.drawPixmap(place.topLeft(), picture)
            painter.setOpacity(1.0)
        elif not self._view.is_readable(patch):
            painter.setPen(theme.color(theme.ERROR))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, NOT_READABLE)
        self._paint_outline(painter, option, place)
        _paint_box(painter, self._view.box_of(cell), ticked=counts)
        below = QRect(place.left(), place.bottom() + 2, side, CAPTION_HEIGHT - 2)
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


def _paint_box(painter: QPainter, box: QRect, *, ticked: bool) -> None:
    """Paint the box that says whether a patch counts."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color(theme.SECONDARY), 1))
    painter.setBrush(theme.color(theme.VIEWPORT, 0.7))
    painter.drawRoundedRect(box.adjusted(0, 0, -1, -1), 3, 3)
    if ticked:
        icons.icon("check").paint(painter, box.adjusted(2, 2, -2, -2))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
