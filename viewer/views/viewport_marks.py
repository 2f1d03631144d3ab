"""What is drawn over the pixels of a viewport: patch boxes, the linked cursor, the place of a loading image, frames."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPainterPath, QPen

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.types import Laterality, Roi
from viewer.model.placement import image_laterality
from viewer.views import theme

NEARBY_SLICES = 10
"""A patch is shown, fainter, on so many slices around its own: the depth that the network keeps free around a patch."""
FAINTEST_BOX, NEAREST_BOX = 0.18, 0.55
HALO = 3
"""Width of the dark line under a bright one."""
LABEL_HEIGHT = 16.0
CROSS = 10.0
ACTIVE_LINE = 2


@dataclass(frozen=True)
class Box:
    """A patch on the screen: rectangle in device-independent pixels, label, how strong it is drawn; rank 0 is first."""

    rect: QRectF
    label: str
    opacity: float
    on_slice: bool
    selected: bool
    rank: int = 0


def visible_boxes(
    rois: Sequence[Roi],
    image_size: tuple[int, int],
    slice_index: int,
    to_screen: PlaneMap,
    ratio: float,
    selected: int | None,
) -> list[Box]:
    """Return the boxes to draw on a slice: solid on their own, fainter nearby; the selected one last.

    The network's window may reach beyond the image: of a box only the part inside is drawn, nothing where none is.

    Parameters
    ----------
    rois : a box's number is its place in the order of attention, as in the patch strip.
    to_screen : stored pixels -> device pixels.
    ratio : device pixels per device-independent pixel.
    image_size : rows and columns of the image.
    selected : index of the selected patch or None.
    """
    order = sorted(range(len(rois)), key=lambda k: -rois[k].attention)
    boxes = []
    for index, roi in enumerate(rois):
        away = abs(roi.slice_index - slice_index)
        if away > NEARBY_SLICES:
            continue
        inside = roi.inside(*image_size)
        if inside is None:
            continue
        row0, col0, row1, col1 = to_screen.apply_box(inside)
        rect = QRectF(col0 / ratio, row0 / ratio, (col1 - col0) / ratio, (row1 - row0) / ratio)
        fade = NEAREST_BOX - (NEAREST_BOX - FAINTEST_BOX) * (away - 1) / max(NEARBY_SLICES - 1, 1)
        opacity = 1.0 if away == 0 else fade
        rank = order.index(index)
        label = f"{rank + 1}  {roi.attention:.2f}"
        boxes.append(Box(rect, label, opacity, away == 0, index == selected, rank))
    return sorted(boxes, key=lambda box: (box.selected, box.opacity))


def paint_boxes(painter: QPainter, boxes: Sequence[Box], within: QRectF) -> None:
    """Paint boxes; the labels, kept ``within`` the viewport, only of the slice's own patches: they would pile up."""
    painter.setFont(theme.caption_font())
    for box in boxes:
        color = theme.ACCENT if box.selected else theme.TEXT
        rect = box.rect.toAlignedRect()
        if box.on_slice or box.selected:
            halo = theme.color(theme.VIEWPORT, 0.5)
            _paint_outline(painter, rect.adjusted(-1, -1, 1, 1), HALO, halo, within.toAlignedRect())
        _paint_outline(painter, rect, 1, theme.color(color, box.opacity), within.toAlignedRect())
    metrics = QFontMetricsF(painter.font())
    labelled = [box for box in boxes if (box.on_slice or box.selected) and box.rect.intersects(within)]
    for box, place in label_places(labelled, lambda text: metrics.horizontalAdvance(text) + 8, within):
        painter.fillRect(place, theme.color(theme.VIEWPORT, 0.6))
        painter.setPen(theme.color(theme.ACCENT if box.selected else theme.TEXT, max(box.opacity, 0.7)))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, box.label)


def label_places(boxes: Sequence[Box], width_of: Callable[[str], float], within: QRectF) -> list[tuple[Box, QRectF]]:
    """Return where the labels of boxes stand: at a corner of their box where no other label is, else nowhere.

    The selected box and those of more attention choose first; the patch strip names those that find no room.
    """
    found: list[tuple[Box, QRectF]] = []
    for box in sorted(boxes, key=lambda one: (not one.selected, one.rank)):
        width, rect = width_of(box.label), box.rect
        corners = [
            (x, y) for y in (rect.top() - LABEL_HEIGHT, rect.bottom()) for x in (rect.left(), rect.right() - width)
        ]
        for x, y in corners:
            place = QRectF(x, y, width, LABEL_HEIGHT)
            if place.top() < within.top():
                place.moveTop(max(rect.top(), within.top()))
            if place.bottom() > within.bottom():
                place.moveBottom(min(rect.bottom(), within.bottom()))
            place.moveLeft(min(max(place.left(), within.left()), within.right() - width))
            if not any(place.intersects(other) for _, other in found):
                found.append((box, place))
                break
    return found


def _paint_outline(painter: QPainter, rect: QRect, width: int, color: QColor, within: QRect) -> None:
    """Paint a frame of four filled rectangles: several times faster than a stroked one."""
    left, top, wide, tall = rect.x(), rect.y(), rect.width(), rect.height()
    painter.fillRect(left, top, wide, width, color)
    painter.fillRect(left, top + tall - width, wide, width, color)
    start, end = max(top + width, within.top()), min(top + tall - width, within.bottom() + 1)
    if start < end:
        # filling walks down a column pixel by pixel and takes four times as long as laying a picture of it there
        strip, part = _strip(color.rgba(), within.height()), QRect(0, 0, width, end - start)
        painter.drawImage(QPoint(left, start), strip, part)
        painter.drawImage(QPoint(left + wide - width, start), strip, part)


@functools.lru_cache(maxsize=64)
def _strip(rgba: int, height: int) -> QImage:
    """Return a column of one colour, as wide as the widest outline."""
    strip = QImage(HALO, height, QImage.Format.Format_ARGB32_Premultiplied)
    strip.fill(QColor.fromRgba(rgba))
    return strip


def paint_cursor(painter: QPainter, point: QPointF) -> None:
    """Paint where the mouse of a linked viewport points: a small cross with an open middle."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for color, width in ((theme.color(theme.VIEWPORT, 0.7), 3), (theme.color(theme.TEXT, 0.9), 1)):
        painter.setPen(QPen(color, width))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            start = point + QPointF(dx * 3, dy * 3)
            painter.drawLine(start, start + QPointF(dx * CROSS, dy * CROSS))


def cursor_rect(point: QPointF) -> QRectF:
    """Return what :func:`paint_cursor` paints over."""
    reach = CROSS + 6
    return QRectF(point.x() - reach, point.y() - reach, 2 * reach, 2 * reach)


def paint_placeholder(painter: QPainter, image: MammoImage, to_screen: PlaneMap, ratio: float, text: str) -> None:
    """Paint where the breast will come: a faint outline from the chest wall, and what is being loaded."""
    row0, col0, row1, col1 = to_screen.apply_box((0, 0, image.rows, image.columns))
    rect = QRectF(col0 / ratio, row0 / ratio, (col1 - col0) / ratio, (row1 - row0) / ratio)
    depth, tall = rect.width() * 0.62, rect.height() * 0.72
    left_breast = image_laterality(image) is Laterality.L
    center = QPointF(rect.left() if left_breast else rect.right(), rect.center().y())
    whole = QRectF(center.x() - depth, center.y() - tall / 2, 2 * depth, tall)
    path = QPainterPath()
    path.arcMoveTo(whole, -90 if left_breast else 90)
    path.arcTo(whole, -90 if left_breast else 90, 180)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color(theme.HAIRLINE), 1.0))
    painter.setBrush(theme.color(theme.WINDOW))
    painter.drawPath(path)
    painter.setPen(theme.color(theme.SECONDARY))
    painter.setFont(theme.caption_font())
    middle = QPointF(center.x() + (depth if left_breast else -depth) * 0.5, center.y())
    painter.drawText(QRectF(middle.x() - 150, middle.y() - 10, 300, 20), Qt.AlignmentFlag.AlignCenter, text)


def paint_empty(painter: QPainter, rect: QRectF, title: str) -> None:
    """Paint what is missing in an empty viewport."""
    painter.setPen(theme.color(theme.DISABLED))
    painter.setFont(theme.body_font())
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, title)


def paint_frame(painter: QPainter, width: int, height: int, *, active: bool, edges: tuple[bool, bool]) -> None:
    """Paint the hairlines to the neighbours (left, top) and the line that marks the active viewport."""
    hairline = theme.color(theme.HAIRLINE)
    left, top = edges
    if left:
        painter.fillRect(0, 0, 1, height, hairline)
    if top:
        painter.fillRect(0, 0, width, 1, hairline)
    if active:
        painter.fillRect(0, 0, width, ACTIVE_LINE, theme.color(theme.ACCENT))
