"""The picture of the 3D view and the mouse over it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from viewer.commands import Context, run
from viewer.model.identity import shown_message
from viewer.model.linked import Cursor
from viewer.model.placement import LinkKey, link_key
from viewer.model.results import ResultEntry
from viewer.model.viewstate import ImageState
from viewer.model.volume import Latest, Volume, cursor_place
from viewer.model.volume_camera import DEGREES_PER_PIXEL
from viewer.model.volume_grid import World, world_to_view_mm
from viewer.model.volume_reslice import brightest_along
from viewer.views import screens, theme
from viewer.views.command_widgets import Refresher
from viewer.views.volume_marks import VolumeMarks
from viewer.views.volume_pictures import Picture, Request, VolumePictures

CLICK_PIXELS = 4.0
"""A press that moves no farther is a click."""
ZOOM_PER_NOTCH = 1.15
NOTCH = 120.0
UPRIGHT = ("above", "side")
"""Planes of a reslice in which a press moves the cursor; in the tilted one it turns the plane."""
_TURNS = {
    Qt.Key.Key_Left: "volume.left",
    Qt.Key.Key_Right: "volume.right",
    Qt.Key.Key_Up: "volume.up",
    Qt.Key.Key_Down: "volume.down",
}


class VolumeCanvas(QWidget):
    """Shows a volume; drag turns it, a click goes to the place under it, the wheel scrolls the slices.

    Signals
    -------
    painted() : another picture is on screen.

    Attributes
    ----------
    volume : what is shown, or None while it is being read.
    picture : the newest picture.
    """

    painted = Signal()

    def __init__(self, context: Context, latest: Latest, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._session, self._model = context, context.session, context.session.volume
        self.volume: Volume | None = None
        self.picture: Picture | None = None
        self.pictures = VolumePictures(latest, self._arrived, self._opengl_failed)
        self._revision, self._notches = 0, 0.0
        self._asked: Request | None = None
        self._pressed: QPointF | None = None
        self._last: QPointF | None = None
        self._plane_pressed = ""
        self._watched: ImageState | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setMinimumSize(160, 160)
        self.setAccessibleName("3D view")
        session = self._session
        self._refresher = Refresher(
            self,
            (self._model.changed, session.overlays.changed, session.displays.changed, session.patch_selected),
            self.refresh,
        )
        session.results.changed.connect(self._result_changed)
        session.results.slice_arrived.connect(self._slice_arrived)

    # -- what is shown -------------------------------------------------------------------------------------------
    def show_volume(self, volume: Volume | None) -> None:
        """Show another volume, or none yet."""
        if volume is None or self.volume is None or volume.image.sop_uid != self.volume.image.sop_uid:
            self.picture = None
        self.volume = volume
        self._watch(self._session.state_of(volume.image) if volume is not None else None)
        self.refresh()

    def _watch(self, state: ImageState | None) -> None:
        if self._watched is state:
            return
        if self._watched is not None:
            self._watched.slice_changed.disconnect(self._slice_changed)
        self._watched = state
        if state is not None:
            state.slice_changed.connect(self._slice_changed)

    def _slice_changed(self, _index: int) -> None:
        self._refresher.schedule()

    def _result_changed(self, sop_uid: str) -> None:
        if self.volume is not None and sop_uid == self.volume.image.sop_uid:
            self._revision += 1
            self._refresher.schedule()

    def _slice_arrived(self, sop_uid: str, _slice_index: int) -> None:
        self._result_changed(sop_uid)

    def _entry(self, volume: Volume) -> ResultEntry | None:
        """Return what the AI knows, unless side or view are still in question."""
        return None if volume.image.questions else self._session.results.get(volume.image.sop_uid)

    @property
    def slice_index(self) -> int:
        """The slice on screen in the 2D viewports."""
        return self._watched.slice_index if self._watched is not None else 0

    def cursor_at(self) -> World:
        """Return the cursor in world mm."""
        assert self.volume is not None  # asked only while something is shown
        return cursor_place(self._model, self.volume, self.slice_index)

    def refresh(self) -> None:
        """Ask for a picture of the present state, and draw the marks anew meanwhile."""
        self.update()
        if self.volume is None or not self.isVisible() or self.volume.image.sop_uid != self._model.sop_uid:
            return
        if self.picture is not None and self.picture.request.kind != self._model.kind:
            self.picture = None  # a projection must not stand under the name of a reslice
        ratio = self.devicePixelRatioF()
        request = Request(
            self.volume, self._model.kind, self._model.camera, self.cursor_at(),
            (max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1)), ratio,
            self._session.overlays.settings, self._entry(self.volume), self._revision, self._model.uses_opengl,
            self._model.engine.kind == "software",
            self._session.displays.profile(screens.key_of(self)),
        )  # fmt: skip
        self._asked = request
        if self.picture is None or not _same_picture(request, self.picture.request) or self.picture_is_draft:
            self.pictures.request(request)

    @property
    def picture_is_draft(self) -> bool:
        """Whether a better picture is on its way."""
        picture = self.picture
        return picture is not None and picture.pixels.shape[1] != picture.request.size[0]

    @property
    def settled(self) -> bool:
        """Whether the picture is that of the present state, or nothing can be shown."""
        if self._refresher.pending or self._model.progress[0] < self._model.progress[1]:
            return False
        if self.volume is None:
            return bool(self._model.problem)
        picture = self.picture
        asked = picture is not None and self._asked is not None and _same_picture(self._asked, picture.request)
        return asked and not self.picture_is_draft

    def _arrived(self, picture: Picture) -> None:
        if self.volume is None or picture.request.volume.image.sop_uid != self.volume.image.sop_uid:
            return
        self.picture = picture
        self.painted.emit()
        self.update()

    def _opengl_failed(self, reason: str) -> None:
        self._model.opengl_failed(reason)
        self.refresh()

    # -- painting ------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the picture and what lies over it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(theme.VIEWPORT))
        picture = self.picture
        if picture is None:
            self._paint_waiting(painter)
            return
        ratio = picture.request.ratio
        height, width = picture.pixels.shape[:2]
        image = QImage(picture.pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        whole = picture.request.size
        painter.drawImage(QRectF(0, 0, whole[0] / ratio, whole[1] / ratio), image)
        self._paint_marks(painter, picture)

    def _paint_marks(self, painter: QPainter, picture: Picture) -> None:
        settings, entry = self._session.overlays.settings, picture.request.entry
        rois = entry.result.rois if entry is not None and entry.result is not None else ()
        rois = rois if settings.visible and settings.boxes else ()
        chosen = self._session.selected_patch
        selected = chosen[1] if chosen and chosen[0] == picture.request.volume.image.sop_uid else None
        marks = VolumeMarks(painter, picture, picture.request.ratio)
        cursor = self.cursor_at()
        if picture.view is not None:
            marks.on_projection(picture.view, self.slice_index, rois, selected, cursor)
        else:
            marks.on_planes(self.slice_index, rois, selected, picture.request.cursor)

    def _paint_waiting(self, painter: QPainter) -> None:
        done, total = self._model.progress
        reading = f"Reading slice {done} of {total}" if total else "Reading the volume"
        problem = shown_message(self._model.problem, self._session)
        text = problem or (reading if self.volume is None else "Painting")
        painter.setPen(theme.color(theme.ERROR if self._model.problem else theme.SECONDARY))
        painter.setFont(theme.body_font())
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(QRectF(self.rect()).adjusted(24, 24, -24, -24), flags, text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Paint in the new size."""
        self._refresher.schedule()

    # -- mouse and keys ------------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to turn, or to move the cursor of a reslice."""
        self._pressed = self._last = event.position()
        found = self._plane_at(event.position())
        self._plane_pressed = found[0] if found is not None else ""
        if self._plane_pressed in UPRIGHT and found is not None:
            self.go_to(found[1])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Turn the volume with the hand, or drag the cursor."""
        if self._last is None or not event.buttons():
            return
        if self._plane_pressed in UPRIGHT:
            found = self._plane_at(event.position(), self._plane_pressed)
            if found is not None:
                self.go_to(found[1])
            return
        step, self._last = event.position() - self._last, event.position()
        turned = self._model.camera.turned(-step.x() * DEGREES_PER_PIXEL, -step.y() * DEGREES_PER_PIXEL)
        self._model.look(turned)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A press that did not move is a click: go to what lies there."""
        start, self._pressed, self._last = self._pressed, None, None
        if start is None or (event.position() - start).manhattanLength() > CLICK_PIXELS:
            return
        place = self.place_under(event.position())
        if place is not None:
            self.go_to(place)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll the slices; with Ctrl, magnify."""
        notches = event.angleDelta().y() / NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            run("volume.zoom", self._context, ZOOM_PER_NOTCH**notches)
        elif self._watched is not None:
            self._notches += notches
            whole = int(self._notches)
            self._notches -= whole
            if whole:
                self._watched.go_to_slice(self._watched.slice_index - whole)
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Take the arrow keys while the view has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._turn_of(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Turn by the arrow keys."""
        command = self._turn_of(event)
        if command:
            run(command, self._context)
        else:
            super().keyPressEvent(event)

    @staticmethod
    def _turn_of(event: QKeyEvent) -> str:
        plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        return _TURNS.get(Qt.Key(event.key()), "") if plain else ""

    # -- places --------------------------------------------------------------------------------------------------
    def _plane_at(self, position: QPointF, only: str = "") -> tuple[str, World] | None:
        """Return the plane of a reslice under a place of the widget, and the world place there."""
        picture = self.picture
        if picture is None or self._model.kind != "reslice":
            return None
        row, column = self._device(position)
        for plane, (top, left) in picture.planes:
            inside = 0 <= row - top < plane.height and 0 <= column - left < plane.width
            if plane.name == only or (inside and not only):
                return plane.name, plane.place_at(row - top, column - left)
        return None

    def _device(self, position: QPointF) -> tuple[float, float]:
        ratio = self.devicePixelRatioF()
        return position.y() * ratio - 0.5, position.x() * ratio - 0.5

    def place_under(self, position: QPointF) -> World | None:
        """Return the world place that a click means: on a projection the brightest one along the line of sight."""
        picture = self.picture
        if picture is None:
            return None
        if picture.view is None:
            found = self._plane_at(position)
            return found[1] if found is not None else None
        start, direction = picture.view.ray(*self._device(position))
        grid = picture.request.volume.grid
        (z0, y0, x0), (z1, y1, x1) = grid.bounds
        reach = ((z1 - z0) ** 2 + (y1 - y0) ** 2 + (x1 - x0) ** 2) ** 0.5 / 2.0
        return brightest_along(picture.request.volume.gray, start, direction, reach, min(grid.spacing))

    def go_to(self, place: World) -> None:
        """Put the cursor at a place, show its slice in the 2D viewports, and point at it there."""
        if self.volume is None or self._watched is None:
            return
        grid, image = self.volume.grid, self.volume.image
        (_, y0, x0), (_, y1, x1) = grid.bounds
        y, x = min(max(place[1], y0), y1), min(max(place[2], x0), x1)
        self._watched.go_to_slice(grid.slice_at(place[0]))
        self._model.point((y, x))
        place_mm = world_to_view_mm(image, (y, x))
        self._session.links.set_cursor(self._cursor_in_2d(link_key(image), *place_mm))

    def _cursor_in_2d(self, key: LinkKey, down: float, depth: float) -> Cursor | None:
        """Return the cursor for the viewports of this breast and view; None where none is on screen."""
        assert self.volume is not None  # a place was clicked
        uid, session = self.volume.image.sop_uid, self._session
        shown = [(index, slot.state.image) for index, slot in enumerate(session.slots) if slot.state is not None]
        fits = [
            (image.sop_uid != uid, index, image.sop_uid)
            for index, image in shown
            if link_key(image) == key and session.exam_of(image.sop_uid) is session.exam_of(uid)
        ]
        if not fits:
            return None
        _, index, sop_uid = min(fits)
        return Cursor(index, sop_uid, key, down, depth, by="keys")


def _same_picture(one: Request, other: Request) -> bool:
    """Whether two requests give the same pixels: the cursor matters to slices through the volume only."""
    if one.kind == "reslice" or one.kind != other.kind:
        return one == other
    return replace(one, cursor=other.cursor) == other
