"""Tables of BCS-DBT: a submission scored against boxes, and results handed in as a submission."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gmic_core.comparison.folder import HIT_RULE
from viewer.commands import Context, run
from viewer.commands.requests import ComparedFile
from viewer.views import dialogs, parts
from viewer.views.command_widgets import CommandButton
from viewer.views.compare_detection import FrocPage
from viewer.views.froc_plot import Curve
from viewer.views.text_table import Column

COLUMNS = (
    Column("candidates"),
    Column("FAUC-1", "Area under the curve, a staircase, up to one false positive per volume.", True),
    Column("at 0.5", "Sensitivity at 0.5 false positives per volume.", True),
    Column("at 1", "Sensitivity at 1 false positive per volume.", True),
    Column("boxes", "Boxes of the table.", True),
    Column("volumes", "Volumes that either table names.", True),
)
RULE = f"Hit: {HIT_RULE} The middle of a predicted box counts; boxes of both classes are lesions."
FILES: tuple[tuple[ComparedFile, str, str], ...] = (
    ("submission", "Submission", "Predictions: PatientID, StudyUID, View, X, Width, Y, Height, Z, Depth, Score"),
    ("boxes", "Boxes", "The truth, with or without the column VolumeSlices"),
    ("paths", "File paths", "Names the volumes of the results folder above; needed to export"),
)


class SubmissionPage(QWidget):
    """Files at the top, the curve below.

    Attributes
    ----------
    slices : of volumes of which no table says it.
    buttons : what can be done.
    page : the curve.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._names: dict[str, parts.ElidedLabel] = {}
        self.slices = QLineEdit(self)
        self.slices.setValidator(QIntValidator(0, 1000, self.slices))
        self.slices.setPlaceholderText("not known")
        self.slices.setFixedWidth(96)
        self.slices.setAccessibleName("Slices of volumes of which no table says it")
        self.slices.setToolTip("Slices of every volume of which no table says it; without them a hit cannot be told")
        self.slices.textEdited.connect(lambda text: run("compare.set_slices", context, int(text or 0)))
        self.buttons = [
            CommandButton(context, "compare.score", self, text="Score", with_icon=True),
            CommandButton(context, "compare.peaks", self, text="Peaks"),
            CommandButton(context, "compare.export", self, text="Export results", with_icon=True),
        ]
        self.page = FrocPage(COLUMNS, RULE, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._files())
        column.addLayout(self._line())
        column.addWidget(self.page, 1)

    def _files(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for row, (what, title, hint) in enumerate(FILES):
            self._names[what] = parts.ElidedLabel(hint, "secondary")
            choose = dialogs.button(
                "Choose",
                partial(run, "compare.choose_table", self._context, what),
                f"Choose the table: {title.lower()}",
            )
            choose.setAccessibleName(f"Choose table: {title.lower()}")
            grid.addWidget(parts.Label(title), row, 0)
            grid.addWidget(self._names[what], row, 1)
            grid.addWidget(choose, row, 2)
        grid.setColumnStretch(1, 1)
        return grid

    def _line(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(parts.Label("Slices where no table says it", "secondary"))
        row.addWidget(self.slices)
        row.addStretch(1)
        for button in self.buttons:
            button.setProperty("filled", True)
            row.addWidget(button)
        return row

    def refresh(self) -> None:
        """Show the chosen files and the curve."""
        comparing = self._context.session.comparing
        for what, _, hint in FILES:
            path = getattr(comparing.tables, what)
            self._names[what].setText(hint if path is None else path.name)
            self._names[what].set_look("secondary" if path is None else "")
        if int(self.slices.text() or 0) != comparing.tables.slices:
            self.slices.setText(str(comparing.tables.slices or ""))
        scored = comparing.scored
        entries = [("submission", Curve("submission", scored.froc, None, unit="volume"), "")] if scored else []
        self.page.show_curves(list(entries), "\n".join(scored.notes) if scored else "")
        if scored is None:
            self.page.readout.setText("Choose a submission and a table of boxes, then Score.")
        self.page.note.set_look("warning" if scored and len(scored.notes) > 1 else "secondary")
        for button in self.buttons:
            button.refresh()
