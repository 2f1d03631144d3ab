"""Switches and sliders of what the AI lays over the images."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QIcon,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from gmic_core.types import Finding
from viewer.commands import COMMANDS, Context, run
from viewer.model import colormaps
from viewer.views import parts, theme
from viewer.views.command_widgets import CommandButton, KeepKeys, Refresher
from viewer.views.map_row import MapRow

STEPS = 100  # slider positions between 0 and 1
FINDINGS = (Finding.MALIGNANT, Finding.BENIGN)


def finding_color(finding: Finding) -> QColor:
    """Return the one colour of a class for dots, boxes and curves."""
    return QColor(*colormaps.line_rgb(finding))


def finding_icon(finding: Finding, side: int = 8, gap: int = 0) -> QIcon:
    """Return a square in the colour of a class: filled when switched on, an outline when off."""
    result = QIcon()
    for state, filled in ((QIcon.State.On, True), (QIcon.State.Off, False)):
        for ratio in (1.0, 2.0):
            picture = QPixmap(round((side + gap) * ratio), round(side * ratio))
            picture.fill(Qt.GlobalColor.transparent)
            picture.setDevicePixelRatio(ratio)
            painter = QPainter(picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(finding_color(finding), 1.0))
            painter.setBrush(finding_color(finding) if filled else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(0.5, 0.5, side - 1.0, side - 1.0), 1.5, 1.5)
            painter.end()
            result.addPixmap(picture, QIcon.Mode.Normal, state)
    return result


class ValueSlider(QSlider):
    """A slider from 0 to 1 that runs a command; its tooltip names what it does or why it is disabled."""

    def __init__(self, context: Context, command_id: str, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._context = context
        self.command = COMMANDS[command_id]
        self.setObjectName(command_id)
        self.setRange(0, STEPS)
        self.setPageStep(STEPS // 10)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.command.label)
        KeepKeys(self)
        self.valueChanged.connect(self._changed)

    def _changed(self, position: int) -> None:
        run(self.command.id, self._context, position / STEPS)

    def show_value(self, value: float) -> None:
        """Show the model's value without running the command; explain the slider."""
        blocked = self.blockSignals(True)
        self.setValue(round(value * STEPS))
        self.blockSignals(blocked)
        reason = self.command.why_disabled(self._context)
        self.setEnabled(reason is None)
        self.setToolTip(self.command.tooltip_now(self._context))
        self.setAccessibleDescription(f"{value:.2f}" if reason is None else f"Not available: {reason}")
        self.update()


class ThresholdBar(ValueSlider):
    """A colour bar with values; the part up to the threshold is empty, because the overlay is transparent there.

    Dragging the handle on the bar is choosing the threshold.
    """

    BAR_HEIGHT = 8
    MARGIN = 8
    TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)

    def __init__(self, context: Context, command_id: str, finding: Finding, parent: QWidget | None = None) -> None:
        super().__init__(context, command_id, parent)
        self.finding = finding
        self.setFont(theme.caption_font())
        self.setFixedHeight(theme.CONTROL_HEIGHT + 12)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:
        """Return the room for bar and figures."""
        return QSize(200, 40)

    def _bar(self) -> QRectF:
        return QRectF(self.MARGIN, 8, self.width() - 2 * self.MARGIN, self.BAR_HEIGHT)

    def _x(self, value: float) -> float:
        return self._bar().left() + value * self._bar().width()

    def _set_from(self, event: QMouseEvent) -> None:
        bar = self._bar()
        share = (event.position().x() - bar.left()) / bar.width()
        self.setValue(round(min(max(share, 0.0), 1.0) * STEPS))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the value under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._set_from(event)
            self.setSliderDown(True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse."""
        if self.isSliderDown():
            self._set_from(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ramp above the threshold, the figures, the handle and the focus ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        value = self.value() / STEPS
        self._paint_ramp(painter, value)
        self._paint_figures(painter)
        self._paint_handle(painter, value)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color(theme.ACCENT), theme.FOCUS_WIDTH))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)

    def _paint_ramp(self, painter: QPainter, threshold: float) -> None:
        bar = self._bar()
        outline = QPainterPath()
        outline.addRoundedRect(bar, 2, 2)
        painter.fillPath(outline, theme.color(theme.TRACK))
        gradient = QLinearGradient(bar.left(), 0, bar.right(), 0)
        for stop in range(0, 256, 15):
            gradient.setColorAt(stop / 255, QColor(*(int(part) for part in colormaps.ramp(self.finding)[stop])))
        painter.save()
        painter.setClipPath(outline)
        painter.setOpacity(1.0 if self.isEnabled() else 0.25)
        painter.fillRect(QRectF(QPointF(self._x(threshold), bar.top()), bar.bottomRight()), gradient)
        painter.restore()

    def _paint_figures(self, painter: QPainter) -> None:
        painter.setPen(theme.color(theme.SECONDARY if self.isEnabled() else theme.DISABLED))
        for tick in self.TICKS:
            text = f"{tick:.2f}".rstrip("0").rstrip(".") if tick not in (0.0, 1.0) else f"{tick:.0f}"
            box = QRectF(self._x(tick) - 20, self._bar().bottom() + 6, 40, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_handle(self, painter: QPainter, value: float) -> None:
        bar = self._bar()
        over = self.underMouse() and self.isEnabled()
        color = theme.ACCENT if over or self.isSliderDown() else theme.TEXT if self.isEnabled() else theme.DISABLED
        painter.setPen(QPen(theme.color(theme.PANEL), 2))
        painter.setBrush(theme.color(color))
        painter.drawRoundedRect(QRectF(self._x(value) - 4, bar.top() - 5, 8, bar.height() + 10), 4, 4)


class OverlayControls(QWidget):
    """What is shown of the AI, how strongly, and from which saliency on.

    Attributes
    ----------
    switches : buttons of the switches by command id.
    opacity : the opacity slider.
    thresholds : the colour bar of each class.
    maps : which map is shown, where there are several.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setAccessibleName("Overlay")
        self.switches: dict[str, CommandButton] = {}
        self.opacity = ValueSlider(context, "overlay.opacity", self)
        self.thresholds = {
            finding: ThresholdBar(context, f"overlay.threshold_{finding.name.lower()}", finding, self)
            for finding in FINDINGS
        }
        self._values: dict[str, QLabel] = {}
        self.maps = MapRow(context, self)
        self._build()
        session = context.session
        looks = (session.overlays.changed, session.exam_changed, session.active_changed, session.layout_changed)
        results = (session.results.changed, session.results.cleared, session.trials.changed)
        self._refresher = Refresher(self, (*looks, *results), self.refresh)
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(parts.heading("Overlay"))
        column.addSpacing(4)
        column.addLayout(self._switch_row())
        column.addWidget(self.maps)
        column.addSpacing(4)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.addWidget(parts.caption("Opacity"), 0, 0)
        grid.addWidget(self._value_label("opacity"), 0, 1)
        grid.addWidget(self.opacity, 1, 0, 1, 2)
        for row, finding in enumerate(FINDINGS):
            name = f"threshold_{finding.name.lower()}"
            grid.addWidget(parts.caption(f"{finding.name.capitalize()}, shown above"), 2 + 2 * row, 0)
            grid.addWidget(self._value_label(name), 2 + 2 * row, 1)
            grid.addWidget(self.thresholds[finding], 3 + 2 * row, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        column.addLayout(grid)

    def _switch_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        texts = {"malignant": "Malignant", "benign": "Benign", "patches": "Boxes", "contour": "Contour"}
        for name, text in texts.items():
            button = CommandButton(self._context, f"overlay.{name}", self, text=text)
            button.setProperty("filled", True)
            button.setProperty("compact", True)
            if name in ("malignant", "benign"):
                button.setIcon(finding_icon(Finding[name.upper()], gap=1))
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
                button.setIconSize(QSize(9, 8))
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self.switches[f"overlay.{name}"] = button
            row.addWidget(button)
        return row

    def _value_label(self, name: str) -> QLabel:
        value = parts.caption()
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._values[name] = value
        return value

    def refresh(self) -> None:
        """Show the present settings."""
        settings = self._context.session.overlays.settings
        for button in self.switches.values():
            button.refresh()
        self.maps.refresh()
        shown = {
            "opacity": (self.opacity, settings.opacity),
            "threshold_malignant": (self.thresholds[Finding.MALIGNANT], settings.threshold_malignant),
            "threshold_benign": (self.thresholds[Finding.BENIGN], settings.threshold_benign),
        }
        for name, (slider, value) in shown.items():
            slider.show_value(value)
            self._values[name].setText(f"{value:.2f}")
