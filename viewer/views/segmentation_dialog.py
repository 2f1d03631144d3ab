"""Asks where a segmentation lies whose place in space does not say it: both geometries, and pictures of each way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gmic_core.segmentation.geometry import Reorder, VolumeGeometry
from viewer.model.annotation.place import Candidate, image_geometry
from viewer.views import parts

Preview = Callable[[Candidate, Reorder], QImage | None]
PICTURE = 132
COLUMNS = 4


class SegmentationDialog(QDialog):
    """One file's question; nothing is chosen beforehand where the annotator has to look.

    Parameters
    ----------
    name : of the file, as it may be shown.
    candidates : images that the file fits, the likeliest first.
    preview : returns a picture of an image with the segmentation laid on it in some way, None: there is none yet.

    Attributes
    ----------
    options : the ways that are offered, with their buttons.
    doubt : why it is asked, in a sentence.
    """

    def __init__(
        self,
        name: str,
        doubt: str,
        geometry: VolumeGeometry,
        candidates: Sequence[Candidate],
        preview: Preview,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{name} - where does it lie?")
        self.setMinimumWidth(640)
        self.options: list[tuple[Candidate, Reorder, QRadioButton]] = []
        self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addWidget(parts.heading("On which image does this segmentation lie, and how?"))
        self.doubt = doubt or _doubt(candidates)
        column.addWidget(parts.caption(self.doubt, "", wrap=True))
        column.addLayout(_both(geometry, candidates))
        column.addWidget(self._choices(candidates, preview), 1)
        column.addWidget(parts.caption("The file is not changed by the answer.", wrap=True))
        column.addLayout(self._end_buttons())
        self._refresh()

    def _choices(self, candidates: Sequence[Candidate], preview: Preview) -> QScrollArea:
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setSpacing(12)
        offered = [
            (candidate, order)
            for candidate in candidates
            for order in ((candidate.match.order,) if candidate.match.order is not None else candidate.match.choices)
        ]
        for number, (candidate, order) in enumerate(offered):
            cell = QVBoxLayout()
            picture = preview(candidate, order)
            shown = parts.Label("", "secondary")
            shown.setFixedSize(PICTURE, PICTURE)
            shown.setAlignment(Qt.AlignmentFlag.AlignCenter)
            if picture is not None:
                shown.setPixmap(QPixmap.fromImage(picture))
            else:
                shown.setText("no picture yet")
            button = QRadioButton(f"{candidate.image.label} {candidate.image.modality}\n{order.describe()}")
            button.setToolTip("Lay the segmentation on the image in this way")
            button.toggled.connect(self._refresh)
            self._group.addButton(button)
            self.options.append((candidate, order, button))
            cell.addWidget(shown)
            cell.addWidget(button)
            grid.addLayout(cell, number // COLUMNS, number % COLUMNS)
        area = QScrollArea(self)
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setMinimumHeight(PICTURE + 64)
        return area

    def _end_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch(1)
        cancel = QPushButton("Do not use it", self)
        cancel.setToolTip("Leave the segmentation off the images")
        cancel.clicked.connect(self.reject)
        self.confirm = QPushButton("Lay it like this", self)
        self.confirm.setDefault(True)
        self.confirm.clicked.connect(self.accept)
        row.addWidget(cancel)
        row.addWidget(self.confirm)
        return row

    def _refresh(self) -> None:
        if not hasattr(self, "confirm"):
            return  # called while the dialog is being built
        chosen = self._group.checkedButton() is not None
        self.confirm.setEnabled(chosen)
        reason = "" if chosen else "Not available: choose a picture on which the segmentation lies right."
        self.confirm.setToolTip(reason or "Use the segmentation as in the chosen picture")
        self.confirm.setAccessibleDescription(reason)

    @property
    def answer(self) -> tuple[Candidate, Reorder]:
        """What was chosen."""
        return next((candidate, order) for candidate, order, button in self.options if button.isChecked())


def _doubt(candidates: Sequence[Candidate]) -> str:
    """Return why it is asked; both geometries, which the match's question tells too, stand below."""
    if all(candidate.match.order is None for candidate in candidates):
        return candidates[0].match.question.partition(" Segmentation: ")[0]
    return "More than one image fits."


def _both(geometry: VolumeGeometry, candidates: Sequence[Candidate]) -> QGridLayout:
    """Return both geometries, one under the other."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(4)
    rows = [("Segmentation", geometry.describe())]
    rows += [
        (f"{candidate.image.label} {candidate.image.modality}", image_geometry(candidate.image).describe())
        for candidate in candidates[:COLUMNS]
    ]
    for number, (title, text) in enumerate(rows):
        grid.addWidget(parts.caption(title), number, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(parts.caption(text, "", wrap=True), number, 1)
    grid.setColumnStretch(1, 1)
    return grid
