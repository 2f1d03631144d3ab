"""The lens of a viewport: a round magnifier under the mouse, and at the same place of the breast in linked ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPainterPath, QPen, QSinglePointEvent

from gmic_core.exam.geometry import PlaneMap
from viewer.commands.zoom import one_to_one_scale
from viewer.model.corner_text import zoom_of
from viewer.model.session import Session, link_key
from viewer.model.viewstate import ImageState
from viewer.views import theme

if TYPE_CHECKING:
    from viewer.views.viewport_view import ViewportView

SMALLEST, LARGEST = 144, 256
"""Width of the lens in device-independent pixels."""
SHARE = 0.6
"""The same as a share of the viewport's shorter side: the surroundings must stay in view."""
LABEL_HEIGHT, LABEL_WIDTH = 18.0, 76.0
REACH = LARGEST / 2 + LABEL_HEIGHT
"""What is painted at most around the lens's middle."""


def lens_map(to_screen: PlaneMap, at: tuple[float, float], factor: float, side: int) -> PlaneMap:
    """Return stored pixels -> device pixels of the lens's own square picture.

    Parameters
    ----------
    to_screen : stored pixels -> device pixels (row, column) of the viewport.
    at : device pixel (row, column) of the viewport that is in the middle of the lens.
    factor : how much more than the viewport the lens magnifies.
    side : of the picture in device pixels.
    """
    middle = (side - 1) / 2.0
    return PlaneMap.scale_offset(factor, factor, middle - factor * at[0], middle - factor * at[1]) @ to_screen


class ViewportLens(QObject):
    """Follows the mouse in one viewport and paints the lens there.

    Parameters
    ----------
    view : the viewport; its pixels are painted anew at the lens's scale, with grey values and overlay as around it.
    """

    def __init__(self, view: ViewportView, session: Session) -> None:
        super().__init__(view)
        self._view, self._session = view, session
        self._mouse: QPointF | None = None
        self._painted: QPointF | None = None
        self._by_key = False
        view.installEventFilter(self)
        session.viewing.lens_changed.connect(self._lens_changed)

    def _lens_changed(self) -> None:
        self._by_key = self._session.viewing.lens.on and not self._mouse_is_here()
        self._view.update()

    def _mouse_is_here(self) -> bool:
        """Whether any viewport has the mouse."""
        parent = self._view.parentWidget()
        return self._mouse is not None or (parent is not None and parent.underMouse())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the mouse; no event is taken from the viewport."""
        if event.type() in (QEvent.Type.MouseMove, QEvent.Type.Enter) and isinstance(event, QSinglePointEvent):
            self._mouse = event.position()
            if event.type() == QEvent.Type.Enter or isinstance(event, QMouseEvent):
                self.follow()
        elif event.type() == QEvent.Type.Leave:
            self._mouse = None
            self.follow()
        return super().eventFilter(watched, event)

    def place(self) -> QPointF | None:
        """Return the middle of the lens, or None where none is shown.

        Under the mouse; where a linked viewport has the mouse, at the same place of the breast. Switched on while no
        viewport has the mouse, it stands in the middle of the active one, for whoever moves the image by keys.
        """
        view = self._view
        if not self._session.viewing.lens.on or view.state is None:
            return None
        if self._mouse is not None:
            return self._mouse
        if view.linked_cursor is not None:
            return view.from_view_mm(view.linked_cursor)
        return QRectF(view.rect()).center() if self._by_key and self._session.active == view.index else None

    def follow(self) -> None:
        """Repaint what the lens leaves and where it comes."""
        if not self._session.viewing.lens.on:
            return
        for point in (self._painted, self.place()):
            if point is not None:
                around = QRectF(point.x() - REACH, point.y() - REACH, 2 * REACH, 2 * REACH)
                self._view.update(around.toAlignedRect())

    def factor(self, state: ImageState) -> float:
        """Return how much more than the viewport the lens magnifies.

        The lenses of linked viewports show the same field of view: their scale reaches 1:1 in the finest image.
        """
        session, key = self._session, link_key(state.image)
        shown = [slot.state.image for slot in session.slots if slot.state is not None]
        finest = max(one_to_one_scale(image) for image in shown if link_key(image) == key)
        scale = session.placement(self._view.index).scale
        return session.viewing.lens.scale(scale, finest) / scale

    @property
    def diameter(self) -> int:
        """Width of the lens in device-independent pixels."""
        return round(min(max(SHARE * min(self._view.width(), self._view.height()), SMALLEST), LARGEST))

    def paint(self, painter: QPainter, state: ImageState, to_screen: PlaneMap) -> None:
        """Paint the lens where it belongs."""
        self._by_key = self._by_key and not self._mouse_is_here()
        self._painted = point = self.place()
        if point is None:
            return
        ratio = self._view.devicePixelRatioF()
        side = round(self.diameter * ratio)
        at = (point.y() * ratio - 0.5, point.x() * ratio - 0.5)
        to_lens = lens_map(to_screen, at, self.factor(state), side)
        picture = self._view.pixels.region(state, to_lens, side, side)
        if picture is not None:
            picture.setDevicePixelRatio(ratio)
            _paint_round(painter, point, self.diameter, picture, f"zoom {zoom_of(to_lens):.2f}")


def _paint_round(painter: QPainter, point: QPointF, diameter: int, picture: QImage, label: str) -> None:
    circle = QRectF(point.x() - diameter / 2, point.y() - diameter / 2, diameter, diameter)
    outline = QPainterPath()
    outline.addEllipse(circle)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipPath(outline)
    painter.drawImage(circle.topLeft(), picture)
    painter.setClipping(False)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((theme.color(theme.VIEWPORT), 4.0), (theme.color(theme.SECONDARY), 1.5)):
        painter.setPen(QPen(color, width))
        painter.drawEllipse(circle)
    plate = QRectF(point.x() - LABEL_WIDTH / 2, circle.bottom() - LABEL_HEIGHT / 2, LABEL_WIDTH, LABEL_HEIGHT)
    painter.setPen(QPen(theme.color(theme.SECONDARY), 1.0))
    painter.setBrush(theme.color(theme.VIEWPORT))
    painter.drawRoundedRect(plate.adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
    painter.setFont(theme.caption_font())
    painter.setPen(theme.color(theme.TEXT))
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, label)
    painter.restore()
