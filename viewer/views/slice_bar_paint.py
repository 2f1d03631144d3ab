"""What the slice bar looks like: 56 pixels of profile, patches, highlighted and seen slices, and where the reader is.

From the top: triangles for patches; malignant saliency up from the line and benign down from it, on grey bands for
highlighted slices, with diamonds for key images and dots for marks of the reader at their foot; a strip that fills with
the slices seen; a scale with a mark at every tenth slice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from gmic_core.types import Finding
from viewer.model.bar import Bar, profile_columns, slice_span
from viewer.model.colormaps import line_rgb
from viewer.views import theme

TICK_TOP, TICK_WIDTH, TICK_HEIGHT = 3.0, 8.0, 6.0
TOP, BOTTOM = 11.0, 45.0
"""Edges of the bands and of the profile."""
MIDDLE = 27.0
"""Line of the profile; malignant rises above it, benign hangs below."""
REACH = 16.0
"""Height of a saliency of 1."""
LOWEST_SHOWN = 0.01
"""Saliency from which on at least one pixel is painted: a low bar must not look like none."""
READER_LINE, DIAMOND, DOT = 40.0, 4.5, 2.5
"""Height at which key images and marks stand, and how large they are."""
SEEN_TOP, SEEN_HEIGHT = 48.0, 3.0
SCALE_TOP, SCALE_HEIGHT = 51.0, 3.0
WORD_LINE = 17.0
"""Height of a line of the words at the right."""
GAP_FROM = 6.0
"""Width of a slice in px from which on neighbouring bars stand apart."""


@dataclass(frozen=True)
class Track:
    """The part of the bar that stands for the volume.

    Attributes
    ----------
    width : in device-independent pixels.
    shown : slices that are on the screen: the current one, or those of a slab.
    hovered : slice under the mouse, or None.
    selected : place of the selected patch in the result's ``rois``, or None.
    key_slices, marked : slices that are key images, slices that the reader drew on.
    """

    bar: Bar
    width: float
    shown: range = range(0)
    hovered: int | None = None
    selected: int | None = None
    key_slices: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()

    def span(self, index: int) -> tuple[float, float]:
        """Return where a slice begins and ends, on whole pixels."""
        start, end = slice_span(index, self.width, self.bar.slices)
        return float(round(start)), float(max(round(end), round(start) + 1))

    def middle(self, index: int) -> float:
        """Return the middle of a slice."""
        start, end = self.span(index)
        return (start + end) / 2.0


def paint_track(painter: QPainter, track: Track) -> None:
    """Paint the whole instrument from x = 0."""
    _paint_bands(painter, track)
    _paint_scale(painter, track)
    _paint_line(painter, track)
    _paint_profile(painter, track)
    _paint_seen(painter, track)
    _paint_ticks(painter, track)
    _paint_reader(painter, track)
    if track.hovered is not None and track.hovered != track.bar.current:
        x = round(track.middle(track.hovered))
        painter.fillRect(QRectF(x, TOP, 1, BOTTOM - TOP), theme.color(theme.TEXT, 0.5))
    _paint_cursor(painter, track)


def _paint_bands(painter: QPainter, track: Track) -> None:
    """Paint the highlighted slices: a grey band with a bright cap, so that a single thin slice is found too."""
    for index in track.bar.highlighted:
        start, end = track.span(index)
        painter.fillRect(QRectF(start, TOP, end - start, BOTTOM - TOP), theme.color(theme.HAIRLINE))
        painter.fillRect(QRectF(start, BOTTOM, end - start, 1), theme.color(theme.SECONDARY))


def _paint_scale(painter: QPainter, track: Track) -> None:
    for number in range(10, track.bar.slices + 1, 10):
        x = round(track.middle(number - 1))
        tall = SCALE_HEIGHT if number % 50 else SCALE_HEIGHT + 1
        painter.fillRect(QRectF(x, SCALE_TOP, 1, tall), theme.color(theme.DISABLED))


def _paint_line(painter: QPainter, track: Track) -> None:
    """Paint the line of the profile, brighter where the map is known: nothing found is not the same as not computed."""
    painter.fillRect(QRectF(0, MIDDLE, track.width, 1), theme.color(theme.HAIRLINE))
    known = frozenset(int(index) for index in np.flatnonzero(~np.isnan(track.bar.profile[:, 0])))
    for first, last in runs(known):
        start, end = track.span(first)[0], track.span(last)[1]
        painter.fillRect(QRectF(start, MIDDLE, end - start, 1), theme.color(theme.DISABLED))


def _paint_profile(painter: QPainter, track: Track) -> None:
    """Paint one bar per slice, or per pixel where there are more slices than pixels."""
    count = min(track.bar.slices, max(int(track.width), 1))
    columns = np.clip(np.nan_to_num(profile_columns(track.bar.profile, count), nan=0.0), 0.0, 1.0)
    heights = np.where(columns >= LOWEST_SHOWN, np.maximum(np.rint(columns * REACH), 1.0), 0.0)
    gap = 1.0 if track.width / count >= GAP_FROM else 0.0
    for finding in (Finding.MALIGNANT, Finding.BENIGN):
        color = QColor(*line_rgb(finding))
        for index in np.flatnonzero(heights[:, finding] > 0.0):
            start, end = (float(round(edge)) for edge in slice_span(int(index), track.width, count))
            height = float(heights[index, finding])
            top = MIDDLE - height if finding is Finding.MALIGNANT else MIDDLE + 1
            painter.fillRect(QRectF(start, top, max(end - start - gap, 1.0), height), color)


def _paint_seen(painter: QPainter, track: Track) -> None:
    for slices, color in ((track.bar.loaded, theme.HAIRLINE), (track.bar.seen, theme.SECONDARY)):
        for first, last in runs(slices):
            start, end = track.span(first)[0], track.span(last)[1]
            painter.fillRect(QRectF(start, SEEN_TOP, end - start, SEEN_HEIGHT), theme.color(color))


def _paint_ticks(painter: QPainter, track: Track) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    strongest = max((tick.attention for tick in track.bar.ticks), default=1.0) or 1.0
    for tick in track.bar.ticks:
        x = track.middle(tick.slice_index)
        strength = 0.45 + 0.55 * tick.attention / strongest
        selected = tick.index == track.selected
        painter.setBrush(theme.color(theme.ACCENT) if selected else theme.color(theme.TEXT, strength))
        left, right = x - TICK_WIDTH / 2, x + TICK_WIDTH / 2
        points = [QPointF(left, TICK_TOP), QPointF(right, TICK_TOP), QPointF(x, TICK_TOP + TICK_HEIGHT)]
        painter.drawPolygon(QPolygonF(points))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)


def _paint_reader(painter: QPainter, track: Track) -> None:
    """Paint the reader's own: a diamond for a key image, a dot for a slice with marks."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color(theme.PANEL), 1.0))
    painter.setBrush(theme.color(theme.TEXT))
    for index in track.marked - track.key_slices:
        painter.drawEllipse(QPointF(track.middle(index), READER_LINE), DOT, DOT)
    for index in track.key_slices:
        x, y = track.middle(index), READER_LINE
        points = [QPointF(x - DIAMOND, y), QPointF(x, y - DIAMOND), QPointF(x + DIAMOND, y), QPointF(x, y + DIAMOND)]
        painter.drawPolygon(QPolygonF(points))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)


def _paint_cursor(painter: QPainter, track: Track) -> None:
    """Paint the slice that is shown; of a slab all slices, fainter, with a line along its foot."""
    if len(track.shown) > 1:
        left, right = track.span(track.shown[0])[0], track.span(track.shown[-1])[1]
        painter.fillRect(QRectF(left, TOP, right - left, BOTTOM - TOP), theme.color(theme.ACCENT, 0.1))
        painter.fillRect(QRectF(left, BOTTOM, right - left, 1), theme.color(theme.ACCENT))
    start, end = track.span(track.bar.current)
    painter.fillRect(QRectF(start, TOP, end - start, SEEN_TOP + SEEN_HEIGHT - TOP), theme.color(theme.ACCENT, 0.18))
    x = round((start + end) / 2 - 1)
    painter.fillRect(QRectF(x, TOP - 2, 2, SEEN_TOP + SEEN_HEIGHT - TOP + 2), theme.color(theme.ACCENT))


def paint_words(painter: QPainter, rect: QRectF, head: str, mm: str, below: tuple[str, ...]) -> None:
    """Paint where the reader is, and under it in which way the slices are shown.

    Parameters
    ----------
    head, mm : e.g. ``slice 42 / 66`` at the left, ``41 mm`` at the right.
    below : lines under it, e.g. ``slab 10 mm mean``.
    """
    top = rect.top() + (rect.height() - WORD_LINE * (1 + len(below))) / 2
    row = QRectF(rect.left(), round(top), rect.width(), WORD_LINE)
    flags = Qt.AlignmentFlag.AlignVCenter
    painter.setFont(theme.body_font())
    painter.setPen(theme.color(theme.TEXT))
    painter.drawText(row, flags | Qt.AlignmentFlag.AlignLeft, head)
    painter.setPen(theme.color(theme.SECONDARY))
    painter.drawText(row, flags | Qt.AlignmentFlag.AlignRight, mm)
    painter.setFont(theme.caption_font())
    for number, text in enumerate(below, 1):
        painter.setPen(theme.color(theme.TEXT))
        painter.drawText(row.translated(0, number * WORD_LINE), flags | Qt.AlignmentFlag.AlignLeft, text)


def runs(slices: frozenset[int]) -> list[tuple[int, int]]:
    """Return the (first, last) of every run of neighbouring slices, ascending."""
    found: list[tuple[int, int]] = []
    for index in sorted(slices):
        if found and index == found[-1][1] + 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found
