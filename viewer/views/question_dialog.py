"""Asks for side, view and orientation of an image whose header is silent or contradicts its pixels."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from gmic_core.exam.model import MammoImage
from gmic_core.types import Laterality
from viewer.model.answers import TURNS, VIEWS, Answer
from viewer.views import parts

SIDES = {Laterality.R: "Right (R)", Laterality.L: "Left (L)"}
TURN_TEXTS = dict(
    zip(
        TURNS,
        ("as it is shown now", "with left and right swapped (mirrored)", "turned by 180 degrees"),
        strict=True,
    )
)


class QuestionDialog(QDialog):
    """One image's questions with what the reader can answer; nothing is preselected that is not known."""

    def __init__(self, image: MammoImage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{image.label} {image.modality} - side, view and orientation")
        self.setMinimumWidth(520)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addWidget(parts.heading(f"Which breast is this, and how does it lie? ({image.label} {image.modality})"))
        for question in image.questions:
            column.addWidget(parts.caption(question, "", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        self.sides = self._side_buttons(image, grid)
        self.view = self._view_box(image, grid)
        self.turn = self._turn_box(grid)
        column.addLayout(grid)
        column.addWidget(
            parts.caption(
                "The answer is kept for this file and used for hanging and for the networks. Pixels are not changed.",
                wrap=True,
            )
        )
        column.addLayout(self._end_buttons())
        self._refresh()

    def _side_buttons(self, image: MammoImage, grid: QGridLayout) -> dict[Laterality, QRadioButton]:
        grid.addWidget(parts.caption("Side"), 0, 0)
        row, group = QHBoxLayout(), QButtonGroup(self)
        row.setSpacing(16)
        buttons = {}
        for side, text in SIDES.items():
            buttons[side] = button = QRadioButton(text, self)
            button.setChecked(image.laterality is side)
            button.toggled.connect(self._refresh)
            button.setToolTip("The patient's side")
            group.addButton(button)
            row.addWidget(button)
        row.addStretch(1)
        grid.addLayout(row, 0, 1)
        return buttons

    def _view_box(self, image: MammoImage, grid: QGridLayout) -> QComboBox:
        grid.addWidget(parts.caption("View"), 1, 0)
        box = QComboBox(self)
        box.setAccessibleName("View")
        box.setToolTip("The projection of the image")
        known = [image.view] if image.view is not None and image.view not in VIEWS else []
        box.addItems(["choose…", *known, *VIEWS])
        box.setCurrentIndex(max(box.findText(image.view or ""), 0))
        box.currentIndexChanged.connect(self._refresh)
        grid.addWidget(box, 1, 1)
        return box

    def _turn_box(self, grid: QGridLayout) -> QComboBox:
        grid.addWidget(parts.caption("Is upright"), 2, 0)
        box = QComboBox(self)
        box.setAccessibleName("How the image is upright")
        box.setToolTip("What has to be done for the nipple to point away from the chest wall, head up")
        box.addItem("choose…")
        for turn in TURNS:
            box.addItem(TURN_TEXTS[turn], turn)
        box.currentIndexChanged.connect(self._refresh)
        grid.addWidget(box, 2, 1)
        grid.setColumnStretch(1, 1)
        return box

    def _end_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch(1)
        cancel = QPushButton("Not now", self)
        cancel.setToolTip("Leave the question open; AI does not read the image until it is answered")
        cancel.clicked.connect(self.reject)
        self.confirm = QPushButton("Use this answer", self)
        self.confirm.setDefault(True)
        self.confirm.clicked.connect(self.accept)
        row.addWidget(cancel)
        row.addWidget(self.confirm)
        return row

    def _refresh(self) -> None:
        if not hasattr(self, "confirm"):
            return  # called while the dialog is being built
        missing = self._missing()
        self.confirm.setEnabled(not missing)
        reason = f"Not available: choose {missing} first." if missing else ""
        self.confirm.setToolTip(reason or "Keep the answer, and hang and read the image by it")
        self.confirm.setAccessibleDescription(reason)

    def _missing(self) -> str:
        absent = []
        if not any(button.isChecked() for button in self.sides.values()):
            absent.append("the side")
        if self.view.currentIndex() == 0:
            absent.append("the view")
        if self.turn.currentIndex() == 0:
            absent.append("how it is upright")
        return " and ".join(absent)

    @property
    def answer(self) -> Answer:
        """What was chosen."""
        side = next(side for side, button in self.sides.items() if button.isChecked())
        return Answer(side, self.view.currentText(), self.turn.currentData())
