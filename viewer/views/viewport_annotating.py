"""The mouse in annotation mode: strokes, polygons and picked labels of one viewport, and the brush as its cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen, QPolygonF

from viewer.commands import Context, run
from viewer.model.annotation.brush import Stroke
from viewer.model.annotation.place import image_shape, voxel_mm
from viewer.model.annotation.settings import CLEAR
from viewer.model.annotation.state import Painted
from viewer.model.placement import link_key
from viewer.model.viewstate import ImageState
from viewer.views import theme
from viewer.views.viewport_over import Look

if TYPE_CHECKING:
    from viewer.views.viewport_view import ViewportView

CORNER = 5.0
"""A corner of a polygon that is dragged follows the mouse in steps of so many device-independent pixels."""
DEEP_SLICES = 2
"""So many slices that are not seen a ball paints at each movement of the mouse."""
_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


class ViewportAnnotating(QObject):
    """Sees the mouse before everything else in the viewport while a tool of annotation mode is in hand.

    Attributes
    ----------
    stroke : the stroke that goes on, or None.
    """

    def __init__(self, view: ViewportView, context: Context) -> None:
        super().__init__(view)
        self._view, self._context, self._session = view, context, context.session
        self._model = context.session.annotation
        self.stroke: Stroke | None = None
        self._image: ImageState | None = None
        self._mouse: QPointF | None = None
        self._dragged: QPointF | None = None
        model = self._model
        for signal in (model.changed, model.named, model.opened):
            signal.connect(self._changed)
        model.painted.connect(self._painted)
        for other in (model.settings_changed, model.mode_changed, model.polygon_changed):
            other.connect(self._looks_changed, check_nargs=False)
        for seen in (model.projected, model.named, model.opened, model.saved):
            seen.connect(self._linked_changed)
        view.installEventFilter(self)

    def _changed(self, sop_uid: str) -> None:
        state = self._view.state
        if state is not None and state.image.sop_uid == sop_uid:
            self._view.update()

    def _painted(self, sop_uid: str, painted: Painted) -> None:
        """Repaint where a stroke went on."""
        state, to_screen = self._view.state, self._view.to_screen()
        if state is None or to_screen is None or state.image.sop_uid != sop_uid:
            return
        self._view.pixels.paint_over(painted, state)
        top, left, bottom, right = (edge / self._view.devicePixelRatioF() for edge in to_screen.apply_box(painted.box))
        self._view.update(QRectF(left, top, right - left, bottom - top).toAlignedRect().adjusted(-8, -8, 8, 8))

    def _linked_changed(self, sop_uid: str) -> None:
        """Another image of this view has other outlines."""
        state, source = self._view.state, self._session.image(sop_uid)
        if state is not None and (source is None or link_key(source) == link_key(state.image)):
            self._view.update()

    def _looks_changed(self, *_: object) -> None:
        self._view.setCursor(self._cursor())
        self._view.update()

    @property
    def _tool(self) -> str:
        return self._model.settings.tool if self._model.on else "navigate"

    def _cursor(self) -> Qt.CursorShape:
        if self._tool == "pan":
            return Qt.CursorShape.OpenHandCursor
        return Qt.CursorShape.CrossCursor

    # -- the mouse -----------------------------------------------------------------------------------------------
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep what belongs to a tool; everything else goes its way."""
        kind = event.type()
        if kind == QEvent.Type.Leave:
            self._follow(None)
        if not isinstance(event, QMouseEvent):
            return super().eventFilter(watched, event)
        if kind == QEvent.Type.MouseMove:
            self._follow(event.position())
            self._move(event)
            return False  # the value under the mouse and linked cursors stay live
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick):
            return self._press(event, double=kind == QEvent.Type.MouseButtonDblClick)
        if kind == QEvent.Type.MouseButtonRelease:
            return self._release(event)
        return super().eventFilter(watched, event)

    def _press(self, event: QMouseEvent, *, double: bool) -> bool:
        state, tool, button = self._view.state, self._tool, event.button()
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if self.stroke is not None:
            return True  # another button in the middle of a stroke
        if state is None or tool in ("navigate", "pan") or not plain or button not in (_LEFT, _RIGHT):
            return False
        if self._view.picture() is None:
            return False  # nobody paints on what is not there yet
        if tool == "polygon":
            return self._polygon(event, state, double=double)
        if button == _RIGHT and tool != "paint":
            return False
        self._view.setFocus(Qt.FocusReason.MouseFocusReason)
        self._view.mouse.activate()
        row, column = self._view.stored_at(event.position())
        if tool == "pick":
            run("annotate.pick_at", self._context, state.image.sop_uid, state.slice_index, (round(row), round(column)))
        else:
            self._begin(state, (row, column), erases=tool == "erase" or button == _RIGHT)
        return True

    def _begin(self, state: ImageState, at: tuple[float, float], *, erases: bool) -> None:
        settings, image = self._model.settings, state.image
        self._model.update(visible=True)
        segmentation = self._model.begin(image.sop_uid, image_shape(image))
        ink = settings.eraser if erases else settings.ink
        if ink.label != CLEAR:
            segmentation.drawn = frozenset({ink.label})
        self._image = state
        self.stroke = Stroke(segmentation.map, state.slice_index, settings.brush, ink, voxel_mm(image))
        self.stroke.to(at, DEEP_SLICES)
        self._model.touched(image.sop_uid)

    def _move(self, event: QMouseEvent) -> None:
        if self.stroke is not None and self._image is not None:
            if self._image is not self._view.state:
                self._end()
                return
            self._go_on(self.stroke, self._image.image.sop_uid, self._view.stored_at(event.position()))
        elif self._dragged is not None and event.buttons() & _LEFT:
            way = event.position() - self._dragged
            if max(abs(way.x()), abs(way.y())) >= CORNER:
                self._corner(event.position())

    def _go_on(self, stroke: Stroke, sop_uid: str, at: tuple[float, float]) -> None:
        segmentation, state = self._model.of(sop_uid), self._image
        if segmentation is None or state is None:
            return
        before = segmentation.map.revision
        box = stroke.to(at, DEEP_SLICES)
        if box is not None:
            painted = Painted(state.slice_index, box, before, segmentation.map.revision)
            self._model.painted.emit(sop_uid, painted)

    def _release(self, event: QMouseEvent) -> bool:
        if self._dragged is not None and event.button() == _LEFT:
            self._dragged = None
            return True
        if self.stroke is None:
            return self._tool == "polygon" and event.button() == _RIGHT
        if event.button() in (_LEFT, _RIGHT):
            self._end()
        return True

    def _end(self) -> None:
        """The stroke is whole: it becomes a step to undo, and is kept."""
        stroke, state = self.stroke, self._image
        self.stroke = self._image = None
        if stroke is None or state is None:
            return
        edit = stroke.end()
        segmentation = self._model.of(state.image.sop_uid)
        if segmentation is not None:
            segmentation.drawn = frozenset()
        if not run("annotate.stroke", self._context, state.image.sop_uid, edit):
            stroke.drop()

    def cancel(self) -> bool:
        """Take the stroke that goes on back; return whether there was one."""
        stroke, state = self.stroke, self._image
        self.stroke = self._image = None
        if stroke is None or state is None:
            return False
        segmentation = self._model.of(state.image.sop_uid)
        if segmentation is not None:
            segmentation.drawn = frozenset()
        stroke.drop()
        self._model.touched(state.image.sop_uid)
        return True

    # -- polygons ------------------------------------------------------------------------------------------------
    def _polygon(self, event: QMouseEvent, state: ImageState, *, double: bool) -> bool:
        self._view.setFocus(Qt.FocusReason.MouseFocusReason)
        self._view.mouse.activate()
        if event.button() == _RIGHT or double:
            run("annotate.close_polygon", self._context)
            self._dragged = None
        else:
            self._corner(event.position())
        return True

    def _corner(self, at: QPointF) -> None:
        state = self._view.state
        if state is not None:
            self._dragged = at
            run("annotate.polygon_to", self._context, state.image.sop_uid, state.slice_index, self._view.stored_at(at))

    # -- what is seen --------------------------------------------------------------------------------------------
    def _follow(self, at: QPointF | None) -> None:
        """Repaint where the brush was and where it is."""
        before, self._mouse = self._mouse, at
        if self._tool in ("paint", "erase"):
            for place in (before, at):
                if place is not None:
                    self._view.update(self._brush_rect(place).toAlignedRect().adjusted(-2, -2, 2, 2))
        elif self._tool == "polygon" and self._model.polygon is not None:
            self._view.update()

    def _brush_rect(self, at: QPointF) -> QRectF:
        """Return what the brush covers on the screen, at least as much as can be seen."""
        state, to_screen = self._view.state, self._view.to_screen()
        if state is None or to_screen is None:
            return QRectF(at, at)
        _, row_mm, column_mm = voxel_mm(state.image)
        radius = self._model.settings.brush.size_mm / 2.0
        matrix = abs(to_screen.matrix[:2, :2]) / self._view.devicePixelRatioF()
        down = max(float(matrix[0] @ (radius / row_mm, radius / column_mm)), 2.0)
        right = max(float(matrix[1] @ (radius / row_mm, radius / column_mm)), 2.0)
        return QRectF(at.x() - right, at.y() - down, 2 * right, 2 * down)

    def paint(self, painter: QPainter, state: ImageState, look: Look) -> None:
        """Paint the polygon that is being drawn and the brush."""
        if not self._model.on:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_polygon(painter, state, look)
        if self._mouse is not None and self._tool in ("paint", "erase"):
            self._paint_brush(painter, state, self._mouse)
        painter.restore()

    def _colour(self, state: ImageState) -> QColor:
        segmentation, label = self._model.of(state.image.sop_uid), self._model.settings.label
        if self._tool == "erase":
            return theme.color(theme.TEXT)
        from gmic_core.segmentation.label_descriptions import default_description

        entry = segmentation.name(label) if segmentation is not None else default_description(label)
        return QColor(*entry.colour)

    def _paint_brush(self, painter: QPainter, state: ImageState, at: QPointF) -> None:
        rect = self._brush_rect(at)
        draw = painter.drawRect if self._model.settings.brush.square else painter.drawEllipse
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for colour, width in ((theme.color(theme.VIEWPORT), 3.0), (self._colour(state), 1.0)):
            painter.setPen(QPen(colour, width))
            draw(rect)

    def _paint_polygon(self, painter: QPainter, state: ImageState, look: Look) -> None:
        drawn = self._model.polygon
        if drawn is None or drawn[:2] != (state.image.sop_uid, state.slice_index):
            return
        places = look.to_screen.apply(drawn[2])
        points = [QPointF((column + 0.5) / look.ratio, (row + 0.5) / look.ratio) for row, column in places]
        ends = [*points, self._mouse] if self._mouse is not None else points
        for colour, width in ((theme.color(theme.VIEWPORT), 3.0), (self._colour(state), 1.0)):
            painter.setPen(QPen(colour, width))
            painter.drawPolyline(QPolygonF(ends))
        first = points[0]
        painter.drawRect(QRect(round(first.x()) - 2, round(first.y()) - 2, 4, 4))
