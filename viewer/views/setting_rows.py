"""Rows of the settings dialog: a name, a control that runs a command, and what it does or why it cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from viewer.commands import COMMANDS, Context, run
from viewer.views import parts, theme
from viewer.views.command_widgets import CommandButton, KeepKeys

LABEL_WIDTH = 168


class Row:
    """What the rows have in common: how a control is dressed by its command.

    Parameters
    ----------
    control : runs the command; gets name, tooltip, description.
    read : puts the present value into the control, without running the command.
    """

    def __init__(
        self, context: Context, command_id: str, control: QWidget, name: str, read: Callable[[], None]
    ) -> None:
        self._context, self._command, self._read = context, COMMANDS[command_id], read
        self.control = control
        control.setObjectName(command_id)
        control.setAccessibleName(name)
        control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def refresh(self) -> None:
        """Show the present value; say why the control cannot be used."""
        with QSignalBlocker(self.control):
            self._read()
        reason = self._command.why_disabled(self._context)
        self.control.setEnabled(reason is None)
        self.control.setToolTip(self._command.tooltip_now(self._context))
        self.control.setAccessibleDescription(
            self._command.description if reason is None else f"Not available: {reason}"
        )


class Page(QScrollArea):
    """One page: a heading, rows under subheadings; it scrolls where the dialog is too small for it.

    Attributes
    ----------
    rows : the rows, for the dialog to refresh.
    """

    def __init__(self, context: Context, title: str) -> None:
        super().__init__()
        self.context, self.title = context, title
        self.rows: list[Row] = []
        self.setAccessibleName(f"{title} settings")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self.column = QVBoxLayout(inside)
        self.column.setContentsMargins(4, 0, 16, 8)
        self.column.setSpacing(8)
        self.setWidget(inside)
        self._form: QFormLayout | None = None

    def section(self, title: str) -> None:
        """Begin a group of rows."""
        if self.column.count():
            self.column.addSpacing(8)
        self.column.addWidget(parts.heading(title))
        self._form = None

    def note(self, text: str, tone: str = "secondary") -> parts.Label:
        """Add a sentence."""
        label = parts.caption(text, tone, wrap=True)
        self.add(label)
        return label

    def add(self, widget: QWidget) -> None:
        """Add something as wide as the page."""
        self.column.addWidget(widget)
        self._form = None

    def finish(self) -> None:
        """Push everything to the top."""
        self.column.addStretch(1)

    def refresh(self) -> None:
        """Show the present values."""
        for row in self.rows:
            row.refresh()

    def _line(self, name: str, field: QWidget | QHBoxLayout, buddy: QWidget | None) -> None:
        if self._form is None:
            self._form = QFormLayout()
            self._form.setContentsMargins(0, 0, 0, 0)
            self._form.setHorizontalSpacing(16)
            self._form.setVerticalSpacing(4)
            self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
            self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
            self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
            self.column.addLayout(self._form)
        label = parts.Label(name, "secondary")
        label.setMinimumWidth(LABEL_WIDTH)
        label.setFixedHeight(theme.CONTROL_HEIGHT)
        if buddy is not None:
            label.setBuddy(buddy)
        self._form.addRow(label, field)

    # -- kinds of rows -------------------------------------------------------------------------------------------
    def switch(self, command_id: str, name: str, value: Callable[[], bool] | None = None) -> QCheckBox:
        """Add a box to tick; of a command that is a switch, or of one that takes True or False."""
        entry, box = COMMANDS[command_id], QCheckBox(name)
        box.setFixedHeight(theme.CONTROL_HEIGHT)
        state = value or (lambda: bool(entry.checked is not None and entry.checked(self.context)))
        if entry.takes:
            box.toggled.connect(lambda on: run(command_id, self.context, on))
        else:
            box.toggled.connect(lambda _on: run(command_id, self.context))
        self.rows.append(Row(self.context, command_id, box, name, lambda: box.setChecked(state())))
        self.add(box)
        return box

    def choice(
        self, command_id: str, name: str, options: Iterable[tuple[str, object]], value: Callable[[], object],
        *before: object,
    ) -> QComboBox:  # fmt: skip
        """Add a list to choose from: (text, value of the command); ``before``: values that the command takes first."""
        box = QComboBox()
        box.setFixedHeight(theme.CONTROL_HEIGHT)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for text, data in options:
            box.addItem(text, data)
        KeepKeys(box)
        box.activated.connect(lambda row: run(command_id, self.context, *before, box.itemData(row)))
        self.rows.append(
            Row(self.context, command_id, box, name, lambda: box.setCurrentIndex(max(box.findData(value()), 0)))
        )
        self._line(name, box, box)
        return box

    def slider(
        self, command_id: str, name: str, limits: tuple[int, int], value: Callable[[], float], unit: str = "",
        scale: float = 1.0, step: int = 1,
    ) -> QSlider:  # fmt: skip
        """Add a slider over whole numbers; the command gets them divided by ``scale``."""
        slider, shown = QSlider(Qt.Orientation.Horizontal), parts.Label()
        slider.setRange(*limits)
        slider.setSingleStep(step)
        slider.setPageStep(5 * step)
        slider.setFixedWidth(200)
        slider.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        KeepKeys(slider)

        def text_of(number: float) -> str:
            return f"{number:.2f}{unit}" if scale > 1.0 else f"{number:.0f}{unit}"

        def read() -> None:
            slider.setValue(round(value() * scale))
            shown.setText(text_of(value()))
            slider.setAccessibleName(f"{name}: {shown.text()}")

        def changed(position: int) -> None:
            run(command_id, self.context, position / scale)
            shown.setText(text_of(position / scale))

        slider.valueChanged.connect(changed)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(slider, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(shown)
        widest = max(shown.fontMetrics().horizontalAdvance(text_of(limit / scale)) for limit in limits)
        shown.setMinimumWidth(widest)  # the row is laid out before it has a value
        self.rows.append(Row(self.context, command_id, slider, name, read))
        self._line(name, line, slider)
        return slider

    def fact(self, name: str) -> QLabel:
        """Add a line that tells something; the caller fills it."""
        value = parts.Label()
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        value.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        value.setWordWrap(True)
        value.setMinimumHeight(theme.CONTROL_HEIGHT)
        value.setAccessibleName(name)
        value.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._line(name, value, None)
        assert self._form is not None  # made by the line
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        return value

    def action(self, *command_ids: str) -> None:
        """Add buttons that run commands."""
        line = QHBoxLayout()
        line.setSpacing(8)
        for command_id in command_ids:
            made = CommandButton(self.context, command_id, text=COMMANDS[command_id].label, with_icon=True)
            made.setProperty("filled", True)
            made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            line.addWidget(made)
        line.addStretch(1)
        self.column.addLayout(line)
        self._form = None
