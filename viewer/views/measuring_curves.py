"""Curves that choose a threshold: the handle is dragged along them, or moved with the arrow keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from gmic_core.evaluation.localisation import ThresholdCurve
from gmic_core.types import CLASSES, Finding
from viewer.commands import COMMANDS, Context, run
from viewer.commands.measuring import painting, threshold_command
from viewer.views import theme
from viewer.views.command_widgets import KeepKeys
from viewer.views.curve_paint import Axis, Plot, paint_axes, paint_best, paint_curve, paint_mark, painted_dice, reach
from viewer.views.overlay_controls import finding_color

HEIGHT = 132
STEP, PAGE = 0.01, 0.1
STALE = 0.35
"""How much is left of figures that are no longer those of what is on screen."""


@dataclass(frozen=True, eq=False)
class CurveState:
    """What a curve shows.

    Attributes
    ----------
    curve : counts over thresholds; None: nothing to show.
    threshold : what the overlay paints above.
    best : threshold and value of the largest Dice.
    stale : whether the figures are older than what is on screen.
    """

    finding: Finding
    curve: ThresholdCurve | None
    threshold: float
    best: tuple[float, float] = (0.0, 0.0)
    stale: bool = False


class CurveView(QWidget):
    """A painted curve of one class; where its handle is dragged to, the overlay's threshold goes."""

    TITLE = ""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.state = CurveState(Finding.MALIGNANT, None, 0.0)
        self._held = False
        self._scale = 1.0
        self._line: tuple[ThresholdCurve, tuple[float, ...], QPolygonF] | None = None
        self.setFont(theme.caption_font())
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.TITLE)
        KeepKeys(self)

    def sizeHint(self) -> QSize:
        """Return the usual size."""
        return QSize(260, HEIGHT)

    # -- what is shown -------------------------------------------------------------------------------------------
    def show_state(self, state: CurveState) -> None:
        """Show a curve, with the handle at the present threshold."""
        self.state = state
        reason = self.why_fixed()
        self.setToolTip(
            f"{self.TITLE}\nNot to be dragged: {reason}" if reason else
            f"{self.TITLE}\nDrag, or use the arrow keys: sets the {CLASSES[state.finding]} threshold of the maps."
        )  # fmt: skip
        self.setAccessibleDescription(f"Not available: {reason}" if reason else self.told())
        self.update()

    def why_fixed(self) -> str | None:
        """Return why the handle cannot be moved now; None: it can."""
        if self.state.curve is None:
            return "nothing is measured."
        return COMMANDS[threshold_command(self.state.finding)].why_disabled(self._context)

    def told(self) -> str:
        """Return what the handle stands for, in words."""
        raise NotImplementedError

    def plot(self) -> Plot:
        """Return where the curve lies."""
        raise NotImplementedError

    def line(self, curve: ThresholdCurve, plot: Plot) -> QPolygonF:
        """Return the curve on the widget."""
        raise NotImplementedError

    def place(self, curve: ThresholdCurve, threshold: float) -> tuple[float, float]:
        """Return the values (across, up) at a threshold of the overlay."""
        raise NotImplementedError

    def threshold_at(self, curve: ThresholdCurve, at: QPointF) -> float:
        """Return the threshold that belongs to a place of the mouse."""
        raise NotImplementedError

    def handle(self) -> QPointF | None:
        """Return where the handle is."""
        if self.state.curve is None:
            return None
        plot = self.plot()
        x, y = self.place(self.state.curve, self.state.threshold)
        return plot.point(min(x, plot.across.end), y)

    # -- moving it -----------------------------------------------------------------------------------------------
    def _set(self, threshold: float) -> None:
        run(threshold_command(self.state.finding), self._context, threshold)

    def _drag(self, at: QPointF) -> None:
        if self.state.curve is not None:
            self._set(self.threshold_at(self.state.curve, at))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the handle."""
        if event.button() == Qt.MouseButton.LeftButton and self.why_fixed() is None:
            self._held = True
            self._drag(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse."""
        if self._held:
            self._drag(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = False
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the handle by a hundredth, or by a tenth with Page up and Page down."""
        steps = {
            Qt.Key.Key_Right: STEP, Qt.Key.Key_Up: STEP, Qt.Key.Key_Left: -STEP, Qt.Key.Key_Down: -STEP,
            Qt.Key.Key_PageUp: PAGE, Qt.Key.Key_PageDown: -PAGE, Qt.Key.Key_Home: -1.0, Qt.Key.Key_End: 1.0,
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        elif self.state.curve is not None:
            # not the threshold that is shown: keys come faster than pictures
            now = self._context.session.overlays.settings.threshold(self.state.finding)
            self._set(round(min(max(now + step, 0.0), 1.0), 2))

    # -- painting ------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint axes, curve, the largest Dice, the handle and what it stands for."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        state, plot = self.state, self.plot()
        alpha = STALE if state.stale or state.curve is None else 1.0
        paint_axes(painter, plot, max(alpha, 0.7))
        self._paint_head(painter, alpha)
        if state.curve is not None:
            colour = finding_color(state.finding)
            paint_curve(painter, self._cached(state.curve, plot), colour, alpha)
            best = self.place(state.curve, painting(state.best[0]))
            paint_best(painter, plot.point(*best), colour, alpha)
            handle = self.handle()
            if handle is not None:
                paint_mark(painter, handle, held=self._held or self.hasFocus(), alpha=alpha)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color(theme.ACCENT), theme.FOCUS_WIDTH))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)

    def _paint_head(self, painter: QPainter, alpha: float) -> None:
        head = QRectF(4, 2, self.width() - 8, 14)
        painter.setPen(theme.color(theme.SECONDARY))
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.TITLE)
        if self.state.curve is not None:
            painter.setPen(theme.color(theme.TEXT, alpha))
            painter.drawText(head, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.told())

    def _cached(self, curve: ThresholdCurve, plot: Plot) -> QPolygonF:
        size = (self.width(), self.height(), plot.across.end, plot.up.end)
        if self._line is None or self._line[0] is not curve or self._line[1] != size:
            self._line = (curve, size, self.line(curve, plot))
        return self._line[2]


class DiceCurve(CurveView):
    """Dice of what is painted, over the threshold of the overlay."""

    TITLE = "Dice over threshold"

    def told(self) -> str:
        """Return Dice at the present threshold."""
        if self.state.curve is None:
            return ""
        dice = painted_dice(self.state.curve, np.array([self.state.threshold]))[0]
        return f"{dice:.3f} above {self.state.threshold:.2f}"

    def plot(self) -> Plot:
        """Return the plot; its scale stands still while the handle is dragged."""
        curve = self.state.curve
        if curve is not None and not self._held:
            self._scale = reach(max(float(curve.thresholds[0]), self.state.threshold))
        highest = reach(max(self.state.best[1], 1e-9)) if curve is not None else 1.0
        across = Axis(self._scale if curve is not None else 1.0)
        return Plot.inside(self.width(), self.height(), across, Axis(highest))

    def line(self, curve: ThresholdCurve, plot: Plot) -> QPolygonF:
        """Return the steps of the curve, a value for each quarter of a pixel and the steps' own ends."""
        even = np.linspace(0.0, plot.across.end, 4 * max(int(plot.room.width()), 1) + 1)
        dice = painted_dice(curve, even)
        # a peak between two of them is not lost
        own = np.float32(curve.thresholds[(curve.thresholds > 0) & (curve.thresholds <= plot.across.end)])
        just_under = np.nextafter(own, np.float32(-1.0)).astype(np.float64)
        best = np.argsort(-painted_dice(curve, just_under))[:8]
        x = np.concatenate([even, just_under[best]])
        order = np.argsort(x, kind="stable")
        return plot.polygon(x[order], np.concatenate([dice, painted_dice(curve, just_under[best])])[order])

    def place(self, curve: ThresholdCurve, threshold: float) -> tuple[float, float]:
        """Return threshold and Dice."""
        return max(threshold, 0.0), float(painted_dice(curve, np.array([threshold]))[0])

    def threshold_at(self, curve: ThresholdCurve, at: QPointF) -> float:
        """Return the threshold under the mouse."""
        return round(self.plot().x_at(at.x()), 4)


class PrecisionRecallCurve(CurveView):
    """Pixel precision over pixel recall; each point belongs to a threshold of the overlay."""

    TITLE = "Precision over recall"

    def _index(self, curve: ThresholdCurve, threshold: float) -> int:
        """Return how many thresholds of the curve are painted."""
        return int(np.searchsorted(-curve.thresholds, -float(np.float32(threshold)), side="left"))

    def told(self) -> str:
        """Return precision and recall of what is painted."""
        if self.state.curve is None:
            return ""
        reached = self._index(self.state.curve, self.state.threshold)
        if reached == 0:
            return "nothing painted"
        recall, precision = (float(v[reached - 1]) for v in (self.state.curve.recall, self.state.curve.precision))
        return f"{precision:.3f} at recall {recall:.3f}"

    def plot(self) -> Plot:
        """Return the plot; precision may be far below 1 everywhere."""
        curve = self.state.curve
        highest = reach(float(curve.precision.max())) if curve is not None else 1.0
        return Plot.inside(self.width(), self.height(), Axis(), Axis(highest))

    def line(self, curve: ThresholdCurve, plot: Plot) -> QPolygonF:
        """Return the curve, from no recall to all of it."""
        recall = np.concatenate([[0.0], curve.recall])
        return plot.polygon(recall, np.concatenate([curve.precision[:1], curve.precision]))

    def place(self, curve: ThresholdCurve, threshold: float) -> tuple[float, float]:
        """Return recall and precision; where nothing is painted, the beginning of the curve."""
        reached = self._index(curve, threshold)
        if reached == 0:
            return 0.0, float(curve.precision[0])
        return float(curve.recall[reached - 1]), float(curve.precision[reached - 1])

    def threshold_at(self, curve: ThresholdCurve, at: QPointF) -> float:
        """Return the threshold of the point of the curve that is nearest to the mouse."""
        plot = self.plot()
        own = curve.thresholds > 0  # at 0 and below nothing more can be painted
        if not own.any():
            return 0.0
        room = plot.room
        x = room.left() + curve.recall[own] * room.width()
        y = room.bottom() - curve.precision[own] / plot.up.end * room.height()
        nearest = int(np.argmin((x - at.x()) ** 2 + (y - at.y()) ** 2))
        return min(max(painting(float(curve.thresholds[own][nearest])), 0.0), 1.0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the handle: to the right recall grows, so the threshold falls."""
        swapped = {Qt.Key.Key_Right: Qt.Key.Key_Left, Qt.Key.Key_Left: Qt.Key.Key_Right,
                   Qt.Key.Key_Home: Qt.Key.Key_End, Qt.Key.Key_End: Qt.Key.Key_Home}  # fmt: skip
        other = swapped.get(Qt.Key(event.key()))
        super().keyPressEvent(QKeyEvent(event.type(), other, event.modifiers()) if other is not None else event)
