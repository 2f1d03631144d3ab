"""What is drawn over an image about what is tried out on its result: the place that is occluded."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from gmic_core.exam.geometry import PlaneMap
from gmic_core.inference.occlusion import Occlusion
from viewer.model.corner_text import Tone
from viewer.model.results import ResultEntry
from viewer.model.session import Session
from viewer.model.trials import MAP_TEXTS
from viewer.model.viewstate import ImageState
from viewer.views import theme

DASH = (4.0, 3.0)
OTHER_SLICE = 0.4
"""How strongly the occluded place is drawn on slices on which it is not filled."""


def badges(session: Session, entry: ResultEntry | None) -> list[tuple[str, Tone]]:
    """Return what stands beside the side marker while another map than the result's is shown."""
    if entry is None or not session.overlays.settings.visible:
        return []
    shown = session.trials.shown(entry)
    text = MAP_TEXTS[shown]
    return [(text, "normal" if shown == "spread" else "warning")] if text else []


def paint(
    painter: QPainter,
    session: Session,
    state: ImageState,
    to_screen: PlaneMap,
    ratio: float,
) -> None:
    """Paint the occluded place, and the one that is being drawn.

    Parameters
    ----------
    to_screen : stored pixels -> device pixels.
    ratio : device pixels per device-independent pixel.
    """
    trials = session.trials
    if not session.overlays.settings.visible:
        return
    experiment = trials.experiment(state.image.sop_uid)
    if experiment is not None:
        strength = 1.0 if experiment.occlusion.covers(state.slice_index) else OTHER_SLICE
        _place(painter, experiment.occlusion, to_screen, ratio, theme.WARNING, strength)
    if trials.draft is not None and trials.draft[0] == state.image.sop_uid:
        _place(painter, trials.draft[1], to_screen, ratio, theme.ACCENT, 1.0)


def _place(
    painter: QPainter, occlusion: Occlusion, to_screen: PlaneMap, ratio: float, color: str, strength: float
) -> None:
    outline(painter, on_widget(occlusion.box, to_screen, ratio), color, occlusion.shape, strength)


def on_widget(box: tuple[float, float, float, float], to_screen: PlaneMap, ratio: float) -> QRectF:
    """Return the place of a box of stored pixels in the widget."""
    row0, col0, row1, col1 = to_screen.apply_box(box)
    return QRectF(col0 / ratio, row0 / ratio, (col1 - col0) / ratio, (row1 - row0) / ratio)


def outline(painter: QPainter, rect: QRectF, color: str, shape: str, strength: float) -> None:
    """Draw a dashed line on a dark one, so that it reads on any tissue."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    dashed = QPen(theme.color(color, strength), 1.5)
    dashed.setDashPattern(DASH)
    for pen in (QPen(theme.color(theme.VIEWPORT, 0.6 * strength), 3.0), dashed):
        painter.setPen(pen)
        if shape == "ellipse":
            painter.drawEllipse(rect)
        else:
            painter.drawRect(rect)
