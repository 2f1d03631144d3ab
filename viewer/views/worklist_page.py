"""The worklist, laid over the images: filters, exams, AI over all of them, folders, files that are not shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedLayout, QTableView, QVBoxLayout, QWidget

from viewer.commands import Context, run
from viewer.commands.table import with_keys
from viewer.model.identity import shown_message
from viewer.model.worklist import SortColumn
from viewer.views import parts
from viewer.views.command_widgets import CommandButton, Refresher
from viewer.views.worklist_filter import FilterLine
from viewer.views.worklist_foot import WorklistFoot
from viewer.views.worklist_rows import DATE, FOLDER, HEADINGS, ID, IMAGES, MADE, PATIENT, SCORE, STATE, ExamTable

ROW_HEIGHT = 28
FOLDER_WIDTH, MORE = 160, 80
"""Least width of the folder; how much wider than usual a column may get for a long text; px."""
WIDTHS = {STATE: 100, PATIENT: 192, ID: 116, DATE: 108, IMAGES: 204, SCORE: 64, MADE: 248}
EMPTY = "Drop a folder of exams here, or press {worklist.add_folder}. It is looked through now and at every start."
ALL_FILTERED = "The filter leaves no exam. “Show all” above shows them again."
NO_EXAM = "The folders hold no exam; the files below say why."
READING = "The folders are being read for the first time."
_PASSED_ON = {Qt.Key.Key_Escape, *(Qt.Key(Qt.Key.Key_F1 + number) for number in range(12))}
"""Plain keys that are commands even here; all others belong to the table, not to the images below it."""


class Exams(QTableView):
    """The table: Enter and double click open, a click on a heading sorts."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.rows = ExamTable(context.session)
        self.setModel(self.rows)
        self.setObjectName("worklist")
        self.setAccessibleName("Exams of the worklist")
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # of a path both ends matter
        self.setTabKeyNavigation(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setSortIndicatorShown(True)
        head.setFixedHeight(ROW_HEIGHT)
        head.setMinimumSectionSize(40)
        for column, width in WIDTHS.items():
            head.resizeSection(column, width)
        head.sectionClicked.connect(self._sort_by)
        self.doubleClicked.connect(self._open)
        self.selectionModel().currentRowChanged.connect(self._selected)

    def rebuild(self) -> None:
        """Show the rows of the worklist; the chosen exam stays chosen."""
        worklist = self._context.session.worklist
        chosen = worklist.selected or worklist.current
        self.rows.rebuild()
        self._share_width()
        row = self.rows.row_of(chosen)
        if row is not None and row != self.currentIndex().row():
            self.selectRow(row)
        elif row is None and self.rows.exams and not self.currentIndex().isValid():
            self.selectRow(0)
        column, descending = worklist.order
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        place = next(i for i, (_, sorted_by) in enumerate(HEADINGS) if sorted_by == column)
        self.horizontalHeader().setSortIndicator(place, order)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width out anew."""
        super().resizeEvent(event)
        self._share_width()

    def _share_width(self) -> None:
        """Make columns as wide as their texts within limits; the folder gets the rest, or the table scrolls."""
        head = self.horizontalHeader()
        for column, width in WIDTHS.items():
            head.resizeSection(column, min(max(width, self.sizeHintForColumn(column)), width + MORE))
        others = sum(head.sectionSize(column) for column in WIDTHS)
        head.resizeSection(FOLDER, max(self.viewport().width() - others, FOLDER_WIDTH))

    def _sort_by(self, section: int) -> None:
        column = HEADINGS[section][1]
        before, descending = self._context.session.worklist.order
        if column is not None:
            first: dict[SortColumn, bool] = {"date": True, "score": True}  # what one looks for comes first
            turned = not descending if column == before else first.get(column, False)
            run("worklist.sort", self._context, column, turned)

    def _selected(self, index: QModelIndex, _before: QModelIndex) -> None:
        if index.isValid():
            self._context.session.worklist.select(self.rows.exams[index.row()].key)

    def _open(self, index: QModelIndex) -> None:
        if index.isValid():
            run("worklist.open", self._context, self.rows.exams[index.row()].key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens; the rest moves the selection."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._open(self.currentIndex())
        else:
            super().keyPressEvent(event)


class WorklistPage(QWidget):
    """Covers the window between toolbar and status bar while ``session.worklist.shown``.

    Parameters
    ----------
    top, bottom : height that is left free above and below.
    back : gets the keys when the page is put away.

    Attributes
    ----------
    table : the exams.
    filter : the fields above it.
    foot : what stands below it.
    """

    def __init__(self, context: Context, parent: QWidget, top: int, bottom: int, back: Callable[[], None]) -> None:
        super().__init__(parent)
        self._context, self._window, self._margins, self._back = context, parent, (top, bottom), back
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Worklist")
        self.setAcceptDrops(True)
        self.hide()
        self._built = False
        context.session.worklist.shown_changed.connect(self._show)
        parent.installEventFilter(self)

    def _build(self) -> None:
        """Make the widgets when they are wanted for the first time: the window must not wait for them."""
        self._built = True
        self.count = parts.caption()
        self.table = Exams(self._context, self)
        self.filter = FilterLine(self._context, self)
        self.foot = WorklistFoot(self._context, self)
        self.message = parts.Label()
        self.message.setWordWrap(True)
        self.message.setContentsMargins(16, 0, 16, 8)
        self.message.hide()
        self.empty = parts.Label("", "secondary")
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.empty.setContentsMargins(16, 16, 16, 16)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._head())
        column.addWidget(self.message)
        column.addWidget(self.filter)
        column.addSpacing(8)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self.empty)
        column.addLayout(self._stack, 1)
        column.addWidget(parts.hairline(self))
        column.addWidget(self.foot)
        worklist, session = self._context.session.worklist, self._context.session
        session.notice.connect(self._tell)
        session.identity_changed.connect(self._forget_message)
        signals = (worklist.changed, worklist.scan_changed, worklist.selected_changed, session.identity_changed)
        self._refresher = Refresher(self, (*signals, worklist.run_changed, session.overlays.changed), self.refresh)

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(16, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(parts.heading("Worklist"))
        row.addWidget(self.count)
        row.addStretch(1)
        texts = {
            "worklist.mark_done": "Done",
            "worklist.mark_seen": "Seen",
            "worklist.mark_new": "New",
        }
        self.buttons = []
        for command_id, text in texts.items():
            self.buttons.append(CommandButton(self._context, command_id, self, text=text))
        self.buttons.append(
            CommandButton(self._context, "worklist.add_folder", self, text="Add folder", with_icon=True)
        )
        self.buttons.append(CommandButton(self._context, "worklist.toggle", self))
        self.buttons[-1].dress("x")
        self.buttons[-1].setCheckable(False)  # here it only closes
        for button in self.buttons[:-1]:
            button.setProperty("filled", True)
        for button in self.buttons:
            row.addWidget(button)
        return row

    # -- shown and hidden ----------------------------------------------------------------------------------------
    def _show(self, shown: bool) -> None:
        if not shown:
            self.hide()
            self._back()
            return
        if not self._built:
            self._build()
        self.message.hide()  # of the last time
        self._place()
        self.refresh()
        self.show()
        self.raise_()
        self.table.setFocus()

    def _place(self) -> None:
        top, bottom = self._margins
        self.setGeometry(0, top, self._window.width(), self._window.height() - top - bottom)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window."""
        if event.type() == QEvent.Type.Resize and watched is self._window:
            self._place()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        """Keep plain keys from the commands of the images below."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
            if plain and Qt.Key(event.key()) not in _PASSED_ON:
                event.accept()
                return True
        return super().event(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Let Tab go round within the page: what lies below it cannot be seen."""
        chain = [child for child in self._in_tab_order() if child.isVisibleTo(self) and child.isEnabled()]
        now = QApplication.focusWidget()
        if not chain:
            return False
        place = chain.index(now) if now in chain else -1
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        chain[(place + (1 if forward else -1)) % len(chain)].setFocus(reason)
        return True

    def _in_tab_order(self) -> list[QWidget]:
        found: list[QWidget] = []
        widget = self.nextInFocusChain()
        while widget is not None and widget is not self:
            if self.isAncestorOf(widget) and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                found.append(widget)
            widget = widget.nextInFocusChain()
        return found

    # -- what is shown -------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the present state of the worklist."""
        if not self.isVisibleTo(self._window) and not self._context.session.worklist.shown:
            return
        worklist = self._context.session.worklist
        self.table.rebuild()
        shown, known = len(self.table.rows.exams), len(worklist.exams)
        counts = {state: sum(exam.state == state for exam in worklist.exams) for state in ("new", "done")}
        text = ("1 exam" if known == 1 else f"{known} exams") if shown == known else f"{shown} of {known} exams"
        self.count.setText(f"{text}, {counts['new']} new, {counts['done']} done" if known else "")
        self._stack.setCurrentWidget(self.table if shown else self.empty)
        self.empty.setText(self._why_empty())
        self.foot.refresh()
        for button in self.buttons:
            button.refresh()

    def _why_empty(self) -> str:
        worklist = self._context.session.worklist
        if worklist.exams:
            return ALL_FILTERED
        if worklist.scan is not None:
            return READING
        return with_keys(NO_EXAM if worklist.folders else EMPTY, self._context)

    def _tell(self, level: str, text: str) -> None:
        """Show what the banners tell, which lie below the page."""
        if level != "hint" and self._context.session.worklist.shown:
            told = with_keys(text, self._context)
            self.message.setText(shown_message(told, self._context.session))
            self.message.set_look(level if level in ("warning", "error") else "")
            self.message.show()

    def _forget_message(self, _hidden: bool) -> None:
        """Put a message away: it may name what is hidden now."""
        self.message.setText("")
        self.message.hide()

    # -- dropped folders -----------------------------------------------------------------------------------------
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take folders."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """List what was dropped."""
        folders = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if folders:
            event.acceptProposedAction()
            run("worklist.add_folders", self._context, folders)
