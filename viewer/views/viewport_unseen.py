"""What is drawn over an image about what the network saw of it: its window, a veil over the rest, structures there."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen

from gmic_core.coverage import Coverage
from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import ImageResult
from viewer.model.corner_text import Tone
from viewer.model.overlays import OverlaySettings
from viewer.model.results import ResultEntry
from viewer.model.seen_window import (
    outside_boxes,
    seen_within,
    share_words,
    size_words,
    structure_words,
    window_box,
)
from viewer.model.viewstate import ImageState
from viewer.views import theme
from viewer.views.viewport_trials import on_widget, outline

VEIL = 0.35
"""How much of what was not seen is covered; it stays readable, because the reader must look at it all the more."""
HATCH = 0.22
LEAST_SIDE, AROUND = 12.0, 4.0
"""A structure is outlined at this distance, and never smaller, in px: a dot of ten pixels must be found at any zoom."""

_HATCH = Qt.BrushStyle.BDiagPattern


def badges(settings: OverlaySettings, entry: ResultEntry | None, state: ImageState) -> list[tuple[str, Tone]]:
    """Return what stands beside the side marker: that much of the breast was not analysed; all of it on request."""
    if entry is None or entry.result is None or not settings.visible:
        return []
    coverage, short = entry.result.coverage, is_short(entry.result)
    words: list[tuple[str, Tone]] = []
    if settings.window:
        words.append((size_words(entry.result, state.image.rows, state.image.columns), "secondary"))
    if coverage is not None and (settings.window or short):
        words.append((share_words(coverage), "warning" if short else "secondary"))
    if coverage is None and settings.window:
        words.append(("kept by an earlier version: what lies outside was not counted", "secondary"))
    apart = structure_words(coverage) if coverage is not None and settings.window else ""
    return [*words, (apart, "normal")] if apart else words


def is_short(result: ImageResult) -> bool:
    """Whether so much of the breast was not seen that it is told in amber."""
    return result.coverage is not None and result.coverage.is_short


def paint(
    painter: QPainter,
    settings: OverlaySettings,
    entry: ResultEntry | None,
    state: ImageState,
    to_screen: PlaneMap,
    ratio: float,
) -> None:
    """Veil what the network did not see, and outline its window and the structures outside.

    Parameters
    ----------
    to_screen : stored pixels -> device pixels.
    ratio : device pixels per device-independent pixel.
    """
    if entry is None or entry.result is None or not (settings.visible and settings.window):
        return
    result, (rows, columns) = entry.result, (state.image.rows, state.image.columns)
    tone = theme.WARNING if is_short(result) else theme.SECONDARY
    for box in outside_boxes(result, rows, columns):
        place = on_widget(box, to_screen, ratio)
        painter.fillRect(place, theme.color(theme.VIEWPORT, VEIL))
        painter.fillRect(place, QBrush(theme.color(tone, HATCH), _HATCH))
    seen = seen_within(result, rows, columns)
    if seen is not None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color(tone, 0.7), 1.0))
        painter.drawRect(on_widget(seen, to_screen, ratio))
    outline(painter, on_widget(window_box(result), to_screen, ratio), theme.TEXT, "box", 1.0)
    if result.coverage is not None:
        places = structure_places(settings, entry, to_screen, ratio)
        _structures(painter, result.coverage, places, to_screen, ratio)


def structure_places(
    settings: OverlaySettings, entry: ResultEntry | None, to_screen: PlaneMap, ratio: float
) -> list[QRectF]:
    """Return where structures that lie apart are outlined now, in the widget; corner text keeps away from them."""
    result = entry.result if entry is not None else None
    if result is None or result.coverage is None or not (settings.visible and settings.window):
        return []
    apart = [one for one in result.coverage.structures if not one.attached]
    return merged(_around(on_widget(one.box, to_screen, ratio)) for one in apart)


def _structures(painter: QPainter, coverage: Coverage, places: list[QRectF], to_screen: PlaneMap, ratio: float) -> None:
    """Outline what lies apart, and tissue that was cut off."""
    cut_off = [on_widget(one.box, to_screen, ratio) for one in coverage.structures if one.attached]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    tone = theme.WARNING if coverage.is_short else theme.SECONDARY
    for boxes, color in ((cut_off, tone), (places, theme.TEXT)):
        for pen in (QPen(theme.color(theme.VIEWPORT, 0.6), 3.0), QPen(theme.color(color), 1.5)):
            painter.setPen(pen)
            for place in boxes:
                painter.drawRoundedRect(place, 3, 3)


def _around(box: QRectF) -> QRectF:
    """Return a box a little larger, so that what is outlined stays free."""
    wide, high = (max(side + 2 * AROUND, LEAST_SIDE) for side in (box.width(), box.height()))
    return QRectF(box.center().x() - wide / 2, box.center().y() - high / 2, wide, high)


def merged(boxes: Iterable[QRectF]) -> list[QRectF]:
    """Return the boxes, those that touch each other as one: the letters of a side marker are one thing to a reader."""
    apart: list[QRectF] = []
    for box in boxes:
        whole = box
        while (touched := next((other for other in apart if other.intersects(whole)), None)) is not None:
            apart.remove(touched)
            whole = whole.united(touched)
        apart.append(whole)
    return apart
