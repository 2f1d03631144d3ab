"""What is drawn over the pictures of the 3D view: patch boxes, the slice on screen, the cursor, names, a scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import Laterality, Roi
from viewer.model.placement import image_laterality
from viewer.model.volume import BOX_EDGES, patch_box, slice_outline
from viewer.model.volume_camera import Camera, View
from viewer.model.volume_grid import FloatArray, World, stored_to_plane
from viewer.model.volume_reslice import Plane, PlaneName
from viewer.views import theme
from viewer.views.viewport_marks import paint_cursor
from viewer.views.volume_pictures import Picture

SCALE_MM = (5, 10, 20, 50, 100)


class VolumeMarks:
    """Draws over one picture.

    Parameters
    ----------
    ratio : device pixels per device-independent pixel.
    """

    def __init__(self, painter: QPainter, picture: Picture, ratio: float) -> None:
        self._painter, self._picture, self._ratio = painter, picture, ratio
        self._volume, self._grid = picture.request.volume, picture.request.volume.grid
        self._to_plane: PlaneMap = stored_to_plane(picture.request.volume.image)

    # -- projections ---------------------------------------------------------------------------------------------
    def on_projection(
        self, view: View, slice_index: int, rois: Sequence[Roi], selected: int | None, cursor: World
    ) -> None:
        """Draw the ends of the volume, the slice on screen, patches and cursor."""
        painter, grid = self._painter, self._grid
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.caption_font())
        last = grid.shape[0] - 1
        for end in (0, last):
            self._polygon(view, slice_outline(self._volume, end), theme.color(theme.SECONDARY, 0.35))
        self._polygon(view, slice_outline(self._volume, slice_index), theme.color(theme.ACCENT, 0.9))
        for number, roi in enumerate(rois):
            self._box(view, roi, chosen=number == selected)
        paint_cursor(painter, self._point(view, cursor))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._name_ends(view, slice_index)
        self._scale_bar(view.scale, view.width, view.height)

    def _point(self, view: View, place: World | FloatArray) -> QPointF:
        row, column = view.apply(place)
        return QPointF((column + 0.5) / self._ratio, (row + 0.5) / self._ratio)

    def _polygon(self, view: View, corners: FloatArray, color: QColor) -> None:
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.setPen(QPen(color, 1.0))
        self._painter.drawPolygon(QPolygonF([self._point(view, corner) for corner in corners]))

    def _box(self, view: View, roi: Roi, *, chosen: bool) -> None:
        box = patch_box(roi, self._volume.image, self._grid, self._to_plane)
        if box is None:
            return
        corners = [self._point(view, corner) for corner in box]
        for color, width in ((theme.color(theme.VIEWPORT, 0.5), 3.0), (theme.color(_roi_color(chosen), 0.9), 1.2)):
            self._painter.setPen(QPen(color, width))
            for first, second in BOX_EDGES:
                self._painter.drawLine(corners[first], corners[second])

    def _name_ends(self, view: View, slice_index: int) -> None:
        """Name the slice on screen, the first and the last where they can be told apart, and the chest wall."""
        grid = self._grid
        names = {0: "1", grid.shape[0] - 1: str(grid.shape[0]), slice_index: f"slice {slice_index + 1}"}
        taken: list[QRectF] = []
        for index in sorted(names, key=lambda index: index != slice_index):
            corner = self._point(view, slice_outline(self._volume, index)[1 if self._left_breast else 0])
            self._name(corner, names[index], theme.ACCENT if index == slice_index else theme.SECONDARY, taken)
        (z0, _, x0), (z1, y1, x1) = self._volume.extent
        wall = np.array([(z0 + z1) / 2.0, y1, x0 if self._left_breast else x1])
        self._name(self._point(view, wall), "chest wall", theme.SECONDARY, taken)

    @property
    def _left_breast(self) -> bool:
        return image_laterality(self._picture.request.volume.image) is Laterality.L

    def _name(self, at: QPointF, text: str, color: str, taken: list[QRectF]) -> None:
        """Write beside a place, inside the view and clear of what is written already; else nothing."""
        width = QFontMetricsF(self._painter.font()).horizontalAdvance(text) + 8
        size = self._picture.request.size
        room = QRectF(2, 2, size[0] / self._ratio - 4, size[1] / self._ratio - 4)
        rect = QRectF(at.x() + 4, at.y() - 8, width, 16)
        rect.moveLeft(min(max(rect.left(), room.left()), room.right() - width))
        rect.moveTop(min(max(rect.top(), room.top()), room.bottom() - 16))
        if any(rect.intersects(other) for other in taken):
            return
        taken.append(rect)
        self._painter.fillRect(rect, theme.color(theme.VIEWPORT, 0.6))
        self._painter.setPen(theme.color(color))
        self._painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _scale_bar(self, scale: float, width: int, height: int) -> None:
        """Draw a length in mm at the lower right; a parallel projection shows it the same everywhere."""
        if not self._grid.calibrated:
            return
        room = width / self._ratio * 0.25
        fits = [mm for mm in SCALE_MM if mm * scale / self._ratio <= room]
        length = (fits or SCALE_MM[:1])[-1]
        long = length * scale / self._ratio
        right, bottom = width / self._ratio - 12, height / self._ratio - 12
        self._painter.setPen(QPen(theme.color(theme.TEXT, 0.8), 1.5))
        self._painter.drawLine(QPointF(right - long, bottom), QPointF(right, bottom))
        self._painter.setPen(theme.color(theme.SECONDARY))
        box = QRectF(right - 80, bottom - 18, 80, 16)
        self._painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{length} mm")

    # -- slices through the volume -------------------------------------------------------------------------------
    def on_planes(self, slice_index: int, rois: Sequence[Roi], selected: int | None, cursor: World) -> None:
        """Draw names, cross-hairs and patches over the planes of a reslice."""
        self._painter.setFont(theme.caption_font())
        z = self._grid.z_of(slice_index)
        for plane, corner in self._picture.planes:
            self._caption(plane, corner)
            frame = self._frame(plane, corner)
            self._painter.save()
            self._painter.setClipRect(frame)
            for number, roi in enumerate(rois):
                self._cut_box(plane, corner, roi, chosen=number == selected)
            self._crosshair(plane, corner, (z, cursor[1], cursor[2]))
            self._painter.restore()
            self._painter.setPen(QPen(theme.color(theme.HAIRLINE), 1.0))
            self._painter.setBrush(Qt.BrushStyle.NoBrush)
            self._painter.drawRect(frame)

    def _frame(self, plane: Plane, corner: tuple[int, int]) -> QRectF:
        ratio = self._ratio
        return QRectF(corner[1] / ratio, corner[0] / ratio, plane.width / ratio, plane.height / ratio)

    def _caption(self, plane: Plane, corner: tuple[int, int]) -> None:
        self._painter.setPen(theme.color(theme.SECONDARY))
        text, metrics = plane_name(plane.name, self._picture.request.camera), QFontMetricsF(self._painter.font())
        frame = self._frame(plane, corner)
        room = self._picture.request.size[0] / self._ratio - frame.left()
        rect = QRectF(frame.left(), frame.top() - 18, room, 16)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(room, frame.width()))
        self._painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

    def _place(self, plane: Plane, corner: tuple[int, int], place: World | FloatArray) -> QPointF:
        row, column = plane.pixel_of(place)
        return QPointF((corner[1] + column + 0.5) / self._ratio, (corner[0] + row + 0.5) / self._ratio)

    def _crosshair(self, plane: Plane, corner: tuple[int, int], cursor: World) -> None:
        """Draw lines through the cursor with an open middle; on the upright planes one of them is the slice."""
        at, frame = self._place(plane, corner, cursor), self._frame(plane, corner)
        slice_line = theme.color(theme.ACCENT, 0.9)
        other = theme.color(theme.TEXT, 0.5)
        across, down = (slice_line if plane.name == name else other for name in ("above", "side"))
        gap = 6.0
        self._painter.setPen(QPen(across, 1.0))
        self._painter.drawLine(QPointF(frame.left(), at.y()), QPointF(at.x() - gap, at.y()))
        self._painter.drawLine(QPointF(at.x() + gap, at.y()), QPointF(frame.right(), at.y()))
        self._painter.setPen(QPen(down, 1.0))
        self._painter.drawLine(QPointF(at.x(), frame.top()), QPointF(at.x(), at.y() - gap))
        self._painter.drawLine(QPointF(at.x(), at.y() + gap), QPointF(at.x(), frame.bottom()))

    def _cut_box(self, plane: Plane, corner: tuple[int, int], roi: Roi, *, chosen: bool) -> None:
        """Outline what the plane cuts out of a patch."""
        box = patch_box(roi, self._volume.image, self._grid, self._to_plane)
        cut = cut_through(box, plane) if box is not None else None
        if cut is None:
            return
        self._painter.setPen(QPen(theme.color(_roi_color(chosen), 0.9), 1.2))
        self._painter.drawPolygon(QPolygonF([self._place(plane, corner, place) for place in cut]))


def cut_through(corners: FloatArray, plane: Plane) -> FloatArray | None:
    """Return the corners (n, 3), in order around it, of the area in which a plane cuts a box; None: it does not.

    Parameters
    ----------
    corners : the box's eight corners (8, 3) as of :func:`viewer.model.volume.patch_box`.
    """
    normal = np.cross(np.asarray(plane.down), np.asarray(plane.right))
    ahead = (corners - np.asarray(plane.center)) @ normal
    found = [
        corners[a] + (corners[b] - corners[a]) * (ahead[a] / (ahead[a] - ahead[b]))
        for a, b in BOX_EDGES
        if (ahead[a] > 0.0) != (ahead[b] > 0.0)
    ]
    if len(found) < 3:
        return None
    points = np.array(found)
    away = points - points.mean(axis=0)
    angles = np.arctan2(away @ np.asarray(plane.down), away @ np.asarray(plane.right))
    ordered: FloatArray = points[np.argsort(angles)]
    return ordered


def _roi_color(chosen: bool) -> str:
    return theme.ACCENT if chosen else theme.TEXT


def plane_name(name: PlaneName, camera: Camera) -> str:
    """Return what a plane is called."""
    if name == "above":
        return "From above, cut at the cursor"
    if name == "side":
        return "From the side"
    if camera.azimuth == 0.0 and camera.elevation == 0.0:
        return "Tilted: drag to turn; now the slice"
    return f"Tilted: turned {camera.azimuth:.0f}°, tipped {camera.elevation:.0f}°"
