"""Sets up one screen: output, luminance, size of a pixel, and whether somebody says that it is calibrated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QScreen
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from viewer.model.displays import LUMINANCE_RANGE, DisplayProfile, Output, profile_problem
from viewer.views import parts, screens, theme

RULER_PX = 400
"""Length of the line that is measured, device pixels."""
OUTPUTS: dict[Output, str] = {
    "srgb": "sRGB: grey levels are sent as they are",
    "gsdf": "GSDF (DICOM PS3.14): equal steps of grey look equally far apart",
}


class Ruler(QWidget):
    """A line of exactly :data:`RULER_PX` device pixels, to be measured with a ruler held on the screen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(20)
        self.setAccessibleName("Line to measure")

    def sizeHint(self) -> QSize:
        """Return the room that the line needs."""
        return QSize(int(RULER_PX / self.devicePixelRatioF()) + 4, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the line with its ends."""
        painter, ratio = QPainter(self), self.devicePixelRatioF()
        pixel, length = 1.0 / ratio, RULER_PX / ratio
        color = theme.color(theme.TEXT)
        painter.fillRect(QRectF(0, 10, length, pixel), color)
        for x in (0.0, length - pixel):
            painter.fillRect(QRectF(x, 2, pixel, 16), color)


class DisplayDialog(QDialog):
    """What is known about one screen, to be changed.

    Parameters
    ----------
    screen : which one.
    profile : what is known about it.
    show_pattern : shows the test pattern on it.
    """

    def __init__(
        self, screen: QScreen, profile: DisplayProfile, show_pattern: Callable[[], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._before = profile
        self.screen_key = screens.screen_key(screen)
        self._stated = screens.stated_pixel_mm(screen)
        self.setWindowTitle("Set up this display")
        self.setMinimumWidth(560)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addWidget(parts.heading(f"Display: {screens.screen_name(screen)}"))
        self.outputs = self._output_buttons(column)
        self.darkest, self.brightest = self._luminance_boxes(column)
        column.addWidget(parts.hairline())
        self.length = self._ruler(column)
        column.addWidget(parts.hairline())
        self.calibrated = self._calibrated_box(column)
        self.problem = parts.caption("", "warning", wrap=True)
        column.addWidget(self.problem)
        column.addLayout(self._end_buttons(show_pattern))
        self._refresh()

    def _output_buttons(self, column: QVBoxLayout) -> dict[Output, QRadioButton]:
        group, buttons = QButtonGroup(self), {}
        for output, text in OUTPUTS.items():
            buttons[output] = button = QRadioButton(text, self)
            button.setChecked(self._before.output == output)
            button.toggled.connect(self._settings_changed)
            group.addButton(button)
            column.addWidget(button)
        return buttons

    def _luminance_boxes(self, column: QVBoxLayout) -> tuple[QDoubleSpinBox, QDoubleSpinBox]:
        grid, boxes = QGridLayout(), []
        grid.setHorizontalSpacing(16)
        entries = (("Black", self._before.darkest, 2, 0.05), ("White", self._before.brightest, 0, 10.0))
        for row, (name, value, decimals, step) in enumerate(entries):
            box = QDoubleSpinBox(self)
            box.setAccessibleName(f"Luminance of {name.lower()} in cd/m²")
            box.setDecimals(decimals)
            box.setRange(*LUMINANCE_RANGE)
            box.setSingleStep(step)
            box.setSuffix(" cd/m²")
            box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
            box.setValue(value)
            box.valueChanged.connect(self._settings_changed)
            grid.addWidget(parts.caption(name), row, 0)
            grid.addWidget(box, row, 1)
            boxes.append(box)
        note = "Measured on this display in the light of the room; it is taken to follow sRGB in between."
        grid.addWidget(parts.caption(note, wrap=True), 0, 2, 2, 1)
        grid.setColumnStretch(2, 1)
        column.addLayout(grid)
        return boxes[0], boxes[1]

    def _ruler(self, column: QVBoxLayout) -> QDoubleSpinBox:
        says = f"The display says {self._stated * RULER_PX:.1f} mm." if self._stated else "The display does not say."
        column.addWidget(parts.caption(f"Hold a ruler on the screen: how long is this line? {says}", "", wrap=True))
        column.addWidget(Ruler(self))
        box = QDoubleSpinBox(self)
        box.setAccessibleName("Measured length of the line in mm")
        box.setToolTip("Hold a ruler on the screen; 0: not measured here")
        box.setDecimals(1)
        box.setRange(0.0, 800.0)
        box.setSingleStep(0.5)
        box.setSuffix(" mm")
        box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        box.setMinimumWidth(160)
        box.setSpecialValueText("as the display says" if self._stated else "not measured")
        box.setValue(self._before.pixel_mm * RULER_PX if self._before.pixel_mm else 0.0)
        box.valueChanged.connect(self._refresh)
        row = QHBoxLayout()
        row.addWidget(box)
        row.addStretch(1)
        column.addLayout(row)
        return box

    def _calibrated_box(self, column: QVBoxLayout) -> QCheckBox:
        box = QCheckBox("This display is calibrated: it was measured, and it shows the test pattern as it should", self)
        box.setChecked(bool(self._before.calibrated))
        column.addWidget(box)
        since = f"Said on {self._before.calibrated}. " if self._before.calibrated else ""
        column.addWidget(
            parts.caption(
                f"{since}Only the day is kept. Another output or luminance has to be confirmed anew.", wrap=True
            )
        )
        return box

    def _end_buttons(self, show_pattern: Callable[[], None]) -> QHBoxLayout:
        row = QHBoxLayout()
        pattern = QPushButton("Show test pattern", self)
        pattern.setAutoDefault(False)
        pattern.clicked.connect(show_pattern)
        cancel = QPushButton("Cancel", self)
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        self.confirm = QPushButton("Use these settings", self)
        self.confirm.setDefault(True)
        self.confirm.clicked.connect(self.accept)
        row.addWidget(pattern)
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.confirm)
        return row

    def _settings_changed(self) -> None:
        if hasattr(self, "calibrated") and self._values() != (
            self._before.output, self._before.darkest, self._before.brightest
        ):  # fmt: skip
            self.calibrated.setChecked(False)
        self._refresh()

    def _values(self) -> tuple[Output, float, float]:
        output = next(output for output, button in self.outputs.items() if button.isChecked())
        return output, round(self.darkest.value(), 4), round(self.brightest.value(), 4)

    def _refresh(self) -> None:
        if not hasattr(self, "confirm"):
            return  # called while the dialog is being built
        gsdf = self.outputs["gsdf"].isChecked()
        for box in (self.darkest, self.brightest):
            box.setEnabled(gsdf)
            why = "" if gsdf else "Not available: needed for GSDF only; choose it first."
            box.setToolTip(why or "As a luminance meter measures it on this display, in the light of the room")
            box.setAccessibleDescription(why)
        problem = profile_problem(self.profile)
        self.problem.setText(f"This cannot be: {problem}." if problem else "")
        self.confirm.setEnabled(not problem)
        self.confirm.setToolTip(f"Not available: {problem}." if problem else "Use this for the display and keep it")
        self.confirm.setAccessibleDescription(f"Not available: {problem}." if problem else "")

    @property
    def profile(self) -> DisplayProfile:
        """What was entered; the day of a calibration that was confirmed before stays."""
        output, darkest, brightest = self._values()
        length = self.length.value()
        day = ""
        if self.calibrated.isChecked():
            day = self._before.calibrated or date.today().isoformat()
        if self._values() != (self._before.output, self._before.darkest, self._before.brightest) and day:
            day = date.today().isoformat()
        return DisplayProfile(output, darkest, brightest, length / RULER_PX if length > 0 else None, day)
