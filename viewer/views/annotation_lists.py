"""The two lists of the annotation panel: labels with colour, name and visibility; lesions with their sizes."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QMouseEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from gmic_core.segmentation.label_descriptions import LabelDescription
from gmic_core.types import CLASSES, Finding
from viewer.commands import Context, run
from viewer.commands.annotation import active_segmentation
from viewer.commands.measuring import class_after, class_word
from viewer.model.annotation.lesion_list import LesionRow
from viewer.model.annotation.place import voxel_mm
from viewer.views import icons, theme
from viewer.views.command_widgets import KeepKeys
from viewer.views.overlay_controls import finding_color
from viewer.views.typing_keys import LISTED, KeepTyping

ENTRY = Qt.ItemDataRole.UserRole
LABEL_HEIGHT, LESION_HEIGHT, NOTE_HEIGHT = 26, 38, 15
SWATCH = 12
EYE_WIDTH = 24
CLASS_WIDTH = 22
"""Room for the square that tells the class of a label, left of the eye."""
CLASS = Qt.ItemDataRole.UserRole + 1
ROOM_AROUND = 8
"""What the style takes above and below the rows, px."""


def swatch(colour: tuple[int, int, int], ratio: float = 1.0) -> QPixmap:
    """Return a square of a label's colour."""
    picture = QPixmap(round(SWATCH * ratio), round(SWATCH * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(QColor(*colour))
    return picture


class PlainList(QListWidget):
    """A list without frame that keeps its arrow keys and takes as much height as its rows, up to a limit."""

    def __init__(self, name: str, row_height: int, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row_height, self._most = row_height, most
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        KeepKeys(self)
        KeepTyping(self, LISTED)

    def fit(self) -> None:
        """Take the height of the rows."""
        shown = range(min(self.count(), self._most))
        rows = sum(self.sizeHintForRow(row) for row in shown)
        self.setFixedHeight(max(rows, self._row_height) + ROOM_AROUND)

    def resize_to(self, count: int) -> None:
        """Have so many items."""
        while self.count() > count:
            self.takeItem(self.count() - 1)
        while self.count() < count:
            self.addItem(QListWidgetItem())


class LabelDelegate(QStyledItemDelegate):
    """At the right of each label the square of its class, and an eye: shown or hidden."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return the height of a row."""
        return QSize(0, LABEL_HEIGHT)

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        """Return the field for a name; Enter ends it and does not fill a polygon."""
        editor = super().createEditor(parent, option, index)
        KeepTyping(editor)
        return editor

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        """Let a long name end before the square."""
        super().initStyleOption(option, index)
        room = option.rect.width() - SWATCH - EYE_WIDTH - CLASS_WIDTH - 16
        option.text = option.fontMetrics.elidedText(option.text, Qt.TextElideMode.ElideRight, room)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint the row, the square and the eye."""
        super().paint(painter, option, index)
        entry = index.data(ENTRY)
        if isinstance(entry, LabelDescription):
            place, ratio = option.rect, painter.device().devicePixelRatioF()
            picture = icons.pixmap("eye" if entry.visible else "eye-off", ratio=ratio)
            painter.drawPixmap(place.right() - EYE_WIDTH + 4, place.top() + (place.height() - 16) // 2, picture)
            square = QRectF(place.right() - EYE_WIDTH - CLASS_WIDTH + 7.5, place.center().y() - 4.5, 10, 10)
            _paint_class(painter, square, index.data(CLASS))


def _paint_class(painter: QPainter, square: QRectF, word: object) -> None:
    """Paint what a label means: the colour of its class, or an empty square for what does not count."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    known = str(word) in CLASSES
    colour = finding_color(Finding(CLASSES.index(str(word)))) if known else theme.color(theme.OUTLINE)
    painter.setPen(QPen(colour, 1.0))
    painter.setBrush(colour if known else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(square, 2, 2)
    painter.restore()


class LabelList(PlainList):
    """Labels: a click chooses one, on its eye hides it, on its colour changes that; F2 or a double click names it."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("Labels", LABEL_HEIGHT, 6, parent)
        self._context = context
        self.setItemDelegate(LabelDelegate(self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setToolTip("Click: paint with it. Click the eye: show or hide. Click the colour: change it.\n"
                        "Click the square: malignant, benign or ignored.\n"
                        "Double click or F2: rename. Space: show or hide.")  # fmt: skip
        self.itemChanged.connect(self._renamed)
        self.currentItemChanged.connect(self._chosen)

    def fill(self) -> None:
        """Show the labels of the active image."""
        found, annotation = active_segmentation(self._context), self._context.session.annotation
        labels = found.labels if found is not None else []
        with QSignalBlocker(self):
            self.resize_to(len(labels))
            for number, entry in enumerate(labels):
                self._dress(self.item(number), entry, found.map.counts.get(entry.index, 0) if found else 0)
                if entry.index == annotation.settings.label:
                    self.setCurrentRow(number)
        self.fit()

    def _dress(self, item: QListWidgetItem, entry: LabelDescription, voxels: int) -> None:
        item.setData(ENTRY, entry)
        item.setText(f"{entry.index}  {entry.name}")
        item.setIcon(QIcon(swatch(entry.colour, self.devicePixelRatioF())))
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
        shown = "shown" if entry.visible else "hidden"
        meaning = class_word(self._class(entry))
        item.setData(CLASS, meaning)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"Label {entry.index} {entry.name}, {meaning}, {shown}")
        item.setToolTip(f"{entry.index}  {entry.name}\n{voxels:,} voxels, {shown}\nmeasured as {meaning}; "
                        "a click on the square changes that for this label of every image")  # fmt: skip
        item.setForeground(theme.color(theme.TEXT if entry.visible else theme.SECONDARY))

    def _entry(self, item: QListWidgetItem | None) -> LabelDescription | None:
        entry = item.data(ENTRY) if item is not None else None
        return entry if isinstance(entry, LabelDescription) else None

    def _class(self, entry: LabelDescription) -> Finding | None:
        """Return what a label means on the active image."""
        found, measuring = active_segmentation(self._context), self._context.session.measuring
        return measuring.classes_of(found).of(entry.index) if found is not None else None

    def _chosen(self, item: QListWidgetItem | None, _before: object) -> None:
        entry = self._entry(item)
        if entry is not None:
            run("annotate.label", self._context, entry.index)

    def _renamed(self, item: QListWidgetItem) -> None:
        entry = self._entry(item)
        if entry is not None:
            name = item.text().removeprefix(str(entry.index)).strip()
            run("annotate.describe", self._context, replace(entry, name=name))

    def _toggle(self, entry: LabelDescription) -> None:
        run("annotate.describe", self._context, replace(entry, visible=not entry.visible))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The eye and the colour do what they show; the rest chooses the label."""
        item = self.itemAt(event.position().toPoint())
        entry = self._entry(item)
        if entry is not None and event.button() == Qt.MouseButton.LeftButton:
            if event.position().x() >= self.viewport().width() - EYE_WIDTH:
                self._toggle(entry)
                return
            if event.position().x() >= self.viewport().width() - EYE_WIDTH - CLASS_WIDTH:
                run("measure.class_of", self._context, entry.index, class_after(self._class(entry)))
                return
            if event.position().x() < SWATCH + 10:
                self.ask_colour(entry)
                return
        super().mousePressEvent(event)

    def ask_colour(self, entry: LabelDescription) -> None:
        """Ask for another colour; nothing waits for the answer."""
        dialog = QColorDialog(QColor(*entry.colour), self)
        dialog.setWindowTitle(f"Colour of label {entry.index} {entry.name}")
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._colour(entry, colour))
        dialog.open()

    def _colour(self, entry: LabelDescription, colour: QColor) -> None:
        rgb = (colour.red(), colour.green(), colour.blue())
        run("annotate.describe", self._context, replace(entry, colour=rgb))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space shows or hides; F2 renames."""
        entry = self._entry(self.currentItem())
        if event.key() == Qt.Key.Key_Space and entry is not None:
            self._toggle(entry)
        else:
            super().keyPressEvent(event)


class LesionDelegate(QStyledItemDelegate):
    """Two lines: which lesion, and its size and slices; a third one for its note."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Return the height of a row."""
        return QSize(0, LESION_HEIGHT + (NOTE_HEIGHT if str(index.data()).count("\n") > 1 else 0))


class LesionList(PlainList):
    """Lesions of the active image; a click goes there, F2 writes a note.

    Signals
    -------
    note_wanted() : the annotator wants to write a note on the chosen lesion.
    """

    note_wanted = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("Lesions", LESION_HEIGHT, 8, parent)
        self._context = context
        self.setItemDelegate(LesionDelegate(self))
        self.setToolTip("A click or the arrow keys go to a lesion, at the slice where it is largest. F2: note.")
        self.itemClicked.connect(self._go)
        self.currentItemChanged.connect(self._chosen)

    def fill(self) -> int:
        """Show the lesions of the active image; return how many there are."""
        found, image = active_segmentation(self._context), self._context.session.active_image
        rows = found.lesions if found is not None else ()
        shown = self._context.session.annotation.shown_lesion
        with QSignalBlocker(self):
            self.resize_to(len(rows))
            for number, row in enumerate(rows):
                assert found is not None  # it has rows
                assert image is not None
                item, entry = self.item(number), found.name(row.label)
                size = row.size_text(voxel_mm(image), calibrated=image.spacing_mm is not None)
                where = f"   {row.slice_text()}" if image.frames > 1 else ""
                item.setData(ENTRY, row)
                note = found.note(row.id)
                item.setText(f"{row.id}  {entry.name}{where}\n{size}" + (f"\n{note}" if note else ""))
                item.setIcon(QIcon(swatch(entry.colour, self.devicePixelRatioF())))
                told = f"Lesion {row.id}, {entry.name}: {row.voxels:,} voxels{where}\n{size}"
                item.setToolTip(told + (f"\n{note}" if note else ""))
                if shown == (found.sop_uid, row.label, row.id):
                    self.setCurrentRow(number)
            if not any(shown == (found.sop_uid, row.label, row.id) for row in rows if found is not None):
                self.setCurrentRow(-1)
        self.fit()
        return len(rows)

    def _chosen(self, item: QListWidgetItem | None, _before: object) -> None:
        if item is not None:
            self._go(item)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """F2 writes a note."""
        if event.key() == Qt.Key.Key_F2 and self.currentItem() is not None:
            self.note_wanted.emit()
        else:
            super().keyPressEvent(event)

    def _go(self, item: QListWidgetItem) -> None:
        row = item.data(ENTRY)
        if isinstance(row, LesionRow):
            run("annotate.go_to_lesion", self._context, row)
