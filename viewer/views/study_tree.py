"""The panel on the left: the worklist of exams, the images of each, the files that were not used."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QPushButton,
    QStackedLayout,
    QTreeView,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from gmic_core.exam.model import Exam
from viewer.commands import Context, run
from viewer.commands.table import with_keys
from viewer.views import parts, theme, tiles
from viewer.views.command_widgets import CommandButton, KeepKeys, Refresher
from viewer.views.marks_panel import MarksPanel
from viewer.views.menus import short_path
from viewer.views.study_delegate import THUMBNAIL, StudyDelegate
from viewer.views.study_model import DATA, EXAM, IMAGE, KIND, REJECTED, StudyModel

EMPTY_TEXT = "Drop a DICOM folder here, or press {file.open}"
RECENT_SHOWN = 5


class StudyList(QTreeView):
    """The list itself: exams fold, images drag, Enter and double click open."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._thumbnails: dict[str, tuple[tiles.TileKey, QPixmap]] = {}
        self._open = ""
        self.study_model = StudyModel(context.session)
        self.setModel(self.study_model)
        self.setItemDelegate(StudyDelegate(context.session, self.thumbnail, self))
        self.setAccessibleName("Exams and images")
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setMouseTracking(True)
        self.setUniformRowHeights(False)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setExpandsOnDoubleClick(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.clicked.connect(self._clicked)
        self.doubleClicked.connect(self.open_index)
        KeepKeys(self)

    def rebuild(self) -> None:
        """Take the exams of the session; the open exam is unfolded, the rejected files stay folded.

        Another exam than before comes into sight, and the one before folds: its images would push it out.
        """
        unfolded = {self._fold_key(index) for index in self._top_level() if self.isExpanded(index)}
        exam, before = self._context.session.exam, self._open
        self._open = _key(exam) if exam is not None else ""
        if self._open != before:
            unfolded.discard(before)
        self.study_model.rebuild()
        for index in self._top_level():
            is_open = index.data(DATA) is exam
            self.setExpanded(index, is_open or self._fold_key(index) in unfolded)
            if is_open and self._open != before:
                self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtTop)

    def _top_level(self) -> list[QModelIndex]:
        return [self.study_model.index(row, 0) for row in range(self.study_model.rowCount())]

    @staticmethod
    def _fold_key(index: QModelIndex) -> str:
        data = index.data(DATA)
        return _key(data) if isinstance(data, Exam) else str(index.data(KIND))

    def thumbnail(self, sop_uid: str) -> QPixmap | None:
        """Return the picture of an image of the open exam once one of its slices is decoded."""
        session = self._context.session
        image = session.image(sop_uid)
        if image is None:
            return None
        state = session.state_of(image)
        key = tiles.tile_key(state)
        kept = self._thumbnails.get(sop_uid)
        if kept is not None and kept[0] == key:
            return kept[1]
        middle = image.frames // 2
        loaded = sorted(self._context.frames.loaded(image), key=lambda index: abs(index - middle))
        pyramid = self._context.frames.get(image, loaded[0]) if loaded else None
        if pyramid is None:
            return kept[1] if kept else None
        ratio = self.devicePixelRatioF()
        size = THUMBNAIL * ratio
        picture = QPixmap.fromImage(tiles.thumbnail(state, pyramid, size.width(), size.height()))
        picture.setDevicePixelRatio(ratio)
        self._thumbnails[sop_uid] = (key, picture)
        return picture

    def forget_thumbnails(self) -> None:
        """Drop the pictures of the exam before."""
        self._thumbnails.clear()

    def open_index(self, index: QModelIndex) -> None:
        """Open the exam of a row, or show its image in the active viewport."""
        session, kind = self._context.session, index.data(KIND)
        if kind == REJECTED:
            self.setExpanded(index, not self.isExpanded(index))
        elif kind == EXAM:
            run("layout.open_exam", self._context, index.data(DATA))
        elif kind == IMAGE and index.parent().data(DATA) is session.exam:
            run("layout.put_image", self._context, None, index.data(DATA).sop_uid)
        elif kind == IMAGE:
            run("layout.open_exam", self._context, index.parent().data(DATA))

    def _clicked(self, index: QModelIndex) -> None:
        if not index.parent().isValid():
            self.setExpanded(index, not self.isExpanded(index))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens; Left and Right fold; the rest moves the selection."""
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and index.isValid():
            self.open_index(index)
        else:
            super().keyPressEvent(event)


def _key(exam: Exam) -> str:
    """Return what an exam is known by: files of two patients may state one study."""
    return f"{exam.patient_id}\n{exam.study_uid}"


class StudyTree(QWidget):
    """Heading, list, and what to do while there is nothing in it.

    Attributes
    ----------
    list : the exams and images.
    empty : shown instead while no exam is known.
    marks : marks and key images, while there are any.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setObjectName("panel")
        self.setProperty("edge", "right")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Study list")
        self.setMinimumWidth(160)
        self.list = StudyList(context, self)
        self.empty = QWidget(self)
        self.marks = MarksPanel(context, self)
        self._recent = QVBoxLayout()
        self._build()
        self._connect()
        self.rebuild()

    def sizeHint(self) -> QSize:
        """Return the usual width."""
        return QSize(theme.TREE_WIDTH, 600)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 1, 0)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(12, 6, 6, 6)
        head.setSpacing(0)
        head.addWidget(parts.heading("Exams"))
        head.addStretch(1)
        for command_id in ("file.open", "file.open_folder"):
            head.addWidget(CommandButton(self._context, command_id, self))
        column.addLayout(head)
        self._build_empty()
        self._stack = QStackedLayout()
        self._stack.addWidget(self.list)
        self._stack.addWidget(self.empty)
        column.addLayout(self._stack, 1)
        column.addWidget(self.marks)

    def _build_empty(self) -> None:
        column = QVBoxLayout(self.empty)
        column.setContentsMargins(12, 24, 12, 12)
        column.setSpacing(8)
        self.empty_label = parts.Label(with_keys(EMPTY_TEXT, self._context), "secondary")
        self.empty_label.setWordWrap(True)
        self._context.keys.changed.connect(self._tell_key)
        column.addWidget(self.empty_label)
        self._recent.setSpacing(2)
        column.addLayout(self._recent)
        column.addStretch(1)

    def _tell_key(self) -> None:
        if isValid(self.empty_label):
            self.empty_label.setText(with_keys(EMPTY_TEXT, self._context))

    def _connect(self) -> None:
        session = self._context.session
        structure = (session.exams_changed, session.exam_changed, session.identity_changed)
        self._rebuilder = Refresher(self, structure, self.rebuild)
        session.exam_changed.connect(self._on_exam)
        looks = (
            session.layout_changed,
            session.active_changed,
            session.results.changed,
            session.results.cleared,
            self._context.frames.frame_ready,
        )
        self._repainter = Refresher(self, looks, self.list.viewport().update)

    def _on_exam(self, _exam: object) -> None:
        self.list.forget_thumbnails()

    def rebuild(self) -> None:
        """Take the exams of the session, or show what to do when there are none."""
        session = self._context.session
        self.list.rebuild()
        nothing = not session.exams and not session.rejected
        self._stack.setCurrentWidget(self.empty if nothing else self.list)
        if nothing:
            self._show_recent()

    def _show_recent(self) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        if self._context.settings.last_exam:
            self._recent.addSpacing(8)
            last = CommandButton(self._context, "file.open_last", text="Open last exam", with_icon=True)
            last.setProperty("filled", True)
            self._recent.addWidget(last)
        paths = [] if self._context.session.identity_hidden else self._context.settings.recent[:RECENT_SHOWN]
        if paths:
            self._recent.addSpacing(16)
            self._recent.addWidget(parts.caption("Recent"))
        for path in paths:
            button = QPushButton(short_path(path, 28))
            button.setProperty("row", True)
            button.setToolTip(path)
            button.setAccessibleName(f"Open {path}")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(lambda _checked=False, path=path: self._open_recent(path))
            self._recent.addWidget(button)

    def _open_recent(self, path: str) -> None:
        run("file.open_paths", self._context, [Path(path)])
