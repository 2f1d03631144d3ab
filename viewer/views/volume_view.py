"""The 3D view beside the viewports: what to show, the picture, and what it is worth."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from viewer.commands import Context
from viewer.commands.volume import why_no_opengl
from viewer.model.volume import Latest, Volume
from viewer.model.volume_grid import BUDGET_VOXELS
from viewer.model.volume_reslice import BLUR_NOTE
from viewer.views import parts, theme
from viewer.views.command_widgets import CommandButton, Refresher, state_signals
from viewer.views.volume_canvas import VolumeCanvas
from viewer.views.volume_pictures import Picture

KIND_BUTTONS = (("volume.mip", "Projection"), ("volume.shaded", "Volume"), ("volume.reslice", "Reslice"))
DIRECTION_BUTTONS = (("volume.front", "Front"), ("volume.side", "Side"), ("volume.top", "Above"))
UNCALIBRATED = "The file states no spacing: proportions and depth are a guess."


class VolumeView(QWidget):
    """One tomosynthesis volume in three dimensions.

    Attributes
    ----------
    canvas : the picture.
    title, quality, engine : labels above and under it.
    buttons : by command id.
    """

    def __init__(self, context: Context, latest: Latest, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._model = context, context.session.volume
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("3D view panel")
        self.buttons: dict[str, CommandButton] = {}
        self.title = parts.ElidedLabel(font=theme.heading_font(), parent=self)
        self.badge = parts.Label("", "warning", theme.caption_font(), self)
        self.canvas = VolumeCanvas(context, latest, self)
        self.quality = parts.caption(wrap=True)
        self.engine = parts.caption(wrap=True)
        self.progress = parts.ProgressLine(self)
        self._build()
        signals = (self._model.changed, self._model.status_changed, *state_signals(context))
        self._refresher = Refresher(self, signals, self.refresh)
        self.canvas.painted.connect(self._refresher.schedule)
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._title_row())
        column.addLayout(self._button_row())
        column.addWidget(self.progress)
        column.addWidget(self.canvas, 1)
        notes = QVBoxLayout()
        notes.setContentsMargins(8, 4, 8, 4)
        notes.setSpacing(4)
        notes.addWidget(self.quality)
        engine = QHBoxLayout()
        engine.setSpacing(4)
        engine.addWidget(self.engine, 1)
        engine.addWidget(self._button("volume.opengl", "Use OpenGL"))
        notes.addLayout(engine)
        column.addLayout(notes)

    def _title_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 4, 0)
        row.setSpacing(8)
        row.addWidget(self.title, 1)
        row.addWidget(self.badge)
        close = self._button("volume.toggle", None)
        close.dress("x")
        close.setAccessibleName("Close the 3D view")
        close.setFixedWidth(theme.CONTROL_HEIGHT)
        close.setCheckable(False)
        row.addWidget(close)
        return row

    def _button_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 4, 4)
        row.setSpacing(2)
        for group in (KIND_BUTTONS, DIRECTION_BUTTONS):
            for command_id, text in group:
                row.addWidget(self._button(command_id, text))
            if group is KIND_BUTTONS:
                row.addStretch(1)
        return row

    def _button(self, command_id: str, text: str | None) -> CommandButton:
        button = CommandButton(self._context, command_id, self, text=text)
        self.buttons[command_id] = button
        return button

    # -- what is shown -------------------------------------------------------------------------------------------
    def show_volume(self, volume: Volume | None) -> None:
        """Show another volume, or that it is being read."""
        self.canvas.show_volume(volume)
        self.refresh()

    @property
    def picture(self) -> Picture | None:
        """The newest picture."""
        return self.canvas.picture

    def refresh(self) -> None:
        """Show the present state."""
        for button in self.buttons.values():
            button.refresh()
        model, session = self._model, self._context.session
        image = session.image(model.sop_uid)
        self.title.setText("No tomosynthesis here" if image is None else f"{image.label} {image.modality} in 3D")
        entry = session.results.get(model.sop_uid)
        badges = (
            "SIMULATED" if image is not None and image.simulated else "",
            "UNTRAINED" if entry is not None and entry.untrained and entry.saliency is not None else "",
        )
        self.badge.setText("  ".join(badge for badge in badges if badge))
        self.quality.setText(self._quality())
        self.engine.setText(self._engine())
        self.buttons["volume.opengl"].setVisible(model.engine.kind == "software" and model.kind != "reslice")
        done, total = model.progress
        self.progress.setVisible(0 < done < total)
        self.progress.set_progress(done, total)

    def _quality(self) -> str:
        """Say what the picture is worth."""
        volume = self.canvas.volume
        if volume is None:
            return BLUR_NOTE
        grid, image = volume.grid, volume.image
        z, y, x = grid.spacing
        reduced = grid.shape[0] * grid.shape[1] * grid.shape[2] < image.frames * image.rows * image.columns
        voxels = f"Voxels {x:.2f} x {y:.2f} x {z:.2g} mm"
        voxels += f", reduced to {BUDGET_VOXELS >> 20} million." if reduced else ", as stored."
        return " ".join((BLUR_NOTE, voxels if grid.calibrated else UNCALIBRATED))

    def _engine(self) -> str:
        """Say what paints."""
        model = self._model
        if model.kind == "reslice":
            return "Slices through the volume are computed without OpenGL."
        if model.uses_opengl:
            return f"Painted with OpenGL: {model.engine.text}."
        reason = why_no_opengl(model.engine) or ""
        return f"{reason[:1].upper()}{reason[1:]} Shown: the program's own projection."
