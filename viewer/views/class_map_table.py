"""The small table that says which label is benign, malignant, or does not count."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIntValidator, QKeyEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QHeaderView, QLineEdit, QTableWidget, QTableWidgetItem, QWidget
from PySide6.QtWidgets import QVBoxLayout as Column

from gmic_core.types import Finding
from viewer.commands import Context, run
from viewer.views import dialogs
from viewer.views.command_widgets import CommandButton
from viewer.views.text_table import dress

CHOICES: tuple[tuple[str, Finding | None], ...] = (
    ("Malignant", Finding.MALIGNANT),
    ("Benign", Finding.BENIGN),
    ("Ignore", None),
)
WIDTH, HEIGHT, ROW_HEIGHT = 288, 124, 28
MOST = 65_535


class ClassMapTable(QWidget):
    """Labels and their classes; Delete takes the chosen label out.

    Attributes
    ----------
    table : a row per label.
    number : the label to be added.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._comparing = context, context.session.comparing
        self._built: tuple[int, ...] | None = None
        self.table, self.number = QTableWidget(0, 2, self), QLineEdit(self)
        dress(self.table, "Classes of labels", "Which label is which class; Delete takes a label out")
        self.table.setHorizontalHeaderLabels(["label", "class"])
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().resizeSection(0, 72)
        self.table.setFixedHeight(HEIGHT)
        self.number.setValidator(QIntValidator(1, MOST, self.number))
        self.number.setPlaceholderText("Label")
        self.number.returnPressed.connect(self._add)
        self.number.setAccessibleName("Label")
        self.number.setToolTip("Number of the label to be added, 1 to 65535; Enter adds it")
        self.add = dialogs.button("Add", self._add, "Add the label at the left to the map as malignant")
        self.remove = dialogs.button("Remove", self._remove, "Take the chosen label out of the map (Delete)")
        self.files = [CommandButton(context, f"compare.{name}_map", self) for name in ("load", "save")]
        row = QHBoxLayout()
        row.setSpacing(4)
        for widget in (self.number, self.add, self.remove, *self.files):
            row.addWidget(widget)
        column = Column(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.table)
        column.addLayout(row)
        self.setFixedWidth(WIDTH)

    def refresh(self) -> None:
        """Show the map."""
        classes = self._comparing.classes
        if self._built != tuple(classes):
            self._built = tuple(classes)
            self.table.setRowCount(len(classes))
            for row, label in enumerate(classes):
                item = QTableWidgetItem(str(label))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, 0, item)
                self.table.setCellWidget(row, 1, self._choice(label))
        for row, finding in enumerate(classes.values()):
            box = self.table.cellWidget(row, 1)
            if isinstance(box, QComboBox):
                box.blockSignals(True)
                box.setCurrentIndex([choice for _, choice in CHOICES].index(finding))
                box.blockSignals(False)
        reason = "" if classes else "Not available: the map holds no label."
        self.remove.setEnabled(bool(classes))
        self.remove.setToolTip(reason or "Take the chosen label out of the map (Delete)")
        self.remove.setAccessibleDescription(reason)
        for button in self.files:
            button.refresh()

    def _choice(self, label: int) -> QComboBox:
        box = QComboBox(self.table)
        for text, finding in CHOICES:
            box.addItem(text, finding)
        box.setAccessibleName(f"Class of label {label}")
        box.setToolTip(f"What label {label} means; what is ignored counts as background")
        box.currentIndexChanged.connect(lambda at: run("compare.set_class", self._context, label, CHOICES[at][1]))
        return box

    def _add(self) -> None:
        if not self.number.hasAcceptableInput():
            self.number.setFocus()
            return
        label = int(self.number.text())
        self.number.clear()
        if label not in self._comparing.classes:
            run("compare.set_class", self._context, label, Finding.MALIGNANT)
        self.table.selectRow(list(self._comparing.classes).index(label))

    def _remove(self) -> None:
        row, labels = self.table.currentRow(), list(self._comparing.classes)
        if labels:
            run("compare.forget_label", self._context, labels[row] if 0 <= row < len(labels) else labels[-1])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete takes the chosen label out."""
        if event.key() == Qt.Key.Key_Delete:
            self._remove()
        else:
            super().keyPressEvent(event)
