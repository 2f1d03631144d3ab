"""The table of a comparison: a row per image, label and class with all figures, and the picture of the chosen row."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QImage, QKeyEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QTableView, QVBoxLayout, QWidget

from gmic_core.comparison.batch import Row
from gmic_core.comparison.report import WORDS
from gmic_core.comparison.tables import COLUMNS
from gmic_core.types import CLASSES, Finding
from viewer.commands import Context, run
from viewer.model.compared_rows import shown_names, shown_rows
from viewer.model.comparing import Shown
from viewer.views import parts, theme
from viewer.views.command_widgets import CommandButton
from viewer.views.text_table import Column, Index, alignment, dress, number

IMAGE_WIDTH, LABEL_WIDTH, CLASS_WIDTH = 200, 56, 84
ORDER_WIDTH = 152
WIDE = 720
"""From this width on there is room for the picture, px."""
PICTURE = 264
"""Longest edge of the picture, px; it is made with 260."""
TYPING_MS = 150
NO_PICTURE = "No lesion of this class is drawn on the image, so there is no figure and no picture."
LEGEND = "White: lesions. Light blue: saliency at or above the image's best threshold. Projected along the slices."
EMPTY = "Choose results and segmentations above, then Compare."


def _columns() -> tuple[Column, ...]:
    found = [Column("image"), Column("label", number=True), Column("class")]
    for name in COLUMNS[3:]:
        words = WORDS[name.removesuffix("_3d")]
        where = ", all slices" if name.endswith("_3d") else ", projected along the slices"
        found.append(Column(name, f"{words}{where}. Click to sort; S in the table sorts by the column.", True))
    return tuple(found)


class RowTable(QAbstractTableModel):
    """Rows with their sixteen figures.

    Attributes
    ----------
    rows : (row, figures), as shown.
    names : what images are called now.
    """

    columns = _columns()

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[Row, dict[str, float]]] = []
        self.names: dict[str, str] = {}
        self._order = ("", "")

    def set_rows(self, rows: list[tuple[Row, dict[str, float]]], names: dict[str, str], shown: Shown) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows, self.names = rows, names
        self._order = (shown.column, "\N{DOWNWARDS ARROW}" if shown.descending else "\N{UPWARDS ARROW}")
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of rows."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns: those of metrics.csv."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | Qt.AlignmentFlag | None:
        """Return heading, explanation and alignment of a column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        title = f"{column.title} {self._order[1]}" if column.title == self._order[0] else column.title
        texts = {Qt.ItemDataRole.DisplayRole: title, Qt.ItemDataRole.ToolTipRole: column.tip}
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return alignment(column)
        return texts.get(Qt.ItemDataRole(role)) or None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, tooltip, alignment and colour of a cell."""
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        (row, figures), column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return alignment(self.columns[column])
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.color(theme.SECONDARY if column in (1, 2) else theme.TEXT)
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        full = role != Qt.ItemDataRole.DisplayRole
        text = self._text(row, figures, column, full=full)
        return f"{self.columns[column].title}: {text}" if full else text

    def _text(self, row: Row, figures: dict[str, float], column: int, *, full: bool) -> str:
        if column < 3:
            return (self.names[row.image], "all" if row.label is None else str(row.label), CLASSES[row.finding])[column]
        value = figures[COLUMNS[column]]
        return "does not exist here" if full and value != value else f"{value:.9g}" if full else number(value)


class RowView(QTableView):
    """Enter and double click open the image, a click on a heading or S sorts by the column."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.rows = RowTable()
        self.setModel(self.rows)
        tip = "A row per image, label and class. Enter or a double click opens the image, S sorts by the column."
        dress(self, "Compared images", tip)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        head = self.horizontalHeader()
        head.setSectionsClickable(True)
        head.sectionClicked.connect(self.sort_by)
        self.doubleClicked.connect(self._open)

    def fit(self) -> None:
        """Make columns as wide as their headings and numbers."""
        head = self.horizontalHeader()
        for column, width in enumerate((IMAGE_WIDTH, LABEL_WIDTH, CLASS_WIDTH)):
            head.resizeSection(column, max(width, head.sectionSizeHint(column)))
        for column in range(3, len(self.rows.columns)):
            head.resizeSection(column, head.sectionSizeHint(column) + theme.ICON_SIZE)

    def sort_by(self, section: int) -> None:
        """Sort by a column; once more: the other way round."""
        shown, name = self._context.session.comparing.shown, COLUMNS[section]
        run("compare.sort", self._context, name, shown.column == name and not shown.descending)

    def _open(self, _index: QModelIndex) -> None:
        run("compare.open_image", self._context)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, S sorts; the rest moves the selection."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._open(self.currentIndex())
        elif event.key() == Qt.Key.Key_S and not event.modifiers() and self.currentIndex().isValid():
            self.sort_by(self.currentIndex().column())
        else:
            super().keyPressEvent(event)


class RowsPage(QWidget):
    """Filter line, table, picture of the chosen row.

    Attributes
    ----------
    view : the table.
    field, finding, order : words, class and column that it follows.
    picture, name, about : of the chosen row.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._comparing = context, context.session.comparing
        self.view = RowView(context, self)
        self.field, self.finding, self.order = QLineEdit(self), QComboBox(self), QComboBox(self)
        self.count = parts.caption()
        self.buttons = [
            CommandButton(context, "compare.turn", self, text="Descending"),
            CommandButton(context, "compare.per_label", self, text="Per label"),
            CommandButton(context, "compare.open_image", self, text="Open image", with_icon=True),
        ]
        self.picture, self.about = parts.Label("", "secondary"), parts.caption("", "", wrap=True)
        self.name = parts.ElidedLabel("", "", theme.caption_font())
        self.side = QWidget(self)
        self.side.setFixedWidth(PICTURE)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self._narrow)
        self._dress()
        self._build()
        self.view.selectionModel().currentRowChanged.connect(self._chosen)
        context.session.identity_changed.connect(self.forget_words)

    def _dress(self) -> None:
        self.field.setPlaceholderText("Image")
        self.field.setAccessibleName("Words in the image's name")
        self.field.setToolTip("Images with these words in their name; several words must all occur.")
        self.field.textEdited.connect(lambda _text: self._typing.start())
        self.field.returnPressed.connect(self._narrow)
        for text, finding in (("Both classes", None), ("Malignant", Finding.MALIGNANT), ("Benign", Finding.BENIGN)):
            self.finding.addItem(text, finding)
        self.finding.setAccessibleName("Class")
        self.finding.setToolTip("Rows of this class.")
        self.finding.currentIndexChanged.connect(self._narrow)
        self.order.addItem("As compared", "")
        for name in COLUMNS:
            self.order.addItem(f"By {name}", name)
        self.order.setFixedWidth(ORDER_WIDTH)
        self.order.view().setMinimumWidth(self.order.view().sizeHintForColumn(0) + 24)
        self.order.setAccessibleName("Order")
        self.order.setToolTip("Sort the table; what does not exist stands last.")
        self.order.currentIndexChanged.connect(self._sort)
        for button in self.buttons:
            button.setProperty("filled", True)
        self.picture.setFixedSize(PICTURE, PICTURE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setWordWrap(True)
        self.picture.setAccessibleName("Picture of the chosen image")

    def _build(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(8)
        self.field.setMinimumWidth(64)
        self.field.setMaximumWidth(200)
        for widget in (self.field, self.finding, self.order, *self.buttons[:2]):
            line.addWidget(widget)
        line.addWidget(self.count)
        line.addStretch(1)
        side = QVBoxLayout(self.side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(8)
        side.addWidget(self.picture)
        side.addWidget(self.name)
        side.addWidget(self.about)
        side.addWidget(self.buttons[2])
        side.addStretch(1)
        body = QHBoxLayout()
        body.setSpacing(12)
        body.addWidget(self.view, 1)
        body.addWidget(self.side)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        column.addLayout(line)
        column.addLayout(body, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the picture out where the table needs the room."""
        super().resizeEvent(event)
        self.side.setVisible(self.width() >= WIDE)

    # -- what the reader does ------------------------------------------------------------------------------------
    def forget_words(self, hidden: bool) -> None:
        """Identity is hidden: what was typed may be a patient's name."""
        if hidden:
            self.field.clear()
            self._comparing.show(text="")

    def _narrow(self) -> None:
        self._typing.stop()
        run("compare.filter", self._context, self.field.text().strip(), self.finding.currentData())

    def _sort(self) -> None:
        run("compare.sort", self._context, self.order.currentData(), self._comparing.shown.descending)

    def _chosen(self, index: QModelIndex, _before: QModelIndex) -> None:
        self._comparing.chosen = self.view.rows.rows[index.row()][0] if index.isValid() else None
        self._show_picture()
        self.buttons[2].refresh()

    # -- what is shown -------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the rows as they are to be shown now; the chosen one stays chosen."""
        found, shown, hidden = self._comparing.found, self._comparing.shown, self._context.session.identity_hidden
        chosen = self._comparing.chosen
        names = shown_names(found, hidden=hidden) if found is not None else {}
        rows = shown_rows(found, shown, names) if found is not None else []
        self.view.rows.set_rows(rows, names, shown)
        self.view.fit()
        of = 0 if found is None else len(found.batch.labels if shown.per_label else found.batch.images)
        self.count.setText("" if found is None else f"{len(rows)} rows" if len(rows) == of else f"{len(rows)} of {of}")
        place = next((k for k, (row, _) in enumerate(rows) if row is chosen), 0)
        self._comparing.chosen = None
        if rows:
            self.view.selectRow(place)
        self._show_order()
        self._show_picture()
        for button in self.buttons:
            button.refresh()

    def _show_order(self) -> None:
        with QSignalBlocker(self.order):
            self.order.setCurrentIndex(max(self.order.findData(self._comparing.shown.column), 0))

    def _show_picture(self) -> None:
        found, row = self._comparing.found, self._comparing.chosen
        self.picture.setPixmap(QPixmap())
        if found is None or row is None:
            waiting = found is None and self._comparing.work is None
            self.picture.setText(EMPTY if waiting else "")
            self.name.setText("")
            self.about.setText("")
            return
        key = (row.image, row.finding)
        png = next((p.png for p in found.batch.pictures if (p.row.image, p.row.finding) == key), None)
        name = self.view.rows.names[row.image]
        label = "all labels" if row.label is None else f"label {row.label}"
        about = f"{label.capitalize()}, {CLASSES[row.finding]}."
        self.name.setText(name)
        self.picture.setAccessibleDescription(f"{name}. {about}")
        if png is None:
            self.picture.setText(NO_PICTURE)
            self.about.setText(about)
            return
        self.picture.setPixmap(QPixmap.fromImage(QImage.fromData(png)))
        m = row.measures
        figures = f"DSC {number(m.dice_max)} at {number(m.dice_max_threshold)}, soft {number(m.dice_soft)}, "
        self.about.setText(f"{about} {figures}PxAP {number(m.pxap)}.\n{LEGEND}")
