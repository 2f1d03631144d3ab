"""The panel of annotation mode: the file, the tools, the brush, labels and lesions of the active image."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from viewer.commands import COMMANDS, Context, run
from viewer.commands.annotation import TOOLS, active_segmentation
from viewer.model.annotation.brush import SIZES_MM
from viewer.model.annotation.linked_outlines import linked_text
from viewer.model.annotation.settings import CLEAR
from viewer.views import parts, theme
from viewer.views.annotation_lists import LabelList, LesionList
from viewer.views.command_widgets import CommandButton, KeepKeys, Refresher, state_signals
from viewer.views.lesion_note import LesionNote
from viewer.views.overlay_controls import ValueSlider

PANEL_WIDTH = 268
OVER_ALL = "everything"
KEPT = "Every stroke is kept on this computer."


class BrushSlider(QSlider):
    """The sizes of the brush, as the keys step through them."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._context = context
        self.setObjectName("annotate.brush_mm")
        self.setRange(0, len(SIZES_MM) - 1)
        self.setPageStep(3)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Brush size")
        KeepKeys(self)
        self.valueChanged.connect(lambda position: run("annotate.brush_mm", context, SIZES_MM[position]))

    def refresh(self) -> None:
        """Show the size that is in force."""
        size = self._context.session.annotation.settings.brush.size_mm
        entry = COMMANDS["annotate.brush_mm"]
        with QSignalBlocker(self):
            self.setValue(min(range(len(SIZES_MM)), key=lambda k: abs(SIZES_MM[k] - size)))
        self.setEnabled(entry.why_disabled(self._context) is None)
        self.setToolTip(entry.tooltip_now(self._context))
        reason = entry.why_disabled(self._context)
        self.setAccessibleDescription(f"{size:g} mm" if reason is None else f"Not available: {reason}")


class AnnotationPanel(QWidget):
    """Everything about the segmentation of the active image; shown in annotation mode.

    Attributes
    ----------
    labels, lesions : the two lists.
    note : the note on the chosen lesion.
    file, keeping : which file it is, and how far it is safe.
    sections : the column of everything in it, the lesions last.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setObjectName("panel")
        self.setProperty("edge", "left")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Annotation panel")
        self.setMinimumWidth(PANEL_WIDTH)
        self.buttons: dict[str, CommandButton] = {}
        self.file = parts.ElidedLabel(tone="secondary", font=theme.caption_font())
        self.keeping = parts.caption("", wrap=True)
        self.brush = BrushSlider(context)
        self.size_text = parts.caption("")
        self.opacity = ValueSlider(context, "annotate.opacity")
        self.over = QComboBox()
        self.labels, self.lesions = LabelList(context), LesionList(context)
        self.note = LesionNote(context)
        self.lesions.note_wanted.connect(lambda: self.note.setFocus(Qt.FocusReason.ShortcutFocusReason))
        self.note.done.connect(self.lesions.setFocus)
        self.none = parts.caption("", wrap=True)
        self.sections = QVBoxLayout()
        self._build()
        session = context.session
        annotation = session.annotation
        signals = (
            *state_signals(context), annotation.named, annotation.lesions_changed, annotation.keeping_changed,
            annotation.projected, session.measuring.classes_changed, session.measuring.shown_changed,
        )  # fmt: skip
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Return the usual width."""
        return QSize(PANEL_WIDTH, 600)

    # -- building ------------------------------------------------------------------------------------------------
    def _build(self) -> None:
        inside = QWidget()
        column = self.sections
        inside.setLayout(column)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addLayout(self._head())
        column.addWidget(self.file)
        column.addWidget(self.keeping)
        column.addWidget(parts.hairline())
        column.addLayout(self._tools())
        column.addLayout(self._brush())
        column.addWidget(parts.hairline())
        column.addLayout(self._heading("Labels", "annotate.visible", "annotate.new_label"))
        column.addWidget(self.labels)
        column.addLayout(self._looks())
        column.addWidget(parts.hairline())
        column.addLayout(self._heading("Lesions", "measure.toggle", "annotate.interpolate", "annotate.save_lesions"))
        column.addWidget(self.lesions)
        column.addWidget(self.note)
        column.addWidget(self.none)
        column.addStretch(1)
        parts.fill_scrolling(self, inside)

    def _button(self, command_id: str, text: str | None = None) -> CommandButton:
        button = CommandButton(self._context, command_id, self, text=text)
        if text is None and button.command.icon:
            button.setFixedWidth(theme.CONTROL_HEIGHT)
        self.buttons[command_id] = button
        return button

    def _heading(self, title: str, *command_ids: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(parts.heading(title))
        row.addStretch(1)
        for command_id in command_ids:
            row.addWidget(self._button(command_id))
        return row

    def _head(self) -> QHBoxLayout:
        ids = ("annotate.open", "annotate.save", "annotate.unload", "edit.undo", "edit.redo")
        return self._heading("Segmentation", *ids)

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        for tool in TOOLS:
            row.addWidget(self._button(f"annotate.tool_{tool.name}"))
        row.addStretch(1)
        return row

    def _brush(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.addWidget(parts.caption("Brush"), 0, 0)
        grid.addWidget(self.brush, 0, 1)
        self.size_text.setMinimumWidth(44)
        self.size_text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(self.size_text, 0, 2)
        switches = QHBoxLayout()
        switches.setSpacing(4)
        switches.addWidget(self._button("annotate.deep", "3D"))
        switches.addWidget(self._button("annotate.square", "Square"))
        switches.addStretch(1)
        grid.addLayout(switches, 1, 1, 1, 2)
        grid.addWidget(parts.caption("Paint over"), 2, 0)
        self.over.setObjectName("annotate.over")
        self.over.setAccessibleName("Paint over")
        self.over.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.over.activated.connect(lambda row: run("annotate.over", self._context, self.over.itemData(row)))
        KeepKeys(self.over)
        grid.addWidget(self.over, 2, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        return grid

    def _looks(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._button("annotate.fill", "Fill"))
        row.addWidget(self._button("annotate.linked", "Linked"))
        row.addWidget(self.opacity, 1)
        return row

    # -- showing -------------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the present state; nothing while the panel is hidden."""
        annotation = self._context.session.annotation
        self.brush.refresh()
        self.opacity.show_value(annotation.settings.opacity)
        self._refresh_over()
        if not annotation.on:
            return
        for button in self.buttons.values():
            button.refresh()
        settings = annotation.settings
        self._refresh_file()
        self.size_text.setText(f"{settings.brush.size_mm:g} mm")
        self.labels.fill()
        count = self.lesions.fill()
        self.lesions.setVisible(count > 0)
        self.note.setVisible(count > 0)
        self.note.refresh()
        self.none.setVisible(count == 0)
        found = active_segmentation(self._context)
        listing = found is not None and found.map.counts and found.lesions_revision < 0
        self.none.setText("Lesions are being listed…" if listing else "No lesion on this image.")

    def _refresh_file(self) -> None:
        session = self._context.session
        found, image = active_segmentation(self._context), session.active_image
        where = f"{image.label} {image.modality}" if image is not None else ""
        linked = linked_text(session, image) if image is not None else ""
        if found is None:
            self.file.setText(f"{where}: none yet - paint, or drop a label map" if where else "")
            self.keeping.setText(linked)
            return
        path = found.origin.path
        name = "not in a file yet" if path is None else "in a file" if session.identity_hidden else path.name
        self.file.setText(f"{where}: {name}{', changed' if found.unsaved and path is not None else ''}")
        kept = session.annotation.keeping or KEPT
        self.keeping.setText("\n".join((kept, *([linked] if linked else []), *found.notes)))

    def _refresh_over(self) -> None:
        found, settings = active_segmentation(self._context), self._context.session.annotation.settings
        rows: list[tuple[str, int | None]] = [(OVER_ALL, None), ("what is clear", CLEAR)]
        rows += [(f"{entry.index}  {entry.name}", entry.index) for entry in (found.labels if found else [])]
        if settings.over not in [value for _, value in rows]:
            rows.append((f"label {settings.over}", settings.over))
        with QSignalBlocker(self.over):
            self.over.clear()
            for text, value in rows:
                self.over.addItem(text, value)
            self.over.setCurrentIndex([value for _, value in rows].index(settings.over))
        entry = COMMANDS["annotate.over"]
        reason = entry.why_disabled(self._context)
        self.over.setEnabled(reason is None)
        self.over.setToolTip(entry.tooltip_now(self._context))
        self.over.setAccessibleDescription("" if reason is None else f"Not available: {reason}")
